// `scripts/soak`: the last line of stdout is one JSON object with `ok`.
import { parseDurationMs } from "../../src/cli/duration.ts";
import { fail, parseOptions } from "../../src/cli/options.ts";

const USAGE =
  "use: scripts/soak --for 1h [--out FILE.csv]" +
  " | scripts/soak --virtual [--days 30] [--minutes 10] [--seed 1]";
/** Less gives samples of less than a second. */
const LEAST_MS = 30_000;

async function real(text: string, out: string | null): Promise<boolean> {
  const forMs = parseDurationMs(text);
  if (forMs === null || forMs < LEAST_MS) {
    process.stderr.write(`soak: --for ${text} is no duration of 30s or more, such as 5m or 1h\n`);
    return false;
  }
  const { soakProcess } = await import("./process.ts");
  const verdict = await soakProcess(forMs, out);
  const lines = verdict.judged ? verdict.grew : ["too short to judge what grows; take 30m or more"];
  for (const line of lines) process.stderr.write(`soak: ${line}\n`);
  for (const [name, { first, last, perHour }] of Object.entries(verdict.figures)) {
    process.stdout.write(`${name.padEnd(18)} ${first} → ${last}   ${perHour} an hour\n`);
  }
  process.stdout.write(`${JSON.stringify(verdict)}\n`);
  return verdict.ok;
}

interface Asked {
  readonly days: number;
  readonly minutes: number;
  readonly seed: number;
}

async function virtual(asked: Asked): Promise<boolean> {
  const { soakVirtual } = await import("./virtual.ts");
  const verdict = await soakVirtual(
    asked,
    ({ day, heapBytes, bufferBytes, entries, logBytes, seq }) => {
      const sizes = [heapBytes / 1e6, bufferBytes / 1e6, logBytes / 1e6];
      const [heap, buffers, log] = sizes.map((value) => value.toFixed(1));
      process.stderr.write(
        `soak: day ${day}: heap ${heap} MB, buffers ${buffers} MB, ${entries} entries, ` +
          `log ${log} MB, row ${seq}\n`,
      );
    },
  );
  for (const text of verdict.largest) process.stderr.write(`soak: ${text}\n`);
  for (const text of [...verdict.grew, ...verdict.errors]) process.stderr.write(`soak: ${text}\n`);
  process.stdout.write(`${JSON.stringify({ ...verdict, days: verdict.days.length })}\n`);
  return verdict.ok;
}

/** A whole number from 1 on, the usual one where none is given, or null. */
function counted(value: string | boolean | undefined, usual: number): number | null {
  if (value === undefined) return usual;
  return /^[1-9]\d{0,5}$/.test(String(value)) ? Number(value) : null;
}

async function main(): Promise<number> {
  const text = { type: "string" } as const;
  const shapes = { for: text, out: text, days: text, minutes: text, seed: text };
  const parsed = parseOptions(process.argv.slice(2), { ...shapes, virtual: { type: "boolean" } });
  if (!parsed.ok) return fail("soak", parsed.problem);
  const { values } = parsed;
  if (values.virtual === true && values.for === undefined) {
    const [days, minutes] = [counted(values.days, 30), counted(values.minutes, 10)];
    const seed = counted(values.seed, 1);
    if (days === null || minutes === null || seed === null) {
      return fail("soak", "--days, --minutes and --seed are whole numbers from 1 on");
    }
    return (await virtual({ days, minutes, seed })) ? 0 : 1;
  }
  const out = typeof values.out === "string" ? values.out : null;
  if (typeof values.for === "string" && values.virtual === undefined) {
    return (await real(values.for, out)) ? 0 : 1;
  }
  return fail("soak", USAGE);
}

// What was started ends with this process.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(130));
process.exitCode = await main();

// `stopline why`: the chain of events behind a light at a moment in the past, from the log of a
// data folder, also beside its running node.
import type { SiteModel } from "../core/site/model.ts";
import { explain, type WhyWiring } from "../core/why/why.ts";
import { SqlError } from "../log/driver.ts";
import { FolderError } from "../log/lock.ts";
import { rowsBehind } from "../log/past.ts";
import { LogReader } from "../log/read.ts";
import { readSite } from "../node/read-site.ts";
import { fail, parseOptions } from "./options.ts";

const USAGE = "stopline why --data DIR --phase N [--at 2026-11-29T12:00:00Z] [--site FILE]";

/** Which detectors call which phases. */
function wiringOf({ detectors, pedestrianDetectors }: SiteModel): WhyWiring {
  return {
    detectors: detectors.map(({ detector, call }) => ({ detector, call })),
    buttons: pedestrianDetectors.map(({ detector, phase }) => ({ detector, phase })),
  };
}

function print(dir: string, phase: number, atMs: number, wiring: WhyWiring | null): number {
  const reader = new LogReader(dir);
  try {
    const rows = rowsBehind(reader.database, atMs);
    if (rows.length === 0) {
      return fail("why", `the log of ${dir} has nothing before ${new Date(atMs).toISOString()}`);
    }
    const { run, chain } = explain(rows, { phase, atMs, wiring });
    const lines = chain.map(({ text, seq, at }) => {
      const time = at === null ? "" : new Date(at).toISOString();
      const place = seq === null ? "" : `${run ?? "?"}:${seq}`;
      return `${time.padEnd(24)}  ${place.padEnd(10)}  ${text}\n`;
    });
    process.stdout.write(lines.join(""));
    return 0;
  } finally {
    reader.close();
  }
}

/** Prints one line for each event: time, position (run and row), and what it did. */
export async function run(args: string[]): Promise<number> {
  const text = { type: "string" } as const;
  const parsed = parseOptions(args, { data: text, phase: text, at: text, site: text });
  if (!parsed.ok) return fail("why", `${parsed.problem}; use: ${USAGE}`);
  const { data, phase, at, site } = parsed.values;
  if (parsed.rest.length > 0 || typeof data !== "string") return fail("why", `use: ${USAGE}`);
  if (!/^(?:[1-9]|1[0-6])$/.test(String(phase))) return fail("why", `--phase is 1 to 16; ${USAGE}`);
  const atMs = typeof at === "string" ? Date.parse(at) : Date.now();
  if (Number.isNaN(atMs)) return fail("why", `--at ${at} is no time; 2026-11-29T12:00:00Z is one`);
  const read = typeof site === "string" ? await readSite(site) : null;
  if (read !== null && !read.ok) return fail("why", read.problems.join("\n"));
  try {
    return print(data, Number(phase), atMs, read === null ? null : wiringOf(read.site));
  } catch (error) {
    if (!(error instanceof FolderError || error instanceof SqlError)) throw error;
    return fail("why", error.message);
  }
}

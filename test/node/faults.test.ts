// Threads that break under a running node: lamps go on, the thread comes back, the log says why.
import { spawn } from "node:child_process";
import t from "tap";

const PROGRAM = new URL("./faults/node.ts", import.meta.url).pathname;

interface Seen {
  readonly before: {
    readonly mode: string;
    readonly stops: number;
    readonly trips: number;
    readonly deaths: readonly { readonly thread: string; readonly cause: string }[];
    readonly running: readonly string[];
    readonly gapMaxMs: number;
    readonly starvedMs: number;
  };
  readonly ended: { readonly trips: number; readonly events: number };
}

async function runWith(thread: string, fault: string): Promise<Seen> {
  const command = `unset NODE_OPTIONS; exec "${process.execPath}" "${PROGRAM}" ${thread} ${fault}`;
  const child = spawn("sh", ["-c", command], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  let text = "";
  child.stdout.on("data", (chunk: Buffer) => {
    text += chunk.toString();
  });
  await new Promise((resolve) => child.once("close", resolve));
  return JSON.parse(text) as Seen;
}

const STARVED_MS = 200;

const CASES = [
  { thread: "service", fault: "heap", cause: /memory/i },
  { thread: "service", fault: "loop", cause: /no sign of life/ },
  { thread: "service", fault: "error", cause: /planted/ },
  { thread: "log", fault: "stuck", cause: /no sign of life/ },
  { thread: "service", fault: "pool", cause: null },
] as const;

t.test("the node survives", { jobs: 3 }, async (t) => {
  for (const { thread, fault, cause } of CASES) {
    t.test(`${thread} thread: ${fault}`, async (t) => {
      const { before, ended } = await runWith(thread, fault);
      t.equal(before.mode, "controlled", "lamps are controlled");
      // The heartbeat is 300 ms: a machine that gave even an idle thread nothing for that long
      // would have stopped the junction without any fault.
      t.ok(before.stops === 0 || before.starvedMs > STARVED_MS, `${before.stops} orderly stops`);
      t.equal(ended.trips, 0);
      t.same([...before.running].sort(), ["log", "service"], "both threads run");
      const causes = before.deaths.map((death) => `${death.thread}: ${death.cause}`);
      if (cause === null) t.same(causes, []);
      else t.match(causes[0], cause);
      t.comment(
        `longest gap: beats ${before.gapMaxMs.toFixed(1)} ms, an idle thread's timer ` +
          `${before.starvedMs.toFixed(1)} ms`,
      );
    });
  }
});

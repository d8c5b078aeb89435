// `kill -9` of a real process at many moments: all that it reported durable is there, in order, the
// chain holds, and the next start needs nobody.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import t from "tap";
import { LogReader } from "../../src/log/read.ts";
import { verifyLog } from "../../src/log/verify.ts";
import { folder } from "./support.ts";

const VICTIM = fileURLToPath(new URL("./victim.ts", import.meta.url));
const KILLS = 24;

/** tap hands its loaders to children through NODE_OPTIONS; this one must be as in production. */
function startVictim(dir: string, first: number): ChildProcess {
  const script = 'unset NODE_OPTIONS; exec "$@"';
  const args = ["-c", script, "sh", process.execPath, VICTIM, dir, String(first)];
  return spawn("sh", args, { stdio: ["ignore", "pipe", "inherit"] });
}

/** Runs until it has reported `reports` times and `afterMs` more have passed; its last report. */
async function killed(dir: string, first: number, moment: { reports: number; afterMs: number }) {
  const child = startVictim(dir, first);
  let text = "";
  child.stdout?.on("data", (chunk: Buffer) => {
    text += chunk.toString();
    if (text.split("\n").length <= moment.reports) return;
    setTimeout(() => child.kill("SIGKILL"), moment.afterMs);
  });
  const [, signal] = await once(child, "close");
  const complete = text.slice(0, text.lastIndexOf("\n")).split("\n");
  return { signal, durable: Number(complete.at(-1)) };
}

/** Numbers that stand in the log, in its order. */
function numbersIn(dir: string): {
  numbers: number[];
  starts: number;
  problems: readonly string[];
} {
  const reader = new LogReader(dir);
  try {
    const rows = [...reader.pages({ from: 0, kind: null })].flat();
    const numbers = rows.filter((row) => row.kind === "figure").map((row) => Number(row.body[1]));
    const starts = rows.filter((row) => row.kind === "start").length;
    return { numbers, starts, problems: verifyLog(dir, reader.database).problems };
  } finally {
    reader.close();
  }
}

t.test("nothing reported durable is lost at any of many kills", async (t) => {
  const dir = folder(t);
  let next = 0;
  for (let kill = 0; kill < KILLS; kill += 1) {
    const moment = { reports: 1 + (kill % 4), afterMs: (kill * 7) % 23 };
    const { signal, durable } = await killed(dir, next, moment);
    t.equal(signal, "SIGKILL");
    const { numbers, starts, problems } = numbersIn(dir);
    const last = numbers.at(-1) ?? -1;
    t.ok(last >= durable, `reported ${durable}, found ${last}`);
    t.equal(starts, kill + 1);
    t.same(problems, []);
    t.ok(
      numbers.every((number, index) => number === index),
      "no number is missing, doubled or out of place",
    );
    next = last + 1;
  }
  t.ok(next > KILLS * 10, `${next} events`);
});

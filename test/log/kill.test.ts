// `kill -9` of a real process at many moments: all that it reported durable is there, in order, the
// chain holds, and the next start needs nobody.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import t from "tap";
import { LogReader } from "../../src/log/read.ts";
import { SnapshotFolder } from "../../src/log/snapshots.ts";
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

/** What stands in the log, in its order. */
function stateOf(dir: string) {
  const reader = new LogReader(dir);
  try {
    const rows = [...reader.pages({ from: 0, kind: null })].flat();
    const numbers = rows.filter((row) => row.kind === "figure").map((row) => Number(row.body[1]));
    const starts = rows.filter((row) => row.kind === "start").map((row) => Number(row.body[0]));
    const cuts = rows.filter((row) => row.kind === "checkpoint").length;
    return {
      numbers,
      starts,
      cuts,
      problems: verifyLog(new SnapshotFolder(dir), reader.database).problems,
    };
  } finally {
    reader.close();
  }
}

t.test("nothing reported durable is lost at any of many kills", async (t) => {
  const dir = folder(t);
  let next = 0;
  let cut = 0;
  for (let kill = 0; kill < KILLS; kill += 1) {
    const moment = { reports: 1 + (kill % 4), afterMs: (kill * 7) % 23 };
    const { signal, durable } = await killed(dir, next, moment);
    t.equal(signal, "SIGKILL");
    const { numbers, starts, cuts, problems } = stateOf(dir);
    const last = numbers.at(-1) ?? -1;
    t.ok(last >= durable, `reported ${durable}, found ${last}`);
    t.equal(starts.at(-1), kill + 1, "one incarnation a start");
    t.same(problems, []);
    const first = numbers[0] ?? 0;
    t.ok(
      numbers.every((number, index) => number === first + index),
      "no number is missing, doubled or out of place",
    );
    if (first > 0) t.ok(cuts > 0, "what went stands in a checkpoint");
    cut += cuts > 0 ? 1 : 0;
    next = last + 1;
  }
  t.ok(next > KILLS * 10, `${next} events`);
  t.ok(cut > 0, "some kills came after a cut of old rows");
});

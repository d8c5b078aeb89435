// A process whose power is cut: it lives as the node's log does, in its thread, and tells in marks
// what it was told is durable. Lives of one folder follow each other; each ends in its own way.
//
//   node victim.ts DIR SYNCHRONOUS LIFE EVENTS
//
// EVENTS is how many were told durable in the lives before.
import { openSync, writeSync } from "node:fs";
import type { Command } from "../../../src/wire/command.ts";
import { startHost } from "../host.ts";
import { command } from "../support.ts";

const [dir = "", synchronous = "FULL", life = "0", events = "0"] = process.argv.slice(2);
const LIFE = Number(life);
/** Commits of one life. */
const ROUNDS = 160;
const MAX_ROWS = 24;
/** Rows are long, so that the WAL is moved into the file now and then (each 4 MB). */
const FILLER = "x".repeat(600);

const marks = openSync(process.env.STOPLINE_RECORD_MARKS ?? "/dev/null", "a");

function mark(what: string, value: unknown): void {
  writeSync(marks, JSON.stringify([what, value]));
}

function commandOf(index: number): Command {
  const issuedMs = Date.now();
  return command(LIFE * 10_000 + index, { issuedMs, expiresMs: issuedMs + 60_000 });
}

const thread = new URL("./worker.ts", import.meta.url);
process.env.VICTIM_SYNCHRONOUS = synchronous;
const host = startHost(dir, {
  ...(synchronous === "FULL" ? {} : { thread }),
  data: { maxBytes: 500_000, snapshotRows: 250 },
  // Who carries a command out has been told that its acceptance is durable.
  effect: async (accepted) => {
    mark("accepted", accepted);
    return accepted.id.endsWith("5") ? "no" : null;
  },
});
await host.opened();
mark("opened", host.client.incarnation);

/** Numbers of a life begin anew, so that a life's lost tail is no hole in the next. */
const FIRST = LIFE * 100_000;
const before = Number(events);
let next = FIRST;
for (let round = 0; round < ROUNDS; round += 1) {
  for (let count = (round * 7) % MAX_ROWS; count >= 0; count -= 1) {
    host.client.append({ kind: "figure", body: [`n${next}`, next, FILLER] });
    next += 1;
  }
  if (!(await host.client.flush(60_000))) throw new Error(`not durable: ${host.client.trouble}`);
  mark("durable", { last: next - 1, events: next - FIRST + before });
  if (round % 5 === 2) {
    const given = commandOf(round);
    const reply = await host.door.run(given);
    mark("answered", [given, reply]);
  }
  if (round === ROUNDS / 2 && LIFE === 1) {
    await host.restart();
    await host.opened();
  }
}
if (LIFE === 1) await host.stop();
else process.kill(process.pid, "SIGKILL");

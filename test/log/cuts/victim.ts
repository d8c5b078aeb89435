// A process whose power is cut: it lives as the node's log does, in its thread, and tells in marks
// what it was told is durable. Lives of one folder follow each other; each ends in its own way.
//
//   node victim.ts DIR SYNCHRONOUS LIFE EVENTS
//
// EVENTS is how many were told durable in the lives before.
import { openSync, writeSync } from "node:fs";
import { GENESIS, hashOf } from "../../../src/log/chain.ts";
import type { HistoryRow } from "../../../src/log/custody-types.ts";
import { encodeCbor } from "../../../src/wire/codec.ts";
import type { Command } from "../../../src/wire/command.ts";
import type { KeptChange } from "../../../src/wire/kept.ts";
import { startHost } from "../host.ts";
import { command } from "../support.ts";
import { OTHER, TOPIC } from "./judge.ts";

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

/** Rows of another node's log, one after the other over all lives. */
const other = { seq: 0, hash: GENESIS };

function othersRows(count: number): HistoryRow[] {
  return Array.from({ length: count }, () => {
    const seq = other.seq + 1;
    const [kind, body] =
      seq === 1 ? ["start", [1, "", "", "", 0, GENESIS, OTHER.boot]] : ["figure", [`n${seq}`, seq]];
    const bytes = encodeCbor(body as (string | number)[]);
    const row = { seq, at: 1_700_000_000_000 + seq, kind: String(kind) };
    const hash = hashOf(other.hash, row, bytes);
    Object.assign(other, { seq, hash });
    return { ...row, body: bytes, hash, incarnation: 1 };
  });
}

/** Keeps rows of another node, as the mesh has it done. */
async function keepOthersRows(): Promise<void> {
  const put = { ...OTHER, incarnation: 1, rows: othersRows(6), lapsed: false };
  const answer = await host.ask({ kind: "custody-put", put });
  if (answer.kind !== "custody-put" || answer.result.refused !== null) {
    throw new Error(`not kept: ${JSON.stringify(answer)}`);
  }
  mark("held", answer.result.position);
}

/** Keeps a retained message, as the broker has it done. */
async function retain(value: number): Promise<void> {
  const payload = Buffer.from(String(value));
  const change: KeptChange = { kind: "retain", topic: TOPIC, payload, qos: 1 };
  const batch = { whole: false, changes: [change] };
  const answer = await host.door.applyBroker(batch);
  if (answer === "stale") await host.door.applyBroker({ ...batch, whole: true });
  mark("retained", value);
}

/** What is cached of a neighbour may be lost; its file must not stand in the way. */
async function cache(value: number): Promise<void> {
  const bytes = Buffer.from(FILLER);
  const changes = [{ key: `n${value % 40}/plan`, bytes, atMs: 1_700_000_000_000 + value }];
  await host.ask({ kind: "cache-put", changes, keep: "through" });
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
if (LIFE > 0) {
  // The rows of the lives before are made again, so that the chain goes on.
  const answer = await host.ask({ kind: "custody-position", origin: OTHER.origin });
  const kept = answer.kind === "custody-position" ? answer.held?.head : null;
  while (other.seq < (kept?.seq ?? 0)) othersRows(1);
}

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
  if (round % 4 === 1) await keepOthersRows();
  if (round % 6 === 3) await retain(LIFE * 1_000 + round);
  if (round % 16 === 7) await cache(round);
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

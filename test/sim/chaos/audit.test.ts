// The audit of the disks after chaos: a sound log passes, and each way in which it may lie is seen.
import { join } from "node:path";
import t, { type Test } from "tap";
import { CUSTODY_FILE, openCustody } from "../../../src/log/custody-schema.ts";
import type { NodeEvent } from "../../../src/log/events.ts";
import { LOG_FILE } from "../../../src/log/open.ts";
import { LogReader } from "../../../src/log/read.ts";
import { realStorage } from "../../../src/log/real-storage.ts";
import { hashAt } from "../../../src/log/rows.ts";
import { type Audited, auditAll } from "../../../src/sim/chaos/audit.ts";
import { headSeq, heldSeq, LogFollower } from "../../../src/sim/chaos/disk-look.ts";
import { digestOf } from "../../../src/sim/chaos/node-watch.ts";
import { Judge } from "../../../src/sim/invariants/invariant.ts";
import { edges, folder, NOON_MS, withWriter } from "../../log/support.ts";

const ID = "0".repeat(32);
const ORDER: NodeEvent = { kind: "command", body: [ID, "operator", "mqtt", ["call", 2], 1, 2] };
const DONE: NodeEvent = { kind: "command-result", body: [ID, "operator", true, null] };

/** A log with these rows after its start, and what a listener was told of it. */
function logged(t: Test, events: readonly NodeEvent[]): Audited {
  const data = folder(t);
  withWriter(data, (writer) => writer.append([...events], NOON_MS));
  return { id: "junction-1", data, said: told(data), neighbours: ["junction-2"] };
}

function told(data: string): Map<number, string> {
  const reader = new LogReader(data);
  const rows = [...reader.pages({ from: 0, kind: null })].flat();
  reader.close();
  return new Map(
    rows.map(({ seq, at, kind, body }) => [seq, digestOf({ at, kind, body: [...body] })]),
  );
}

function violations(nodes: readonly Audited[], revoked: readonly string[] = []): string[] {
  const judge = new Judge([], () => 0);
  auditAll(nodes, { judge, revoked });
  return judge.violations.map(({ invariant, text }) => `${invariant}: ${text}`);
}

function change(data: string, file: string, sql: string): void {
  const database = realStorage.driver.open(join(data, file), "write");
  database.exec(sql);
  database.close();
}

t.test("a sound log holds everything", async (t) => {
  const node = logged(t, [...edges(20), ORDER, DONE]);
  t.same(violations([node]), []);
  t.equal(headSeq(node.data), node.said.size);
  t.equal(headSeq(`${node.data}-none`), null, "no log there");
});

t.test("a row that was told and is another, or none, is no durable one", async (t) => {
  const node = logged(t, edges(20));
  const other = violations([{ ...node, said: new Map([...node.said, [5, "another"]]) }]);
  t.match(other, [/a durable event lives .*: row 5 was durable; another one stands/]);
  const none = violations([{ ...node, said: new Map([...node.said, [500, "lost"]]) }]);
  t.match(none, [/row 500 was durable; the log ends at 21/]);
});

t.test("a command that is done again after its answer is seen", async (t) => {
  t.match(violations([logged(t, [ORDER, DONE, ORDER])]), [/done again after its answer/]);
  t.match(violations([logged(t, [ORDER, ORDER])]), [/done 2 times by one process/]);
});

t.test("a broken chain, a thread's error and a forgotten revocation are seen", async (t) => {
  const error: NodeEvent = { kind: "worker", body: ["log", "RangeError: too long"] };
  const held: NodeEvent = { kind: "worker", body: ["log", "no sign of life for 5 s"] };
  const node = logged(t, [...edges(5), held, error]);
  t.match(violations([node], ["0a0b"]), [
    /no thread ends by itself: log: RangeError/,
    /what is revoked stays so, everywhere: certificate 0a0b/,
  ]);
  change(node.data, LOG_FILE, "UPDATE events SET at = at + 1 WHERE seq = 3");
  t.match(violations([{ ...node, said: new Map() }])[0], /the chain verifies: .*row 3/);
});

t.test("two boots of one incarnation are seen", async (t) => {
  const start = (boot: string): NodeEvent => ({
    kind: "start",
    body: [9, "0.1.0", "site", "start", 0, "", boot],
  });
  t.same(violations([logged(t, [start("a"), start("a")])]), []);
  t.match(violations([logged(t, [start("a"), start("b")])]), [/no dot twice: incarnation 9/]);
});

t.test("what another keeps is a part of the log, row by row", async (t) => {
  const owner = logged(t, edges(5));
  const keeper = { ...logged(t, edges(2)), id: "junction-2", neighbours: ["junction-1"] };
  openCustody(realStorage, keeper.data, []).close();
  const reader = new LogReader(owner.data);
  const hash = hashAt(reader.database, 3) ?? "";
  reader.close();
  const row = (found: string) =>
    `INSERT OR REPLACE INTO held VALUES ('junction-1', 0, 3, 1, 0, 'code', x'80', '${found}')`;
  change(keeper.data, CUSTODY_FILE, row(hash));
  t.equal(heldSeq(keeper.data, "junction-1"), 3);
  t.same(violations([owner, keeper]), []);
  change(keeper.data, CUSTODY_FILE, row("f".repeat(64)));
  t.match(violations([owner, keeper]), [/custody never .*: row 3 of junction-1 differs/]);
});

t.test("who follows a log knows what its rows make and miss", async (t) => {
  const gap = (name: string, count: number): NodeEvent => ({
    kind: "gap",
    body: [name, count, "x"],
  });
  const { data } = logged(t, [gap("codes", 5), gap("custody", 7), gap("lamps", 2)]);
  const follower = new LogFollower(data);
  t.equal(follower.follow(), null);
  t.equal(follower.missing, 7, "custody's gap is none of the log's own");
  t.equal(follower.counters().get("rows gap"), 3);
  change(data, LOG_FILE, "UPDATE events SET at = at + 1 WHERE seq = 2");
  t.match(new LogFollower(data).follow(), /row 2/);
});

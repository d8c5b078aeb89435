// Custody between machines whose logs are real: SQLite files on a real disk, on both ends.
import { rmSync } from "node:fs";
import t, { type Test } from "tap";
import type { CustodyStore } from "../../src/log/custody-store.ts";
import type { LogRow } from "../../src/log/events.ts";
import type { LogState } from "../../src/log/fold.ts";
import { openWriter } from "../../src/log/open.ts";
import type { LogWriter } from "../../src/log/writer.ts";
import type { MeshEffect, StartEvent } from "../../src/mesh/mesh-types.ts";
import { decodeEnvelope, encodeEnvelope } from "../../src/wire/envelope.ts";
import {
  decodeCustodyPosition,
  decodeCustodyRows,
  encodeCustodyPosition,
  encodeCustodyRows,
} from "../../src/wire/mesh-messages.ts";
import { openStore } from "../log/custody-rig.ts";
import { folder, OPTIONS } from "../log/support.ts";
import { type Links, type MemberLog, WALL_MS, Zone } from "./machines.ts";

const TRIANGLE: Links = { a: ["b", "c"], b: ["a", "c"], c: ["a", "b"] };

/** The log thread's part of a node, done at once. */
class RealLog implements MemberLog {
  readonly dir: string;
  #writer: LogWriter | null = null;
  #store: CustodyStore | null = null;

  constructor(dir: string) {
    this.dir = dir;
  }

  get writer(): LogWriter {
    if (this.#writer === null) throw new Error("the log is closed");
    return this.#writer;
  }

  get store(): CustodyStore {
    this.#store ??= openStore(this.dir);
    return this.#store;
  }

  get incarnation(): number {
    return this.writer.incarnation;
  }

  get state(): LogState {
    return this.writer.state;
  }

  start(boot: string, _trusted: boolean): StartEvent {
    this.close();
    this.#writer = openWriter(this.dir, { ...OPTIONS, boot, nowMs: WALL_MS });
    const { incarnation, trusted, before, state } = this.#writer;
    return {
      kind: "start",
      incarnation,
      boot: new Uint8Array(Buffer.from(boot, "hex")),
      trusted,
      own: state.encode(),
      before,
    };
  }

  append(kind: string, body: LogRow["body"], at = WALL_MS): LogRow {
    const [row] = this.writer.append([{ kind: kind as "code", body, at }], at);
    if (row === undefined) throw new Error("no row");
    return row;
  }

  raise(incarnation: number, cause: string): number {
    this.writer.raise(incarnation, cause, WALL_MS);
    return this.writer.incarnation;
  }

  close(): void {
    this.#writer?.close();
    this.#store?.close();
    this.#writer = null;
    this.#store = null;
  }
}

const ROWS = 256;

/** Does what the log thread does for the machine. */
function serve(zone: Zone<RealLog>, id: string, effect: MeshEffect): void {
  const { log } = zone.member(id);
  const room = (bytes: number) => ({ rows: ROWS, bytes });
  switch (effect.kind) {
    case "rows-wanted": {
      const { custodian, after, maxBytes } = effect;
      const answer = log.writer.ownRows(after, room(maxBytes));
      zone.step(id, { kind: "own-rows", custodian, after, answer });
      break;
    }
    case "custody-put": {
      const { owner, ...put } = effect;
      const result = log.store.put({ ...put, origin: owner });
      zone.step(id, { kind: "custody-held", owner, ...result });
      break;
    }
    case "custody-asked": {
      const position = log.store.held(effect.owner)?.head ?? null;
      zone.step(id, { kind: "custody-held", owner: effect.owner, position, refused: null });
      break;
    }
    case "custody-read": {
      const rows = log.store.after(effect.owner, effect.after, room(effect.maxBytes));
      zone.step(id, { kind: "custody-rows", owner: effect.owner, rows });
      break;
    }
    case "recover": {
      const { rows, upTo } = log.writer.recover(effect.rows, WALL_MS);
      if (rows.length > 0) zone.step(id, { kind: "committed", rows });
      if (upTo !== null) zone.step(id, { kind: "recovered", upTo });
      break;
    }
    default:
      break;
  }
}

function zoneOf(t: Test, links: Links = TRIANGLE): Zone<RealLog> {
  const zone = new Zone<RealLog>(links, 1, () => new RealLog(folder(t)));
  t.teardown(() => {
    for (const { log } of zone.members.values()) log.close();
  });
  zone.onEffect = (id, effect) => serve(zone, id, effect);
  for (const id of Object.keys(links)) zone.start(id);
  zone.run(3_000);
  return zone;
}

/** So many vehicles over a detector of a, as one commit. */
function vehicles(zone: Zone<RealLog>, count: number, detector: number): void {
  const events = Array.from({ length: count * 2 }, (_, index) => ({
    kind: "code" as const,
    body: [index % 2 === 0 ? 82 : 81, detector],
    at: WALL_MS + index,
  }));
  const rows = zone.member("a").log.writer.append(events, WALL_MS);
  zone.step("a", { kind: "committed", rows });
}

function figures(zone: Zone<RealLog>, id = "a") {
  return zone.mesh(id).figures(zone.now(id));
}

t.test("the first neighbour keeps every row, and says so after its commit", async (t) => {
  const zone = zoneOf(t);
  vehicles(zone, 300, 1);
  zone.run(10_000);
  const { head } = zone.member("a").log.writer;
  t.match(figures(zone), { custodian: "b", replicated: head });
  t.match(zone.member("b").log.store.held("a")?.head, head);
  t.equal(zone.member("c").log.store.held("a"), null, "one copy is enough");
  const told = zone.member("a").effects.filter(({ kind }) => kind === "replicated");
  t.match(told.at(-1), { custodian: "b", position: head });
});

t.test("without the first neighbour the next that answers keeps the log", async (t) => {
  const zone = zoneOf(t);
  zone.count("a", 1);
  zone.run(5_000);
  zone.stop("b");
  for (let vehicle = 0; vehicle < 20; vehicle++) {
    zone.count("a", 1);
    zone.run(2_000);
  }
  const { head } = zone.member("a").log.writer;
  t.match(figures(zone), { custodian: "c", replicated: head });
});

t.test("lost messages hold custody up, and nothing else", async (t) => {
  const zone = zoneOf(t);
  zone.weather = { loss: 0.4, double: 0.2, delayMs: 300 };
  for (let vehicle = 0; vehicle < 200; vehicle++) {
    zone.count("a", 1);
    zone.run(100);
  }
  zone.weather = { loss: 0, double: 0, delayMs: 1 };
  zone.run(30_000);
  const { head } = zone.member("a").log.writer;
  t.match(figures(zone).replicated, head);
  for (const { alarms } of zone.members.values()) t.same(alarms, []);
});

t.test("a custodian that lies about a hash is named and left", async (t) => {
  const zone = zoneOf(t);
  zone.tamper = ({ from, bytes }) => {
    const envelope = decodeEnvelope(bytes);
    if (from !== "b" || envelope.kind !== "custody-position") return bytes;
    const { position, refused } = decodeCustodyPosition(envelope.payload);
    if (position === null) return bytes;
    const wrong = { ...position, hash: "7".repeat(64) };
    const payload = encodeCustodyPosition({ position: wrong, refused });
    return encodeEnvelope({ ...envelope, payload });
  };
  for (let vehicle = 0; vehicle < 20; vehicle++) {
    zone.count("a", 1);
    zone.run(1_000);
  }
  t.match(zone.member("a").alarms, [{ what: "custody-liar", subject: "b", active: true }]);
  t.equal(figures(zone).custodian, "c");
  t.same(zone.member("c").alarms, []);
});

/** The disk of a node is replaced: its folder is empty. */
function newDisk(zone: Zone<RealLog>, id: string): void {
  zone.stop(id);
  const { log } = zone.member(id);
  log.close();
  rmSync(log.dir, { recursive: true });
}

function recoveredRows(log: RealLog): number {
  return log.state.rows.get("recovered") ?? 0;
}

t.test("a node with a new disk gets its own history back and goes on", async (t) => {
  const zone = zoneOf(t);
  vehicles(zone, 300, 3);
  zone.run(20_000);
  const before = zone.member("a").log.writer;
  const { head, incarnation } = before;
  const total = () => zone.mesh("b").replica(1).total("counted", 3, "a");
  t.equal(total(), 300);
  newDisk(zone, "a");
  zone.start("a");
  zone.count("a", 3);
  zone.run(30_000);
  const { log } = zone.member("a");
  t.equal(log.incarnation, incarnation + 1, "the next after the highest that was seen");
  t.ok(recoveredRows(log) >= head.seq - 2, `${recoveredRows(log)} rows came back`);
  t.equal(log.state.detectors.get(3)?.count, 301, "the fold counts them");
  t.equal(total(), 301, "one vehicle more, none twice");
  t.match(figures(zone).replicated, log.writer.head, "and the new log is kept, too");
  for (const { alarms } of zone.members.values()) t.same(alarms, []);
  const seen = zone.member("a").log;
  zone.stop("a");
  zone.start("a");
  zone.run(5_000);
  t.ok(seen.writer.trusted, "from then on the log is trusted");
  t.equal(total(), 301);
});

/** The log of a is kept by c, and a has a new disk; b keeps nothing of it. */
function keptByOther(t: Test): Zone<RealLog> {
  const zone = zoneOf(t);
  zone.stop("b");
  vehicles(zone, 50, 3);
  zone.run(30_000);
  t.equal(figures(zone).custodian, "c");
  newDisk(zone, "a");
  newDisk(zone, "b");
  zone.start("b");
  zone.cut("a", "c", true);
  zone.start("a");
  return zone;
}

t.test("a history that was lost waits for a neighbour that is heard later", async (t) => {
  const zone = keptByOther(t);
  zone.run(5_000);
  t.equal(figures(zone).custodian, null, "b has nothing, and c has not been heard");
  zone.cut("a", "c", false);
  zone.run(10_000);
  t.equal(zone.member("a").log.state.detectors.get(3)?.count, 50);
  t.ok(recoveredRows(zone.member("a").log) > 100);
});

t.test("a history is got back from whoever comes too late, not from who has the new", async (t) => {
  const zone = keptByOther(t);
  zone.run(60_000);
  t.equal(figures(zone).custodian, "b", "nobody came");
  t.equal(recoveredRows(zone.member("a").log), 0);
  zone.cut("a", "c", false);
  zone.tamper = ({ from, bytes }) => {
    const envelope = decodeEnvelope(bytes);
    if (from !== "b" || envelope.kind !== "custody-position") return bytes;
    const { position } = decodeCustodyPosition(envelope.payload);
    return encodeEnvelope({
      ...envelope,
      payload: encodeCustodyPosition({ position, refused: "full" }),
    });
  };
  zone.count("a", 3);
  zone.run(30_000);
  t.equal(figures(zone).custodian, "c", "b has no room any more");
  t.ok(recoveredRows(zone.member("a").log) > 100);
});

t.test("a history whose parts two neighbours keep comes back from both", async (t) => {
  const zone = zoneOf(t);
  vehicles(zone, 30, 3);
  zone.run(10_000);
  t.equal(figures(zone).custodian, "b");
  zone.stop("b");
  zone.run(30_000);
  vehicles(zone, 20, 3);
  zone.run(10_000);
  t.equal(figures(zone).custodian, "c");
  newDisk(zone, "a");
  zone.start("b");
  zone.cut("a", "c", true);
  zone.start("a");
  zone.run(60_000);
  const { log } = zone.member("a");
  t.equal(log.state.detectors.get(3)?.count, 30, "what b has");
  t.match(figures(zone), { custodian: "b", replicated: log.writer.head });
  zone.cut("a", "c", false);
  zone.run(30_000);
  t.equal(log.state.detectors.get(3)?.count, 50, "and c");
  t.match(figures(zone).replicated, log.writer.head);
  for (const { alarms } of zone.members.values()) t.same(alarms, []);
});

for (const least of [0, 1]) {
  t.test(`a node dies while its history comes back (${least} pieces)`, async (t) => {
    const zone = zoneOf(t);
    vehicles(zone, 300, 3);
    zone.run(20_000);
    newDisk(zone, "a");
    zone.start("a");
    const { log } = zone.member("a");
    const isIn = () => log.incarnation > 1 && recoveredRows(log) >= least;
    for (let step = 0; step < 5_000 && !isIn(); step++) zone.run(1);
    t.ok(isIn() && recoveredRows(log) < 500, `${recoveredRows(log)} rows before it died`);
    zone.stop("a");
    zone.start("a");
    t.ok(log.writer.trusted, "it does not know what it lost");
    zone.run(60_000);
    t.equal(log.state.detectors.get(3)?.count, 300);
    t.equal(zone.mesh("b").replica(1).total("counted", 3, "a"), 300);
  });
}

t.test("rows that are given back and don't chain are refused, their keeper named", async (t) => {
  const zone = zoneOf(t, { a: ["b"], b: ["a"] });
  vehicles(zone, 50, 3);
  zone.run(10_000);
  newDisk(zone, "a");
  zone.tamper = ({ from, bytes }) => {
    const envelope = decodeEnvelope(bytes);
    if (from !== "b" || envelope.kind !== "custody-rows") return bytes;
    const message = decodeCustodyRows(envelope.payload);
    const rows = message.rows.map((row, index) => (index === 5 ? { ...row, at: row.at + 1 } : row));
    return encodeEnvelope({ ...envelope, payload: encodeCustodyRows({ ...message, rows }) });
  };
  zone.start("a");
  zone.run(20_000);
  t.match(zone.member("a").alarms, [{ what: "custody-liar", subject: "b" }]);
  t.equal(recoveredRows(zone.member("a").log), 0);
});

t.test("custody goes on after both ends have started anew", async (t) => {
  const zone = zoneOf(t);
  zone.count("a", 1);
  zone.run(5_000);
  zone.stop("a");
  zone.stop("b");
  zone.start("b");
  zone.start("a");
  zone.count("a", 1);
  zone.run(10_000);
  const { head } = zone.member("a").log.writer;
  t.match(zone.member("b").log.store.held("a")?.head, head);
  t.match(figures(zone), { custodian: "b", replicated: head });
});

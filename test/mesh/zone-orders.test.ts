// Orders for the zone from node to node: what an operator signed arrives everywhere and is carried
// out once; what a node in the middle makes up, alters or repeats goes no further than the next.
import { createPrivateKey, randomBytes } from "node:crypto";
import t, { type Test } from "tap";
import type { MeshEffect } from "../../src/mesh/mesh-types.ts";
import type { OrderOpener } from "../../src/mesh/zone-orders.ts";
import { parseX509 } from "../../src/trust/certificate.ts";
import { Trust } from "../../src/trust/judge.ts";
import type { Revocations } from "../../src/trust/revocation.ts";
import {
  encodeOrder,
  OrderError,
  openOrder,
  type SignedOrder,
} from "../../src/trust/signed-order.ts";
import { decodeEnvelope, type EnvelopeKind, encodeEnvelope } from "../../src/wire/envelope.ts";
import type { ZoneBody } from "../../src/wire/zone-order.ts";
import { NOW_MS, type TestAuthority, type TestKeys, testAuthority } from "../trust/keys.ts";
import { type Links, SmallLog, WALL_MS, Zone } from "./machines.ts";

const LINE: Links = { a: ["b"], b: ["a", "c"], c: ["b", "d"], d: ["c"] };
const IDS = Object.keys(LINE);
/** The zone's clock stands where the certificates are made. */
const AHEAD_MS = NOW_MS - WALL_MS;
const HOUR_MS = 3_600_000;

function openerOf(trust: Trust): OrderOpener {
  return (signed) => {
    try {
      return openOrder(signed, trust);
    } catch (error) {
      if (!(error instanceof OrderError)) throw error;
      return error.reason;
    }
  };
}

class Orders {
  readonly zone = new Zone(LINE);
  readonly authority: TestAuthority;
  readonly anna: TestKeys;
  /** How often a signature was looked at. */
  opened = 0;
  /** What each node knows to be revoked. */
  readonly revoked = new Map<string, Revocations>();

  constructor(authority: TestAuthority, anna: TestKeys, unsure: readonly string[] = []) {
    this.authority = authority;
    this.anna = anna;
    const { ca, place } = authority;
    this.zone.openOrder = (id) => {
      const revocations = this.revoked.get(id) ?? authority.revocations();
      this.revoked.set(id, revocations);
      const open = openerOf(new Trust({ ca, place, revocations }));
      return (signed) => {
        this.opened += 1;
        return open(signed);
      };
    };
    for (const id of IDS) {
      this.zone.member(id).wallAheadMs = AHEAD_MS;
      this.zone.start(id, { clock: unsure.includes(id) ? "unsure" : "sure" });
    }
    this.zone.run(3_000);
  }

  get wallMs(): number {
    return this.zone.now("a").wallMs;
  }

  sign(body: ZoneBody, more: Partial<SignedOrder> = {}, keys = this.anna): Uint8Array {
    const id = randomBytes(16).toString("hex");
    const times = { notBeforeMs: this.wallMs, expiresMs: this.wallMs + HOUR_MS };
    const order = { ...this.authority.place, id, body, ...times, ...more };
    const { certPem, keyPem } = keys;
    return encodeOrder(order, { x509: parseX509(certPem), key: createPrivateKey(keyPem) });
  }

  tell(id: string, signed: Uint8Array): readonly MeshEffect[] {
    return this.zone.step(id, { kind: "order", signed });
  }

  /** What a node was told to carry out: author and body, in order. */
  done(id: string): unknown[] {
    return this.zone
      .member(id)
      .effects.filter((effect) => effect.kind === "zone-order")
      .map(({ command }) => [command.author, command.body.kind]);
  }

  rows(id: string): unknown[] {
    const { rows } = this.zone.member(id).log;
    return rows.filter(({ kind }) => kind === "zone-order").map(({ body }) => [body[0], body[6]]);
  }

  count(id: string, reason: string): number {
    return this.zone.mesh(id).figures(this.zone.now(id)).counts.get(`order-${reason}`) ?? 0;
  }

  /** Counts the orders that fly from here on. */
  flying(): () => number {
    let orders = 0;
    const before = this.zone.tamper;
    this.zone.tamper = (flying) => {
      if (decodeEnvelope(flying.bytes).kind === "order") orders += 1;
      return before(flying);
    };
    return () => orders;
  }

  /** The next message from one to the other is this one instead: b's own keys and lane say so. */
  inject(from: string, to: string, payload: Uint8Array): void {
    let left = 1;
    this.zone.tamper = (flying) => {
      if (left === 0 || flying.from !== from || flying.to !== to) return flying.bytes;
      left -= 1;
      const kind: EnvelopeKind = "order";
      return encodeEnvelope({ ...decodeEnvelope(flying.bytes), kind, payload });
    };
    this.zone.run(3_000);
    if (left !== 0) throw new Error(`${from} had nothing to say to ${to}`);
  }
}

async function line(t: Test, unsure: readonly string[] = []): Promise<Orders> {
  const authority = await testAuthority(t);
  return new Orders(authority, await authority.issue("operator", "anna"), unsure);
}

t.test("an order given to one is carried out once at all, and is a row at each", async (t) => {
  const orders = await line(t);
  const told = orders.tell("a", orders.sign({ kind: "stop" }));
  t.notOk(told.some(({ kind }) => kind === "order-refused"));
  orders.zone.run(5_000);
  for (const id of IDS) t.same(orders.done(id), [["operator:anna", "flash"]], id);
  t.same(orders.rows("a"), [["flash", "operator"]]);
  t.same(orders.rows("d"), [["flash", "c"]], "by way of those between");
  const count = orders.flying();
  orders.zone.run(300_000);
  t.equal(count(), 0, "whoever has it is left in peace");
  for (const id of IDS) t.equal(orders.done(id).length, 1, id);
});

t.test("through loss, doubles and cuts it arrives in the end", async (t) => {
  const orders = await line(t);
  const { zone } = orders;
  zone.weather = { loss: 0.4, double: 0.3, delayMs: 400 };
  zone.cut("b", "c", true);
  orders.tell("a", orders.sign({ kind: "stop" }));
  zone.run(120_000);
  t.same(orders.done("c"), []);
  zone.cut("b", "c", false);
  zone.run(120_000);
  for (const id of IDS) {
    t.same(orders.done(id), [["operator:anna", "flash"]], id);
    t.equal(orders.count(id, "id-used"), 0, "brought again it is known");
  }
});

t.test("nothing is done, told or acknowledged before the row is on the disk", async (t) => {
  const orders = await line(t);
  const { zone } = orders;
  const { mesh } = zone.member("c");
  const envelope = { incarnation: 1, sequence: 100_000, trace: null, origin: "b" };
  const payload = orders.sign({ kind: "stop" });
  const bytes = encodeEnvelope({ ...envelope, kind: "order", payload });
  const heard = mesh.step(
    { kind: "message", neighbour: "b", lane: "reliable", bytes },
    zone.now("c"),
  );
  const said = [...heard, ...mesh.step({ kind: "tick" }, zone.now("c"))];
  zone.nowMs += 50;
  said.push(...mesh.step({ kind: "tick" }, zone.now("c")));
  const sent = (effects: readonly MeshEffect[]) =>
    effects.flatMap((effect) => {
      if (effect.kind !== "send") return effect.kind === "zone-order" ? ["done"] : [];
      const { kind } = decodeEnvelope(effect.bytes);
      return kind === "order" || kind === "order-held" ? [`${kind} to ${effect.neighbour}`] : [];
    });
  t.same(sent(said), []);
  const row = said.find((effect) => effect.kind === "log");
  t.equal(row?.event.kind, "zone-order");
  if (row !== undefined) zone.commit("c", row.event);
  zone.run(50);
  t.same(sent(zone.member("c").effects), ["order-held to b", "done", "order to d"]);
});

t.test("who has lost its disk is told again", async (t) => {
  const orders = await line(t);
  const { zone } = orders;
  orders.tell("a", orders.sign({ kind: "stop" }));
  zone.run(5_000);
  zone.stop("d");
  zone.member("d").log = new SmallLog();
  zone.start("d", { trusted: false });
  zone.run(30_000);
  t.same(orders.rows("d"), [["flash", "c"]]);
});

t.test("an id stands for one order", async (t) => {
  const orders = await line(t);
  const id = "00112233445566778899aabbccddeeff";
  orders.tell("a", orders.sign({ kind: "stop" }, { id }));
  orders.zone.run(5_000);
  orders.inject("b", "c", orders.sign({ kind: "return" }, { id }));
  t.equal(orders.count("c", "id-used"), 1);
  t.equal(orders.done("c").length, 1);
});

t.test("what a node with a stolen key invents is refused by the next", async (t) => {
  const orders = await line(t);
  const stolen = await orders.authority.issue("node", "b");
  orders.inject("b", "c", orders.sign({ kind: "stop" }, {}, stolen));
  t.equal(orders.count("c", "wrong-role"), 1);
  const { certPem } = orders.anna;
  const borrowed = { ...stolen, certPem };
  orders.inject("b", "c", orders.sign({ kind: "stop" }, {}, borrowed));
  t.equal(orders.count("c", "bad-signature"), 1);
  orders.inject("b", "c", orders.sign({ kind: "stop" }, { zone: "harbour" }));
  t.equal(orders.count("c", "other-zone"), 1);
  for (const id of ["c", "d"]) t.same([orders.done(id), orders.rows(id)], [[], []], id);
});

t.test("what it alters is refused by the next, and the order arrives still", async (t) => {
  const orders = await line(t);
  const { zone } = orders;
  let left = 3;
  zone.tamper = ({ from, to, bytes }) => {
    const envelope = decodeEnvelope(bytes);
    if (left === 0 || from !== "b" || to !== "c" || envelope.kind !== "order") return bytes;
    left -= 1;
    const payload = new Uint8Array(envelope.payload);
    payload[payload.length - 70] = (payload[payload.length - 70] ?? 0) ^ 1;
    return encodeEnvelope({ ...envelope, payload });
  };
  orders.tell("a", orders.sign({ kind: "stop" }));
  zone.run(1_500);
  t.not(left, 3, "it was altered");
  for (const id of ["c", "d"]) t.same([orders.done(id), orders.rows(id)], [[], []], id);
  zone.run(60_000);
  const refused = ["bad-signature", "wrong-ca", "no-identity", "malformed"];
  const times = refused.map((reason) => orders.count("c", reason));
  t.equal(
    times.reduce((sum, count) => sum + count),
    3,
  );
  t.same(orders.done("d"), [["operator:anna", "flash"]]);
});

t.test("an expired order that is brought again is refused by the next", async (t) => {
  const orders = await line(t);
  const { zone } = orders;
  const times = { notBeforeMs: orders.wallMs, expiresMs: orders.wallMs + 30_000 };
  const signed = orders.sign({ kind: "stop" }, times);
  zone.cut("b", "c", true);
  orders.tell("a", signed);
  zone.run(31_000);
  zone.cut("b", "c", false);
  zone.run(30_000);
  t.same(orders.done("c"), [], "b has it and tells it no more");
  const { opened } = orders;
  zone.run(30_000);
  t.equal(orders.opened, opened, "and looks at it no more");
  t.equal(orders.count("c", "expired"), 0);
  orders.inject("b", "c", signed);
  t.equal(orders.count("c", "expired"), 1);
  t.same([orders.done("c"), orders.rows("c")], [[], []]);
  zone.stop("a");
  zone.start("a");
  zone.run(3_000);
  t.equal(orders.done("a").length, 1, "nor is it said again after a start");
});

t.test(
  "a stop that is brought again after its return is refused, after a restart too",
  async (t) => {
    const orders = await line(t);
    const { zone } = orders;
    const stop = orders.sign({ kind: "stop" });
    orders.tell("a", stop);
    zone.run(5_000);
    orders.tell("d", orders.sign({ kind: "return" }));
    zone.run(5_000);
    const both = [
      ["operator:anna", "flash"],
      ["operator:anna", "return"],
    ];
    for (const id of IDS) t.same(orders.done(id), both, id);
    orders.inject("b", "c", stop);
    t.equal(orders.count("c", "superseded"), 1);
    zone.stop("c");
    zone.start("c");
    zone.run(3_000);
    orders.inject("b", "c", stop);
    t.equal(orders.count("c", "superseded"), 1, "counted anew since the start");
    t.equal(orders.rows("c").length, 2);
  },
);

t.test("after a restart it is known from the log, and told to who lacks it", async (t) => {
  const orders = await line(t);
  const { zone } = orders;
  zone.cut("c", "d", true);
  orders.tell("a", orders.sign({ kind: "stop" }));
  zone.run(5_000);
  for (const id of ["a", "b"]) zone.stop(id);
  zone.stop("c");
  zone.start("c");
  zone.run(1_000);
  const ids = zone
    .member("c")
    .effects.flatMap((effect) => (effect.kind === "zone-order" ? [effect.command.id] : []));
  t.equal(ids.length, 2, "said again, for the memory of commands to know what became of it");
  t.equal(ids[0], ids[1]);
  zone.cut("c", "d", false);
  zone.run(30_000);
  t.same(orders.done("d"), [["operator:anna", "flash"]]);
  t.equal(orders.rows("c").length, 1);
});

t.test("while the clock is unsure it waits: neither carried out nor passed on", async (t) => {
  const orders = await line(t, ["c"]);
  const { zone } = orders;
  const refused = orders.tell("c", orders.sign({ kind: "stop" }));
  t.match(
    refused.find(({ kind }) => kind === "order-refused"),
    { reason: /clock is unsure/ },
  );
  orders.tell("a", orders.sign({ kind: "stop" }));
  zone.run(60_000);
  t.ok(orders.count("c", "clock-unsure") > 1);
  for (const id of ["c", "d"]) t.same([orders.done(id), orders.rows(id)], [[], []], id);
  zone.step("c", { kind: "clock", quality: "sure" });
  zone.run(120_000);
  for (const id of IDS) t.same(orders.done(id), [["operator:anna", "flash"]], id);
});

t.test("what begins a little later goes round at once and begins everywhere then", async (t) => {
  const orders = await line(t);
  const { zone } = orders;
  const notBeforeMs = orders.wallMs + 20_000;
  const early = { notBeforeMs: orders.wallMs + 90_000, expiresMs: orders.wallMs + HOUR_MS };
  const refused = orders.tell("a", orders.sign({ kind: "stop" }, early));
  t.match(
    refused.find(({ kind }) => kind === "order-refused"),
    { reason: /compare the clocks/ },
  );
  orders.tell("a", orders.sign({ kind: "stop" }, { notBeforeMs }));
  zone.run(10_000);
  for (const id of IDS) t.same([orders.done(id), orders.rows(id).length], [[], 1], id);
  zone.run(10_100);
  for (const id of IDS) t.same(orders.done(id), [["operator:anna", "flash"]], id);
});

t.test("an author who is revoked meanwhile is passed on no more", async (t) => {
  const orders = await line(t);
  const { zone } = orders;
  zone.cut("b", "c", true);
  orders.tell("a", orders.sign({ kind: "stop" }));
  zone.run(5_000);
  orders.revoked.get("b")?.add(orders.authority.revoke(orders.anna));
  zone.cut("b", "c", false);
  zone.run(60_000);
  t.same([orders.done("b").length, orders.done("c").length], [1, 0]);
  t.equal(orders.count("b", "revoked"), 1, "looked at once");
  orders.revoked.get("c")?.add(orders.authority.revoke(orders.anna));
  orders.inject("b", "c", orders.sign({ kind: "stop" }));
  t.equal(orders.count("c", "revoked"), 1);
});

t.test("a node that floods another with orders is checked within a bound", async (t) => {
  const orders = await line(t);
  const { zone } = orders;
  const payload = new Uint8Array(500);
  const junk = { kind: "order", origin: "b", incarnation: 1, trace: null, payload } as const;
  for (let n = 1; n <= 50; n += 1) {
    const bytes = encodeEnvelope({ ...junk, sequence: 100_000 + n });
    zone.step("c", { kind: "message", neighbour: "b", lane: "reliable", bytes });
  }
  const { opened } = orders;
  zone.run(50);
  t.equal(orders.opened - opened, 2, "in a tick");
  zone.run(1_000);
  t.equal(orders.opened - opened, 8, "no more were kept");
  t.equal(orders.count("c", "malformed"), 8);
  t.equal(zone.mesh("c").figures(zone.now("c")).counts.get("orders-waiting"), 42);
});

t.test("without keys to check it with no order is believed", async (t) => {
  const orders = await line(t);
  const { zone } = orders;
  zone.openOrder = () => undefined;
  zone.stop("d");
  zone.start("d");
  zone.run(1_000);
  orders.tell("a", orders.sign({ kind: "stop" }));
  zone.run(5_000);
  t.same([orders.done("c").length, orders.done("d").length], [1, 0]);
  t.ok(orders.count("d", "no-trust") > 0);
});

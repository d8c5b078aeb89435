// Orders for a zone: what an operator of the zone signed is taken, anything else by nobody, and
// each refusal has its reason.
import { createPrivateKey } from "node:crypto";
import fc from "fast-check";
import t from "tap";
import { parseX509 } from "../../src/trust/certificate.ts";
import { Trust } from "../../src/trust/judge.ts";
import {
  encodeOrder,
  type OrderAuthor,
  OrderError,
  openOrder,
  type SignedOrder,
  windowRefusal,
} from "../../src/trust/signed-order.ts";
import { WireError } from "../../src/wire/codec.ts";
import { signFor } from "../../src/wire/keys.ts";
import {
  isLaterOrder,
  junctionOrder,
  MAX_ORDER_LIFE_MS,
  ORDER_AHEAD_MS,
  slotOf,
} from "../../src/wire/zone-order.ts";
import { DAY_MS, NOW_MS, type TestAuthority, type TestPem, testAuthority } from "./keys.ts";

const SAMPLE: SignedOrder = {
  region: "north",
  zone: "centre",
  id: "00112233445566778899aabbccddeeff",
  body: { kind: "plan", plan: 3, untilMs: NOW_MS + 7_200_000 },
  notBeforeMs: NOW_MS,
  expiresMs: NOW_MS + 7_200_000,
};

function authorOf({ certPem, keyPem }: TestPem): OrderAuthor {
  return { x509: parseX509(certPem), key: createPrivateKey(keyPem) };
}

function trustOf(keys: TestAuthority, revocations = keys.revocations()): Trust {
  return new Trust({ ca: keys.ca, place: keys.place, revocations });
}

/** The reason for which an order is not opened, or "taken". */
function reason(bytes: Uint8Array, trust: Trust): string {
  try {
    openOrder(bytes, trust);
    return "taken";
  } catch (error) {
    if (error instanceof OrderError) return error.reason;
    throw error;
  }
}

const name = fc.stringMatching(/^[a-z0-9][a-z0-9-]{0,31}$/);
const time = fc.integer({ min: 1, max: 4_000_000_000_000 });
const body = fc.oneof(
  fc.record({
    kind: fc.constant("plan" as const),
    plan: fc.oneof(fc.integer({ min: 1, max: 253 }), fc.constant("free" as const)),
    untilMs: time,
  }),
  fc.constant({ kind: "plan" as const, plan: "schedule" as const, untilMs: null }),
  fc.constant({ kind: "stop" as const }),
  fc.constant({ kind: "return" as const }),
);

t.test("what an operator of the zone signed reads back, of any zone", async (t) => {
  const place = fc.sample(fc.record({ region: name, zone: name }), 1)[0] ?? SAMPLE;
  const keys = await testAuthority(t, place);
  const author = authorOf(await keys.issue("operator", "anna"));
  const trust = trustOf(keys);
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 16, maxLength: 16 }),
      body,
      time,
      fc.integer({ min: 1, max: MAX_ORDER_LIFE_MS }),
      (id, ordered, notBeforeMs, lifeMs) => {
        const order: SignedOrder = {
          ...keys.place,
          id: Buffer.from(id).toString("hex"),
          body: ordered,
          notBeforeMs,
          expiresMs: notBeforeMs + lifeMs,
        };
        const {
          certificate,
          author: who,
          ...opened
        } = openOrder(encodeOrder(order, author), trust);
        t.same(opened, order);
        t.equal(who, "operator:anna");
        t.equal(certificate.identity.id, "anna");
      },
    ),
    { numRuns: 50 },
  );
});

t.test("every changed byte, every cut and every longer one is refused", async (t) => {
  const keys = await testAuthority(t);
  const bytes = encodeOrder(SAMPLE, authorOf(await keys.issue("operator", "anna")));
  const trust = trustOf(keys);
  t.equal(reason(bytes, trust), "taken");
  for (let at = 0; at < bytes.length; at += 1) {
    const changed = new Uint8Array(bytes);
    changed[at] = (changed[at] ?? 0) ^ 0x01;
    if (reason(changed, trust) === "taken") t.fail(`byte ${at} may be changed`);
  }
  for (const length of [0, 1, 63, 64, 65, 200, bytes.length - 1]) {
    t.not(reason(bytes.subarray(0, length), trust), "taken", `the first ${length} bytes`);
  }
  t.equal(reason(new Uint8Array([...bytes, 0]), trust), "malformed");
  t.equal(reason(new Uint8Array(2_000), trust), "malformed", "larger than any order");
});

t.test("who may not order a zone, and by which reason he is refused", async (t) => {
  const keys = await testAuthority(t);
  const elsewhere = await testAuthority(t, { region: "north", zone: "harbour" });
  const twin = await testAuthority(t);
  const anna = await keys.issue("operator", "anna");
  const trust = trustOf(keys);
  const refused = (pem: TestPem, order = SAMPLE) =>
    reason(encodeOrder(order, authorOf(pem)), trust);
  for (const role of ["node", "vehicle", "sensor", "reader"] as const) {
    t.equal(refused(await keys.issue(role, "a")), "wrong-role", role);
  }
  t.equal(refused(await twin.issue("operator", "anna")), "wrong-ca", "a CA of the same name");
  t.equal(refused(await elsewhere.issue("operator", "anna")), "wrong-ca");
  const foreign = { ...SAMPLE, zone: "harbour" };
  t.equal(refused(anna, foreign), "other-zone", "an operator of this zone orders another");
  const name = "stopline://north/harbour/operator/anna";
  const forged = await keys.forge({
    subject: "O=stopline,CN=operator/anna",
    names: [{ type: "url", value: name }],
  });
  t.equal(refused(forged, foreign), "other-zone", "this CA, a certificate of another zone");
  t.equal(refused(await keys.forge({ names: [] })), "no-identity");
  const { x509 } = authorOf(anna);
  const other = authorOf(await keys.issue("node", "b"));
  const borrowed = encodeOrder(SAMPLE, { x509, key: other.key });
  t.equal(reason(borrowed, trust), "bad-signature", "anna's certificate, a node's key");
  const good = encodeOrder(SAMPLE, authorOf(anna));
  t.equal(reason(good, trustOf(keys, keys.revocations(anna))), "revoked");
  const signed = good.subarray(0, -64);
  const batch = new Uint8Array([...signed, ...signFor(authorOf(anna).key, "batch", signed)]);
  t.equal(reason(batch, trust), "bad-signature", "signed for something else");
});

t.test("an order has a window, and so has its author's certificate", async (t) => {
  const keys = await testAuthority(t);
  const trust = trustOf(keys);
  const open = async (order: Partial<SignedOrder>, days = 365) => {
    const issued = await keys.issue("operator", "anna", { days });
    return openOrder(encodeOrder({ ...SAMPLE, ...order }, authorOf(issued)), trust);
  };
  const order = await open({});
  const at = (wallMs: number, sure = true) => windowRefusal(order, { wallMs, sure });
  const { notBeforeMs, expiresMs } = SAMPLE;
  t.equal(at(notBeforeMs), null);
  t.equal(at(expiresMs - 1), null);
  t.equal(at(expiresMs), "expired");
  t.equal(at(notBeforeMs - ORDER_AHEAD_MS), null, "a minute ahead it is kept");
  t.equal(at(notBeforeMs - ORDER_AHEAD_MS - 1), "early");
  t.equal(at(notBeforeMs, false), "clock-unsure");
  t.equal(at(notBeforeMs - 30 * DAY_MS), "not-yet-valid");
  const last = await open({ notBeforeMs: NOW_MS + DAY_MS, expiresMs: NOW_MS + 2 * DAY_MS }, 1);
  t.equal(windowRefusal(last, { wallMs: NOW_MS + 1.5 * DAY_MS, sure: true }), "expired");
});

t.test(
  "an order without a window of a day, or with a body that is none, can't be made",
  async (t) => {
    const keys = await testAuthority(t);
    const author = authorOf(await keys.issue("operator", "anna"));
    const make = (order: object) => () => encodeOrder({ ...SAMPLE, ...order }, author);
    t.throws(make({ expiresMs: SAMPLE.notBeforeMs }), WireError);
    t.throws(make({ expiresMs: SAMPLE.notBeforeMs + MAX_ORDER_LIFE_MS + 1 }), WireError);
    t.throws(make({ body: { kind: "plan", plan: 254, untilMs: 1 } }), WireError);
    t.throws(make({ body: { kind: "hold", phase: 2, seconds: 10 } }), WireError);
    t.throws(make({ id: "00" }), WireError);
    t.throws(make({ zone: "no zone" }), WireError);
  },
);

t.test("of two orders of a slot the later one counts, and stop is flash at a node", async (t) => {
  const later = { ...SAMPLE, notBeforeMs: NOW_MS + 1 };
  t.equal(isLaterOrder(later, SAMPLE), true);
  t.equal(isLaterOrder(SAMPLE, later), false);
  t.equal(isLaterOrder(SAMPLE, SAMPLE), false);
  t.equal(isLaterOrder({ ...SAMPLE, id: "ff" }, SAMPLE), true);
  t.same([slotOf({ kind: "stop" }), slotOf({ kind: "return" })], ["flash", "flash"]);
  t.equal(slotOf(SAMPLE.body), "plan");
  t.same(junctionOrder({ kind: "stop" }), { kind: "flash" });
  t.same(junctionOrder({ kind: "return" }), { kind: "return" });
  t.same(junctionOrder(SAMPLE.body), SAMPLE.body);
});

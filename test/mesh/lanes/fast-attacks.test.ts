// Fast lanes on any road, with an attacker on it: whatever it replays, reflects or changes, no
// nonce is used twice, nothing is delivered twice or was never sent, and a sound road carries
// again. The mistakes that would break this are planted and found.
import fc from "fast-check";
import t from "tap";
import { type LaneBug, plant } from "../../../src/core/planted.ts";
import { envelope, isUsable, Lanes, placeOf } from "./two-lanes.ts";

const ELSEWHERE = { address: "192.0.2.7", port: 9 };
const LAST = envelope("a", 9_999);

function withBug(bug: LaneBug, work: () => void): void {
  plant(bug);
  try {
    work();
  } finally {
    plant(null);
  }
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

/** Whatever the road and the attacker do; returns what is wrong. */
function audited(seed: number, steps: readonly number[]): string[] {
  const lanes = new Lanes(["a", "b"], seed);
  lanes.session("a", "b");
  const sent = new Set<string>();
  let session = 1;
  for (const [n, step] of steps.entries()) {
    lanes.road.loss = step % 7 === 0 ? 0.3 : 0.05;
    lanes.road.duplication = 0.2;
    lanes.road.delayMs = [0.5, 1 + (step % 40)];
    const [from, to] = step % 2 === 0 ? ["a", "b"] : ["b", "a"];
    const bytes = envelope(from, n + 1);
    if (lanes.send(from, to, bytes)) sent.add(`${from} ${hex(bytes)}`);
    attack(lanes, step);
    // The same session is said again, now and then a new one.
    if (step % 29 === 0) session += 1;
    if (step % 11 === 0 || step % 29 === 0) lanes.session("a", "b", session);
    lanes.run(step % 50);
  }
  sent.add(`a ${hex(LAST)}`);
  const faults = afterwards(lanes);
  return [...faults, ...lanes.breaches, ...strangeDeliveries(lanes, sent)];
}

function strangeDeliveries(lanes: Lanes, sent: ReadonlySet<string>): string[] {
  const names = lanes.delivered.map(({ from, bytes }) => `${from} ${hex(bytes)}`);
  const strange = names.filter((name) => !sent.has(name)).map((name) => `never sent: ${name}`);
  return names.length === new Set(names).size ? strange : [...strange, "delivered twice"];
}

/** What is wrong when the road is sound again. */
function afterwards(lanes: Lanes): string[] {
  Object.assign(lanes.road, { loss: 0, delayMs: [1, 2] });
  lanes.run(3_000);
  if (!isUsable(lanes)) return ["not usable on a sound road"];
  if (!lanes.send("a", "b", LAST)) return ["refused on a sound road"];
  lanes.run(10);
  const arrived = lanes.delivered.at(-1)?.bytes ?? new Uint8Array();
  return hex(arrived) === hex(LAST) ? [] : ["lost on a sound road"];
}

/** One datagram that went by: replayed, reflected, changed, or with a counter far ahead. */
function attack(lanes: Lanes, step: number): void {
  const seen = lanes.sent[step % Math.max(1, lanes.sent.length)];
  if (seen === undefined || step % 3 !== 0) return;
  const { by, bytes } = seen;
  const other = by === "a" ? "b" : "a";
  const changed = bytes.slice();
  switch (step % 4) {
    case 0:
      lanes.arrive(other, bytes, ELSEWHERE);
      break;
    case 1:
      lanes.arrive(by, bytes, ELSEWHERE);
      break;
    case 2:
      changed[step % changed.length] = step & 0xff;
      lanes.arrive(other, changed, ELSEWHERE);
      break;
    default:
      changed[11] = 1;
      lanes.arrive(other, changed, placeOf(by));
  }
}

const STEPS = fc.array(fc.nat(10_000), { minLength: 20, maxLength: 150 });

t.test(
  "no road and no attacker brings a nonce twice, a message twice or one never sent",
  async () => {
    fc.assert(
      fc.property(fc.nat(1_000_000), STEPS, (seed, steps) => {
        const faults = audited(seed, steps);
        if (faults.length > 0) throw new Error(faults.join("; "));
      }),
      { numRuns: 60 },
    );
  },
);

for (const [bug, fault] of [
  ["counter-restarts", /nonce used twice/],
  ["one-key-both-ways", /never sent/],
  ["window-before-tag", /not usable|lost|refused/],
] as const) {
  t.test(`planted: ${bug} is found`, async (t) => {
    const found: string[] = [];
    for (let seed = 1; seed <= 20 && found.length === 0; seed += 1) {
      const steps = Array.from({ length: 120 }, (_, n) => (n * 7 + seed * 13) % 1_000);
      t.same(audited(seed, steps), [], "without it the same run holds");
      withBug(bug, () => found.push(...audited(seed, steps)));
    }
    t.match(found.join("; "), fault);
  });
}

// Bad roads in virtual time: what is late, lost, doubled, out of order or crowded out, by the
// numbers that were asked for, and the same again from the same seed.
import fc from "fast-check";
import t from "tap";
import {
  CLEAR_ROAD,
  DatagramWay,
  noCounts,
  type RoadCounts,
  type RoadFaults,
  StreamWay,
} from "../../../src/sim/proxy/road.ts";
import { Random } from "../../../src/sim/random.ts";

interface Arrival {
  readonly atMs: number;
  readonly number: number;
}

interface Run {
  readonly arrivals: Arrival[];
  readonly counts: RoadCounts;
}

function bytesOf(number: number, length = 100): Uint8Array {
  const bytes = new Uint8Array(length);
  new DataView(bytes.buffer).setUint32(0, number);
  return bytes;
}

function numberOf(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
}

/** `count` datagrams, one each ms, and what comes out. */
function datagrams(set: Partial<RoadFaults>, count: number, seed = 1, length = 100): Run {
  const counts = noCounts();
  const faults = { ...CLEAR_ROAD, ...set };
  const way = new DatagramWay({ random: new Random(seed, "road"), counts, faults: () => faults });
  const arrivals: Arrival[] = [];
  const until = (endMs: number): void => {
    for (let atMs = way.wakeMs(); atMs !== null && atMs <= endMs; atMs = way.wakeMs()) {
      for (const bytes of way.take(atMs)) arrivals.push({ atMs, number: numberOf(bytes) });
    }
  };
  for (let number = 0; number < count; number += 1) {
    until(number);
    way.push(bytesOf(number, length), number);
  }
  until(Number.MAX_VALUE);
  return { arrivals, counts };
}

function isInOrder(arrivals: readonly Arrival[]): boolean {
  return arrivals.every(({ number }, at) => at === 0 || number >= (arrivals[at - 1]?.number ?? 0));
}

t.test("a clear road passes everything at once and in order", async (t) => {
  const { arrivals, counts } = datagrams({}, 500);
  t.ok(arrivals.every(({ atMs, number }) => atMs === number));
  t.match(counts, { passed: 500, bytes: 50_000, lost: 0, doubled: 0, reordered: 0 });
});

t.test("delay and jitter lie within what was asked for", async (t) => {
  const { arrivals } = datagrams({ delayMs: 20, jitterMs: 10 }, 1_000);
  const late = arrivals.map(({ atMs, number }) => atMs - number);
  t.ok(Math.min(...late) >= 20 && Math.max(...late) < 30);
  t.ok(Math.max(...late) - Math.min(...late) > 9);
});

t.test("loss, doubles and reordering come as often as asked for", async (t) => {
  const { arrivals, counts } = datagrams(
    { loss: 0.05, duplication: 0.1, reordering: 0.02 },
    20_000,
  );
  t.ok(Math.abs(counts.lost - 1_000) < 150, `${counts.lost} lost`);
  t.ok(Math.abs(counts.doubled - 1_900) < 200, `${counts.doubled} doubled`);
  t.ok(Math.abs(counts.reordered - 418) < 90, `${counts.reordered} reordered`);
  t.equal(arrivals.length, 20_000 - counts.lost + counts.doubled);
  t.notOk(isInOrder(arrivals));
});

t.test("a narrow road takes its time, and crowds out what would wait too long", async (t) => {
  const { arrivals, counts } = datagrams({ bytesPerS: 50_000 }, 2_000);
  // 100 bytes each ms are twice what fits.
  t.ok(Math.abs(arrivals.length - 1_250) < 10, `${arrivals.length} passed`);
  t.equal(counts.crowdedOut, 2_000 - arrivals.length);
  const paceMs = ((arrivals.at(-1)?.atMs ?? 0) - (arrivals[0]?.atMs ?? 0)) / (arrivals.length - 1);
  t.ok(Math.abs(paceMs - 2) < 0.01, `${paceMs} ms each`);
  t.ok(isInOrder(arrivals));
});

t.test("a black hole swallows what comes, not what is on its way", async (t) => {
  const counts = noCounts();
  let faults: RoadFaults = { ...CLEAR_ROAD, delayMs: 10 };
  const way = new DatagramWay({ random: new Random(1, "road"), counts, faults: () => faults });
  way.push(bytesOf(1), 0);
  faults = { ...faults, blackHole: true };
  way.push(bytesOf(2), 5);
  faults = { ...faults, blackHole: false };
  way.push(bytesOf(3), 6);
  t.same(way.take(100).map(numberOf), [1, 3]);
  t.equal(counts.swallowed, 1);
});

t.test("the same seed gives the same road, another one another", async (t) => {
  const bad = { jitterMs: 9, loss: 0.1, duplication: 0.1, reordering: 0.1 };
  t.same(datagrams(bad, 300, 5), datagrams(bad, 300, 5));
  t.notSame(datagrams(bad, 300, 5), datagrams(bad, 300, 6));
});

const FAULTS = fc.record({
  delayMs: fc.nat(100),
  jitterMs: fc.nat(50),
  loss: fc.double({ min: 0, max: 0.5, noNaN: true }),
  bytesPerS: fc.option(fc.integer({ min: 10_000, max: 1_000_000 })),
  blackHole: fc.boolean(),
});

t.test(
  "a stream arrives whole and in order, whatever the road, and ends after its last",
  async () => {
    const changes = fc.array(FAULTS, { minLength: 1, maxLength: 10 });
    fc.assert(
      fc.property(changes, fc.nat(1_000), (changes, seed) => {
        let faults: RoadFaults = CLEAR_ROAD;
        const options = { random: new Random(seed, "road"), counts: noCounts() };
        const way = new StreamWay({ ...options, faults: () => faults });
        const arrived: number[] = [];
        for (const [number, set] of changes.entries()) {
          faults = { ...CLEAR_ROAD, ...set };
          way.push(bytesOf(number, 3_000), number * 20);
          const { bytes, ended } = way.take(number * 20);
          if (ended || (set.blackHole && bytes.length > 0)) throw new Error("too soon");
          arrived.push(...bytes.map(numberOf));
        }
        faults = CLEAR_ROAD;
        way.end();
        const { bytes, ended } = way.take(1e9);
        arrived.push(...bytes.map(numberOf));
        const whole = arrived.length === changes.length && arrived.every((n, at) => n === at);
        if (!ended || !whole || way.queuedBytes !== 0) throw new Error(`arrived ${arrived}`);
      }),
    );
  },
);

t.test("what is lost on a stream waits for the kernel's repeat, and all behind it", async (t) => {
  const counts = noCounts();
  const faults = { ...CLEAR_ROAD, loss: 0.05 };
  const way = new StreamWay({ random: new Random(3, "road"), counts, faults: () => faults });
  const ages: number[] = [];
  for (let nowMs = 0; nowMs < 20_000; nowMs += 10) {
    way.push(bytesOf(nowMs, 32), nowMs);
    for (const bytes of way.take(nowMs).bytes) ages.push(nowMs - numberOf(bytes));
  }
  ages.sort((a, b) => a - b);
  t.ok((ages[Math.floor(ages.length * 0.3)] ?? 0) < 200);
  t.ok((ages[Math.floor(ages.length * 0.99)] ?? 0) >= 200);
  t.ok(counts.lost > 50);
});

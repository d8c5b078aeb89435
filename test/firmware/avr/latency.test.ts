// The host's link code and the image over lines of 1, 16 and 50 ms with jitter: no heartbeat is
// lost, nothing trips, nothing is held. The latencies are printed as a histogram.
import t from "tap";
import { decodeHostFrame } from "../../../src/wire/frames.ts";
import { JUNCTION, show } from "../../interlock/junction.ts";
import { LinkHost } from "../../support/emulator/link-host.ts";

const START_MS = 9000;
const CYCLE_MS = 22_000;
const INPUT_EVERY_MS = 73;

/** What the host asks for, ms from the start of the cycle. */
const PLAN = [
  [0, show("GRGR RR")],
  [1000, show("GRGR GR")],
  [3000, show("GRGR FR")],
  [11_100, show("YRYR RR")],
  [14_200, show("RRRR RR")],
  [15_300, show("RRRG RR")],
  [17_600, show("RRRY RR")],
  [20_700, show("RRRR RR")],
] as const;

function histogram(values: readonly number[], widthMs: number): string {
  const counts = new Map<number, number>();
  for (const value of values) {
    const bin = Math.floor(value / widthMs) * widthMs;
    counts.set(bin, (counts.get(bin) ?? 0) + 1);
  }
  return [...counts]
    .sort(([one], [other]) => one - other)
    .map(([bin, count]) => `${bin}-${bin + widthMs} ms: ${count}`)
    .join(", ");
}

/** The display that a written frame carries. */
function displayIn(bytes: Uint8Array): string {
  const frame = decodeHostFrame(bytes.subarray(0, -1));
  return typeof frame === "object" && frame.kind === "lamp" ? frame.display.join() : "";
}

for (const [oneWayMs, jitterMs] of [
  [1, 0.5],
  [16, 4],
  [50, 15],
] as const) {
  t.test(`${oneWayMs} ± ${jitterMs} ms one way: no lost heartbeat, trip or hold`, async (t) => {
    let seed = 1;
    const random = () => {
      seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
      return seed / 2 ** 32;
    };
    const host = new LinkHost(JUNCTION, () => oneWayMs + (2 * random() - 1) * jitterMs);
    const { board } = host.bench;
    host.run(START_MS);
    t.ok(host.link.isStarted());
    t.equal(host.effects.filter(({ kind }) => kind === "start").length, 1);

    const toLamp: number[] = [];
    const toHost: number[] = [];
    let edgeMs = 0;
    let written = show("RRRR RR").join();
    let writtenMs = Number.NaN;
    host.onEffect = (effect, nowMs) => {
      if (effect.kind === "input") toHost.push(nowMs - edgeMs);
      const display = effect.kind === "write" ? displayIn(effect.bytes) : written;
      if (display === written) return;
      written = display;
      writtenMs = nowMs;
    };
    board.onChange = () => {
      if (!Number.isNaN(writtenMs)) toLamp.push(host.bench.nowMs - writtenMs);
      writtenMs = Number.NaN;
    };
    const begunMs = host.bench.nowMs;
    let step = 0;
    host.run(CYCLE_MS, (nowMs) => {
      const next = PLAN[step];
      if (next !== undefined && nowMs - begunMs >= next[0]) {
        step += 1;
        host.show(next[1]);
      }
      if (nowMs - edgeMs < Math.max(INPUT_EVERY_MS, 2 * oneWayMs + 60)) return;
      edgeMs = nowMs;
      board.inputs ^= 1;
    });

    const { counters } = host.link;
    t.same([counters.stops, counters.trips, counters.holds, counters.framesDropped], [0, 0, 0, 0]);
    t.equal(host.effects.filter(({ kind }) => kind === "halt").length, 0);
    t.equal(host.effects.filter(({ kind }) => kind === "inputs-lost").length, 0);
    t.equal(step, PLAN.length);
    t.ok(toLamp.length >= PLAN.length - 1 && toHost.length > 100);
    const bound = oneWayMs + jitterMs;
    t.ok(Math.max(...toLamp) <= bound + 6, `frame to lamp ${Math.max(...toLamp)} ms`);
    t.ok(Math.max(...toHost) <= bound + 10, `edge to host ${Math.max(...toHost)} ms`);
    t.comment(`frame to lamp: ${histogram(toLamp, 2)}`);
    t.comment(`input edge to host: ${histogram(toHost, 2)}`);
  });
}

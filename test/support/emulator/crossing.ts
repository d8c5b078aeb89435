// The junction of the emulator's tests: two streets that cross, and what one waits for there.
import { LAMP } from "../../../src/core/site/lamps.ts";
import { Bench, type BenchOptions, type Change } from "./bench.ts";
import type { Colour, Lamps } from "./board.ts";
import { PlainHost } from "./plain-host.ts";
import { type BenchChannel, benchRecord } from "./records.ts";

/** Main street 2 and 6 with walk 12; across it 4 with walk 14, and 8, which may flash yellow. */
const CHANNELS: readonly BenchChannel[] = [
  { channel: 2, kind: "vehicle" },
  { channel: 4, kind: "vehicle" },
  { channel: 6, kind: "vehicle" },
  { channel: 8, kind: "vehicle" },
  { channel: 12, kind: "pedestrian", beside: 6 },
  { channel: 14, kind: "pedestrian", beside: 4 },
];
export const RECORD = benchRecord(CHANNELS, [
  [2, 6],
  [2, 12],
  [6, 12],
  [4, 8],
  [4, 14],
  [8, 14],
]);
export const USED = [2, 4, 6, 8, 12, 14].reduce((mask, channel) => mask | bit(channel), 0);
/** Main street green, everything else red. */
export const MAIN_GREEN = { 2: LAMP.green, 6: LAMP.green } as const;

export function bit(channel: number): number {
  return 1 << (channel - 1);
}

/** A cabinet in control with its host, all red. */
export function inControl(options: Partial<BenchOptions> = {}): PlainHost {
  return new PlainHost(new Bench({ record: RECORD, ...options }), RECORD).start();
}

/** The same, with the main street green for `greenMs`. */
export function inGreen(options: Partial<BenchOptions> = {}, greenMs = 1000): PlainHost {
  const host = inControl(options);
  host.show(MAIN_GREEN);
  host.run(greenMs);
  return host;
}

export function isLit(field: Lamps, channel: number, colour: Colour): boolean {
  return (field[colour] & bit(channel)) !== 0;
}

/** The first change since `cycles` for which `what` holds; throws when there is none. */
export function firstChange(
  bench: Bench,
  cycles: number,
  what: (change: Change) => boolean,
): Change {
  const found = bench.since(cycles).find(what);
  if (found === undefined) throw new Error("nothing of the kind has happened");
  return found;
}

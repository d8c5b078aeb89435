// Departures as the register of link scope holds them: a byte for each second, and no zeros at
// either end, so that an empty street costs some forty bytes a second with its envelope.
import {
  type Departures,
  SECONDS_MAX,
  TENTHS_MAX,
} from "../core/coordination/coordination-types.ts";
import type { Plain } from "../core/state/value.ts";

/** The value of the register; what is beyond the bounds is left out or cut to them. */
export function departuresValue({ toWallMs, tenths, aheadTenths }: Departures): Plain {
  const back = tenths.slice(-SECONDS_MAX);
  const first = back.findIndex((count) => count > 0);
  const ahead = aheadTenths.slice(0, SECONDS_MAX);
  const last = ahead.findLastIndex((count) => count > 0);
  return [
    Math.max(0, Math.round(toWallMs)),
    bytesOf(first < 0 ? [] : back.slice(first)),
    bytesOf(ahead.slice(0, last + 1)),
  ];
}

function bytesOf(tenths: readonly number[]): Uint8Array {
  return Uint8Array.from(tenths, (count) => Math.min(TENTHS_MAX, Math.max(0, Math.round(count))));
}

/** The departures in a register's value; null where nothing is announced. */
export function departuresOf(value: Plain | undefined): Departures | null {
  if (!Array.isArray(value)) return null;
  const [toWallMs, tenths, ahead] = value;
  if (typeof toWallMs !== "number") return null;
  if (!(tenths instanceof Uint8Array && ahead instanceof Uint8Array)) return null;
  const cut = (bytes: Uint8Array): number[] =>
    [...bytes].map((count) => Math.min(TENTHS_MAX, count));
  return { toWallMs, tenths: cut(tenths), aheadTenths: cut(ahead) };
}

/** How long ago it was made by both clocks, ms; 0 where the announcer's is ahead. */
export function ageMsOf({ toWallMs }: Departures, wallMs: number): number {
  return Math.max(0, wallMs - toWallMs);
}

// Offsets for a street by its green bands: how long a column of vehicles may be that drives through
// all junctions without a stop, in both directions at once. Pure and exact on a grid of offsets.
//
// Seen from the first junction, a band ahead begins at time 0 and one back at some time `backMs`;
// junction i has them at known times later and earlier. Its offset is then its own affair: each
// offset leaves so much of its green for the band ahead and so much for the band back. A pair of
// widths is possible if every junction has an offset that leaves both. So all pairs are tried for
// each `backMs`, and the best one is the best there is (Little, Kelson and Gartner, MAXBAND, 1981,
// state the same problem as an integer programme; on a grid it needs none).
import { modulo } from "../site/plan.ts";

/** A coordinated green in its cycle, counted from the junction's local zero. */
export interface GreenWindow {
  readonly startMs: number;
  readonly lengthMs: number;
}

export interface StreetJunction {
  /** Green of those who drive away from the first junction, and of those who drive towards it. */
  readonly ahead: GreenWindow;
  readonly back: GreenWindow;
  /** Driving time from the junction before, and to it; 0 at the first one. */
  readonly aheadMs: number;
  readonly backMs: number;
}

/** How much each direction counts; both 0 is a mistake of the caller. */
export interface Favour {
  readonly ahead: number;
  readonly back: number;
}

export interface Bands {
  /** By junction, in [0, cycle); the first one's is 0. */
  readonly offsetsMs: readonly number[];
  /** When each band begins at the first junction, after its local zero, and how wide it is. */
  readonly ahead: GreenWindow;
  readonly back: GreenWindow;
}

/** What one offset of one junction leaves of its greens. */
interface Choice {
  readonly offsetMs: number;
  readonly aheadMs: number;
  readonly backMs: number;
}

interface Found {
  readonly aheadMs: number;
  readonly backMs: number;
  readonly choices: readonly (readonly Choice[])[];
}

/**
 * The offsets with the widest bands: first the narrower of both counts, each divided by its favour,
 * then their sum. `stepMs` divides `cycleMs`; offsets are multiples of it. Throws a `RangeError`
 * for a street without junctions, or a step that doesn't divide the cycle.
 */
export function widestBands(
  street: readonly StreetJunction[],
  cycleMs: number,
  favour: Favour,
  stepMs = 1_000,
): Bands {
  if (street.length === 0) throw new RangeError("a street without junctions");
  if (cycleMs % stepMs !== 0) throw new RangeError(`${stepMs} ms don't divide ${cycleMs} ms`);
  let best: { readonly found: Found; readonly beginMs: number } | null = null;
  for (let beginMs = 0; beginMs < cycleMs; beginMs += stepMs) {
    const choices = choicesOf(street, cycleMs, stepMs, beginMs);
    const found = widestOf(choices, favour);
    if (best === null || isBetter(found, best.found, favour)) best = { found, beginMs };
  }
  if (best === null) throw new Error("a cycle without a moment");
  return bandsOf(best.found, best.beginMs, cycleMs);
}

/** All that each junction can leave for a band ahead from 0 on and one back from `beginMs` on. */
function choicesOf(
  street: readonly StreetJunction[],
  cycleMs: number,
  stepMs: number,
  beginMs: number,
): Choice[][] {
  let [aheadAtMs, backAtMs] = [0, beginMs];
  return street.map(({ ahead, back, aheadMs, backMs }) => {
    aheadAtMs += aheadMs;
    backAtMs -= backMs;
    const choices: Choice[] = [];
    for (let offsetMs = 0; offsetMs < cycleMs; offsetMs += stepMs) {
      const left = (at: number, { startMs, lengthMs }: GreenWindow): number =>
        Math.max(0, lengthMs - modulo(at - offsetMs - startMs, cycleMs));
      choices.push({ offsetMs, aheadMs: left(aheadAtMs, ahead), backMs: left(backAtMs, back) });
    }
    return choices;
  });
}

/** The best pair of widths that every junction can give. */
function widestOf(choices: readonly (readonly Choice[])[], favour: Favour): Found {
  const widths = new Set([0, ...choices.flatMap((some) => some.map(({ aheadMs }) => aheadMs))]);
  let best: Found = { aheadMs: 0, backMs: 0, choices };
  for (const aheadMs of widths) {
    const found = { aheadMs, backMs: backBeside(choices, aheadMs), choices };
    if (found.backMs >= 0 && isBetter(found, best, favour)) best = found;
  }
  return best;
}

/** The widest band back beside one ahead of that width; negative where that one is too wide. */
function backBeside(choices: readonly (readonly Choice[])[], aheadMs: number): number {
  let widest = Number.POSITIVE_INFINITY;
  for (const some of choices) {
    let most = -1;
    for (const choice of some) {
      if (choice.aheadMs >= aheadMs && choice.backMs > most) most = choice.backMs;
    }
    widest = Math.min(widest, most);
  }
  return widest;
}

function isBetter(one: Found, than: Found, favour: Favour): boolean {
  const [oneWorth, thanWorth] = [worthOf(one, favour), worthOf(than, favour)];
  if (oneWorth !== thanWorth) return oneWorth > thanWorth;
  return one.aheadMs + one.backMs > than.aheadMs + than.backMs;
}

/** Width of the narrower band, each for its favour; a direction without favour doesn't count. */
function worthOf({ aheadMs, backMs }: Found, { ahead, back }: Favour): number {
  const worth = [ahead > 0 ? aheadMs / ahead : null, back > 0 ? backMs / back : null];
  return Math.min(...worth.filter((value) => value !== null));
}

/** Of all offsets that leave both bands, the one that leaves most beside them. */
function bandsOf({ aheadMs, backMs, choices }: Found, beginMs: number, cycleMs: number): Bands {
  const chosen = choices.map((some) => {
    const fitting = some.filter((one) => one.aheadMs >= aheadMs && one.backMs >= backMs);
    const spare = (one: Choice): number => Math.min(one.aheadMs - aheadMs, one.backMs - backMs);
    return fitting.reduce((best, one) => (spare(one) > spare(best) ? one : best));
  });
  const firstMs = chosen[0]?.offsetMs ?? 0;
  return {
    offsetsMs: chosen.map(({ offsetMs }) => modulo(offsetMs - firstMs, cycleMs)),
    ahead: {
      startMs: modulo(-firstMs, cycleMs),
      lengthMs: Math.min(...chosen.map((choice) => choice.aheadMs)),
    },
    back: {
      startMs: modulo(beginMs - firstMs, cycleMs),
      lengthMs: Math.min(...chosen.map((choice) => choice.backMs)),
    },
  };
}

// GLOSA: the speed at which to approach a stop line, from what is believed of its light.
//
// - Green that surely lasts until arrival: go, up to the limit.
// - Green that may end: never faster than a speed at which a yellow finds the vehicle either able
//   to stop or across before the shortest yellow is over; near the line never faster than now, but
//   from afar up to the limit, or who was slow once would creep up to every green.
// - Red: so slow that it arrives when it is expected to be green, but hardly later than it may be
//   green at the earliest, so that a red which ends sooner than was likely costs little. Each
//   picture decides anew, and as a red goes on its earliest end comes nearer to the true one.
//   Always able to stop.
// - Yellow: stop where that is possible, else clear the junction at the present speed.
// - Unknown: able to stop.
import { type PhaseBelief, rests } from "./belief.ts";
import { type Limits, stoppableMps, stoppingM, travelMs } from "./motion.ts";

export interface Approaching {
  /** To the stop line, m. */
  readonly distanceM: number;
  readonly speedMps: number;
  readonly limits: Limits;
  readonly light: PhaseBelief;
}

/** `ready`: drive so that stopping stays possible; `clear`: too near to stop, drive on. */
export type AdviceKind = "go" | "slow" | "ready" | "clear" | "stop";

export interface Advice {
  readonly kind: AdviceKind;
  /** Speed to drive now, m/s; to be asked again as the vehicle comes nearer. */
  readonly targetMps: number;
  /** Expected time to the stop line, ms; null where it stops before. */
  readonly arrivalMs: number | null;
  /** It is expected to arrive on green. */
  readonly passes: boolean;
  /** Of an expected arrival, to the green's surely lasting end or from its likely beginning, ms. */
  readonly marginMs: number | null;
}

/** Arrival at least this long before a green may end. */
export const MARGIN_MS = 1_000;
/** The shortest yellow that a site file may have (the cabinet refuses less). */
export const SHORTEST_YELLOW_MS = 3_000;
/** Beyond so many stopping distances at the limit nobody hurries towards a green's end. */
const FAR_STOPS = 3;
/**
 * Nobody is slow for a red's likely end beyond so long after its earliest: more than a start from
 * standstill costs is no bargain. Of what was tried, what saves most stops for less than 1 % of
 * travel time where likely ends are 20 s late (docs/vehicle.md).
 */
const RISK_MS = 4_000;
/** Of a red's end: finer than anybody drives. */
const SPEED_STEP_MPS = 0.1;

/** What to do now. */
export function advise(approaching: Approaching): Advice {
  const { light } = approaching;
  switch (light.light) {
    case "green":
      return onGreen(approaching);
    case "yellow":
      return onYellow(approaching);
    case "red":
      return onRed(approaching);
    default:
      return advice(approaching, "ready", capMps(approaching));
  }
}

/** The limit, or what still stops before the line. */
function capMps({ distanceM, limits }: Approaching): number {
  return Math.min(limits.maxMps, stoppableMps(distanceM, limits));
}

function advice(approaching: Approaching, kind: AdviceKind, targetMps: number): Advice {
  const { distanceM, speedMps, limits } = approaching;
  const arrivalMs = travelMs(distanceM, speedMps, targetMps, limits);
  return {
    kind: targetMps === 0 ? "stop" : kind,
    targetMps,
    arrivalMs: Number.isFinite(arrivalMs) ? arrivalMs : null,
    passes: false,
    marginMs: null,
  };
}

function onGreen(approaching: Approaching): Advice {
  const { distanceM, speedMps, limits, light } = approaching;
  const { maxMps, minMps } = limits;
  const arrivalMs = travelMs(distanceM, speedMps, maxMps, limits);
  const surelyMs = light.earliestMs ?? 0;
  if (arrivalMs + MARGIN_MS <= surelyMs) {
    const marginMs = surelyMs - arrivalMs;
    return { kind: "go", targetMps: maxMps, arrivalMs, passes: true, marginMs };
  }
  const calmMps = Math.max(capMps(approaching), clearingMps(limits));
  const hurryMps = isFar(distanceM, limits) ? maxMps : Math.max(speedMps, minMps);
  const targetMps = Math.min(maxMps, calmMps, hurryMps);
  const ready = advice(approaching, "ready", targetMps);
  const likelyMs = light.likelyMs ?? (rests(light) ? Number.POSITIVE_INFINITY : 0);
  return { ...ready, passes: ready.arrivalMs !== null && ready.arrivalMs <= likelyMs };
}

/** So far from the line that driving faster is no hurry towards the end of its green. */
export function isFar(distanceM: number, limits: Limits): boolean {
  return distanceM > FAR_STOPS * stoppingM(limits.maxMps, limits);
}

/** Up to this speed a vehicle that can't stop at a yellow is across before the yellow is over. */
export function clearingMps({ decelMps2, reactionMs }: Limits): number {
  return (2 * decelMps2 * Math.max(0, SHORTEST_YELLOW_MS - reactionMs)) / 1000;
}

function onYellow(approaching: Approaching): Advice {
  const { distanceM, speedMps, limits } = approaching;
  // Half of the reaction is in hand: who has begun to brake for the line does not change his mind.
  if (stoppingM(speedMps, limits, limits.reactionMs / 2) <= distanceM) {
    return advice(approaching, "stop", Math.min(speedMps, capMps(approaching)));
  }
  return advice(approaching, "clear", Math.min(speedMps, limits.maxMps));
}

/** Fast enough, late enough: the highest speed that is for a green without having to brake. */
function onRed(approaching: Approaching): Advice {
  const { distanceM, speedMps, limits, light } = approaching;
  const { likelyMs } = light;
  const capped = capMps(approaching);
  if (likelyMs === null) return advice(approaching, "ready", capped);
  const endMs = Math.min(likelyMs, (light.earliestMs ?? 0) + RISK_MS);
  for (let mps = limits.maxMps; mps >= limits.minMps; mps -= SPEED_STEP_MPS) {
    const arrivalMs = travelMs(distanceM, speedMps, mps, limits);
    // So late that the red is gone before it would have to brake for it.
    const readyMs = limits.reactionMs + (mps / (2 * limits.decelMps2)) * 1000;
    if (arrivalMs < endMs + readyMs) continue;
    const planned = advice(approaching, "slow", Math.min(mps, capped));
    const marginMs = (planned.arrivalMs ?? arrivalMs) - likelyMs;
    return marginMs < 0 ? planned : { ...planned, passes: true, marginMs };
  }
  return advice(approaching, "stop", Math.min(capped, Math.max(speedMps, limits.minMps)));
}

// What bears out that a vehicle which asks for priority is there. A certificate says who asks, not
// where he is, so a check-in detector in front of the stop line has to have seen somebody pass at
// the time that his arrival claims: that less the usual time of travel. Each edge is worth one
// request, so that nobody asks on what another one has caused, and priority for as long as one
// request may last: a vehicle that is delayed longer has to be seen anew. Pure.
import { REQUEST_MAX_MS } from "../core/signal/priority.ts";
import type { CheckIn, Detector } from "../core/site/model.ts";

/**
 * Why nothing bears a request out. `no-check-in`: no detector checks in for that phase;
 * `detector-failed`: none that works does; `no-corroboration`: nobody has passed; `stale`: only
 * before the claimed time, or too long ago for news of a request; `used`: by another request.
 */
export type CorroborationRefusal =
  | "no-check-in"
  | "detector-failed"
  | "no-corroboration"
  | "stale"
  | "used";

/** Somebody came onto a check-in detector at `atMs` of the monotonic clock. */
export interface CheckInEdge {
  readonly detector: number;
  readonly atMs: number;
}

/** A vehicle's claim: at the stop line of its phase from arrival to departure, monotonic ms. */
export interface Claim {
  readonly phase: number;
  readonly arrivalMs: number;
  readonly departMs: number;
}

interface Remembered extends CheckInEdge {
  used: boolean;
}

interface Place extends CheckIn {
  readonly detector: number;
  on: boolean;
  /** The oldest first. */
  edges: Remembered[];
}

/** Of one detector: one a second for as long as a request may last. */
const MAX_EDGES = 128;
/** An edge that is older bears nothing out, whatever is claimed. */
const REMEMBERED_MS = REQUEST_MAX_MS;

export class Corroboration {
  readonly #places: Place[] = [];
  readonly #hasFailed: (detector: number) => boolean;

  /** `hasFailed`: whether a detector is known not to work at present. */
  constructor(detectors: readonly Detector[], hasFailed: (detector: number) => boolean) {
    this.#hasFailed = hasFailed;
    for (const { detector, checkIn } of detectors) {
      if (checkIn !== null) this.#places.push({ ...checkIn, detector, on: false, edges: [] });
    }
  }

  /** A reading of any detector. */
  read(detector: number, on: boolean, nowMs: number): void {
    const place = this.#places.find((entry) => entry.detector === detector);
    if (place === undefined) return;
    if (on && !place.on) place.edges.push({ detector, atMs: nowMs, used: false });
    place.on = on;
    place.edges = place.edges.filter(({ atMs }) => nowMs - atMs < REMEMBERED_MS);
    if (place.edges.length > MAX_EDGES) place.edges.shift();
  }

  /** Why nothing bears a new request out at `nowMs`, or null. */
  refusal(claim: Claim, nowMs: number): CorroborationRefusal | null {
    const found = this.#find(claim, nowMs);
    return typeof found === "string" ? found : null;
  }

  /** The edge that bears a request out, for this one only; null where `refusal` has a reason. */
  take(claim: Claim, nowMs: number): CheckInEdge | null {
    const found = this.#find(claim, nowMs);
    if (typeof found === "string") return null;
    found.used = true;
    return { detector: found.detector, atMs: found.atMs };
  }

  /** Of several that fit, the one that is nearest to what is claimed. */
  #find(claim: Claim, nowMs: number): Remembered | CorroborationRefusal {
    const places = this.#places.filter(({ phases }) => phases.includes(claim.phase));
    if (places.length === 0) return "no-check-in";
    const working = places.filter(({ detector }) => !this.#hasFailed(detector));
    if (working.length === 0) return "detector-failed";
    // Later than claimed is above zero.
    const late = working.flatMap(({ travelMs, windowMs, edges }) =>
      edges
        .filter(({ atMs }) => nowMs - atMs < REMEMBERED_MS)
        .map((edge) => ({ edge, windowMs, byMs: edge.atMs - (claim.arrivalMs - travelMs) })),
    );
    const fitting = late.filter(({ byMs, windowMs }) => Math.abs(byMs) <= windowMs);
    const free = fitting.filter(({ edge }) => !edge.used);
    free.sort((a, b) => Math.abs(a.byMs) - Math.abs(b.byMs));
    if (free[0] !== undefined) return free[0].edge;
    if (fitting.length > 0) return "used";
    return late.some(({ byMs }) => byMs < 0) ? "stale" : "no-corroboration";
  }
}

/** Why news of a request that was borne out by `edge` is too much for it, or null. */
export function newsRefusal(edge: CheckInEdge, { departMs }: Claim): CorroborationRefusal | null {
  return departMs > edge.atMs + REQUEST_MAX_MS ? "stale" : null;
}

// Routes, and how long they will take by what is believed of their lights.
//
// A route is a row of links; at the end of a link there may be a stop line. Routes with the same
// beginning are alternatives as long as a vehicle is on it. Where a light is not known, a stop line
// costs what it usually does.
import type { Movement } from "../core/site/model.ts";
import { type PhaseBelief, rests } from "./belief.ts";

/** A node, and where its broker answers. */
export interface Junction {
  readonly region: string;
  readonly zone: string;
  readonly id: string;
  /** `mqtt://host:port`, or `mqtts://` with a certificate. */
  readonly url: string;
}

/** A stop line: by its phase, or by approach and movement, which the node's MAP turns into one. */
export interface StopLine {
  readonly junction: Junction;
  readonly by:
    | { readonly phase: number }
    | { readonly approach: string; readonly movement: Movement };
}

export interface Link {
  readonly id: string;
  readonly lengthM: number;
  readonly speedMps: number;
  readonly end: StopLine | null;
}

export interface Route {
  readonly id: string;
  readonly links: readonly Link[];
}

/** A stop line ahead, its distance along the route. */
export interface Ahead {
  readonly line: StopLine;
  readonly distanceM: number;
}

/** Mean wait of random arrivals at a cycle of 60 s, half of it red: red² / (2 × cycle). */
export const USUAL_WAIT_MS = 7_500;
/** A green that is expected to begin is counted on for this long: a usual minimum. */
const COUNTED_GREEN_MS = 8_000;
/** Another route has to be better by this, or nobody would ever get anywhere. */
const BETTER_BY_MS = 5_000;

export function junctionKey({ region, zone, id }: Junction): string {
  return `${region}/${zone}/${id}`;
}

export function lengthM({ links }: Route): number {
  return links.reduce((sum, link) => sum + link.lengthM, 0);
}

/** Place of the link on which a vehicle `atM` along the route is; the last one beyond its end. */
export function linkAt({ links }: Route, atM: number): number {
  let begins = 0;
  for (const [index, link] of links.entries()) {
    begins += link.lengthM;
    if (atM < begins) return index;
  }
  return links.length - 1;
}

/** The stop lines in front of `atM`, nearest first. */
export function aheadOf(route: Route, atM: number): Ahead[] {
  const found: Ahead[] = [];
  let endM = 0;
  for (const { lengthM: own, end } of route.links) {
    endM += own;
    if (end !== null && endM > atM) found.push({ line: end, distanceM: endM - atM });
  }
  return found;
}

/** Routes that begin like `route` up to and with the link at `atM`: still to be chosen. */
export function openRoutes(routes: readonly Route[], route: Route, atM: number): Route[] {
  const driven = route.links.slice(0, linkAt(route, atM) + 1);
  return routes.filter((other) => driven.every(({ id }, index) => other.links[index]?.id === id));
}

/** Expected wait of a vehicle that gets to the line after `arrivalMs`, as it looks now, ms. */
export function waitMs(light: PhaseBelief, arrivalMs: number): number {
  if (light.light === "green") {
    return rests(light) || arrivalMs <= (light.likelyMs ?? 0) ? 0 : USUAL_WAIT_MS;
  }
  if (light.light !== "red" || light.likelyMs === null) return USUAL_WAIT_MS;
  if (arrivalMs < light.likelyMs) return light.likelyMs - arrivalMs;
  return arrivalMs < light.likelyMs + COUNTED_GREEN_MS ? 0 : USUAL_WAIT_MS;
}

/** Time from `atM` to the end of the route at up to `maxMps`, waits included, ms. */
export function predictMs(
  route: Route,
  atM: number,
  maxMps: number,
  lightOf: (line: StopLine) => PhaseBelief,
): number {
  let totalMs = 0;
  let endM = 0;
  for (const { lengthM: own, speedMps, end } of route.links) {
    endM += own;
    const leftM = Math.min(own, endM - atM);
    if (leftM <= 0) continue;
    totalMs += (leftM / Math.min(speedMps, maxMps)) * 1000;
    if (end !== null) totalMs += waitMs(lightOf(end), totalMs);
  }
  return totalMs;
}

export interface Predicted {
  readonly route: Route;
  readonly predictedMs: number;
}

/** The fastest; the present one unless another is better by some seconds. */
export function chooseRoute(
  candidates: readonly [Predicted, ...Predicted[]],
  present: Route,
): Predicted {
  const best = candidates.reduce((a, b) => (b.predictedMs < a.predictedMs ? b : a));
  const own = candidates.find(({ route }) => route.id === present.id);
  return own !== undefined && own.predictedMs - best.predictedMs < BETTER_BY_MS ? own : best;
}

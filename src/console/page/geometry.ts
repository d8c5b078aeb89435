// The junction's drawing as plain numbers: legs, lanes, kerbs, stop lines, crosswalks, detectors
// and the path of each movement, from approach headings and lane counts. Metres; x is east and y
// is south, as a screen has them; the middle of the junction is 0, 0. Right-hand traffic.
import { crosswalkLegDeg, exitLegDeg, legBearingDeg, normalDeg } from "../../core/site/geometry.ts";
import type { Approach } from "../../core/site/model.ts";
import { add, along, type Point, scale, unit } from "./points.ts";
import type { Site, SitePhase } from "./site.ts";

/** A usual urban lane, as the MAP message has it. */
export const LANE_M = 3.5;
const CORNER_M = 4;
/** Depth of a crosswalk and its distance from the stop line. */
export const CROSSWALK_M = 3;
const CROSSWALK_GAP_M = 1.2;
/** Stop line to corner where nobody walks. */
const PLAIN_GAP_M = 1.5;
const NEAREST_STOP_M = 8;

/** A street that meets the junction; `approach` is null where traffic only leaves. */
export interface Leg {
  readonly bearingDeg: number;
  readonly approach: Approach | null;
  /** Unit vectors: away from the middle, and to the right of arriving traffic. */
  readonly out: Point;
  readonly right: Point;
  readonly lanesIn: number;
  readonly lanesOut: number;
  /** Where the centre line runs, metres to the right: left-turn pockets lie on the middle. */
  readonly centreM: number;
  readonly stopM: number;
  readonly crosswalk: boolean;
}

export interface Lane {
  readonly phase: SitePhase;
  readonly leg: Leg;
  /** 1 is next to the centre line. */
  readonly lane: number;
}

export interface Plan {
  readonly legs: readonly Leg[];
  readonly lanes: readonly Lane[];
}

/** A point of a leg: `outM` away from the middle, `rightM` to the right of the centre line. */
export function onLeg(leg: Leg, outM: number, rightM: number): Point {
  return add(scale(leg.out, outM), scale(leg.right, leg.centreM + rightM));
}

/** Where the kerb of arriving traffic runs, and, on the other side, that of leaving traffic. */
export function kerbs(leg: Leg): { readonly arriving: number; readonly leaving: number } {
  return { arriving: leg.lanesIn * LANE_M, leaving: -leg.lanesOut * LANE_M };
}

/** Middle of a lane, metres to the right of the centre line. */
export function laneRightM(lane: number): number {
  return (lane - 0.5) * LANE_M;
}

function phasesOf(site: Site, approach: Approach): SitePhase[] {
  return site.phases.filter((phase) => phase.approach === approach.id);
}

/** The phase of an approach's own lanes: its through phase, or its first one. */
function mainPhase(phases: readonly SitePhase[]): SitePhase | undefined {
  return phases.find(({ movement }) => movement === "through") ?? phases[0];
}

/** Lanes to draw, as the virtual street has them: each turn with a phase has its own pocket. */
function lanesIn(site: Site, approach: Approach): number {
  return approach.lanes + Math.max(0, phasesOf(site, approach).length - 1);
}

/** Lanes that only turn left: two opposite ones share the middle of the road. */
function leftPockets(site: Site, approach: Approach): number {
  const phases = phasesOf(site, approach);
  const main = mainPhase(phases);
  return phases.filter((phase) => phase !== main && phase.movement === "left").length;
}

/** From the centre line to the kerb: left turns, the approach's own lanes, right turns. */
function lanesOf(site: Site, leg: Leg): Lane[] {
  const { approach } = leg;
  if (approach === null) return [];
  const phases = phasesOf(site, approach);
  const main = mainPhase(phases);
  const turns = (movement: string) =>
    phases.filter((phase) => phase !== main && phase.movement === movement);
  const own = main === undefined ? [] : range(1, approach.lanes).map(() => main);
  const order = [...turns("left"), ...turns("through"), ...own, ...turns("right")];
  return order.map((phase, index) => ({ phase, leg, lane: index + 1 }));
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}

function apartDeg(a: number, b: number): number {
  const turn = normalDeg(a - b);
  return Math.min(turn, 360 - turn);
}

/** The leg of `legs` that lies at a bearing, or null. */
export function legAt(legs: readonly Leg[], bearingDeg: number): Leg | null {
  return legs.find((leg) => apartDeg(leg.bearingDeg, bearingDeg) < 1) ?? null;
}

/** The leg whose crosswalk people use beside a phase, or null where the site has no such leg. */
export function crosswalkLeg(site: Site, legs: readonly Leg[], phase: SitePhase): Leg | null {
  const beside = site.approaches.find(({ id }) => id === phase.approach);
  if (beside === undefined) return null;
  const exact = legAt(legs, crosswalkLegDeg(site.approaches, beside));
  const left = normalDeg(beside.headingDeg - 90);
  return exact ?? legs.find((leg) => apartDeg(leg.bearingDeg, left) <= 50) ?? null;
}

/** Bearings of all legs: one per approach, and one for each movement that leaves elsewhere. */
function bearings(site: Site): { bearingDeg: number; approach: Approach | null }[] {
  const found = site.approaches.map((approach) => ({
    bearingDeg: legBearingDeg(approach),
    approach: approach as Approach | null,
  }));
  for (const phase of site.phases) {
    const from = site.approaches.find(({ id }) => id === phase.approach);
    if (from === undefined) continue;
    const exit = exitLegDeg(site.approaches, from, phase.movement);
    if (found.some(({ bearingDeg }) => apartDeg(bearingDeg, exit) < 1)) continue;
    found.push({ bearingDeg: exit, approach: null });
  }
  return found.sort((a, b) => a.bearingDeg - b.bearingDeg);
}

/** Lanes that leave on a leg: as many as go straight into it, at least one. */
function lanesOut(site: Site, bearingDeg: number): number {
  const counts = site.approaches
    .filter((approach) => apartDeg(approach.headingDeg, bearingDeg) <= 50)
    .map((approach) => {
      const through = phasesOf(site, approach).some(({ movement }) => movement === "through");
      return through ? approach.lanes : 1;
    });
  return Math.max(1, ...counts);
}

/** The whole plan of a site. */
export function planOf(site: Site): Plan {
  const rough = bearings(site).map(({ bearingDeg, approach }): Leg => {
    const out = unit(bearingDeg);
    return {
      bearingDeg,
      approach,
      out,
      // Arriving traffic travels against `out`; its right hand is a quarter turn clockwise of that.
      right: { x: out.y, y: -out.x },
      lanesIn: approach === null ? 0 : lanesIn(site, approach),
      lanesOut: lanesOut(site, bearingDeg),
      centreM: approach === null ? 0 : (-leftPockets(site, approach) * LANE_M) / 2,
      stopM: 0,
      crosswalk: false,
    };
  });
  const walked = site.phases
    .filter((phase) => phase.pedestrian !== null)
    .map((phase) => crosswalkLeg(site, rough, phase));
  const legs = rough.map((leg) => {
    const crosswalk = walked.includes(leg);
    const gap = crosswalk ? CROSSWALK_M + 2 * CROSSWALK_GAP_M : PLAIN_GAP_M;
    const stopM = Math.max(NEAREST_STOP_M, cornerM(rough, leg) + CORNER_M + gap);
    return { ...leg, crosswalk, stopM };
  });
  return { legs, lanes: legs.flatMap((leg) => lanesOf(site, leg)) };
}

/** Where the crosswalk of a leg begins, seen from the middle. */
export function crosswalkM(leg: Leg): number {
  return leg.stopM - CROSSWALK_GAP_M - CROSSWALK_M;
}

/** The next leg clockwise. */
export function nextLeg(legs: readonly Leg[], leg: Leg): Leg {
  const next = legs[(legs.indexOf(leg) + 1) % legs.length];
  if (next === undefined) throw new Error("a junction without legs");
  return next;
}

/** Where the kerbs of a leg and the next one clockwise meet, or null where they run straight on. */
export function corner(a: Leg, b: Leg): Point | null {
  const turn = normalDeg(b.bearingDeg - a.bearingDeg);
  if (turn < 15 || turn > 165) return null;
  const from = onLeg(a, 0, kerbs(a).leaving);
  const to = onLeg(b, 0, kerbs(b).arriving);
  const gap = { x: to.x - from.x, y: to.y - from.y };
  const cross = a.out.x * b.out.y - a.out.y * b.out.x;
  const distance = (gap.x * b.out.y - gap.y * b.out.x) / cross;
  return add(from, scale(a.out, distance));
}

/** Where the corner on the arriving side of a leg lies, metres out; 0 where the kerb runs on. */
export function arrivingCornerM(legs: readonly Leg[], leg: Leg): number {
  const before = legs.find((other) => nextLeg(legs, other) === leg) ?? leg;
  const point = corner(before, leg);
  return point === null ? 0 : along(point, leg.out);
}

/** How far out the farther of a leg's two corners lies. */
function cornerM(legs: readonly Leg[], leg: Leg): number {
  const before = legs.find((other) => nextLeg(legs, other) === leg) ?? leg;
  const points = [corner(leg, nextLeg(legs, leg)), corner(before, leg)];
  return Math.max(0, ...points.map((point) => (point === null ? 0 : along(point, leg.out))));
}

/** The middle line of a movement from its stop line to the leg on which it leaves. */
export function movementPath(site: Site, plan: Plan, { phase, leg, lane }: Lane): Point[] {
  const start = onLeg(leg, leg.stopM - 0.6, laneRightM(lane));
  const { approach } = leg;
  const exit =
    approach === null
      ? null
      : legAt(plan.legs, exitLegDeg(site.approaches, approach, phase.movement));
  if (exit === null) return [start];
  const nth = plan.lanes.filter(
    (other) => other.leg === leg && other.phase === phase && other.lane < lane,
  ).length;
  const into = -laneRightM(Math.min(nth + 1, exit.lanesOut));
  const end = onLeg(exit, exit.stopM + 1, into);
  const straight = apartDeg(leg.bearingDeg + 180, exit.bearingDeg) < 20;
  if (straight) {
    return [start, onLeg(leg, 2, laneRightM(lane)), onLeg(exit, 2, into), end];
  }
  // The control points pull towards where the two lanes' middle lines would meet.
  return [start, onLeg(leg, 3, laneRightM(lane)), onLeg(exit, 3, into), end];
}

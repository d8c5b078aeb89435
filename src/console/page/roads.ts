// The still part of the drawing: road surface, markings, crosswalks, stop lines and the paths of
// the movements. What changes on them is an attribute; the style sheets do the rest.
import {
  CROSSWALK_M,
  corner,
  crosswalkM,
  kerbs,
  LANE_M,
  type Lane,
  type Leg,
  laneRightM,
  movementPath,
  nextLeg,
  onLeg,
  type Plan,
} from "./geometry.ts";
import { add, curve, type Point, polyline, scale, text } from "./points.ts";
import type { Site } from "./site.ts";
import { svg } from "./svg.ts";

/** Roads run on beyond any window. */
const FAR_M = 260;
const CORNER_M = 4;
const BAR_M = 0.55;
/** Arriving lanes are parted by a solid line this far before the stop line. */
const SOLID_M = 22;

function surfacePath(plan: Plan): string {
  const pieces = plan.legs.map((leg, index) => {
    const next = nextLeg(plan.legs, leg);
    const { arriving, leaving } = kerbs(leg);
    const farIn = text(onLeg(leg, FAR_M, arriving));
    const farOut = text(onLeg(leg, FAR_M, leaving));
    const start = index === 0 ? `M${farIn}` : `L${farIn}`;
    return `${start}L${farOut}${cornerPath(leg, next)}`;
  });
  return `${pieces.join("")}Z`;
}

/** From the leaving kerb of a leg round the corner to the arriving kerb of the next. */
function cornerPath(leg: Leg, next: Leg): string {
  const meet = corner(leg, next);
  if (meet === null) {
    const from = onLeg(leg, 3, kerbs(leg).leaving);
    const to = onLeg(next, 3, kerbs(next).arriving);
    return `L${text(from)}L${text(to)}`;
  }
  const from = add(meet, scale(leg.out, CORNER_M));
  const to = add(meet, scale(next.out, CORNER_M));
  return `L${text(from)}Q${text(meet)} ${text(to)}`;
}

function line(
  leg: Leg,
  range: readonly [number, number],
  rightM: number,
  name: string,
): SVGElement {
  const points = [onLeg(leg, range[0], rightM), onLeg(leg, range[1], rightM)];
  return svg("path", { d: polyline(points), class: name });
}

function markings(leg: Leg): SVGElement[] {
  const { stopM } = leg;
  const drawn: SVGElement[] = [];
  if (leg.lanesIn > 0) {
    drawn.push(line(leg, [stopM, FAR_M], -0.16, "centre-line"));
    drawn.push(line(leg, [stopM, FAR_M], 0.16, "centre-line"));
  }
  for (let lane = 1; lane < leg.lanesIn; lane += 1) {
    drawn.push(line(leg, [stopM, stopM + SOLID_M], lane * LANE_M, "lane-line"));
    drawn.push(line(leg, [stopM + SOLID_M + 2, FAR_M], lane * LANE_M, "lane-line dashed"));
  }
  for (let lane = 1; lane < leg.lanesOut; lane += 1) {
    drawn.push(line(leg, [stopM, FAR_M], -lane * LANE_M, "lane-line dashed"));
  }
  return drawn;
}

/** The stripes of a leg's crosswalk, each along the traffic. */
export function crosswalk(leg: Leg): SVGGElement {
  const { arriving, leaving } = kerbs(leg);
  const from = crosswalkM(leg);
  const stripes: SVGElement[] = [];
  for (let at = leaving + BAR_M; at + BAR_M <= arriving; at += 2 * BAR_M) {
    const corners = [
      onLeg(leg, from, at),
      onLeg(leg, from + CROSSWALK_M, at),
      onLeg(leg, from + CROSSWALK_M, at + BAR_M),
      onLeg(leg, from, at + BAR_M),
    ];
    stripes.push(svg("path", { d: polyline(corners, true), class: "stripe" }));
  }
  return svg("g", { class: "crosswalk" }, ...stripes);
}

/** A white arrow on the lane, as painted on the road. */
function laneArrow({ leg, lane, phase }: Lane): SVGElement {
  const at = onLeg(leg, leg.stopM + 11.5, laneRightM(lane));
  const shapes = {
    through: "M0 2.2V-2M-.8-1 0-2.2.8-1",
    left: "M.5 2.2V-.6Q.5-1.4-.3-1.4H-.8M-.2-2.1-1-1.4-.2-.7",
    right: "M-.5 2.2V-.6Q-.5-1.4.3-1.4H.8M.2-2.1 1-1.4.2-.7",
  };
  const turn = leg.approach?.headingDeg ?? 0;
  return svg("path", {
    d: shapes[phase.movement],
    class: "lane-arrow",
    transform: `translate(${text(at)}) rotate(${turn})`,
  });
}

/** The bar across the lanes of one phase. */
function stopLine(lane: Lane): SVGElement {
  const middle = laneRightM(lane.lane);
  const points = [
    onLeg(lane.leg, lane.leg.stopM, middle - LANE_M / 2 + 0.25),
    onLeg(lane.leg, lane.leg.stopM, middle + LANE_M / 2 - 0.25),
  ];
  return svg("path", { d: polyline(points), class: "stop-line", "data-phase": lane.phase.phase });
}

/** The path of a lane's movement with an arrowhead where it leaves. */
function flow(site: Site, plan: Plan, lane: Lane): SVGElement {
  const points = movementPath(site, plan, lane);
  const path = svg("path", { d: curve(points), class: "flow-line" });
  const end = points.at(-1);
  const before = points.at(-2);
  const parts: SVGElement[] = [path];
  if (end !== undefined && before !== undefined) parts.push(arrowHead(before, end));
  return svg("g", { class: "flow", "data-phase": lane.phase.phase }, ...parts);
}

function arrowHead(from: Point, to: Point): SVGElement {
  const turn = (Math.atan2(to.y - from.y, to.x - from.x) * 180) / Math.PI;
  return svg("path", {
    d: "M2.4 0-.4 1.5V-1.5Z",
    class: "flow-head",
    transform: `translate(${text(to)}) rotate(${Math.round(turn * 10) / 10})`,
  });
}

export interface Roads {
  readonly element: SVGGElement;
  readonly crosswalks: ReadonlyMap<Leg, SVGGElement>;
  readonly stopLines: readonly SVGElement[];
  readonly flows: readonly SVGElement[];
}

export function drawRoads(site: Site, plan: Plan): Roads {
  const crosswalks = new Map(
    plan.legs.filter((leg) => leg.crosswalk).map((leg) => [leg, crosswalk(leg)]),
  );
  const stopLines = plan.lanes.map(stopLine);
  const flows = plan.lanes.map((lane) => flow(site, plan, lane));
  const element = svg(
    "g",
    { class: "roads" },
    svg("path", { d: surfacePath(plan), class: "surface" }),
    svg("g", { class: "markings" }, ...plan.legs.flatMap(markings)),
    svg("g", { class: "lane-arrows" }, ...plan.lanes.map(laneArrow)),
    ...crosswalks.values(),
    svg("g", { class: "flows" }, ...flows),
    svg("g", { class: "stop-lines" }, ...stopLines),
  );
  return { element, crosswalks, stopLines, flows };
}

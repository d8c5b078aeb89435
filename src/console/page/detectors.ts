// Detectors in the drawing: loops in the lanes they serve, lit while something is on them. Where a
// loop lies along its lane is not in the site file; the drawing places it by its kind.
import { type Lane, laneRightM, onLeg, type Plan } from "./geometry.ts";
import type { Picture } from "./picture.ts";
import { polyline } from "./points.ts";
import type { Site, SiteDetector } from "./site.ts";
import { setAttribute, setText, svg } from "./svg.ts";

/** First metre behind the stop line and length, by kind, as the virtual street has them. */
const PLACES: Readonly<Record<SiteDetector["kind"], readonly [number, number]>> = {
  presence: [0.4, 11.6],
  "stop-bar": [0.4, 5.6],
  count: [-2.4, 2],
  pulse: [30, 2],
  advance: [36, 2],
};
/** An advance detector lies this long before the stop line at the approach speed. */
const ADVANCE_S = 4;
const HALF_WIDTH_M = 1.05;

interface Loop {
  readonly key: string;
  readonly name: string;
  readonly element: SVGGElement;
  readonly title: SVGTitleElement;
}

/** An advance loop that lies beyond the window is drawn at its edge. */
function loopAt(lane: Lane, kind: SiteDetector["kind"]): string {
  const [near, length] = PLACES[kind];
  const speedMps = lane.leg.approach?.speedMps ?? 0;
  const place = kind === "advance" ? Math.min(near, speedMps * ADVANCE_S) : near;
  const from = lane.leg.stopM + place;
  const middle = laneRightM(lane.lane);
  return polyline(
    [
      onLeg(lane.leg, from, middle - HALF_WIDTH_M),
      onLeg(lane.leg, from + length, middle - HALF_WIDTH_M),
      onLeg(lane.leg, from + length, middle + HALF_WIDTH_M),
      onLeg(lane.leg, from, middle + HALF_WIDTH_M),
    ],
    true,
  );
}

function phasesOf(detector: SiteDetector): number[] {
  return [...new Set([...detector.call, ...detector.extend])].sort((a, b) => a - b);
}

/** Several of one kind on the same phases share their lanes; a single one covers them all. */
function lanesUnder(site: Site, plan: Plan, detector: SiteDetector): Lane[] {
  const phases = phasesOf(detector);
  const over = plan.lanes.filter(({ phase }) => phases.includes(phase.phase));
  const key = phases.join();
  const alike = site.detectors.filter(
    (other) => other.kind === detector.kind && phasesOf(other).join() === key,
  );
  const share = Math.max(1, Math.min(alike.length, over.length));
  const mine = alike.indexOf(detector) % share;
  return over.filter((_, index) => index % share === mine);
}

function loopOf(site: Site, plan: Plan, detector: SiteDetector): Loop | null {
  const lanes = lanesUnder(site, plan, detector);
  if (lanes.length === 0) return null;
  const title = svg("title");
  const shapes = lanes.map((lane) =>
    svg("path", { d: loopAt(lane, detector.kind), class: "loop-shape" }),
  );
  const attributes = { class: "loop", "data-detector": detector.detector };
  const phases = phasesOf(detector).join(" and ");
  return {
    key: String(detector.detector),
    name: `Detector ${detector.detector}, ${detector.kind}, phase ${phases}`,
    element: svg("g", attributes, title, ...shapes),
    title,
  };
}

export interface DetectorLayer {
  readonly element: SVGGElement;
  update(picture: Picture): void;
}

/** Draws the detectors that serve a phase; counting ones without a phase have no place to lie. */
export function drawDetectors(site: Site, plan: Plan): DetectorLayer {
  const loops = site.detectors
    .map((detector) => loopOf(site, plan, detector))
    .filter((loop) => loop !== null);
  return {
    element: svg("g", { class: "loops" }, ...loops.map(({ element }) => element)),
    update(picture) {
      for (const loop of loops) {
        const state = picture.detectors.get(loop.key);
        setAttribute(loop.element, "data-on", state?.on === true ? "" : null);
        setAttribute(loop.element, "data-failed", state?.failed ? "" : null);
        setText(loop.title, `${loop.name}: ${detectorWord(state)}`);
      }
    },
  };
}

/** A detector's state in words. */
export function detectorWord(
  state: { readonly on: boolean; readonly failed: string | null } | undefined,
): string {
  if (state === undefined) return "not heard of";
  if (state.failed !== null) return `failed, ${state.failed}`;
  return state.on ? "occupied" : "free";
}

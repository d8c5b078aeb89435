// The drawing of the junction: roads, detectors, vehicles and heads, put together once from the
// site and brought up to date from the picture.
import { type DetectorLayer, drawDetectors } from "./detectors.ts";
import {
  arrivingCornerM,
  CROSSWALK_M,
  crosswalkLeg,
  crosswalkM,
  kerbs,
  type Leg,
  onLeg,
  type Plan,
  planOf,
} from "./geometry.ts";
import { HEAD_H, HEAD_W, type Head, vehicleHead, WALK_SIZE, walkHead } from "./heads.ts";
import type { LampName } from "./messages.ts";
import type { Picture } from "./picture.ts";
import { type Point, text } from "./points.ts";
import { drawRoads, type Roads } from "./roads.ts";
import { channelOf, type Site, type SitePhase } from "./site.ts";
import { setAttribute, svg } from "./svg.ts";
import { drawVehicles, type VehicleLayer } from "./vehicles.ts";
import { vehicleLamp } from "./words.ts";

/** Of each leg, this much behind the stop line is always in view. */
const VIEW_M = 34;

interface PlacedHead {
  readonly head: Head;
  readonly channel: number;
  readonly phase: SitePhase;
  readonly kind: "vehicle" | "pedestrian";
  readonly leg: Leg;
}

/** True where the leg runs more up and down the page than across it. */
function isUpright(leg: Leg): boolean {
  return Math.abs(leg.out.y) > Math.abs(leg.out.x);
}

/**
 * Where the nth head of an approach stands: on the corner to the right of its stop line, beyond the
 * pedestrian head of the crosswalk that ends there.
 */
function headPlace(plan: Plan, leg: Leg, nth: number): Point {
  const step = HEAD_W + 1.3;
  const kerb = kerbs(leg).arriving;
  const baseM = Math.max(leg.stopM, arrivingCornerM(plan.legs, leg) + WALK_SIZE + 4);
  if (isUpright(leg)) {
    return onLeg(leg, baseM + HEAD_H / 2 + 4.4, kerb + 1.8 + HEAD_W / 2 + nth * step);
  }
  return onLeg(leg, baseM + 1.4 + HEAD_W / 2 + nth * step, kerb + HEAD_H / 2 + 5.8);
}

function vehicleHeads(site: Site, plan: Plan): PlacedHead[] {
  return plan.legs.flatMap((leg) => {
    const phases = new Set(
      plan.lanes
        .filter((lane) => lane.leg === leg)
        .sort((a, b) => a.lane - b.lane)
        .map(({ phase }) => phase),
    );
    return [...phases].flatMap((phase, nth) => {
      const channel = channelOf(site, phase.phase, "vehicle");
      if (channel === null) return [];
      const head = vehicleHead(phase.phase, channel, phase.movement);
      head.element.setAttribute("transform", `translate(${text(headPlace(plan, leg, nth))})`);
      return [{ head, channel, phase, kind: "vehicle" as const, leg }];
    });
  });
}

/** Pedestrian heads stand at the clockwise end of their crosswalk, so that each corner has one. */
function walkHeads(site: Site, plan: Plan): PlacedHead[] {
  const used = new Map<Leg, number>();
  return site.phases.flatMap((phase) => {
    const channel = channelOf(site, phase.phase, "pedestrian");
    const leg = crosswalkLeg(site, plan.legs, phase);
    if (channel === null || leg === null) return [];
    const nth = used.get(leg) ?? 0;
    used.set(leg, nth + 1);
    const middle = crosswalkM(leg) + CROSSWALK_M / 2;
    const { arriving, leaving } = kerbs(leg);
    const place = onLeg(leg, middle, nth === 0 ? leaving - 4.4 : arriving + 4.4);
    const head = walkHead(phase.phase, channel);
    head.element.setAttribute("transform", `translate(${text(place)})`);
    return [{ head, channel, phase, kind: "pedestrian" as const, leg }];
  });
}

export class Junction {
  readonly element: SVGSVGElement;
  readonly #site: Site;
  readonly #plan: Plan;
  readonly #roads: Roads;
  readonly #detectors: DetectorLayer;
  readonly #heads: readonly PlacedHead[];
  readonly #labels: ReadonlyMap<Leg, SVGTextElement>;
  readonly vehicles: VehicleLayer;

  constructor(site: Site) {
    const plan = planOf(site);
    this.#site = site;
    this.#plan = plan;
    this.#roads = drawRoads(site, plan);
    this.#detectors = drawDetectors(site, plan);
    this.vehicles = drawVehicles(site, plan);
    this.#heads = [...walkHeads(site, plan), ...vehicleHeads(site, plan)];
    this.#labels = new Map(
      plan.legs
        .filter(({ approach }) => approach !== null)
        .map((leg) => [leg, svg("text", { class: "leg-label" }, leg.approach?.id ?? "")]),
    );
    this.element = svg(
      "svg",
      { class: "junction", role: "img", "aria-label": `Plan of ${site.name}, north is up` },
      this.#roads.element,
      this.#detectors.element,
      this.vehicles.element,
      svg("g", { class: "labels" }, ...this.#labels.values()),
      svg("g", { class: "heads" }, ...this.#heads.map(({ head }) => head.element)),
    );
  }

  /** Fits the drawing into a window of so many pixels; the roads run on to its edges. */
  resize(width: number, height: number): void {
    const need = Math.max(...this.#plan.legs.map(({ stopM }) => stopM)) + VIEW_M;
    const aspect = width / Math.max(1, height);
    const halfX = aspect >= 1 ? need * aspect : need;
    const halfY = aspect >= 1 ? need : need / aspect;
    setAttribute(
      this.element,
      "viewBox",
      [-halfX, -halfY, 2 * halfX, 2 * halfY].map((value) => value.toFixed(2)).join(" "),
    );
    for (const [leg, label] of this.#labels) placeLabel(leg, label, { x: halfX, y: halfY });
  }

  update(picture: Picture, nowMs: number): void {
    const live = picture.belief(nowMs) === "live";
    setAttribute(this.element, "data-live", live ? "" : null);
    const mode = picture.spat?.mode;
    const flashes = live && (mode === "failure-display" || mode === "trip");
    for (const placed of this.#heads) {
      const lamp = picture.lamp(placed.channel, nowMs);
      const flashing = flashes && lamp !== "dark" && this.#blinks(placed, mode === "trip");
      placed.head.show(lamp, flashing, this.#left(placed, picture, nowMs));
      if (placed.kind === "pedestrian") this.#showCrosswalk(placed, lamp);
      else this.#showWay(placed, lamp);
    }
    this.#showButtons(picture);
    this.#detectors.update(picture);
  }

  /** Does this channel blink in the failure display that stands? */
  #blinks({ channel }: PlacedHead, trip: boolean): boolean {
    const flash = this.#site.channels.find((entry) => entry.channel === channel)?.flash;
    return flash !== "dark" && (trip || this.#site.failureDisplay === "flash-red");
  }

  /** Whole seconds until the display ends, as far as that is known. */
  #left({ phase, kind }: PlacedHead, picture: Picture, nowMs: number): string {
    const state = picture.phase(phase.phase, nowMs);
    if (state === null || kind === "pedestrian") return "";
    const { likelyMs } = state;
    return likelyMs === null || state.state === "red" ? "" : String(Math.ceil(likelyMs / 1000));
  }

  #showCrosswalk({ leg }: PlacedHead, lamp: LampName | null): void {
    const crosswalk = this.#roads.crosswalks.get(leg);
    if (crosswalk !== undefined) setAttribute(crosswalk, "data-lamp", lamp ?? "unknown");
  }

  #showWay({ phase }: PlacedHead, lamp: LampName | null): void {
    for (const part of [...this.#roads.stopLines, ...this.#roads.flows]) {
      if (part.dataset.phase !== String(phase.phase)) continue;
      setAttribute(part, "data-lamp", lamp === null ? "unknown" : vehicleLamp(lamp));
    }
  }

  #showButtons(picture: Picture): void {
    for (const { head, phase, kind } of this.#heads) {
      if (kind !== "pedestrian") continue;
      const own = this.#site.pedestrianDetectors.filter((entry) => entry.phase === phase.phase);
      const on = own.some(
        ({ detector }) => picture.detectors.get(`pedestrian-${detector}`)?.on === true,
      );
      const called = picture.spat?.phases.find((entry) => entry.phase === phase.phase);
      setAttribute(head.element, "data-button", own.length === 0 ? "none" : null);
      setAttribute(head.element, "data-pressed", on ? "" : null);
      setAttribute(head.element, "data-called", called?.pedestrianCall === true ? "" : null);
    }
  }
}

/** The leg's name at the edge of the window, beside its leaving lanes. */
function placeLabel(leg: Leg, label: SVGTextElement, half: Point): void {
  const reach = Math.min(
    (half.x - 2) / Math.max(0.001, Math.abs(leg.out.x)),
    (half.y - 2) / Math.max(0.001, Math.abs(leg.out.y)),
  );
  const upright = isUpright(leg);
  const place = onLeg(leg, reach - (upright ? 1.2 : 0), kerbs(leg).leaving - (upright ? 1.6 : 2.8));
  setAttribute(label, "x", place.x.toFixed(1));
  setAttribute(label, "y", place.y.toFixed(1));
  const outward = leg.out.x > 0 ? "end" : "start";
  const beside = leg.right.x > 0 ? "end" : "start";
  setAttribute(label, "text-anchor", upright ? beside : outward);
}

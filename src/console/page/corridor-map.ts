// The street as it is now, upright, at the scale of the diagram beside it: each junction with what
// its lamps are sensed to show, the vehicles on their way, and the links between neighbours.

import { linksOf } from "./corridor-links.ts";
import type { Place, StreetPlan } from "./corridor-place.ts";
import type { Member } from "./member.ts";
import { channelOf } from "./site.ts";
import type { SpaceScale } from "./space.ts";
import { svg } from "./svg.ts";
import { vehicleLamp } from "./words.ts";

const WIDTH = 236;
const ROAD_X = 62;
const HALF_ROAD = 9;
const ARM = 30;
const LINK_X = 104;
/** The two ways' distance from the middle of the road. */
const LANE = 4.5;

export class CorridorMap {
  readonly element = svg("svg", {
    class: "corridor-map",
    role: "img",
    "aria-label": "The street now: lamps, vehicles and links",
    width: WIDTH,
  });

  draw(members: readonly Member[], plan: StreetPlan, scale: SpaceScale, nowMs: number): void {
    const { element } = this;
    element.setAttribute("viewBox", `0 0 ${WIDTH} ${scale.height}`);
    element.setAttribute("height", String(scale.height));
    const road = svg("rect", {
      class: "map-road",
      x: ROAD_X - HALF_ROAD,
      y: 0,
      width: 2 * HALF_ROAD,
      height: scale.height,
    });
    const middle = svg("path", { class: "map-middle", d: `M${ROAD_X} 0V${scale.height}` });
    element.replaceChildren(
      ...plan.places.map(({ atM }) => crossRoad(scale.y(atM))),
      road,
      middle,
      ...linkLines(members, plan, scale),
      ...plan.places.flatMap((place) => this.#junction(members, place, { plan, scale, nowMs })),
    );
  }

  #junction(
    members: readonly Member[],
    place: Place,
    { plan, scale, nowMs }: { plan: StreetPlan; scale: SpaceScale; nowMs: number },
  ): SVGElement[] {
    const member = members[place.index];
    const site = member?.site;
    if (member === undefined || site === null || site === undefined) return [];
    const y = scale.y(place.atM);
    const square = svg("rect", {
      class: "map-junction",
      x: ROAD_X - HALF_ROAD,
      y: y - HALF_ROAD,
      width: 2 * HALF_ROAD,
      height: 2 * HALF_ROAD,
    });
    const name = svg("text", { class: "map-name", x: LINK_X + 12, y: y + 4 });
    const link = svg("a", { href: `${member.origin}/` }, site.node.id);
    name.append(link);
    return [square, ...heads(member, plan, y, nowMs), ...vehicles(member, place, scale), name];
  }
}

function crossRoad(y: number): SVGElement {
  return svg("rect", {
    class: "map-road",
    x: ROAD_X - ARM,
    y: y - HALF_ROAD,
    width: 2 * ARM,
    height: 2 * HALF_ROAD,
  });
}

/** One lamp for each approach, where its traffic stops. */
function heads(member: Member, plan: StreetPlan, y: number, nowMs: number): SVGElement[] {
  const { site, picture } = member;
  if (site === null) return [];
  return site.approaches.flatMap((approach) => {
    const own = site.phases.filter(({ approach: id }) => id === approach.id);
    const phase = own.find(({ movement }) => movement === "through") ?? own[0];
    if (phase === undefined) return [];
    const sensed = picture.lamp(channelOf(site, phase.phase, "vehicle"), nowMs);
    const lamp = sensed === null ? "unknown" : vehicleLamp(sensed);
    const turn = ((approach.headingDeg - plan.bearingDeg) * Math.PI) / 180;
    // From the middle back along its way, and to the right of it.
    const [back, right] = [HALF_ROAD + 5, LANE];
    const x = ROAD_X - back * Math.sin(turn) + right * Math.cos(turn);
    const up = y + back * Math.cos(turn) + right * Math.sin(turn);
    return [
      svg(
        "circle",
        { class: "map-lamp", "data-lamp": lamp, cx: x.toFixed(1), cy: up.toFixed(1), r: 4 },
        svg("title", {}, `${approach.id}, phase ${phase.phase}: ${lamp.replaceAll("-", " ")}`),
      ),
    ];
  });
}

function vehicles(member: Member, place: Place, scale: SpaceScale): SVGElement[] {
  return member.lanes.flatMap(({ approach, vehicles: fronts }) => {
    const sign = approach === place.ahead?.approach ? -1 : 1;
    if (sign > 0 && approach !== place.back?.approach) return [];
    return fronts.map((frontM) =>
      svg("rect", {
        class: sign < 0 ? "map-vehicle ahead" : "map-vehicle back",
        x: (ROAD_X - sign * LANE - 1.5).toFixed(1),
        y: (scale.y(place.atM + sign * frontM) - 2.5).toFixed(1),
        width: 3,
        height: 5,
      }),
    );
  });
}

/** A clock's face on the middle of a link, and the word for it below the others. */
function mark(y: number): SVGElement[] {
  const face = svg(
    "g",
    { class: "map-mark", transform: `translate(${LINK_X + 2.5} ${y.toFixed(1)})` },
    svg("circle", { r: 6.5 }),
    svg("path", { d: "M0 -3.5V0L2.5 1.8" }),
  );
  return [face, svg("text", { class: "map-link-words", x: LINK_X + 12, y: y + 20 }, "marked")];
}

function linkLines(members: readonly Member[], plan: StreetPlan, scale: SpaceScale): SVGElement[] {
  return linksOf(members, plan).flatMap(({ from, to, state, unsure, words }) => {
    const [a, b] = [scale.y(from.atM) - 14, scale.y(to.atM) + 14];
    const bend = LINK_X + 10;
    const middle = (a + b) / 2;
    return [
      svg("path", {
        class: "map-link",
        "data-state": state,
        d: `M${ROAD_X + 22} ${a}C${bend} ${a - 10} ${bend} ${b + 10} ${ROAD_X + 22} ${b}`,
      }),
      svg("text", { class: "map-link-words", x: LINK_X + 12, y: middle + 4 }, words),
      ...(unsure.length === 0 ? [] : mark(middle)),
    ];
  });
}

// What goes wrong between two nodes.
import type { Disguise, Link, Weather } from "../network.ts";
import type { FaultPlace, LinkFault, NodeFault } from "./fault.ts";

type Share = "loss" | "duplication" | "reordering" | "corruption";

/** Worst share of datagrams that each of these takes. */
const WORST: Readonly<Record<Share, number>> = {
  loss: 0.5,
  duplication: 0.3,
  reordering: 0.5,
  corruption: 0.2,
};
const WORST_DELAY_MS = 1_000;
const FLAP_MS = [500, 6_000] as const;

/** One way or both, as the seed draws it. */
function weathers(link: Link, { random }: FaultPlace): Weather[] {
  const which = random.below(3);
  if (which === 0) return [link.there.weather];
  return which === 1 ? [link.back.weather] : [link.there.weather, link.back.weather];
}

function worse(share: Share): LinkFault {
  return (link, place) => {
    const more = WORST[share] * Math.max(0.05, place.fault.amount);
    const hit = weathers(link, place);
    for (const weather of hit) weather[share] += more;
    return () => {
      for (const weather of hit) weather[share] = Math.max(0, weather[share] - more);
    };
  };
}

export const delay: LinkFault = (link, place) => {
  const moreMs = WORST_DELAY_MS * Math.max(0.05, place.fault.amount);
  const hit = weathers(link, place);
  for (const weather of hit) weather.delayMs += moreMs;
  return () => {
    for (const weather of hit) weather.delayMs = Math.max(0, weather.delayMs - moreMs);
  };
};

export const loss = worse("loss");
export const duplication = worse("duplication");
export const reordering = worse("reordering");
export const corruption = worse("corruption");

export const otherVersion: LinkFault = (link, { random }) => {
  const { weather } = random.chance(0.5) ? link.there : link.back;
  const disguise: Disguise = { as: random.chance(0.5) ? "version" : "kind" };
  weather.disguises.push(disguise);
  return () => {
    weather.disguises = weather.disguises.filter((one) => one !== disguise);
  };
};

export const oneWay: LinkFault = (link, { random, network }) => {
  const from = random.chance(0.5) ? link.a : link.b;
  network.cut(link, from, true);
  return () => network.cut(link, from, false);
};

function both(link: Link, { network }: FaultPlace, closed: boolean): void {
  network.cut(link, link.a, closed);
  network.cut(link, link.b, closed);
}

export const flapping: LinkFault = (link, place) => {
  const { random, time } = place;
  let closed = false;
  let over = false;
  const turn = (): void => {
    if (over) return;
    closed = !closed;
    both(link, place, closed);
    time.after(random.between(...FLAP_MS), turn);
  };
  turn();
  return () => {
    over = true;
    if (closed) both(link, place, false);
  };
};

export const partition: NodeFault = (node, place) => {
  const links = place.network.links.filter(({ a, b }) => a === node.id || b === node.id);
  if (links.length === 0) return null;
  for (const link of links) both(link, place, true);
  return () => {
    for (const link of links) both(link, place, false);
  };
};

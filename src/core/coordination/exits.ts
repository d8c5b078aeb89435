// Which movements of a junction lead to which neighbour, by compass headings alone.
import type { Movement, NeighbourSite, SiteModel } from "../site/model.ts";
import { modulo } from "../site/plan.ts";

/** A movement that leaves towards a neighbour. */
export interface Feed {
  readonly phase: number;
  /** Part of the phase's vehicles that take this exit, before anything has been learnt. */
  readonly share: number;
}

/** By how much a movement turns, in right-hand traffic. */
const TURN_DEG: Readonly<Record<Movement, number>> = { through: 0, left: -90, right: 90 };
/** Roads are seldom at right angles. */
const NEAR_DEG = 45;
/** Of the lanes that go straight on and also turn where no phase of its own serves the turn. */
const TURN_SHARE = 0.15;

/** True for two headings that mean one road. */
export function isSameWay(aDeg: number, bDeg: number): boolean {
  const apart = modulo(aDeg - bDeg, 360);
  return Math.min(apart, 360 - apart) <= NEAR_DEG;
}

/** Travel direction after a movement of somebody who came with `headingDeg`. */
export function headingAfterDeg(headingDeg: number, movement: Movement): number {
  return modulo(headingDeg + TURN_DEG[movement], 360);
}

/** Travel direction of vehicles that leave towards a neighbour; null without a road to it. */
export function exitHeadingDeg(site: SiteModel, neighbour: NeighbourSite): number | null {
  const approach = site.approaches.find(({ id }) => id === neighbour.road?.approach);
  return approach === undefined ? null : modulo(approach.headingDeg + 180, 360);
}

/** Movements that the phase's lanes serve: its own, and turns without a phase of their own. */
function movementsOf(site: SiteModel, phase: SiteModel["phases"][number]): Movement[] {
  if (phase.movement !== "through") return [phase.movement];
  const own = site.phases.filter(({ approach }) => approach === phase.approach);
  const turns: Movement[] = ["left", "right"];
  return ["through", ...turns.filter((turn) => own.every(({ movement }) => movement !== turn))];
}

/** The phases whose vehicles leave with a heading, with the part of them that does. */
export function feedsTowards(site: SiteModel, headingDeg: number): Feed[] {
  return site.phases.flatMap((phase): Feed[] => {
    const approach = site.approaches.find(({ id }) => id === phase.approach);
    if (approach === undefined) return [];
    const movements = movementsOf(site, phase);
    const share = movements.reduce((sum, movement) => {
      const leavesDeg = headingAfterDeg(approach.headingDeg, movement);
      if (!isSameWay(leavesDeg, headingDeg)) return sum;
      const isMain = movement === phase.movement;
      return sum + (isMain ? 1 - TURN_SHARE * (movements.length - 1) : TURN_SHARE);
    }, 0);
    return share === 0 ? [] : [{ phase: phase.phase, share }];
  });
}

/** True for a phase whose vehicles go straight on and come from a neighbour or leave to one. */
export function isStreetThrough(site: SiteModel, phase: SiteModel["phases"][number]): boolean {
  if (phase.movement !== "through") return false;
  const headingDeg = site.approaches.find(({ id }) => id === phase.approach)?.headingDeg;
  return site.neighbours.some((neighbour) => {
    const exitDeg = exitHeadingDeg(site, neighbour);
    if (neighbour.road?.approach === phase.approach) return true;
    return exitDeg !== null && headingDeg !== undefined && isSameWay(headingDeg, exitDeg);
  });
}

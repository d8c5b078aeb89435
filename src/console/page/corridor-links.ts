// What two neighbours on the street say of the link between them. Pure.
import type { NeighbourPicture } from "../../core/site/neighbours.ts";
import type { Place, StreetPlan } from "./corridor-place.ts";
import { ageText } from "./durations.ts";
import type { Picture } from "./picture.ts";

/** What of a member counts here. */
export interface Linked {
  readonly site: { readonly node: { readonly id: string } } | null;
  readonly picture: Pick<Picture, "connected" | "neighbours" | "spat">;
}

export type LinkState = "up" | "half" | "down" | "unknown";

export interface StreetLink {
  readonly from: Place;
  readonly to: Place;
  readonly names: readonly [string, string];
  /** `half`: one side alone says that it hears the other. */
  readonly state: LinkState;
  /** As the upstream and the downstream junction see it; null where that one is not heard. */
  readonly seen: readonly [NeighbourPicture | null, NeighbourPicture | null];
  /**
   * Which of the two says that its own clock is not sure. A link that carries something is marked
   * then: neither side believes times that come over it, and nothing is coordinated by them.
   */
  readonly unsure: readonly string[];
  /** A few words for a drawing. */
  readonly words: string;
}

/** What each form of a link means, in the order of the legend. */
export const LINK_LEGEND = [
  ["up", "linked"],
  ["half", "one way: only one side hears"],
  ["down", "link down"],
  ["marked", "marked: a side's clock is not sure"],
] as const;

function idOf(members: readonly Linked[], place: Place): string | null {
  return members[place.index]?.site?.node.id ?? null;
}

function seenBy(member: Linked | undefined, id: string | null): NeighbourPicture | null {
  if (member === undefined || !member.picture.connected) return null;
  return member.picture.neighbours?.neighbours.find((entry) => entry.id === id) ?? null;
}

/** What control says of its clock; a node that does not hear its control says nothing of it. */
function isUnsure(member: Linked | undefined): boolean {
  if (member === undefined || !member.picture.connected) return false;
  const { spat } = member.picture;
  return spat !== null && spat.mode !== "unavailable" && spat.clock === "unsure";
}

function stateOf(a: NeighbourPicture | null, b: NeighbourPicture | null): LinkState {
  const up = [a, b].filter((side) => side?.linkUp === true).length;
  if (a === null && b === null) return "unknown";
  if (up === 2 || (up === 1 && (a === null || b === null))) return "up";
  return up === 1 ? "half" : "down";
}

const WORDS: Readonly<Record<LinkState, string>> = {
  up: "linked",
  half: "one way",
  down: "link down",
  unknown: "not known",
};

/** One for each pair of neighbours along the street that either of them names. */
export function linksOf(members: readonly Linked[], plan: StreetPlan): StreetLink[] {
  return plan.places.slice(1).flatMap((to, index) => {
    const from = plan.places[index];
    if (from === undefined) return [];
    const names = [idOf(members, from), idOf(members, to)] as const;
    const a = seenBy(members[from.index], names[1]);
    const b = seenBy(members[to.index], names[0]);
    const state = stateOf(a, b);
    const lags = [a?.lagMs, b?.lagMs].filter((lag) => lag !== null && lag !== undefined);
    const lag = state === "up" && lags.length > 0 ? ` · ${ageText(Math.max(...lags))}` : "";
    const [first, second] = names;
    if (first === null || second === null) return [];
    const carries = state === "up" || state === "half";
    const sides = [from, to].filter(({ index: at }) => carries && isUnsure(members[at]));
    const unsure = sides.flatMap((side) => idOf(members, side) ?? []);
    const words = `${WORDS[state]}${lag}`;
    return [{ from, to, names: [first, second], state, seen: [a, b], unsure, words }];
  });
}

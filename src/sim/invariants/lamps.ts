// What people at the junctions see. Judged from what shines alone, with the program card and the
// times of the site file; no code of controller, interlock or firmware is shared.
import { type Channel, type Phase, phaseOf, type SiteModel } from "../../core/site/model.ts";
import { type Invariant, invariant } from "./invariant.ts";

/**
 * A cabinet's clock may be 0.3 % wrong and its steps are 1 ms: what it measures right is shorter.
 */
export function leastMs(ms: number): number {
  return ms * 0.996 - 3;
}

/** The node measures minimum greens: its clock, 50 ms of the interlock, the jitter of the cable. */
export function leastGreenMs(ms: number): number {
  return ms * 0.998 - 50 - 60;
}

export interface ChannelCard {
  readonly channel: Channel;
  readonly timing: Phase;
  readonly bit: number;
  readonly isVehicle: boolean;
  /** Channels that may never go beside it, as a mask. */
  readonly against: number;
}

/** The program card of a site, a line for each channel that is used. */
export function cardOf(site: SiteModel): ChannelCard[] {
  const pairs = new Set(site.compatible.map(([a, b]) => `${a} ${b}`));
  return site.channels.map((channel) => {
    let against = 0;
    for (const { channel: other } of site.channels) {
      const [a, b] = [channel.channel, other].sort((x, y) => x - y);
      if (a !== b && !pairs.has(`${a} ${b}`)) against |= 1 << (other - 1);
    }
    const bit = 1 << (channel.channel - 1);
    const isVehicle = channel.kind === "vehicle";
    return { channel, timing: phaseOf(site, channel.phase), bit, isVehicle, against };
  });
}

/** Channels of a mask, for people. */
function names(mask: number): string {
  const found: number[] = [];
  for (let at = 0; at < 16; at += 1) if ((mask >> at) & 1) found.push(at + 1);
  return found.join(", ");
}

export const noConflictingDisplay: Invariant<[readonly ChannelCard[], number]> = invariant(
  "no conflicting display",
  "two streams that cross, both told to go, is what all of this exists to prevent",
  (cards, going) => {
    for (const { bit, against, channel } of cards) {
      if ((going & bit) === 0 || (going & against) === 0) continue;
      return `channel ${channel.channel} goes beside ${names(going & against)}`;
    }
    return null;
  },
);

/** What one channel showed before its display changed. */
export interface Shown {
  readonly card: ChannelCard;
  readonly colour: string;
  readonly next: string;
  readonly forMs: number;
}

export const noShortenedYellow: Invariant<[Shown]> = invariant(
  "no shortened yellow",
  "who is too near to stop needs the whole yellow",
  ({ card, colour, next, forMs }) => {
    const name = `channel ${card.channel.channel}`;
    if (colour === "green") {
      return next === "yellow" ? null : `${name} went from green to ${next} without yellow`;
    }
    const { yellowMs } = card.timing;
    return forMs >= leastMs(yellowMs) ? null : `${name}: yellow of ${forMs} ms of ${yellowMs}`;
  },
);

export const noShortenedClearance: Invariant<[ChannelCard, ChannelCard, number]> = invariant(
  "no shortened clearance",
  "who is still in the junction must be out of it before the others go",
  (green, ended, sinceMs) => {
    const { pedestrian, redClearanceMs } = ended.timing;
    const dueMs = ended.isVehicle ? redClearanceMs : (pedestrian?.clearanceMs ?? 0);
    if (sinceMs >= leastMs(dueMs)) return null;
    const [one, other] = [green.channel.channel, ended.channel.channel];
    return `channel ${one} goes ${sinceMs} ms after channel ${other} ended, of ${dueMs}`;
  },
);

export const noShortenedMinimum: Invariant<[ChannelCard, number]> = invariant(
  "no shortened minimum",
  "a green shorter than its minimum deceives who has just begun to go",
  ({ channel, timing, isVehicle }, forMs) => {
    const dueMs = isVehicle ? timing.minGreenMs : (timing.pedestrian?.walkMs ?? 0);
    if (forMs >= leastGreenMs(dueMs)) return null;
    return `channel ${channel.channel}: green of ${Math.round(forMs)} ms of ${dueMs}`;
  },
);

export interface LampLook {
  /** How long each vehicle head has shown nothing, the longest of them, ms. */
  readonly darkMs: number;
  /** How long all vehicle heads have shown a steady red, ms. */
  readonly allRedMs: number;
  readonly failing: boolean;
  /** What the node says, or null while no process runs. */
  readonly mode: string | null;
  readonly cause: string | null;
}

/** Flash is dark for half a second at a time. */
const DARK_MS = 1_200;
/** A start-up waits for ten healthy seconds, then shows red for six. */
const ALL_RED_MS = 60_000;

export const lampsGoOn: Invariant<[LampLook]> = invariant(
  "lamps go on, or the failure display stands with its cause",
  "a dark junction that nobody notices is a trap; one that does not say why is not mended",
  ({ darkMs, allRedMs, failing, mode, cause }) => {
    if (darkMs > DARK_MS) return `a vehicle head has been dark for ${Math.round(darkMs)} ms`;
    if (allRedMs > ALL_RED_MS) return `all red for ${Math.round(allRedMs / 1000)} s`;
    const says = mode !== null && mode !== "controlled" && mode !== "starting";
    if (failing && says && cause === null) return `${mode} without a cause`;
    return null;
  },
);

/** Latches that say that somebody above the microcontroller was wrong. */
const HOST_FAULT = /^(the node asked for (?!it)|the interlock refused)/;

export const hostAsksNothingUnlawful: Invariant<[string]> = invariant(
  "the microcontroller never has to refuse the node",
  "two layers stand above it so that it does not come to that; when it does, both have failed",
  (latched) => (HOST_FAULT.test(latched) ? `latched: ${latched}` : null),
);

export const noLatchWithoutFault: Invariant<[string, boolean]> = invariant(
  "no trip of a sound cabinet",
  "a monitor that trips by itself is switched off by somebody in the end",
  (latched, disturbed) =>
    disturbed || /third stop/.test(latched) || HOST_FAULT.test(latched)
      ? null
      : `latched without a fault of the cabinet: ${latched}`,
);

export const junctionsRecover: Invariant<[string | null, number]> = invariant(
  "junctions are back once faults stop",
  "a fault that is over and still keeps a junction in flash needs somebody to drive there",
  (mode, greenAgoMs) => {
    if (mode !== "controlled") return `${mode ?? "no process"} long after the last fault`;
    return greenAgoMs > 300_000 ? `no green for ${Math.round(greenAgoMs / 1000)} s` : null;
  },
);

// What the interlock knows of a junction: for each channel its times and the channels it may be
// lit together with. Made only from the integrator's program card (`compatible`) and the timing of
// the phases; the sequence, detectors and everything else the controller works with stay outside,
// so that a slip there cannot become a permission here.
import { CHANNEL_COUNT } from "../site/lamps.ts";
import { type Channel, phaseOf, type SiteModel } from "../site/model.ts";

/** No other channel runs beside this one. */
export const NO_CHANNEL = -1;

/** One channel; array positions and `parallel` count from 0, messages count from 1. */
export interface ChannelRule {
  readonly used: boolean;
  readonly pedestrian: boolean;
  /** Minimum green of a vehicle channel, walk of a pedestrian channel. */
  readonly minimumMs: number;
  /** Yellow of a vehicle channel, pedestrian clearance of a pedestrian channel. */
  readonly endingMs: number;
  readonly redClearanceMs: number;
  /** Bit n is set when channel n + 1 may be lit together with this one. */
  readonly compatible: number;
  /** The vehicle channel of the same phase, which stays green while people cross. */
  readonly parallel: number;
}

export interface InterlockTable {
  /** One rule per output, channel 1 first, always sixteen. */
  readonly channels: readonly ChannelRule[];
}

/**
 * No site gets below these, whatever its file says: the least yellow and red clearance, minimum
 * green and (with a reason) walk that the loader lets through (CABINET, what `check` refuses).
 */
export const FLOOR = {
  yellowMs: 3000,
  redClearanceMs: 1000,
  minimumGreenMs: 4000,
  walkMs: 4000,
} as const;

const UNUSED: ChannelRule = {
  used: false,
  pedestrian: false,
  minimumMs: 0,
  endingMs: 0,
  redClearanceMs: 0,
  compatible: 0,
  parallel: NO_CHANNEL,
};

function atLeast(valueMs: number, floorMs: number, what: string): number {
  if (valueMs >= floorMs) return valueMs;
  throw new Error(`${what} of ${valueMs} ms is below the interlock's floor of ${floorMs} ms`);
}

function pedestrianTimes(site: SiteModel, channel: Channel): { walkMs: number; clearMs: number } {
  const timing = phaseOf(site, channel.phase).pedestrian;
  if (timing === null) {
    throw new Error(`channel ${channel.channel} shows a walk that phase ${channel.phase} lacks`);
  }
  const walkMs = atLeast(timing.walkMs, FLOOR.walkMs, `walk of phase ${channel.phase}`);
  return { walkMs, clearMs: timing.clearanceMs };
}

function ruleOf(site: SiteModel, channel: Channel, compatible: number): ChannelRule {
  const phase = phaseOf(site, channel.phase);
  const of = `of phase ${phase.phase}`;
  const redClearanceMs = atLeast(phase.redClearanceMs, FLOOR.redClearanceMs, `red clearance ${of}`);
  const shared = { used: true, redClearanceMs, compatible };
  if (channel.kind === "vehicle") {
    const minimumMs = atLeast(phase.minGreenMs, FLOOR.minimumGreenMs, `minimum green ${of}`);
    const endingMs = atLeast(phase.yellowMs, FLOOR.yellowMs, `yellow ${of}`);
    return { ...shared, minimumMs, endingMs, pedestrian: false, parallel: NO_CHANNEL };
  }
  const { walkMs, clearMs } = pedestrianTimes(site, channel);
  const parallel = site.channels.find(
    (other) => other.phase === channel.phase && other.kind === "vehicle",
  );
  return {
    ...shared,
    pedestrian: true,
    minimumMs: walkMs,
    endingMs: clearMs,
    parallel: parallel === undefined ? NO_CHANNEL : parallel.channel - 1,
  };
}

/**
 * The interlock's table of a site. Throws when the model contradicts itself (a channel of a phase
 * that does not exist, a walk without times): the loader has refused such a file before.
 */
export function compileTable(site: SiteModel): InterlockTable {
  const masks = new Array<number>(CHANNEL_COUNT).fill(0);
  for (const [a, b] of site.compatible) {
    masks[a - 1] = (masks[a - 1] ?? 0) | (1 << (b - 1));
    masks[b - 1] = (masks[b - 1] ?? 0) | (1 << (a - 1));
  }
  const channels = new Array<ChannelRule>(CHANNEL_COUNT).fill(UNUSED);
  for (const channel of site.channels) {
    const index = channel.channel - 1;
    channels[index] = ruleOf(site, channel, masks[index] ?? 0);
  }
  return { channels };
}

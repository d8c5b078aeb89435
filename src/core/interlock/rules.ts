// The rules themselves: is the wanted display a lawful step from the one that stands? Each rule
// looks at the display as a whole or at one channel's change, and answers with the first breach.
// Times are those of the site file less TOLERANCE_MS, so that a controller that is right on a
// slightly different clock is never blamed.
import { CHANNEL_COUNT, LAMP, LAMP_NAMES, type LampCode } from "../site/lamps.ts";
import { type ChannelRule, type InterlockTable, NO_CHANNEL } from "./table.ts";

/** How much earlier than the site file's value a change may come (CABINET: three thresholds). */
export const TOLERANCE_MS = 50;

export type ViolationRule =
  | "conflict"
  | "yellow"
  | "red-clearance"
  | "pedestrian-clearance"
  | "code"
  | "clock"
  | "feedback";

/** Why a display was not sent. Channels count from 1. */
export interface Violation {
  readonly rule: ViolationRule;
  readonly channel: number;
  readonly other?: number;
  readonly detail: string;
}

export type HoldRule = "minimum-green" | "walk";

/** A minimum that the wanted display would cut; the running display stands meanwhile. */
export interface Hold {
  readonly rule: HoldRule;
  readonly channel: number;
  readonly remainingMs: number;
  readonly detail: string;
}

/** The last accepted display and since when each channel shows its code. */
export interface Standing {
  readonly codes: LampCode[];
  readonly sinceMs: Float64Array;
}

const VEHICLE_CODES = (1 << LAMP.red) | (1 << LAMP.yellow) | (1 << LAMP.green);
const WALK_CODES = (1 << LAMP.red) | (1 << LAMP.green) | (1 << LAMP.flashingDontWalk);

function ruleAt(table: InterlockTable, index: number): ChannelRule {
  const rule = table.channels[index];
  if (rule === undefined) throw new Error(`the interlock has no channel ${index + 1}`);
  return rule;
}

function nameOf(code: unknown): string {
  return typeof code === "number" ? (LAMP_NAMES[code] ?? `code ${code}`) : "nothing";
}

function goes(code: number | undefined): boolean {
  return code !== undefined && code >= LAMP.yellow;
}

function ageMs(standing: Standing, index: number, nowMs: number): number {
  return nowMs - (standing.sinceMs[index] ?? nowMs);
}

function allowedCodes(rule: ChannelRule): number {
  if (!rule.used) return 1 << LAMP.dark;
  return rule.pedestrian ? WALK_CODES : VEHICLE_CODES;
}

/** A display of another length, or with a code that its channel can never lawfully show. */
export function codeBreach(table: InterlockTable, wanted: readonly LampCode[]): Violation | null {
  if (wanted.length !== CHANNEL_COUNT) {
    return { rule: "code", channel: 0, detail: `a display of ${wanted.length} channels` };
  }
  for (let index = 0; index < CHANNEL_COUNT; index += 1) {
    const code = wanted[index];
    const known = Number.isInteger(code) && code !== undefined && code >= 0 && code <= 5;
    if (known && ((allowedCodes(ruleAt(table, index)) >> code) & 1) === 1) continue;
    return { rule: "code", channel: index + 1, detail: `may not show ${nameOf(code)}` };
  }
  return null;
}

/** Two channels with right of way, or its ending, that the program card does not pair. */
export function conflictBreach(
  table: InterlockTable,
  wanted: readonly LampCode[],
): Violation | null {
  let lit = 0;
  for (let index = 0; index < CHANNEL_COUNT; index += 1) {
    if (goes(wanted[index])) lit |= 1 << index;
  }
  for (let index = 0; index < CHANNEL_COUNT; index += 1) {
    if (((lit >> index) & 1) === 0) continue;
    const against = lit & ~ruleAt(table, index).compatible & ~(1 << index);
    if (against === 0) continue;
    const other = 31 - Math.clz32(against & -against);
    return {
      rule: "conflict",
      channel: index + 1,
      other: other + 1,
      detail: `${nameOf(wanted[index])} beside ${nameOf(wanted[other])}, not on the program card`,
    };
  }
  return null;
}

function endingBreach(rule: ChannelRule, index: number, to: LampCode, shownMs: number) {
  const name = rule.pedestrian ? "pedestrian-clearance" : "yellow";
  if (to !== LAMP.red) {
    return { rule: name, channel: index + 1, detail: `back to ${nameOf(to)}` } as const;
  }
  if (shownMs >= rule.endingMs - TOLERANCE_MS) return null;
  const detail = `${shownMs} ms of ${rule.endingMs}`;
  return { rule: name, channel: index + 1, detail } as const;
}

/** The channel's own change: yellow and pedestrian clearance neither skipped, cut nor reversed. */
function changeBreach(
  table: InterlockTable,
  standing: Standing,
  change: { index: number; to: LampCode; nowMs: number },
): Violation | null {
  const { index, to, nowMs } = change;
  const rule = ruleAt(table, index);
  const from = standing.codes[index];
  if (from === LAMP.yellow || from === LAMP.flashingDontWalk) {
    return endingBreach(rule, index, to, ageMs(standing, index, nowMs));
  }
  if (from === LAMP.green && to === LAMP.red) {
    const name = rule.pedestrian ? "pedestrian-clearance" : "yellow";
    return { rule: name, channel: index + 1, detail: "skipped" };
  }
  if (from === LAMP.red && to === LAMP.yellow) {
    return { rule: "yellow", channel: index + 1, detail: "yellow after red" };
  }
  return null;
}

/** The first unlawful change from the standing display, channel 1 first. */
export function endingsBreach(
  table: InterlockTable,
  standing: Standing,
  wanted: readonly LampCode[],
  nowMs: number,
): Violation | null {
  for (let index = 0; index < CHANNEL_COUNT; index += 1) {
    const to = wanted[index];
    if (to === undefined || to === standing.codes[index]) continue;
    const breach = changeBreach(table, standing, { index, to, nowMs });
    if (breach !== null) return breach;
  }
  return null;
}

/** People are crossing on a channel whose parallel green is not there any more. */
export function parallelBreach(
  table: InterlockTable,
  wanted: readonly LampCode[],
): Violation | null {
  for (let index = 0; index < CHANNEL_COUNT; index += 1) {
    const { parallel } = ruleAt(table, index);
    if (parallel === NO_CHANNEL || !goes(wanted[index])) continue;
    if (wanted[parallel] === LAMP.green) continue;
    return {
      rule: "pedestrian-clearance",
      channel: index + 1,
      other: parallel + 1,
      detail: `the parallel channel shows ${nameOf(wanted[parallel])}`,
    };
  }
  return null;
}

function clearedFor(
  table: InterlockTable,
  standing: Standing,
  index: number,
  nowMs: number,
): Violation | null {
  const { compatible, pedestrian } = ruleAt(table, index);
  for (let other = 0; other < CHANNEL_COUNT; other += 1) {
    const rule = ruleAt(table, other);
    if (!rule.used || ((compatible >> other) & 1) === 1) continue;
    if (other === index && pedestrian) continue;
    const redMs = standing.codes[other] === LAMP.red ? ageMs(standing, other, nowMs) : 0;
    if (redMs >= rule.redClearanceMs - TOLERANCE_MS) continue;
    const detail = `${redMs} ms of ${rule.redClearanceMs}`;
    return { rule: "red-clearance", channel: index + 1, other: other + 1, detail };
  }
  return null;
}

/**
 * Right of way given before every channel against it has been red for its red clearance. The same
 * for a vehicle channel's own red, but a walk may follow its own clearance in the same green. Call
 * after the conflict rule: what is still lit is dealt with there.
 */
export function redClearanceBreach(
  table: InterlockTable,
  standing: Standing,
  wanted: readonly LampCode[],
  nowMs: number,
): Violation | null {
  for (let index = 0; index < CHANNEL_COUNT; index += 1) {
    if (!goes(wanted[index]) || goes(standing.codes[index])) continue;
    const breach = clearedFor(table, standing, index, nowMs);
    if (breach !== null) return breach;
  }
  return null;
}

function holdOf(
  rule: ChannelRule,
  standing: Standing,
  change: { index: number; to: LampCode; nowMs: number },
): Hold | null {
  const { index, to, nowMs } = change;
  const from = standing.codes[index];
  const walkSkipped = from === LAMP.red && to === LAMP.flashingDontWalk;
  if (from !== LAMP.green && !walkSkipped) return null;
  const shownMs = walkSkipped ? 0 : ageMs(standing, index, nowMs);
  const remainingMs = rule.minimumMs - shownMs;
  if (remainingMs <= TOLERANCE_MS) return null;
  const detail = `${remainingMs} ms of ${rule.minimumMs} left`;
  const name = rule.pedestrian ? "walk" : "minimum-green";
  return { rule: name, channel: index + 1, remainingMs, detail };
}

/** Minimum greens and walks that the wanted display would cut. */
export function holdsOf(
  table: InterlockTable,
  standing: Standing,
  wanted: readonly LampCode[],
  nowMs: number,
): Hold[] {
  const holds: Hold[] = [];
  for (let index = 0; index < CHANNEL_COUNT; index += 1) {
    const to = wanted[index];
    if (to === undefined || to === standing.codes[index]) continue;
    const hold = holdOf(ruleAt(table, index), standing, { index, to, nowMs });
    if (hold !== null) holds.push(hold);
  }
  return holds;
}

/** True for a change to red whose yellow or pedestrian clearance is complete: never refused. */
export function completesToRed(
  table: InterlockTable,
  standing: Standing,
  index: number,
  nowMs: number,
): boolean {
  const from = standing.codes[index];
  if (from !== LAMP.yellow && from !== LAMP.flashingDontWalk) return false;
  return ageMs(standing, index, nowMs) >= ruleAt(table, index).endingMs - TOLERANCE_MS;
}

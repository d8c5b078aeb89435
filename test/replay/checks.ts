// The checks of a replay. Each looks at the recording, the site file and the exports only, and
// answers with the violations it found, in words that name phase and time.
import type { Card, CodeRow, LampRow, Span } from "./evidence.ts";
import { touches } from "./evidence.ts";
import type { Green, PhaseStory } from "./greens.ts";
import { failedSpans, storiesOf } from "./greens.ts";

export interface Evidence {
  readonly card: Card;
  readonly recording: readonly CodeRow[];
  readonly exported: readonly CodeRow[];
  readonly lamps: readonly LampRow[];
  /** Least number of greens each phase must have had. */
  readonly leastGreens: number;
  readonly longestWaitMs: number;
}

export interface Check {
  readonly name: string;
  readonly run: (evidence: Evidence, stories: readonly PhaseStory[]) => string[];
}

/** Recording resolution 100 ms, one controller tick 50 ms, debounce and link below 50 ms. */
const SLACK_MS = 200;
/** A time that the run wrote itself may be off by one 50 ms tick at each end. */
const TICK_MS = 100;

function clock(atMs: number): string {
  return Number.isFinite(atMs) ? new Date(atMs).toISOString().slice(11, 23) : "the end";
}

function finished(story: PhaseStory): Green[] {
  return story.greens.filter((green) => Number.isFinite(green.endMs));
}

function violationsOf(
  stories: readonly PhaseStory[],
  judge: (green: Green, story: PhaseStory) => string | null,
): string[] {
  const found: string[] = [];
  for (const story of stories) {
    for (const green of finished(story)) {
      const text = judge(green, story);
      if (text !== null)
        found.push(`phase ${green.phase} green of ${clock(green.fromMs)}: ${text}`);
    }
  }
  return found;
}

function servedEnough(evidence: Evidence, stories: readonly PhaseStory[]): string[] {
  return stories
    .filter((story) => story.greens.length < evidence.leastGreens)
    .map((story) => `phase ${story.card.phase}: ${story.greens.length} greens`);
}

/** The longest that a span of demand stood before a green without being served, in ms. */
function waitOf(span: Span, greens: readonly Green[], runEndMs: number): number {
  let worst = 0;
  let waitingFrom = span.fromMs;
  const until = Math.min(span.toMs, runEndMs);
  for (const green of greens) {
    if (green.yellowMs <= waitingFrom) continue;
    if (green.fromMs > until) break;
    worst = Math.max(worst, green.fromMs - waitingFrom);
    waitingFrom = green.yellowMs;
  }
  return waitingFrom < until ? Math.max(worst, until - waitingFrom) : worst;
}

function noLongWait(evidence: Evidence, stories: readonly PhaseStory[]): string[] {
  const runEndMs = evidence.exported.at(-1)?.atMs ?? 0;
  const found: string[] = [];
  for (const { card, greens, calls } of stories) {
    for (const call of calls) {
      const served = greens.find((green) => green.yellowMs > call.fromMs);
      const locked = { fromMs: call.fromMs, toMs: Math.max(call.toMs, served?.fromMs ?? runEndMs) };
      const wait = waitOf(card.locking ? locked : call, greens, runEndMs);
      if (wait <= evidence.longestWaitMs) continue;
      found.push(`phase ${card.phase}: the call of ${clock(call.fromMs)} waited ${wait / 1000} s`);
    }
  }
  return found;
}

/** How long before its green a phase may have been chosen: the longest clearance of the site. */
function chosenBeforeMs(evidence: Evidence): number {
  return Math.max(...evidence.card.phases.map((p) => p.yellowMs + p.redClearanceMs)) + SLACK_MS;
}

function hasFailedCaller(evidence: Evidence, phase: number, atMs: number): boolean {
  return evidence.card.detectors
    .filter((detector) => detector.call.includes(phase))
    .some((detector) => touches(failedSpans(evidence.exported, detector.detector), atMs, atMs));
}

/** A phase may be green without a call beside one that has one (dual entry). */
function entersBeside(green: Green, story: PhaseStory, stories: readonly PhaseStory[]): boolean {
  if (!story.card.dualEntry) return false;
  return stories.some((other) =>
    other.greens.some((g) => g.phase !== green.phase && Math.abs(g.fromMs - green.fromMs) <= 50),
  );
}

function calledBefore(evidence: Evidence, stories: readonly PhaseStory[]): string[] {
  const before = chosenBeforeMs(evidence);
  return violationsOf(stories, (green, story) => {
    if (story.card.recall !== "none" || green === story.greens[0]) return null;
    const from = story.card.locking ? previousEnd(green, story) : green.fromMs - before;
    const called =
      touches(story.calls, from, green.fromMs + SLACK_MS) ||
      touches(story.presses, previousEnd(green, story), green.fromMs + SLACK_MS);
    if (called || hasFailedCaller(evidence, green.phase, green.fromMs)) return null;
    return entersBeside(green, story, stories) ? null : "nobody had called";
  });
}

function previousEnd(green: Green, story: PhaseStory): number {
  const index = story.greens.indexOf(green);
  return (story.greens[index - 1]?.yellowMs ?? Number.NEGATIVE_INFINITY) - SLACK_MS;
}

function gapOutsAreGaps(_: Evidence, stories: readonly PhaseStory[]): string[] {
  return violationsOf(stories, (green, story) => {
    if (green.reason !== 4) return null;
    const from = green.reasonMs - story.card.passageMs + SLACK_MS;
    const gap = !touches(
      story.extensions,
      Math.min(from, green.reasonMs),
      green.reasonMs - SLACK_MS,
    );
    return gap ? null : `gap-out at ${clock(green.reasonMs)} with a vehicle in its passage`;
  });
}

/** Standing demand on another phase: recall, a call since its last green, or a button. */
function wants(story: PhaseStory, atMs: number): boolean {
  const open = story.greens.some((green) => green.fromMs <= atMs && green.yellowMs >= atMs);
  if (open) return false;
  if (story.card.recall !== "none") return true;
  const last = story.greens.filter((green) => green.yellowMs < atMs).at(-1);
  const since = story.card.locking ? (last?.yellowMs ?? 0) : atMs - SLACK_MS;
  const pressed = touches(story.presses, (last?.yellowMs ?? 0) - SLACK_MS, atMs);
  return last === undefined || pressed || touches(story.calls, since, atMs);
}

function maxOutsAreOpposed(evidence: Evidence, stories: readonly PhaseStory[]): string[] {
  return violationsOf(stories, (green, story) => {
    if (green.reason !== 5) return null;
    const long = green.reasonMs - green.fromMs >= Math.min(story.card.max1Ms, 1e9) - TICK_MS;
    if (!long) return `max-out after ${(green.reasonMs - green.fromMs) / 1000} s`;
    const opposed = stories.some(
      (other) =>
        evidence.card.conflicting(green.phase, other.card.phase) && wants(other, green.reasonMs),
    );
    return opposed ? null : `max-out at ${clock(green.reasonMs)} against nobody`;
  });
}

function endsHaveReasons(_: Evidence, stories: readonly PhaseStory[]): string[] {
  return violationsOf(stories, (green) =>
    green.reason === null ? "ended without a reason" : null,
  );
}

function lockedCallsServed(evidence: Evidence, stories: readonly PhaseStory[]): string[] {
  const lastMs = (evidence.exported.at(-1)?.atMs ?? 0) - evidence.longestWaitMs;
  const found: string[] = [];
  for (const story of stories) {
    const walks = evidence.exported.filter(
      (row) => row.code === 21 && row.parameter === story.card.phase,
    );
    for (const press of story.card.walkMs === null ? [] : story.presses) {
      const until = press.fromMs + evidence.longestWaitMs;
      const inWalk = walks.some((row) => row.atMs > press.fromMs - (story.card.walkMs ?? 0));
      const served = walks.some((row) => row.atMs >= press.fromMs && row.atMs <= until);
      if (press.fromMs > lastMs || (served && inWalk)) continue;
      if (walkStands(story, walks, press.fromMs)) continue;
      found.push(`phase ${story.card.phase}: the button at ${clock(press.fromMs)} got no walk`);
    }
  }
  return found;
}

/** A press while the walk is lit has what it asks for. */
function walkStands(story: PhaseStory, walks: readonly CodeRow[], atMs: number): boolean {
  const walkMs = story.card.walkMs ?? 0;
  return walks.some((row) => row.atMs <= atMs + SLACK_MS && row.atMs + walkMs > atMs);
}

/** What is wrong with one step of a pedestrian sequence (21, 22, 23) and the one after it. */
function pedestrianStep(story: PhaseStory, row: CodeRow, next: CodeRow): string[] {
  const { card, greens } = story;
  const where = `phase ${card.phase}: code ${row.code} at ${clock(row.atMs)}`;
  const due = row.code === 21 ? (card.walkMs ?? 0) : (card.pedestrianClearanceMs ?? 0);
  const stoodMs = next.atMs - row.atMs;
  const found: string[] = [];
  if (next.code !== row.code + 1) found.push(`${where} followed by ${next.code}`);
  if (stoodMs < due - TICK_MS) found.push(`${where} stood ${stoodMs / 1000} s`);
  const held = greens.some(
    (green) => green.fromMs <= row.atMs + 50 && green.yellowMs >= next.atMs - 50,
  );
  if (!held) found.push(`${where} without its green`);
  return found;
}

function pedestrianTimes(evidence: Evidence, stories: readonly PhaseStory[]): string[] {
  return stories.flatMap((story) => {
    const rows = evidence.exported.filter(
      (row) => row.parameter === story.card.phase && row.code >= 21 && row.code <= 23,
    );
    return rows.flatMap((row, index) => {
      const next = rows[index + 1];
      return row.code === 23 || next === undefined ? [] : pedestrianStep(story, row, next);
    });
  });
}

function timesKept(_: Evidence, stories: readonly PhaseStory[]): string[] {
  return violationsOf(stories, (green, { card }) => {
    const greenMs = green.yellowMs - green.fromMs;
    const yellowMs = green.redClearanceMs - green.yellowMs;
    const redMs = green.endMs - green.redClearanceMs;
    if (greenMs < card.minGreenMs - TICK_MS) return `green of ${greenMs / 1000} s`;
    if (Math.abs(yellowMs - card.yellowMs) > TICK_MS) return `yellow of ${yellowMs / 1000} s`;
    if (Math.abs(redMs - card.redClearanceMs) > TICK_MS) return `red clearance ${redMs / 1000} s`;
    return null;
  });
}

const GO = new Set(["yellow", "green", "flashing-dont-walk", "flashing-yellow"]);

function noConflict(evidence: Evidence): string[] {
  const found: string[] = [];
  const lit = new Map<number, string>();
  for (const row of evidence.lamps) {
    lit.set(row.channel, row.colour);
    if (!GO.has(row.colour)) continue;
    for (const [other, colour] of lit) {
      if (other === row.channel || !GO.has(colour)) continue;
      if (evidence.card.compatible.has(`${other}-${row.channel}`)) continue;
      found.push(`channels ${other} ${colour} and ${row.channel} ${row.colour} ${clock(row.atMs)}`);
    }
  }
  return found;
}

const COLOUR_OF: Readonly<Record<number, string>> = { 1: "green", 8: "yellow", 10: "red" };
const WALK_OF: Readonly<Record<number, string>> = {
  21: "green",
  22: "flashing-dont-walk",
  23: "red",
};

function sensedAsLogged(evidence: Evidence): string[] {
  const found: string[] = [];
  for (const phase of evidence.card.phases) {
    found.push(...compareChannel(evidence, phase.phase, phase.vehicleChannel, COLOUR_OF));
    if (phase.pedestrianChannel === null) continue;
    found.push(...compareChannel(evidence, phase.phase, phase.pedestrianChannel, WALK_OF));
  }
  return found;
}

function compareChannel(
  evidence: Evidence,
  phase: number,
  channel: number,
  names: Readonly<Record<number, string>>,
): string[] {
  const logged = evidence.exported.filter(
    (row) => row.parameter === phase && names[row.code] !== undefined,
  );
  const first = logged[0]?.atMs ?? 0;
  const sensed = evidence.lamps.filter(
    (row) => row.channel === channel && row.atMs >= first - TICK_MS,
  );
  const found: string[] = [];
  for (let index = 0; index < Math.max(logged.length, sensed.length); index += 1) {
    const [code, lamp] = [logged[index], sensed[index]];
    const last = index >= Math.min(logged.length, sensed.length);
    if (last && index === Math.max(logged.length, sensed.length) - 1) break;
    const same = code !== undefined && lamp !== undefined && names[code.code] === lamp.colour;
    if (same && Math.abs(code.atMs - lamp.atMs) <= TICK_MS) continue;
    const atMs = code?.atMs ?? lamp?.atMs ?? 0;
    found.push(`phase ${phase}, channel ${channel} at ${clock(atMs)}: lamp ${lamp?.colour ?? "-"}`);
    break;
  }
  return found;
}

function inOrder(evidence: Evidence): string[] {
  const found: string[] = [];
  const next: Readonly<Record<number, readonly number[]>> = { 1: [8], 8: [10], 10: [11], 11: [1] };
  for (const phase of evidence.card.phases) {
    const rows = evidence.exported.filter(
      (row) => row.parameter === phase.phase && next[row.code] !== undefined,
    );
    for (const [index, row] of rows.entries()) {
      const follower = rows[index + 1];
      if (follower === undefined || next[row.code]?.includes(follower.code)) continue;
      found.push(`phase ${phase.phase}: ${row.code} then ${follower.code} ${clock(row.atMs)}`);
    }
  }
  return found;
}

function failuresHaveCauses(evidence: Evidence): string[] {
  const found: string[] = [];
  for (const row of evidence.exported) {
    if (row.code !== 85 && row.code !== 88) continue;
    const detector = evidence.card.detectors.find((entry) => entry.detector === row.parameter);
    if (detector === undefined) continue;
    const edges = evidence.recording.filter(
      (edge) =>
        edge.parameter === row.parameter &&
        (edge.code === 81 || edge.code === 82) &&
        edge.atMs <= row.atMs + SLACK_MS,
    );
    const quietMs = row.atMs - (edges.at(-1)?.atMs ?? evidence.recording[0]?.atMs ?? 0);
    const lastMinute = edges.filter((edge) => edge.atMs > row.atMs - 60_000 - SLACK_MS).length;
    const stuck = quietMs >= Math.min(detector.stuckOnMs, detector.stuckOffMs) - 1000;
    if (stuck || lastMinute >= 200) continue;
    found.push(`detector ${row.parameter} failed at ${clock(row.atMs)} without a cause`);
  }
  return found;
}

function detectionsLogged(evidence: Evidence): string[] {
  const onsOf = (rows: readonly CodeRow[], detector: number): number =>
    rows.filter((row) => row.code === 82 && row.parameter === detector).length;
  return evidence.card.detectors.flatMap(({ detector }) => {
    const recorded = onsOf(evidence.recording, detector);
    const lost = recorded - onsOf(evidence.exported, detector);
    // Repeated "on" rows of the recording are one detection, so that some fewer are right.
    if (lost <= recorded * 0.25 + 2) return [];
    return [`detector ${detector}: ${lost} of ${recorded} are missing`];
  });
}

/** All checks, each by the sentence it stands for. */
export const CHECKS: readonly Check[] = [
  { name: "each phase is green often enough", run: servedEnough },
  { name: "no call waits longer than the bound", run: noLongWait },
  { name: "no phase without recall is green without a call", run: calledBefore },
  { name: "a gap-out had no detection for its passage", run: gapOutsAreGaps },
  { name: "a max-out had its time and an opposing call", run: maxOutsAreOpposed },
  { name: "each green's end has one reason", run: endsHaveReasons },
  { name: "a locked call is never lost", run: lockedCallsServed },
  { name: "pedestrians get walk and full clearance", run: pedestrianTimes },
  { name: "minimum green, yellow and red clearance are kept", run: timesKept },
  { name: "no two conflicting channels are lit", run: noConflict },
  { name: "sensed lamps change when the log says", run: sensedAsLogged },
  { name: "phase codes come in their order", run: inOrder },
  { name: "a detector failed for a cause", run: failuresHaveCauses },
  { name: "detections are in the log", run: detectionsLogged },
];

export interface Verdict {
  readonly name: string;
  readonly violations: readonly string[];
}

/** Runs every check over the evidence. */
export function judge(evidence: Evidence): Verdict[] {
  const stories = storiesOf(evidence.card, evidence.recording, evidence.exported);
  return CHECKS.map(({ name, run }) => ({ name, violations: run(evidence, stories) }));
}

// The greens of a run as its own export tells them, and the calls as the recording tells them.
import type { Card, CardPhase, CodeRow, Span } from "./evidence.ts";
import { spansOf } from "./evidence.ts";

export interface Green {
  readonly phase: number;
  readonly fromMs: number;
  /** Begin of yellow; Infinity while the green stands at the end of the run. */
  readonly yellowMs: number;
  readonly redClearanceMs: number;
  readonly endMs: number;
  /** 4 gap-out, 5 max-out, 6 force-off; null when none was written. */
  readonly reason: number | null;
  readonly reasonMs: number;
}

const OPEN = { begin: 1, yellow: 8, redClearance: 10, end: 11 } as const;
const NEVER = Number.POSITIVE_INFINITY;

/** All greens of one phase in order; codes 8, 10 and 11 close the green that code 1 opened. */
export function greensOf(rows: readonly CodeRow[], phase: number): Green[] {
  const greens: Green[] = [];
  let green: Green | null = null;
  for (const row of rows) {
    if (row.parameter !== phase) continue;
    if (row.code === OPEN.begin) {
      if (green !== null) greens.push(green);
      const open = { yellowMs: NEVER, redClearanceMs: NEVER, endMs: NEVER };
      green = { phase, fromMs: row.atMs, ...open, reason: null, reasonMs: NEVER };
    } else if (green !== null) {
      green = withRow(green, row);
    }
  }
  if (green !== null) greens.push(green);
  return greens;
}

function withRow(green: Green, row: CodeRow): Green {
  if (row.code === OPEN.yellow) return { ...green, yellowMs: row.atMs };
  if (row.code === OPEN.redClearance) return { ...green, redClearanceMs: row.atMs };
  if (row.code === OPEN.end) return { ...green, endMs: row.atMs };
  const ends = row.code >= 4 && row.code <= 6 && green.yellowMs === NEVER;
  return ends ? { ...green, reason: row.code, reasonMs: row.atMs } : green;
}

/** Joins spans that overlap or meet within `slackMs`. */
export function merged(spans: readonly Span[], slackMs = 0): Span[] {
  const sorted = [...spans].sort((a, b) => a.fromMs - b.fromMs);
  const joined: Span[] = [];
  for (const span of sorted) {
    const last = joined.at(-1);
    if (last !== undefined && span.fromMs <= last.toMs + slackMs) {
      joined[joined.length - 1] = { ...last, toMs: Math.max(last.toMs, span.toMs) };
    } else {
      joined.push(span);
    }
  }
  return joined;
}

const DETECTOR = { open: 82, close: 81 } as const;
const BUTTON = { open: 90, close: 89 } as const;

/** When a detector is ignored, by the run's own codes 85, 88 (failed) and 83 (restored). */
export function failedSpans(exported: readonly CodeRow[], detector: number): Span[] {
  const codes = exported.map((row) => (row.code === 88 ? { ...row, code: 85 } : row));
  return spansOf(codes, detector, { open: 85, close: 83 });
}

/** Presence on the detectors that call (or extend) a phase, with their delays and extensions. */
export function presence(
  card: Card,
  recording: readonly CodeRow[],
  phase: number,
  use: "call" | "extend",
): Span[] {
  const spans: Span[] = [];
  for (const detector of card.detectors) {
    if (!detector[use].includes(phase)) continue;
    const shift = use === "call" ? detector.delayMs : 0;
    const hold = use === "extend" ? detector.extensionMs : 0;
    for (const span of spansOf(recording, detector.detector, DETECTOR)) {
      if (span.toMs - span.fromMs <= shift) continue;
      spans.push({ fromMs: span.fromMs + shift, toMs: span.toMs + hold });
    }
  }
  return merged(spans);
}

/** Presses of the buttons that call a phase's walk. */
export function presses(card: Card, recording: readonly CodeRow[], phase: number): Span[] {
  const spans: Span[] = [];
  for (const [detector, owner] of card.pedestrianDetectors) {
    if (owner === phase) spans.push(...spansOf(recording, detector, BUTTON));
  }
  return merged(spans);
}

/** What one phase was asked for and what it got. */
export interface PhaseStory {
  readonly card: CardPhase;
  readonly greens: readonly Green[];
  readonly calls: readonly Span[];
  readonly extensions: readonly Span[];
  readonly presses: readonly Span[];
}

/** The stories of all phases of a card. */
export function storiesOf(
  card: Card,
  recording: readonly CodeRow[],
  exported: readonly CodeRow[],
): PhaseStory[] {
  return card.phases.map((phase) => ({
    card: phase,
    greens: greensOf(exported, phase.phase),
    calls: presence(card, recording, phase.phase, "call"),
    extensions: presence(card, recording, phase.phase, "extend"),
    presses: presses(card, recording, phase.phase),
  }));
}

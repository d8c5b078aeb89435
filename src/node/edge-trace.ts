// Where a trace begins: in the control thread, at a detector edge or at a display that changed by
// time. It looks at the effects of a step when these are done, so that lamps never wait for it.
//
// An edge whose call has to wait (a minimum green runs) is followed to the next change of the
// display; a changed display to what the lamps are then sensed to show, which SPaT is made from.
import type { NodeEvent } from "../log/events.ts";
import type { TraceContext } from "../wire/trace.ts";
import type { ControlEffect } from "./control-types.ts";
import { DETECTOR_ON, type TracedEdge } from "./counted-edges.ts";
import type { Spans } from "./spans.ts";

/** Detector and pedestrian detector off and on (the high-resolution enumeration). */
const EDGE_CODES: ReadonlySet<unknown> = new Set([81, 82, 89, 90]);
const ON_CODES: ReadonlySet<unknown> = new Set([82, 90]);
/** A call that waited longer was served by another cause than its edge. */
const FOLLOW_MS = 30_000;
/** Departures are announced each second. */
const ANNOUNCED_MS = 2_000;
/** The lamps answer within two status frames; later ones show something else. */
const SENSED_MS = 1_000;

interface Followed {
  readonly step: TraceContext;
  readonly atMs: number;
}

/** The step that was done: when it began and when the cabinet saw what caused it, ms. */
export interface StepTimes {
  readonly startMs: number;
  readonly edgeMs: number;
}

interface Seen {
  /** The first edge's row. */
  edge: NodeEvent | null;
  shows: boolean;
  sensed: boolean;
}

function seenIn(effects: readonly ControlEffect[]): Seen {
  const seen: Seen = { edge: null, shows: false, sensed: false };
  for (const effect of effects) {
    if (effect.kind !== "log") continue;
    const { kind, body } = effect.event;
    if (kind === "code" && EDGE_CODES.has(body[0])) seen.edge ??= effect.event;
    else if (kind === "lamps") seen.shows = true;
    else if (kind === "lamps-sensed") seen.sensed = true;
  }
  return seen;
}

function rowOf(event: NodeEvent | null, trace: TraceContext): TracedEdge | null {
  const at = event?.at;
  const [code, detector] = event?.body ?? [];
  if (code !== DETECTOR_ON || typeof detector !== "number" || at === undefined) return null;
  return { detector, at, trace };
}

export class EdgeTrace {
  readonly #spans: Spans;
  /** The newest edge, until it is counted in what is announced to neighbours. */
  #counted: Followed | null = null;
  /** The row of that edge, until the mesh thread is told of it. */
  #row: TracedEdge | null = null;
  /** An edge that has changed no display yet. */
  #called: Followed | null = null;
  /** A display whose lamps were not sensed yet. */
  #shown: Followed | null = null;

  constructor(spans: Spans) {
    this.#spans = spans;
  }

  /** The context that the view of this step goes on with; null where nothing is traced. */
  look(effects: readonly ControlEffect[], times: StepTimes): TraceContext | null {
    const { edge, shows, sensed } = seenIn(effects);
    const detected = edge === null ? null : this.#detect(edge.body, times);
    if (!shows && detected === null) return sensed ? this.#sense(times) : null;
    const step = shows
      ? this.#show(detected, edge === null, times)
      : this.#call(this.#step(detected, false, times), times);
    if (detected !== null && step !== null) {
      this.#counted = { step, atMs: times.startMs };
      this.#row = rowOf(edge, step);
    }
    return step;
  }

  /** The edge of the newest step whose row counts a vehicle; null where there is none, and once. */
  counting(): TracedEdge | null {
    const row = this.#row;
    this.#row = null;
    return row;
  }

  /** The step of the newest edge, for the announcement of the departures that it counts to. */
  announced(nowMs: number): TraceContext | null {
    const counted = this.#counted;
    this.#counted = null;
    return counted !== null && nowMs - counted.atMs < ANNOUNCED_MS ? counted.step : null;
  }

  #call(step: TraceContext | null, { startMs }: StepTimes): TraceContext | null {
    this.#called = step === null ? null : { step, atMs: startMs };
    return step;
  }

  #detect([code, detector]: readonly unknown[], { startMs, edgeMs }: StepTimes) {
    const context = this.#spans.root();
    if (context === null) return null;
    // A step that the cabinet's stamp does not belong to begins its trace itself.
    const lasted = startMs - edgeMs;
    const began = lasted > 0 && lasted < SENSED_MS ? edgeMs : startMs;
    const attributes = { detector: Number(detector), on: ON_CODES.has(code) };
    this.#spans.end("detect", context, null, { startMs: began, endMs: startMs, attributes });
    return context;
  }

  #step(parent: TraceContext | null, display: boolean, { startMs }: StepTimes) {
    const context = parent === null ? this.#spans.root() : this.#spans.child(parent);
    const words = { startMs, attributes: { display } };
    if (context !== null) this.#spans.end("step", context, parent, words);
    return context;
  }

  /** The display changed: because of this edge, of one that waits, or by time alone. */
  #show(detected: TraceContext | null, byTime: boolean, times: StepTimes): TraceContext | null {
    const waited = this.#called;
    this.#called = null;
    const follows = waited !== null && times.startMs - waited.atMs < FOLLOW_MS;
    const parent = detected ?? (follows ? waited.step : null);
    // An edge that was not sampled begins no second trace.
    const step = parent === null && !byTime ? null : this.#step(parent, true, times);
    this.#shown = step === null ? null : { step, atMs: times.startMs };
    return step;
  }

  #sense({ startMs }: StepTimes): TraceContext | null {
    const shown = this.#shown;
    this.#shown = null;
    return shown !== null && startMs - shown.atMs < SENSED_MS ? shown.step : null;
  }
}

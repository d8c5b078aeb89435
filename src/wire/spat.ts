// SPaT: what the lamps show now and when that is expected to end, made from a `ControlView`.
//
//   [1, incarnation, sequence, mono, wall, clock, validFor, mode, cause, lamps, phases, preempts
//    (, trace)]
//   phase   [phase, state, walk, since, earliest, likely, latest, call, pedestrianCall, ended]
//   preempt [preempt, state]
//
// A trace context (`trace.ts`) stands behind only where the change is traced.
//
// States come from the *sensed* lamps, never from what the controller means; where the two differ
// no end is promised. A receiver keeps the message with the highest (incarnation, sequence), an
// equal one replaces it (that is how `unavailable` ends a picture that grew old), and throws it
// away `validFor` after it came in. Times inside a phase count from `mono` and `wall`, in ms.

import { CHANNEL_COUNT, LAMP, LAMP_NAMES, type LampCode } from "../core/site/lamps.ts";
import type { Channel, SiteModel } from "../core/site/model.ts";
import type { ClockQuality, ControlView, GreenEnd, PhaseView } from "../core/site/view.ts";
import { type CborValue, decodeCbor, encodeCbor, WireError } from "./codec.ts";
import { MAX_TRACE_BYTES } from "./envelope.ts";
import { flag, integer, list, octets, optional, text, tuple, version, wordAt } from "./shape.ts";

export const SPAT_VERSION = 1;

/** How long a receiver may believe a message: twice the beat of 500 ms. */
export const SPAT_VALID_MS = 1_000;

/** The control modes, and `unavailable` when control was not heard for 300 ms. Order is wire. */
export const SPAT_MODES = [
  "unavailable",
  "starting",
  "controlled",
  "orderly-stop",
  "failure-display",
  "trip",
  "no-cabinet",
] as const;
export type SpatMode = (typeof SPAT_MODES)[number];

const CLOCKS = ["unsure", "sure"] as const satisfies ClockQuality[];
const GREEN_ENDS = [
  "gap-out",
  "max-out",
  "force-off",
  "preemption",
  "stop",
  "no-demand",
] as const satisfies GreenEnd[];
const PREEMPT_STATES = ["idle", "delay", "entry", "dwell", "exit", "ignored"] as const;

/** One phase as its heads show it; the order of numbers on the wire is `LAMP`'s. */
export interface SpatPhase {
  readonly phase: number;
  /** The vehicle head as sensed, or null where the phase has none. */
  readonly state: LampCode | null;
  /** The pedestrian head as sensed, or null where the phase has none. */
  readonly walk: LampCode | null;
  /** For how long the controller's present interval has lasted, ms. */
  readonly sinceMs: number;
  /** When the present display of the vehicle head ends, ms from `monoMs`; null is not known. */
  readonly earliestMs: number | null;
  readonly likelyMs: number | null;
  readonly latestMs: number | null;
  readonly call: boolean;
  readonly pedestrianCall: boolean;
  /** Why the last green ended. */
  readonly ended: GreenEnd | null;
}

export interface SpatPreempt {
  readonly preempt: number;
  readonly state: (typeof PREEMPT_STATES)[number];
}

export interface Spat {
  readonly incarnation: number;
  readonly sequence: number;
  /** The control thread's monotonic clock when it made the picture, ms. */
  readonly monoMs: number;
  /** Its wall clock at the same moment, ms since 1970. */
  readonly wallMs: number;
  readonly clock: ClockQuality;
  readonly validForMs: number;
  readonly mode: SpatMode;
  readonly cause: string | null;
  /** Sensed code of each channel, channel 1 first; empty while unavailable. */
  readonly lamps: readonly LampCode[];
  readonly phases: readonly SpatPhase[];
  /** Preempts that are not idle. */
  readonly preempts: readonly SpatPreempt[];
  /** Context of the change that made it, where that is traced; not in the JSON twin. */
  readonly trace?: Uint8Array;
}

/** Which channels show a phase; computed once per site. */
export interface PhaseHeads {
  readonly phase: number;
  readonly vehicle: number | null;
  readonly pedestrian: number | null;
}

export function phaseHeads(site: SiteModel): PhaseHeads[] {
  const first = (phase: number, kind: Channel["kind"]) =>
    site.channels.find((entry) => entry.phase === phase && entry.kind === kind)?.channel ?? null;
  return site.phases.map(({ phase }) => ({
    phase,
    vehicle: first(phase, "vehicle"),
    pedestrian: first(phase, "pedestrian"),
  }));
}

/** The message for a view: what its lamps are sensed to show. */
export function spatFromView(view: ControlView, heads: readonly PhaseHeads[]): Spat {
  return {
    incarnation: view.incarnation,
    sequence: view.sequence,
    monoMs: Math.round(view.monoMs),
    wallMs: Math.round(view.wallMs),
    clock: view.clock,
    validForMs: SPAT_VALID_MS,
    mode: view.mode,
    cause: view.cause,
    lamps: view.sensed,
    phases: heads.flatMap((entry) => phaseFromView(view, entry)),
    preempts: view.preempts
      .filter((entry) => entry.state !== "idle")
      .map(({ preempt, state }) => ({ preempt, state })),
  };
}

/** What is said when control was not heard in time: nothing about any lamp. */
export function unavailableSpat(last: Spat | null, wallMs: number): Spat {
  return {
    incarnation: last?.incarnation ?? 0,
    sequence: last?.sequence ?? 0,
    monoMs: last?.monoMs ?? 0,
    wallMs: Math.round(wallMs),
    clock: "unsure",
    validForMs: SPAT_VALID_MS,
    mode: "unavailable",
    cause: "nothing heard from the control thread",
    lamps: [],
    phases: [],
    preempts: [],
  };
}

/** The colour that the controller's interval should show, to compare with the sensed one. */
const INTERVAL_LAMP: Readonly<Record<PhaseView["state"], LampCode>> = {
  red: LAMP.red,
  green: LAMP.green,
  yellow: LAMP.yellow,
  "red-clearance": LAMP.red,
};

function phaseFromView(view: ControlView, heads: PhaseHeads): SpatPhase[] {
  const phase = view.phases.find((entry) => entry.phase === heads.phase);
  if (phase === undefined) return [];
  const state = sensedAt(view, heads.vehicle);
  const agreed = view.mode === "controlled" && state === INTERVAL_LAMP[phase.state];
  const until = (endMs: number | null) =>
    agreed && endMs !== null ? Math.max(0, Math.round(endMs - view.monoMs)) : null;
  return [
    {
      phase: phase.phase,
      state,
      walk: sensedAt(view, heads.pedestrian),
      sinceMs: lastedMs(view.monoMs, phase.sinceMs),
      earliestMs: until(phase.earliestEndMs),
      likelyMs: until(phase.likelyEndMs),
      latestMs: until(phase.latestEndMs),
      call: phase.call,
      pedestrianCall: phase.pedestrianCall,
      ended: phase.lastGreenEnd,
    },
  ];
}

/** A controller that has not started yet shows what it shows since the process began. */
function lastedMs(monoMs: number, sinceMs: number): number {
  return Math.max(0, Math.round(Math.min(monoMs, monoMs - sinceMs)));
}

function sensedAt(view: ControlView, channel: number | null): LampCode | null {
  return channel === null ? null : (view.sensed[channel - 1] ?? LAMP.dark);
}

export function encodeSpat(spat: Spat): Uint8Array {
  return encodeCbor([
    SPAT_VERSION,
    spat.incarnation,
    spat.sequence,
    spat.monoMs,
    spat.wallMs,
    CLOCKS.indexOf(spat.clock),
    spat.validForMs,
    SPAT_MODES.indexOf(spat.mode),
    spat.cause,
    Uint8Array.from(spat.lamps),
    spat.phases.map(phaseArray),
    spat.preempts.map((entry) => [entry.preempt, PREEMPT_STATES.indexOf(entry.state)]),
    ...(spat.trace === undefined ? [] : [spat.trace]),
  ]);
}

function phaseArray(phase: SpatPhase): CborValue {
  return [
    phase.phase,
    phase.state,
    phase.walk,
    phase.sinceMs,
    phase.earliestMs,
    phase.likelyMs,
    phase.latestMs,
    phase.call,
    phase.pedestrianCall,
    phase.ended === null ? null : GREEN_ENDS.indexOf(phase.ended),
  ];
}

/** The JSON twin as an object: colours by name. */
export function spatToJson({ trace: _trace, ...spat }: Spat): Record<string, unknown> {
  const name = (code: LampCode | null) => (code === null ? null : (LAMP_NAMES[code] ?? null));
  return {
    version: SPAT_VERSION,
    ...spat,
    lamps: spat.lamps.map(name),
    phases: spat.phases.map((phase) => ({
      ...phase,
      state: name(phase.state),
      walk: name(phase.walk),
    })),
  };
}

const BOUNDS = { maxBytes: 4_096, maxDepth: 3, maxItems: 512 };

/** The message in `bytes`, every field checked; else a `WireError` that names the field. */
export function decodeSpat(bytes: Uint8Array): Spat {
  const value = decodeCbor(bytes, BOUNDS);
  const traced = Array.isArray(value) && value.length === 13;
  const fields = tuple(value, traced ? 13 : 12, "spat");
  version(fields[0], SPAT_VERSION, "a spat");
  return {
    incarnation: integer(fields[1], "incarnation"),
    sequence: integer(fields[2], "sequence"),
    monoMs: integer(fields[3], "mono"),
    wallMs: integer(fields[4], "wall"),
    clock: wordAt(fields[5], CLOCKS, "clock"),
    validForMs: integer(fields[6], "validFor"),
    mode: wordAt(fields[7], SPAT_MODES, "mode"),
    cause: optional(fields[8], (value) => text(value, "cause")),
    lamps: lampsOf(fields[9]),
    phases: list(fields[10], 16, "phases").map(phaseOfArray),
    preempts: list(fields[11], 16, "preempts").map(preemptOfArray),
    ...(traced ? { trace: octets(fields[12], "trace", MAX_TRACE_BYTES, 0) } : {}),
  };
}

function lampCode(value: unknown, name: string): LampCode {
  return integer(value, name, 0, LAMP_NAMES.length - 1) as LampCode;
}

function lampsOf(value: unknown): LampCode[] {
  const known = value instanceof Uint8Array && [0, CHANNEL_COUNT].includes(value.length);
  if (!known) throw new WireError(`lamps are not ${CHANNEL_COUNT} bytes or none`);
  return Array.from(value, (code) => lampCode(code, "lamps"));
}

function phaseOfArray(value: CborValue): SpatPhase {
  const fields = tuple(value, 10, "phase");
  const time = (index: number, name: string) =>
    optional(fields[index], (entry) => integer(entry, name));
  return {
    phase: integer(fields[0], "phase", 1, 16),
    state: optional(fields[1], (entry) => lampCode(entry, "state")),
    walk: optional(fields[2], (entry) => lampCode(entry, "walk")),
    sinceMs: integer(fields[3], "since"),
    earliestMs: time(4, "earliest"),
    likelyMs: time(5, "likely"),
    latestMs: time(6, "latest"),
    call: flag(fields[7], "call"),
    pedestrianCall: flag(fields[8], "pedestrianCall"),
    ended: optional(fields[9], (entry) => wordAt(entry, GREEN_ENDS, "ended")),
  };
}

function preemptOfArray(value: CborValue): SpatPreempt {
  const fields = tuple(value, 2, "preempt");
  return {
    preempt: integer(fields[0], "preempt", 1, 255),
    state: wordAt(fields[1], PREEMPT_STATES, "state"),
  };
}

// What the log keeps: the kinds of rows, the names of their fields, and how each class of them is
// treated when the disk can't follow. A body is a positional array; names are for people and
// exports. A kind that a reader doesn't know is kept and passed over.
import type { CborValue } from "../wire/codec.ts";

/** What happens in a full queue: see `queue.ts`. */
export type QueuePolicy = "keep" | "sample" | "drop-oldest" | "coalesce";

export type EventClass = "critical" | "codes" | "detectors" | "lamps" | "figures";

export interface KindShape {
  /** Names of the body's elements, in order. */
  readonly fields: readonly string[];
  readonly class: EventClass;
  /** Committed at once instead of with the next second's group. */
  readonly durable: boolean;
}

function shape(fields: string, kind: EventClass, durable = false): KindShape {
  return { fields: fields.split(" "), class: kind, durable };
}

/** Every kind that this program writes. */
export const KINDS = {
  /** High-resolution code of the Indiana enumeration; `reason` says why where a code does not. */
  code: shape("code parameter reason", "codes"),
  /** What a channel is sensed to show: `colour` as `LAMP_NAMES` spells it. */
  "lamps-sensed": shape("channel colour", "lamps"),
  /** The whole display that the interlock let pass: one code per channel. */
  lamps: shape("codes", "lamps"),
  /** What stands: a `ControlMode` and its cause. */
  mode: shape("mode cause", "critical"),
  /** Coordination with the neighbours, or local-only and why. */
  coordination: shape("mode cause", "critical"),
  /** A command accepted: `body` is [kind, ...parameters]. */
  command: shape("id author via body issued expires", "critical", true),
  /**
   * An order in force or at its end: `what` is hold, plan, priority or flash, `subject` its phase,
   * plan or request; `detail` of a priority is its phase and arrival, then of a vehicle's the
   * check-in detector and when that saw it.
   */
  order: shape("what subject active author until reason detail", "critical"),
  "command-result": shape("id author ok reason", "critical", true),
  /**
   * First row of an incarnation; `continues` and `hash` name the row that it goes on from, `boot`
   * is the random mark of this start of the process.
   */
  start: shape("incarnation version site cause continues hash boot", "critical", true),
  stop: shape("cause", "critical", true),
  /** First cause of a latched trip and what was read with it. */
  trip: shape("cause relay", "critical", true),
  cabinet: shape("what detail", "critical"),
  interlock: shape("what rule channel detail", "critical"),
  alarm: shape("what subject active", "critical"),
  /** A thread that died and is started anew. */
  worker: shape("thread cause", "critical"),
  /** Events that are not in the log: how many, of which class, and why. */
  gap: shape("class count reason", "critical"),
  override: shape("key value reason", "critical"),
  /** The wall clock stepped by so many milliseconds. */
  clock: shape("step", "critical"),
  site: shape("hash name", "critical"),
  /** The kept session of a client of the broker was discarded with so many messages, and why. */
  session: shape("client reason messages", "critical"),
  /** A part that fails or works again. */
  fault: shape("part active text", "critical"),
  /**
   * Before a cut of old rows: the last row cut, its hash, how many went, the incarnation that
   * wrote it, and the node's signature of these four or null.
   */
  checkpoint: shape("cut hash rows incarnation signature", "critical", true),
  /** What is wished for a direction, with its stamp of the hybrid logical clock. */
  wish: shape("direction value wallMs count", "critical", true),
  /** Somebody has seen a fault or alarm, named as it stands: `fault log`, `alarm frozen 3`. */
  acknowledge: shape("fault author", "critical", true),
  /**
   * A certificate that the CA took back: its serial, the bytes that the CA signed, and who told
   * this node (`key folder`, `operator`, `zone`).
   */
  revocation: shape("serial signed source", "critical", true),
  /**
   * An order for the zone that was taken: `plan` or `flash`, its id and author, when it begins and
   * expires, the bytes that he signed, and who brought it (`operator`, or a neighbour's id).
   */
  "zone-order": shape("slot id author notBefore expires signed source", "critical", true),
  /** An own row that was lost here and that a custodian has given back, with its bytes. */
  recovered: shape("incarnation seq at kind body hash", "critical", true),
  /** What an own state that a custodian has given back counted beyond what was left here. */
  "recovered-state": shape("incarnation seq hash counts shared", "critical", true),
  /** A figure of which only the newest value matters. */
  figure: shape("name value", "figures"),
} as const satisfies Readonly<Record<string, KindShape>>;

export type EventKind = keyof typeof KINDS;

/** One event on its way to the log. */
export interface NodeEvent {
  readonly kind: EventKind;
  readonly body: readonly CborValue[];
  /** Wall time in ms; without it, the time at which the log client takes it. */
  readonly at?: number;
}

/** One committed row. */
export interface LogRow {
  /** Place in this log, rising by one. */
  readonly seq: number;
  /** Wall time, ms since 1970. */
  readonly at: number;
  readonly kind: string;
  readonly body: readonly CborValue[];
}

export const EVENT_CLASSES = ["critical", "codes", "detectors", "lamps", "figures"] as const;

/** Codes that say what a detector or button did: a chattering one makes thousands. */
const DETECTOR_CODES: readonly CborValue[] = [81, 82, 89, 90];

/** The shape of a kind by its name, or null for one that this program doesn't write. */
export function shapeOf(kind: string): KindShape | null {
  return Object.hasOwn(KINDS, kind) ? KINDS[kind as EventKind] : null;
}

export function classOf(event: Pick<NodeEvent, "kind" | "body">): EventClass {
  const code = event.body[0] ?? null;
  if (event.kind === "code" && DETECTOR_CODES.includes(code)) return "detectors";
  return KINDS[event.kind].class;
}

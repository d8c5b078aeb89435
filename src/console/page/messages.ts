// The messages that the page reads, checked before anybody draws them: the JSON twins of SPaT and
// health, replies, and the virtual street. What can't be read gives null and is passed over.

import type { NeighbourPicture, NeighboursPicture } from "../../core/site/neighbours.ts";
import type { GreenEnd } from "../../core/site/view.ts";

export type LampName =
  | "dark"
  | "red"
  | "yellow"
  | "green"
  | "flashing-dont-walk"
  | "flashing-yellow";

const LAMP_NAMES: readonly string[] = [
  "dark",
  "red",
  "yellow",
  "green",
  "flashing-dont-walk",
  "flashing-yellow",
];

export type SpatMode =
  | "unavailable"
  | "starting"
  | "controlled"
  | "orderly-stop"
  | "failure-display"
  | "trip"
  | "no-cabinet";

export interface SpatPhase {
  readonly phase: number;
  readonly state: LampName | null;
  readonly walk: LampName | null;
  readonly sinceMs: number;
  readonly earliestMs: number | null;
  readonly likelyMs: number | null;
  readonly latestMs: number | null;
  readonly call: boolean;
  readonly pedestrianCall: boolean;
  readonly ended: GreenEnd | null;
}

export interface Spat {
  readonly incarnation: number;
  readonly sequence: number;
  readonly wallMs: number;
  readonly clock: "sure" | "unsure";
  readonly validForMs: number;
  readonly mode: SpatMode;
  readonly cause: string | null;
  readonly lamps: readonly LampName[];
  readonly phases: readonly SpatPhase[];
  readonly preempts: readonly { readonly preempt: number; readonly state: string }[];
}

export type HealthState = "ok" | "degraded" | "failed";

export interface HealthPart {
  readonly name: string;
  readonly state: HealthState;
  readonly text: string;
}

export interface Health {
  readonly wallMs: number;
  readonly program: string;
  readonly uptimeS: number;
  readonly state: HealthState;
  readonly parts: readonly HealthPart[];
}

export interface Reply {
  readonly id: string;
  readonly ok: boolean;
  readonly reason: string | null;
}

type Fields = Readonly<Record<string, unknown>>;

function fieldsOf(text: string): Fields | null {
  try {
    const value: unknown = JSON.parse(text);
    const known = typeof value === "object" && value !== null && !Array.isArray(value);
    return known ? (value as Fields) : null;
  } catch {
    return null;
  }
}

function isNumber(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value);
}

function isLamp(value: unknown): boolean {
  return typeof value === "string" && LAMP_NAMES.includes(value);
}

function isSpatPhase(value: unknown): boolean {
  const phase = value as Partial<SpatPhase> | null;
  if (phase === null || typeof phase !== "object") return false;
  const times = [phase.earliestMs, phase.likelyMs, phase.latestMs];
  return (
    isNumber(phase.phase) &&
    (phase.state === null || isLamp(phase.state)) &&
    (phase.walk === null || isLamp(phase.walk)) &&
    times.every((time) => time === null || isNumber(time))
  );
}

/** A SPaT message, or null when it is none that this page understands. */
export function parseSpat(text: string): Spat | null {
  const fields = fieldsOf(text);
  if (fields === null || fields.version !== 1) return null;
  const { lamps, phases, preempts } = fields;
  const numbers = [fields.incarnation, fields.sequence, fields.wallMs, fields.validForMs];
  if (!numbers.every(isNumber) || typeof fields.mode !== "string") return null;
  if (!Array.isArray(lamps) || !lamps.every(isLamp)) return null;
  if (!Array.isArray(phases) || !phases.every(isSpatPhase)) return null;
  if (!Array.isArray(preempts)) return null;
  return fields as unknown as Spat;
}

function isHealthPart(value: unknown): boolean {
  const part = value as Partial<HealthPart> | null;
  const states = ["ok", "degraded", "failed"];
  return (
    typeof part?.name === "string" &&
    typeof part.text === "string" &&
    states.includes(`${part.state}`)
  );
}

/** A health message, or null. */
export function parseHealth(text: string): Health | null {
  const fields = fieldsOf(text);
  if (fields === null || !isNumber(fields.uptimeS) || !isNumber(fields.wallMs)) return null;
  const { parts } = fields;
  if (!Array.isArray(parts) || !parts.every(isHealthPart)) return null;
  return fields as unknown as Health;
}

export type Neighbours = NeighboursPicture;

function isNeighbour(value: unknown): boolean {
  const entry = value as Partial<NeighbourPicture> | null;
  return (
    typeof entry?.id === "string" && Array.isArray(entry.phases) && isNumber(entry.incarnation)
  );
}

/** What the node knows of its neighbours, or null. */
export function parseNeighbours(text: string): Neighbours | null {
  const fields = fieldsOf(text);
  if (fields === null || fields.version !== 1 || !isNumber(fields.wallMs)) return null;
  const { neighbours } = fields;
  if (!Array.isArray(neighbours) || !neighbours.every(isNeighbour)) return null;
  return fields as unknown as Neighbours;
}

/** A reply to a command, or null. */
export function parseReply(text: string): Reply | null {
  const fields = fieldsOf(text);
  if (fields === null || typeof fields.id !== "string" || typeof fields.ok !== "boolean") {
    return null;
  }
  const reason = typeof fields.reason === "string" ? fields.reason : null;
  return { id: fields.id, ok: fields.ok, reason };
}

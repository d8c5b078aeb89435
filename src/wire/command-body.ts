// What a command may ask for, with its parameters: how they are checked, and how they travel. In
// CBOR they are positions after the kind, in JSON keys of the same names. No command clears a trip
// or writes the cabinet's record.
import { type CborValue, WireError } from "./codec.ts";
import { flag, integer, octets, text } from "./shape.ts";

/** A hold lasts at most this long, s (see docs/console.md). */
export const MAX_HOLD_S = 120;

/** What a junction is ordered. */
export type JunctionOrder =
  | { readonly kind: "call"; readonly phase: number; readonly pedestrian: boolean }
  | { readonly kind: "flash" }
  | { readonly kind: "return" }
  /** Keeps a phase green for so many whole seconds; 0 lets it go. */
  | { readonly kind: "hold"; readonly phase: number; readonly seconds: number }
  /** A plan of the site file, or none, until a wall time; `schedule` gives it back. */
  | { readonly kind: "plan"; readonly plan: OrderedPlan; readonly untilMs: number | null }
  /**
   * A vehicle with priority that is at the stop line of its phase from arrival to departure, wall
   * times. The same `request` of the same author is news of it; a departure that is past ends it.
   */
  | {
      readonly kind: "priority";
      readonly request: number;
      readonly phase: number;
      readonly arrivalMs: number;
      readonly departMs: number;
    };

/** What the CA signed, in base64: it proves itself, whoever sends it. */
export interface RevokeOrder {
  readonly kind: "revoke";
  readonly signed: string;
}

/** An order that its author signed for all nodes of the zone, in base64: it proves itself too. */
export interface ZoneOrder {
  readonly kind: "zone-order";
  readonly signed: string;
}

/** What goes beyond this node: whoever reads it checks who signed it. */
export type MeshOrder = RevokeOrder | ZoneOrder;

export type CommandBody = JunctionOrder | MeshOrder;

export type OrderedPlan = number | "free" | "schedule";

export type CommandKind = CommandBody["kind"];

export const COMMAND_KINDS = [
  "call",
  "flash",
  "return",
  "hold",
  "plan",
  "priority",
  "revoke",
  "zone-order",
] as const satisfies CommandKind[];

/** Names of a kind's parameters, in their order on the wire. */
const NAMES: Readonly<Record<CommandKind, readonly string[]>> = {
  call: ["phase", "pedestrian"],
  flash: [],
  return: [],
  hold: ["phase", "seconds"],
  plan: ["plan", "until"],
  priority: ["request", "phase", "arrival", "departure"],
  revoke: ["signed"],
  "zone-order": ["signed"],
};

/** Every key that a command in JSON may have beside its own. */
export const PARAMETER_NAMES: readonly string[] = [...new Set(Object.values(NAMES).flat())];

/** How many parameters a kind has. */
export function parameterCount(kind: CommandKind): number {
  return NAMES[kind].length;
}

/** As long as a revocation may be, and a signed order. */
const MAX_SIGNED_BYTES = { revoke: 256, "zone-order": 1_024 } as const;
const BASE64_PATTERN = /^[A-Za-z0-9+/]+={0,2}$/;
/** Numbers of plans in a site file (NTCIP 1202: 254 is free, 255 flash). */
const MAX_PLAN = 253;
const MAX_REQUEST = 65_535;

/** The parameters in order: for CBOR, and for a row of the log where `signed` stays text. */
export function parametersOf(body: CommandBody): (string | number | boolean | null)[] {
  switch (body.kind) {
    case "call":
      return [body.phase, body.pedestrian];
    case "flash":
    case "return":
      return [];
    case "hold":
      return [body.phase, body.seconds];
    case "plan":
      return [body.plan, body.untilMs];
    case "priority":
      return [body.request, body.phase, body.arrivalMs, body.departMs];
    case "revoke":
    case "zone-order":
      return [body.signed];
  }
}

/** What follows the kind in CBOR. */
export function parametersToCbor(body: CommandBody): CborValue[] {
  return "signed" in body ? [Buffer.from(body.signed, "base64")] : parametersOf(body);
}

/** The keys beside the command's own in JSON. */
export function parametersToJson(body: CommandBody): Record<string, unknown> {
  const values = parametersOf(body);
  return Object.fromEntries(NAMES[body.kind].map((name, at) => [name, values[at]]));
}

/** A body from the positions after its kind; a `WireError` names the field. */
export function bodyFromCbor(kind: CommandKind, values: readonly CborValue[]): CommandBody {
  return bodyOf(kind, Object.fromEntries(NAMES[kind].map((name, at) => [name, values[at]])));
}

/** A body from the keys of a JSON object: optional ones filled, those of other kinds refused. */
export function bodyFromJson(
  kind: CommandKind,
  fields: Readonly<Record<string, unknown>>,
): CommandBody {
  const known = NAMES[kind];
  const strange = PARAMETER_NAMES.find((name) => !known.includes(name) && name in fields);
  if (strange !== undefined) throw new WireError(`${kind} has no ${strange}`);
  if (kind === "call") return bodyOf(kind, { pedestrian: false, ...fields });
  if (kind === "plan") return bodyOf(kind, { until: null, ...fields });
  if (kind === "priority") return bodyOf(kind, { request: 1, ...fields });
  if (kind === "revoke" || kind === "zone-order") {
    return bodyOf(kind, { signed: base64Of(fields.signed, MAX_SIGNED_BYTES[kind]) });
  }
  return bodyOf(kind, fields);
}

function bodyOf(kind: CommandKind, fields: Readonly<Record<string, unknown>>): CommandBody {
  switch (kind) {
    case "call":
      return {
        kind,
        phase: phaseOf(fields.phase),
        pedestrian: flag(fields.pedestrian, "pedestrian"),
      };
    case "flash":
    case "return":
      return { kind };
    case "hold":
      return {
        kind,
        phase: phaseOf(fields.phase),
        seconds: integer(fields.seconds, "seconds", 0, MAX_HOLD_S),
      };
    case "plan":
      return planOf(fields.plan, fields.until);
    case "priority":
      return priorityOf(fields);
    case "revoke":
    case "zone-order":
      return signedOf(kind, fields.signed);
  }
}

function phaseOf(value: unknown): number {
  return integer(value, "phase", 1, 16);
}

function planOf(value: unknown, until: unknown): CommandBody {
  const isWord = value === "free" || value === "schedule";
  const plan = isWord ? value : integer(value, "plan", 1, MAX_PLAN);
  if (plan === "schedule") {
    if (until !== null) throw new WireError("until stands beside plan schedule");
    return { kind: "plan", plan, untilMs: null };
  }
  return { kind: "plan", plan, untilMs: integer(until, "until") };
}

function priorityOf(fields: Readonly<Record<string, unknown>>): CommandBody {
  const arrivalMs = integer(fields.arrival, "arrival");
  const departMs = integer(fields.departure, "departure");
  if (departMs < arrivalMs) throw new WireError("departure is before arrival");
  const request = integer(fields.request, "request", 1, MAX_REQUEST);
  return { kind: "priority", request, phase: phaseOf(fields.phase), arrivalMs, departMs };
}

function signedOf(kind: keyof typeof MAX_SIGNED_BYTES, signed: unknown): CommandBody {
  const bytes = octets(signed, "signed", MAX_SIGNED_BYTES[kind], 1);
  return { kind, signed: Buffer.from(bytes).toString("base64") };
}

function base64Of(value: unknown, maxBytes: number): Uint8Array {
  const signed = text(value, "signed", maxBytes * 2);
  if (!BASE64_PATTERN.test(signed)) throw new WireError("signed is not base64");
  return new Uint8Array(Buffer.from(signed, "base64"));
}

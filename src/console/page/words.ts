// Words for what the node says in codes: phase states, green endings, log rows. One place, so that
// the drawing, the tail and the strip call a thing by one name (docs: GLOSSARY of the field).
import type { LampName, SpatMode } from "./messages.ts";

/** What a vehicle head shows. */
export type VehicleLamp = Exclude<LampName, "flashing-dont-walk"> | "flashing-red";

/** The code of a flashing don't walk is, on a vehicle head, a red that flashes. */
export function vehicleLamp(lamp: LampName): VehicleLamp {
  return lamp === "flashing-dont-walk" ? "flashing-red" : lamp;
}

export const STATE_WORDS: Readonly<Record<VehicleLamp, string>> = {
  dark: "Dark",
  red: "Red",
  yellow: "Yellow",
  green: "Green",
  "flashing-red": "Flashing red",
  "flashing-yellow": "Flashing yellow",
};

export const MODE_WORDS: Readonly<Record<SpatMode, string>> = {
  unavailable: "Not known",
  starting: "Starting",
  controlled: "Controlled",
  "orderly-stop": "Orderly stop",
  "failure-display": "Failure display",
  trip: "Trip",
  "no-cabinet": "No cabinet",
};

/** What a mode means for whoever stands in front of the page. */
export const MODE_MEANING: Readonly<Record<SpatMode, string>> = {
  unavailable: "The control part of the node does not answer; what the lamps show is not known.",
  starting: "The junction is starting: all red, then the start-up phases.",
  controlled: "",
  "orderly-stop": "The junction is stopping in order, through its clearances.",
  "failure-display": "The failure display stands; the controller drives no lamp.",
  trip:
    "The monitor has tripped: the relay's flasher drives the lamps until somebody presses the " +
    "button at the cabinet.",
  "no-cabinet": "No microcontroller is connected; the node drives no lamp.",
};

export const END_WORDS: Readonly<Record<string, string>> = {
  "gap-out": "gap-out",
  "max-out": "max-out",
  "force-off": "force-off",
  preemption: "preemption",
  stop: "stop",
  "no-demand": "no demand",
};

/** Longer words for a tooltip. */
export const END_MEANING: Readonly<Record<string, string>> = {
  "gap-out": "no vehicle came within the passage time",
  "max-out": "the maximum green was reached against an opposing call",
  "force-off": "the coordinator's point in the cycle was reached",
  preemption: "a preemption took the junction",
  stop: "the junction went to its failure display",
  "no-demand": "no vehicle came during this green and another phase was called",
};

const PHASE_CODES: Readonly<Record<number, string>> = {
  0: "on",
  1: "begins green",
  2: "conflicting call",
  3: "minimum green complete",
  4: "gap-out",
  5: "max-out",
  6: "force-off",
  7: "green ends",
  8: "begins yellow",
  9: "yellow ends",
  10: "begins red clearance",
  11: "red clearance ends",
  12: "off",
  21: "walk",
  22: "pedestrian clearance",
  23: "don't walk",
  41: "hold",
  42: "hold released",
  43: "call",
  44: "call dropped",
  45: "pedestrian call",
  46: "omitted",
  47: "omit ended",
};

/** True for a code whose parameter is a phase. */
export function isPhaseCode(code: number): boolean {
  return PHASE_CODES[code] !== undefined;
}

const PRIORITY_CODES: Readonly<Record<number, string>> = {
  112: "check-in",
  113: "early green",
  114: "extension",
  115: "check-out",
};

/** Coordination: what the parameter of each is. */
const PLAN_CODES: Readonly<Record<number, string>> = {
  131: "Plan in force:",
  132: "Cycle in seconds:",
  133: "Offset in seconds:",
  150: "Coordination state",
  151: "Yield point of phase",
};

const DETECTOR_CODES: Readonly<Record<number, string>> = {
  81: "free",
  82: "occupied",
  83: "works again",
  84: "failed",
  85: "failed: stuck",
  86: "failed: open loop",
  87: "failed: shorted loop",
  88: "failed: chatter",
};

const PEDESTRIAN_CODES: Readonly<Record<number, string>> = {
  89: "released",
  90: "pressed",
  91: "failed",
  92: "works again",
};

const PREEMPT_CODES: Readonly<Record<number, string>> = {
  101: "advance warning",
  102: "input on",
  104: "input off",
  105: "entry begins",
  107: "dwell begins",
  111: "exit",
};

/** NTCIP 1202 unitFlashStatus. */
const FLASH_STATUS: Readonly<Record<number, string>> = {
  1: "other",
  2: "not in flash",
  3: "automatic",
  4: "by hand",
  5: "fault monitor",
  6: "conflict monitor",
  7: "start-up",
  8: "preemption",
};

const POWER_CODES: Readonly<Record<number, string>> = {
  182: "Power failure",
  184: "Power restored",
};

/** The group a log row belongs to: what the filter of the tail offers. */
export type EventGroup = "signals" | "detectors" | "commands" | "faults" | "node";

export interface EventWords {
  readonly group: EventGroup;
  readonly text: string;
}

interface Family {
  readonly words: Readonly<Record<number, string>>;
  group(code: number): EventGroup;
  text(word: string, parameter: number): string;
}

/** Who a code is about, family by family. */
const FAMILIES: readonly Family[] = [
  { words: PHASE_CODES, group: () => "signals", text: (word, phase) => `Phase ${phase} ${word}` },
  {
    words: DETECTOR_CODES,
    group: (code) => (code >= 83 ? "faults" : "detectors"),
    text: (word, detector) => `Detector ${detector} ${word}`,
  },
  {
    words: PEDESTRIAN_CODES,
    group: (code) => (code >= 91 ? "faults" : "detectors"),
    text: (word, button) => `Push button ${button} ${word}`,
  },
  {
    words: PREEMPT_CODES,
    group: () => "signals",
    text: (word, preempt) => `Preempt ${preempt}: ${word}`,
  },
  {
    words: { 173: "Flash status" },
    group: () => "node",
    text: (word, status) => `${word}: ${FLASH_STATUS[status] ?? status}`,
  },
  { words: POWER_CODES, group: () => "node", text: (word) => word },
  {
    words: PRIORITY_CODES,
    group: () => "signals",
    text: (word, request) => `Priority request ${request}: ${word}`,
  },
  { words: PLAN_CODES, group: () => "signals", text: (word, value) => `${word} ${value}` },
  { words: { 31: "crossed" }, group: () => "signals", text: (word, at) => `Barrier ${at} ${word}` },
];

/** A high-resolution code in words; a reason that only repeats the code is left out. */
export function codeWords(code: number, parameter: number, reason: string | null): EventWords {
  const family = FAMILIES.find(({ words }) => words[code] !== undefined);
  const word = family?.words[code] ?? "";
  const adds = reason !== null && reason !== "" && reason !== word;
  const because = adds ? `, ${END_WORDS[reason] ?? reason}` : "";
  if (family === undefined) return { group: "node", text: `Code ${code} ${parameter}${because}` };
  return { group: family.group(code), text: `${family.text(word, parameter)}${because}` };
}

function part(value: unknown): string {
  if (value === null || value === undefined || value === "") return "";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

function joined(body: readonly unknown[]): string {
  return body
    .map(part)
    .filter((text) => text !== "")
    .join(", ");
}

const KINDS: Readonly<
  Record<
    string,
    { readonly group: EventGroup; readonly text: (body: readonly unknown[]) => string }
  >
> = {
  "lamps-sensed": {
    group: "signals",
    text: ([c, name]) => `Channel ${part(c)} shows ${part(name)}`,
  },
  lamps: { group: "signals", text: () => "Lamps commanded" },
  mode: { group: "node", text: ([mode, cause]) => withCause(modeWord(part(mode)), cause) },
  command: { group: "commands", text: ([, author, , body]) => commandText(part(author), body) },
  order: { group: "commands", text: orderText },
  "command-result": { group: "commands", text: ([, , ok, reason]) => resultText(ok, reason) },
  start: {
    group: "node",
    text: ([incarnation, , , cause]) => withCause(`Node started, run ${part(incarnation)}`, cause),
  },
  stop: { group: "node", text: ([cause]) => withCause("Node stopped", cause) },
  trip: { group: "faults", text: ([cause]) => withCause("Trip", cause) },
  cabinet: { group: "node", text: (body) => `Cabinet: ${joined(body)}` },
  interlock: { group: "faults", text: (body) => `Interlock: ${joined(body)}` },
  alarm: {
    group: "faults",
    text: ([what, subject, active]) =>
      `${active === false ? "Alarm over" : "Alarm"}: ${part(what)} ${part(subject)}`.trim(),
  },
  worker: { group: "faults", text: ([thread, cause]) => `Thread ${part(thread)}: ${part(cause)}` },
  gap: {
    group: "faults",
    text: ([kind, count, why]) => `${part(count)} ${part(kind)} events lost: ${part(why)}`,
  },
  override: {
    group: "node",
    text: ([key, value, why]) => `Floor overridden: ${part(key)} = ${part(value)} (${part(why)})`,
  },
  coordination: {
    group: "node",
    text: ([mode, cause]) => withCause(`Coordination with the neighbours: ${part(mode)}`, cause),
  },
  clock: { group: "node", text: ([step]) => `Clock stepped by ${part(step)} ms` },
  site: { group: "node", text: () => "Site file read" },
  session: {
    group: "node",
    text: ([client, why, messages]) =>
      `Session of ${part(client)} discarded with ${part(messages)} messages: ${part(why)}`,
  },
  checkpoint: { group: "node", text: ([, , rows]) => `Old rows cut from the log: ${part(rows)}` },
  figure: { group: "node", text: ([name, value]) => `${part(name)} ${part(value)}` },
  fault: {
    group: "faults",
    text: ([name, active, text]) =>
      `${part(name)}: ${active === false ? "well again" : part(text) || "fault"}`,
  },
};

function modeWord(mode: string): string {
  return (MODE_WORDS as Readonly<Record<string, string>>)[mode] ?? mode;
}

function withCause(text: string, cause: unknown): string {
  const words = part(cause);
  return words === "" ? text : `${text}: ${words}`;
}

/** A command's body is `[kind, ...parameters]`. */
function commandText(author: string, body: unknown): string {
  const [kind, first, second] = Array.isArray(body) ? body : [body];
  return `Command of ${author}: ${askedText(part(kind), first, second)}`;
}

function askedText(kind: string, first: unknown, second: unknown): string {
  switch (kind) {
    case "call":
      return `${second === true ? "pedestrian" : "vehicle"} call on phase ${part(first)}`;
    case "hold":
      return second === 0 ? `let phase ${part(first)} go` : `hold phase ${part(first)}`;
    case "plan":
      return first === "schedule" ? "back to the schedule" : `plan ${part(first)}`;
    case "priority":
      return `priority for phase ${part(second)}`;
    default:
      return kind;
  }
}

/** An order in force, or its end with the reason. */
function orderText([what, subject, active, author, , reason, detail]: readonly unknown[]): string {
  const phase = Array.isArray(detail) && what === "priority" ? ` for phase ${part(detail[0])}` : "";
  const of = what === "hold" ? `Hold of phase ${part(subject)}` : capital(part(what));
  const name = what === "hold" ? of : `${of} ${part(subject)}`.trim();
  if (active === true) return `${name}${phase} by order of ${part(author)}`;
  return withCause(`${name} is over`, reason);
}

function capital(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}

function resultText(ok: unknown, reason: unknown): string {
  return ok === true ? "Command done" : withCause("Command refused", reason);
}

/** One log row in words; a kind this page does not know is shown as it is. */
export function eventWords(kind: string, body: readonly unknown[]): EventWords {
  if (kind === "code") {
    const [code, parameter, reason] = body;
    return codeWords(Number(code), Number(parameter), typeof reason === "string" ? reason : null);
  }
  const known = KINDS[kind];
  if (known === undefined) return { group: "node", text: `${kind}: ${joined(body)}` };
  return { group: known.group, text: known.text(body) };
}

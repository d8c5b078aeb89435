// `stopline order`: gives a running node one command and prints its reply; with `--zone` an order
// that the operator's key signs for all nodes of the zone.
import type { Reply } from "../wire/command.ts";
import { type CommandBody, MAX_HOLD_S } from "../wire/command-body.ts";
import { parseDurationMs } from "./duration.ts";
import { fail, type OptionShape, parseOptions } from "./options.ts";
import { consoleDoor, type Door, giveOrder, OrderError, secureDoor } from "./order-client.ts";
import { signZoneOrder, zoneBody } from "./zone-order.ts";

type Values = Readonly<Record<string, string | boolean>>;

interface Verb {
  readonly usage: string;
  readonly options: Readonly<Record<string, OptionShape>>;
  /** The command, or what is wrong; `nowMs` is the wall time. */
  readonly body: (word: string | undefined, values: Values, nowMs: number) => CommandBody | string;
}

const TEXT = { type: "string" } as const;
const FLAG = { type: "boolean" } as const;
const WHERE = { data: TEXT, node: TEXT, keys: TEXT } as const;
const PLACES = "--data DIR | --node mqtts://HOST:PORT --keys DIR";

const VERBS: Readonly<Record<string, Verb>> = {
  call: { usage: "call PHASE [--walk]", options: { walk: FLAG }, body: callOf },
  hold: { usage: "hold PHASE --for 60s|--off", options: { for: TEXT, off: FLAG }, body: holdOf },
  plan: {
    usage: "plan N|free --for 2h|--until TIME, plan schedule",
    options: { for: TEXT, until: TEXT },
    body: planOf,
  },
  priority: {
    usage: "priority PHASE --in 20s [--for 10s] [--request N] | --off --request N",
    options: { in: TEXT, for: TEXT, request: TEXT, off: FLAG },
    body: priorityOf,
  },
  flash: { usage: "flash", options: {}, body: () => ({ kind: "flash" }) },
  stop: { usage: "stop", options: {}, body: () => ({ kind: "flash" }) },
  return: { usage: "return", options: {}, body: () => ({ kind: "return" }) },
};

/** A vehicle takes so long past the stop line when nothing else is said. */
const PASSING_MS = 10_000;

function phaseOf(word: string | undefined): number | null {
  return word !== undefined && /^(?:[1-9]|1[0-6])$/.test(word) ? Number(word) : null;
}

function durationOf(value: string | boolean | undefined): number | null {
  return typeof value === "string" ? parseDurationMs(value) : null;
}

function callOf(word: string | undefined, { walk }: Values): CommandBody | string {
  const phase = phaseOf(word);
  return phase === null ? "PHASE is 1 to 16" : { kind: "call", phase, pedestrian: walk === true };
}

function holdOf(word: string | undefined, values: Values): CommandBody | string {
  const phase = phaseOf(word);
  if (phase === null) return "PHASE is 1 to 16";
  if (values.off === true) return { kind: "hold", phase, seconds: 0 };
  const forMs = durationOf(values.for);
  const seconds = forMs === null ? 0 : Math.round(forMs / 1000);
  if (seconds < 1 || seconds > MAX_HOLD_S) return `--for is 1s to ${MAX_HOLD_S}s`;
  return { kind: "hold", phase, seconds };
}

function planOf(word: string | undefined, values: Values, nowMs: number): CommandBody | string {
  if (word === "schedule") return { kind: "plan", plan: "schedule", untilMs: null };
  const plan = word === "free" ? "free" : Number(/^\d{1,3}$/.exec(word ?? "")?.[0] ?? Number.NaN);
  if (Number.isNaN(plan)) return "the plan is a number, free or schedule";
  const forMs = durationOf(values.for);
  const untilMs = typeof values.until === "string" ? Date.parse(values.until) : Number.NaN;
  const endMs = forMs === null ? untilMs : nowMs + forMs;
  if (Number.isNaN(endMs)) return "say until when: --for 2h, or --until 2026-11-29T18:00:00Z";
  return { kind: "plan", plan, untilMs: Math.round(endMs) };
}

function priorityOf(word: string | undefined, values: Values, nowMs: number): CommandBody | string {
  const phase = phaseOf(word);
  if (phase === null) return "PHASE is 1 to 16";
  const request = Number(/^\d{1,5}$/.exec(String(values.request ?? 1))?.[0] ?? 0);
  if (request < 1 || request > 65_535) return "--request is 1 to 65535";
  if (values.off === true) return { kind: "priority", request, phase, arrivalMs: 0, departMs: 0 };
  const inMs = durationOf(values.in);
  if (inMs === null) return "say when it arrives: --in 20s";
  const arrivalMs = Math.round(nowMs + inMs);
  const departMs = Math.round(arrivalMs + (durationOf(values.for) ?? PASSING_MS));
  return { kind: "priority", request, phase, arrivalMs, departMs };
}

async function doorOf({ data, node, keys }: Values): Promise<Door | string> {
  if (typeof keys === "string") {
    if (typeof node === "string" && /^mqtts:\/\//.test(node)) return secureDoor(node, keys);
    return "--keys goes with --node mqtts://HOST:PORT";
  }
  if (typeof data !== "string") return `say which node: ${PLACES}`;
  if (node === undefined) return await consoleDoor(data, null);
  const origin = /^(http:\/\/[^/]+)\/?$/.exec(String(node))?.[1];
  return origin === undefined ? "--node is http://HOST:PORT" : await consoleDoor(data, origin);
}

function usage(): string {
  const lines = Object.values(VERBS).map((verb) => `  stopline order ${verb.usage}`);
  const zone = "--zone --keys DIR: plan, stop and return for all nodes of the zone";
  return `use, with ${PLACES}:\n${lines.join("\n")}\n  ${zone}`;
}

function answered(name: string, what: string, { ok, reason, atMs }: Reply): number {
  if (!ok) return fail("order", `${name} refused: ${reason ?? "no reason given"}`);
  process.stdout.write(`${name}: ${what} at ${new Date(atMs).toISOString()}\n`);
  return 0;
}

/** Prints the node's reply; 0 when it did what was asked. */
export async function run(args: string[]): Promise<number> {
  const zone = args.includes("--zone");
  const [name = "", ...rest] = args.filter((word) => word !== "--zone");
  const verb = Object.hasOwn(VERBS, name) ? VERBS[name] : undefined;
  if (verb === undefined) return fail("order", usage());
  const parsed = parseOptions(rest, { ...WHERE, ...verb.options });
  if (!parsed.ok) return fail("order", `${parsed.problem}; stopline order ${verb.usage}`);
  const words = verb.usage === name ? [undefined, ...parsed.rest] : parsed.rest;
  const [word, more] = words;
  if (more !== undefined) return fail("order", `'${more}' is too much; order ${verb.usage}`);
  const body = verb.body(word, parsed.values, Date.now());
  if (typeof body === "string") return fail("order", `${body}; stopline order ${verb.usage}`);
  if (name === "stop" && !zone) return fail("order", "stop is for a zone: --zone; or use flash");
  try {
    return await (zone ? giveZone : giveOne)(name, body, parsed.values);
  } catch (error) {
    if (!(error instanceof OrderError)) throw error;
    return fail("order", error.message);
  }
}

async function giveOne(name: string, body: CommandBody, values: Values): Promise<number> {
  const door = await doorOf(values);
  if (typeof door === "string") return fail("order", door);
  return answered(name, "done", await giveOrder(door, body));
}

/** The same for a whole zone, signed with the operator's key. */
async function giveZone(name: string, body: CommandBody, values: Values): Promise<number> {
  const ordered = zoneBody(name, body);
  if (ordered === null) {
    return fail("order", `${name} is for one node; plan, stop and return are for a zone`);
  }
  const { keys, ...others } = values;
  if (typeof keys !== "string") return fail("order", "a zone's order is signed: --keys DIR");
  const order = signZoneOrder(ordered, keys, Date.now());
  // Where the keys only sign, the console of this machine is the way.
  const door = await doorOf(/^mqtts:/.test(String(values.node)) ? values : others);
  if (typeof door === "string") return fail("order", door);
  return answered(name, "taken for the zone", await giveOrder(door, order));
}

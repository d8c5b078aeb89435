// Why a light was what it was at a moment in the past, from rows of the event log: one sentence for
// each event of the chain, with its place and time. The last sentence is the light itself. Pure.
import { type Call, type Green, Story, type WhyRow, type WhyWiring } from "./story.ts";

export type { WhyRow, WhyWiring } from "./story.ts";

export interface WhyQuestion {
  readonly phase: number;
  /** Wall time, ms: rows after it are not looked at. */
  readonly atMs: number;
  /** Without it, edges are told from calls by their time alone. */
  readonly wiring: WhyWiring | null;
  /** How times inside sentences read; UTC when it is left out. */
  readonly timeText?: (wallMs: number) => string;
}

/** One event of the chain. */
export interface WhyStatement {
  readonly text: string;
  /** Its row; null for what no row says. */
  readonly seq: number | null;
  readonly at: number | null;
}

/** Why a green ended, by the reason that codes 4, 5 and 6 carry. */
const ENDS: Readonly<Record<string, string>> = {
  "gap-out": "gap-out: no vehicle came within its passage time",
  "no-demand": "no demand: no vehicle came during it and somebody else had a call",
  "max-out": "max-out: its maximum had run against another call",
  "force-off": "force-off: its point in the cycle of the plan was reached",
  preemption: "a preemption took the junction",
};
const END_CODES: Readonly<Record<number, string>> = { 4: "gap-out", 5: "max-out", 6: "force-off" };

const MODES: Readonly<Record<string, string>> = {
  starting: "the junction starts, all red first",
  "orderly-stop": "the junction stops in order",
  "failure-display": "the failure display stands",
  trip: "a trip is latched and the relay's flasher drives the lamps",
  "no-cabinet": "no cabinet is connected",
};

const COORDINATION: Readonly<Record<number, string>> = {
  0: "Coordination is left: the junction runs free",
  1: "Coordination is in step with the plan",
  2: "Coordination corrects its offset by longer cycles",
  3: "Coordination corrects its offset by shorter cycles",
  5: "Local zero of the plan's cycle",
  6: "Coordination picks the plan up",
};

/** Pattern 254 is free operation (NTCIP 1202). */
const FREE_PATTERN = 254;
/** What the layers below did counts as part of the chain for this long. */
const NEAR_MS = 120_000;

export interface WhyAnswer {
  /** Incarnation of the node that wrote the rows; null where its first row was not read. */
  readonly run: number | null;
  /** Oldest event first, the light itself last. */
  readonly chain: readonly WhyStatement[];
}

/** The chain behind the light. `rows` are in order. */
export function explain(rows: Iterable<WhyRow>, question: WhyQuestion): WhyAnswer {
  const read = [...rows].filter(({ at }) => at <= question.atMs);
  const story = new Story(question.wiring).read(read);
  const chain = [
    ...planOf(story),
    ...ordersOf(story, question),
    ...lowerLayersOf(story, question),
    ...ownChain(story, question.phase),
  ];
  const inOrder = distinct(chain).sort((a, b) => (a.seq ?? 0) - (b.seq ?? 0));
  const run = story.start?.body[0];
  return {
    run: typeof run === "number" ? run : null,
    chain: [...inOrder, lightOf(story, question.phase)],
  };
}

function say(row: WhyRow, text: string): WhyStatement {
  return { text, seq: row.seq, at: row.at };
}

/** One row may stand behind several things; it is told once. */
function distinct(chain: readonly WhyStatement[]): WhyStatement[] {
  return [...new Map(chain.map((each) => [each.seq, each])).values()];
}

function lightOf(story: Story, number: number): WhyStatement {
  const mode = String(story.mode?.body[0] ?? "controlled");
  const cause = story.mode?.body[1];
  if (story.mode !== null && mode !== "controlled" && mode !== "starting") {
    const why = typeof cause === "string" && cause !== "" ? `: ${cause}` : "";
    return say(story.mode, `So no phase is on: ${MODES[mode] ?? mode}${why}`);
  }
  const { stage, since, walk } = story.phase(number);
  if (since === null) {
    const text = `So phase ${number} is red: in the rows that were read it has not been green`;
    return { text, seq: null, at: null };
  }
  const shows: Readonly<Record<typeof stage, string>> = {
    green: "green",
    yellow: "yellow",
    "red-clearance": "red, in its red clearance",
    red: "red",
  };
  const people = { walk: ", with walk", clearance: ", with its pedestrian clearance" };
  const beside = stage === "green" && walk !== null && walk !== "dont-walk" ? people[walk] : "";
  return say(since, `So phase ${number} is ${shows[stage]} since then${beside}`);
}

/** What brought and what ended its newest green; while it is red, also what it waits for. */
function ownChain(story: Story, number: number): WhyStatement[] {
  const { green, stage, call, walkCall } = story.phase(number);
  const chain = green === null ? [] : greenChain(green, number);
  if (stage === "green") return chain;
  const waits = [...callChain(call, number, false), ...callChain(walkCall, number, true)];
  return [...chain, ...waits, ...othersGreen(story, number)];
}

function greenChain(green: Green, number: number): WhyStatement[] {
  const chain = [
    ...callChain(green.call, number, false),
    ...callChain(green.walkCall, number, true),
    ...green.after.map((row) => say(row, endText(row))),
    say(green.begin, `Phase ${number} begins green${begunBy(green)}`),
  ];
  if (green.preempt !== null) chain.push(preemptOf(green.preempt));
  if (green.check !== null) {
    chain.push(say(green.check, `Somebody calls against the green of phase ${number}`));
  }
  if (green.end !== null) chain.push(say(green.end, endText(green.end)));
  return chain;
}

function begunBy({ call, walkCall, preempt }: Green): string {
  if (preempt !== null) return " for the preemption or beside it";
  if (call !== null && walkCall !== null) return " for its vehicle and its pedestrian call";
  if (call !== null) return " for its vehicle call";
  if (walkCall !== null) return " for its pedestrian call";
  return " without a call of its own: beside another phase, or to rest";
}

function endText({ body }: WhyRow): string {
  const [code, phase, reason] = body;
  const name = typeof reason === "string" ? reason : (END_CODES[Number(code)] ?? "");
  return `The green of phase ${String(phase)} ends by ${ENDS[name] ?? name}`;
}

function callChain(call: Call | null, number: number, pedestrian: boolean): WhyStatement[] {
  if (call === null) return [];
  const what = pedestrian ? "pedestrian call" : "vehicle call";
  const { row, from } = call;
  if (from === null) {
    return [say(row, `Phase ${number} has a ${what} that no input brought: recalled or kept`)];
  }
  return [say(from, causeText(from)), say(row, `Phase ${number} has a ${what}`)];
}

function causeText({ kind, body }: WhyRow): string {
  if (kind === "command") return `${String(body[1])} places a call`;
  if (kind === "mode") return "The start-up calls every phase";
  const [code, detector] = body;
  if (Number(code) === 90) return `Somebody presses button ${String(detector)}`;
  return `A vehicle comes onto detector ${String(detector)}`;
}

function othersGreen(story: Story, number: number): WhyStatement[] {
  const greens = [...story.phases].filter(([other, { stage }]) => {
    return other !== number && stage === "green";
  });
  return greens.flatMap(([other, { green }]) => {
    if (green === null) return [];
    return [say(green.begin, `Phase ${other} begins green${begunBy(green)}, and has it still`)];
  });
}

function planOf({ pattern, coordination }: Story): WhyStatement[] {
  const chain: WhyStatement[] = [];
  if (pattern !== null) {
    const plan = Number(pattern.body[1]);
    const text = plan === FREE_PATTERN ? "No plan is in force" : `Plan ${plan} is in force`;
    chain.push(say(pattern, text));
  }
  if (coordination !== null) {
    const text = COORDINATION[Number(coordination.body[1])];
    if (text !== undefined) chain.push(say(coordination, text));
  }
  return chain;
}

function ordersOf({ orders, hold, priority, yields }: Story, q: WhyQuestion): WhyStatement[] {
  const { timeText = (wallMs) => new Date(wallMs).toISOString() } = q;
  const chain = [...orders.values()].map((row) => say(row, orderText(row, timeText)));
  if (hold !== null) chain.push(say(hold, `The hold of phase ${String(hold.body[1])} is active`));
  if (priority !== null && q.atMs - priority.at <= NEAR_MS) {
    const what = Number(priority.body[0]) === 113 ? "an early green" : "an extension";
    chain.push(say(priority, `Priority request ${String(priority.body[1])} gets ${what}`));
  }
  const point = yields.get(q.phase);
  if (point !== undefined && q.atMs - point.at <= NEAR_MS) {
    chain.push(say(point, `The yield point of phase ${q.phase} in the cycle is reached`));
  }
  return chain;
}

function orderText({ body }: WhyRow, timeText: (wallMs: number) => string): string {
  const [what, subject, , author, until, , detail] = body;
  const end = typeof until === "number" ? ` until ${timeText(until)}` : "";
  const phase = Array.isArray(detail) ? String(detail[0]) : "";
  switch (what) {
    case "hold":
      return `${String(author)} orders a hold of phase ${String(subject)}${end}`;
    case "plan":
      return `${String(author)} orders plan ${String(subject)}${end}`;
    case "priority":
      return `${String(author)} asks priority for phase ${phase}, request ${String(subject)}${end}`;
    default:
      return `${String(author)} orders ${String(what)}${end}`;
  }
}

function preemptOf(row: WhyRow): WhyStatement {
  return say(row, `Preempt ${String(row.body[1])} takes the junction`);
}

/** Preemption, interlock, alarms and trips near the moment. */
function lowerLayersOf(story: Story, { phase, atMs }: WhyQuestion): WhyStatement[] {
  const chain: WhyStatement[] = [];
  const { preempt, interlock, trip, start, alarms } = story;
  if (preempt !== null) chain.push(preemptOf(preempt));
  if (interlock !== null && atMs - interlock.at <= NEAR_MS) {
    const [what, rule, channel, detail] = interlock.body.map(String);
    const held = what === "hold" ? "keeps a display back" : "stops the junction";
    chain.push(say(interlock, `The interlock ${held}: ${rule}, channel ${channel}, ${detail}`));
  }
  if (trip !== null && story.mode?.body[0] === "trip") {
    chain.push(say(trip, `The monitor trips: ${String(trip.body[0])}`));
  }
  for (const row of alarms.values()) {
    if (row.body[0] !== "call beyond bound" || Number(row.body[1]) !== phase) continue;
    chain.push(say(row, `A call on phase ${phase} has waited beyond its bound`));
  }
  const isYoung = start !== null && atMs - start.at <= NEAR_MS;
  if (isYoung) chain.push(say(start, `The node starts, run ${String(start.body[0])}`));
  return chain;
}

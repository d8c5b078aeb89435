// Runs a scenario in virtual time, in ticks of 50 ms with inputs at their own moments, and compares
// what happened with what the file expects.
import type {
  SignalController,
  SignalEffect,
  SignalInput,
} from "../../src/core/signal/controller.ts";
import type { SiteModel } from "../../src/core/site/model.ts";
import type { Scenario } from "./scenario-file.ts";

export const TICK_MS = 50;
/** Nothing has changed for this long: the junction rests, and every timer has run. */
const REST_MS = 60_000;
const GIVE_UP_MS = 1_800_000;

export type MakeController = (
  site: SiteModel,
  options?: { readonly recall?: "max" },
) => SignalController;

interface Entry {
  readonly atMs: number;
  readonly text: string;
}

export interface Outcome {
  readonly ok: boolean;
  /** The expected and the actual timeline side by side, differences marked. */
  readonly report: string;
}

const LAMP_TEXT: Readonly<Record<number, string>> = {
  1: "green",
  8: "yellow",
  10: "red",
  21: "walk",
  22: "clearance",
  23: "dont-walk",
};

class Recorder {
  readonly lamps: Entry[] = [];
  readonly notes: Entry[] = [];
  private reason = "";

  take(effects: readonly SignalEffect[], atMs: number): void {
    for (const effect of effects) {
      if (effect.kind === "code") this.code(effect, atMs);
      if (effect.kind !== "alarm") continue;
      const state = effect.active ? "on" : "off";
      this.notes.push({ atMs, text: `alarm ${effect.what} ${effect.subject} ${state}` });
    }
  }

  /** The predictions of all phases, in seconds on the scenario's clock. */
  predictions(controller: SignalController, startMs: number, atMs: number): void {
    for (const view of controller.phases(startMs + atMs)) {
      const [earliest, likely, latest] = [
        view.earliestEndMs,
        view.likelyEndMs,
        view.latestEndMs,
      ].map((endMs) => (endMs === null ? "-" : ((endMs - startMs) / 1000).toFixed(1)));
      const text = `ends ${view.phase} ${earliest} ${likely} ${latest}`;
      this.notes.push({ atMs, text });
    }
  }

  /** State of coordination, cycle second and offset error in seconds. */
  coordination(controller: SignalController, startMs: number, atMs: number): void {
    const view = controller.coordination(startMs + atMs);
    const [second, error] = [view.cyclePositionMs, view.offsetErrorMs].map((valueMs) =>
      valueMs === null ? "-" : (valueMs / 1000).toFixed(1),
    );
    const why = view.freeBecause === null ? "" : ` ${view.freeBecause}`;
    this.notes.push({ atMs, text: `coordination ${view.state}${why} ${second} ${error}` });
  }

  private code(effect: Extract<SignalEffect, { kind: "code" }>, atMs: number): void {
    const { code, parameter, reason } = effect;
    this.notes.push({ atMs, text: `code ${code} ${parameter}` });
    if (reason !== undefined) this.reason = reason;
    const lamp = LAMP_TEXT[code];
    if (lamp === undefined) return;
    const why = code === 8 ? ` ${this.reason}` : "";
    this.lamps.push({ atMs, text: `${lamp} ${parameter}${why}` });
  }
}

/** Starts the controller and lets it run until nothing has changed for a while. */
function settle(controller: SignalController): number {
  let lastChangeMs = 0;
  controller.step({ kind: "start" }, 0);
  for (let nowMs = TICK_MS; nowMs < GIVE_UP_MS; nowMs += TICK_MS) {
    const effects = controller.step({ kind: "tick" }, nowMs);
    if (effects.some((effect) => effect.kind === "display")) lastChangeMs = nowMs;
    if (nowMs - lastChangeMs >= REST_MS) return nowMs;
  }
  throw new Error("the junction never comes to rest; begin with from: start-up");
}

function play(scenario: Scenario, make: MakeController): Recorder {
  const { site, inputs, endMs } = scenario;
  const controller = scenario.fixedTime ? make(site, { recall: "max" }) : make(site);
  const recorder = new Recorder();
  const startMs = scenario.from === "rest" ? settle(controller) : 0;
  const step = (input: SignalInput, atMs: number): void => {
    recorder.take(controller.step(shifted(input, startMs), startMs + atMs), atMs);
  };
  if (scenario.from === "start-up") step({ kind: "start" }, 0);
  let next = 0;
  for (let atMs = 0; atMs <= endMs; atMs += TICK_MS) {
    for (let due = inputs[next]; due !== undefined && due.atMs <= atMs; due = inputs[next]) {
      step(due.input, due.atMs);
      next += 1;
    }
    step({ kind: "tick" }, atMs);
    if (scenario.notes.some((note) => note.atMs === atMs && note.text.startsWith("ends "))) {
      recorder.predictions(controller, startMs, atMs);
    }
    recorder.coordination(controller, startMs, atMs);
  }
  return recorder;
}

/** Times inside an input count from the scenario's begin, as everything else does. */
function shifted(input: SignalInput, startMs: number): SignalInput {
  if (input.kind === "priority") {
    const { arrivalMs, departMs } = input;
    return { ...input, arrivalMs: arrivalMs + startMs, departMs: departMs + startMs };
  }
  if (input.kind === "hold") return { ...input, untilMs: input.untilMs + startMs };
  if (input.kind === "platoon") return { ...input, untilMs: input.untilMs + startMs };
  if (input.kind !== "plan" || input.epochMs === null) return input;
  return { ...input, epochMs: input.epochMs + startMs };
}

function clock(atMs: number): string {
  return (atMs / 1000).toFixed(2).padStart(8);
}

function line(entry: Entry | undefined): string {
  return entry === undefined ? "" : `${clock(entry.atMs)}  ${entry.text}`;
}

/** Order within one instant is the controller's own affair. */
function sorted(entries: readonly Entry[]): Entry[] {
  return [...entries].sort((a, b) => a.atMs - b.atMs || a.text.localeCompare(b.text));
}

function compareLamps(expected: readonly Entry[], actual: readonly Entry[]): string[] {
  const [left, right] = [sorted(expected), sorted(actual)];
  const rows: string[] = [];
  let bad = 0;
  for (let index = 0; index < Math.max(left.length, right.length); index += 1) {
    const [a, b] = [line(left[index]), line(right[index])];
    if (a !== b) bad += 1;
    rows.push(`${a === b ? " " : "!"} ${a.padEnd(36)} | ${b}`);
  }
  return bad === 0 ? [] : [`  ${"expected".padEnd(36)} | actual`, ...rows];
}

function compareNotes(scenario: Scenario, notes: readonly Entry[]): string[] {
  const rows: string[] = [];
  for (const note of scenario.notes) {
    if (notes.some((entry) => entry.atMs === note.atMs && entry.text === note.text)) continue;
    const about = /^(ends \d+|coordination) /.exec(note.text)?.[0];
    const instead = notes.find(
      (entry) => about !== undefined && entry.atMs === note.atMs && entry.text.startsWith(about),
    );
    if (instead !== undefined) {
      rows.push(`! ${line(note)}: it was "${instead.text}"`);
      continue;
    }
    const times = notes
      .filter((entry) => entry.text === note.text)
      .map((n) => clock(n.atMs).trim());
    rows.push(`! ${line(note)}: written at ${times.length === 0 ? "no time" : times.join(", ")}`);
  }
  for (const text of scenario.never) {
    const found = notes.find((entry) => entry.text === text || entry.text.startsWith(`${text} `));
    if (found !== undefined) rows.push(`! never ${text}: written at ${clock(found.atMs).trim()}`);
  }
  return rows;
}

/** Plays a scenario with a controller made by `make`. */
export function runScenario(scenario: Scenario, make: MakeController): Outcome {
  const recorder = play(scenario, make);
  const rows = [
    ...compareLamps(scenario.lamps, recorder.lamps),
    ...compareNotes(scenario, recorder.notes),
  ];
  return { ok: rows.length === 0, report: [scenario.title, ...rows].join("\n") };
}

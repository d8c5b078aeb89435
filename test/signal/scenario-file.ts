// Reads a scenario file; its language is described in scenarios/README.md.
import type { SignalInput } from "../../src/core/signal/controller.ts";
import type { Detector, Phase, SiteModel } from "../../src/core/site/model.ts";
import type { Plan } from "../../src/core/site/plan.ts";
import { crossSite, eightPhaseSite, teeSite } from "../support/sites.ts";

export interface TimedInput {
  readonly atMs: number;
  readonly input: SignalInput;
  readonly text: string;
}

export interface Expectation {
  readonly atMs: number;
  readonly text: string;
}

export interface Scenario {
  readonly title: string;
  readonly site: SiteModel;
  readonly fixedTime: boolean;
  /** Time 0: begin of the start-up all red, or the junction at rest with nobody there. */
  readonly from: "start-up" | "rest";
  readonly inputs: readonly TimedInput[];
  /** Every lamp change until the end. */
  readonly lamps: readonly Expectation[];
  /** Codes and alarms that must be among those written, and predictions at a moment. */
  readonly notes: readonly Expectation[];
  /** Codes and alarms that may not be written at all. */
  readonly never: readonly string[];
  readonly endMs: number;
}

const SITES: Readonly<Record<string, () => SiteModel>> = {
  cross: crossSite,
  tee: teeSite,
  "eight-phase": eightPhaseSite,
};

class Reader {
  title = "";
  site: SiteModel | null = null;
  fixedTime = false;
  from: Scenario["from"] = "rest";
  endMs = Number.NaN;
  readonly inputs: TimedInput[] = [];
  readonly lamps: Expectation[] = [];
  readonly notes: Expectation[] = [];
  readonly never: string[] = [];

  line(text: string): void {
    // "plan" is a header with a colon and an input without.
    const header = /^(?!plan\s)(scenario|site|set|plan|from|fixed-time|never|end):?\s+(.*)$/.exec(
      text,
    );
    if (header !== null) this.header(header[1] ?? "", header[2] ?? "");
    else this.event(text);
  }

  done(): Scenario {
    const { title, site, endMs } = this;
    if (site === null) throw new Error(`scenario "${title}" names no site`);
    if (Number.isNaN(endMs)) throw new Error(`scenario "${title}" has no end`);
    this.inputs.sort((a, b) => a.atMs - b.atMs);
    const { fixedTime, from, inputs, lamps, notes, never } = this;
    return { title, site, fixedTime, from, inputs, lamps, notes, never, endMs };
  }

  private header(key: string, value: string): void {
    if (key === "scenario") this.title = value;
    else if (key === "site") this.site = siteNamed(value);
    else if (key === "from") this.from = value === "start-up" ? "start-up" : "rest";
    else if (key === "fixed-time") this.fixedTime = value === "yes";
    else if (key === "never") this.never.push(value);
    else if (key === "end") this.endMs = ms(value);
    else if (key === "plan") this.site = withPlan(this.site, value);
    else if (this.site === null) throw new Error(`"set" before "site" in "${this.title}"`);
    else this.site = withValue(this.site, value);
  }

  private event(text: string): void {
    const parts = /^(\d+(?:\.\d+)?)\s+(=>\s+)?(.*)$/.exec(text);
    if (parts === null) throw new Error(`can't read "${text}" in "${this.title}"`);
    const atMs = ms(parts[1] ?? "");
    const words = (parts[3] ?? "").replace(/\s+/g, " ").trim();
    if (parts[2] === undefined) this.inputs.push(...inputsOf(atMs, words));
    else if (/^(code|alarm|ends|coordination) /.test(words)) this.notes.push({ atMs, text: words });
    else this.lamps.push({ atMs, text: words });
  }
}

function ms(seconds: string): number {
  const value = Math.round(Number(seconds) * 1000);
  if (Number.isNaN(value)) throw new Error(`"${seconds}" is no time in seconds`);
  return value;
}

function siteNamed(name: string): SiteModel {
  const make = SITES[name];
  if (make === undefined) throw new Error(`no site "${name}"; use ${Object.keys(SITES)}`);
  return make();
}

/** `phase 4 locking = true`, `detector 4 delay = 2.0`: keys and units of the site file. */
function withValue(site: SiteModel, text: string): SiteModel {
  const parts = /^(phase|walk|detector|preempt) (\d+) (\w+) = (\S+)$/.exec(text);
  if (parts === null) throw new Error(`can't read "set ${text}"`);
  const [, kind, number, key = "", value = ""] = parts;
  const id = Number(number);
  switch (kind) {
    case "phase":
      return { ...site, phases: site.phases.map((p) => (p.phase === id ? put(p, key, value) : p)) };
    case "walk":
      return {
        ...site,
        phases: site.phases.map((p) => (p.phase === id ? walk(p, key, value) : p)),
      };
    case "detector": {
      const set = (entry: Detector): Detector =>
        entry.detector === id ? put(entry, key, value) : entry;
      return { ...site, detectors: site.detectors.map(set) };
    }
    default: {
      const preempts = site.preempts.map((p) => (p.preempt === id ? put(p, key, value) : p));
      return { ...site, preempts };
    }
  }
}

function walk(phase: Phase, key: string, value: string): Phase {
  if (phase.pedestrian === null) throw new Error(`phase ${phase.phase} has no walk`);
  return { ...phase, pedestrian: put(phase.pedestrian, key, value) };
}

function put<T extends object>(entry: T, key: string, value: string): T {
  const timed = `${key}Ms`;
  if (timed in entry) return { ...entry, [timed]: ms(value) };
  if (!(key in entry)) throw new Error(`no key ${key}`);
  if (key === "fail") return { ...entry, fail: failOf(value) };
  if (["call", "extend", "exit", "phases"].includes(key)) {
    return { ...entry, [key]: value === "-" ? [] : value.split(",").map(Number) };
  }
  if (value === "true" || value === "false") return { ...entry, [key]: value === "true" };
  return { ...entry, [key]: value };
}

function failOf(value: string): Detector["fail"] {
  if (value === "max" || value === "min") return { recall: value };
  return { recall: "fixed", greenMs: ms(value) };
}

/** `N cycle S offset S reference P splits P=S,… coordinated P,…`, and max, lag, permissive. */
function withPlan(site: SiteModel | null, text: string): SiteModel {
  if (site === null) throw new Error(`"plan" before "site": ${text}`);
  const [plan = "", ...words] = text.split(/\s+/);
  const values = new Map<string, string>();
  for (let at = 0; at + 1 < words.length; at += 2) values.set(words[at] ?? "", words[at + 1] ?? "");
  const list = (key: string) => (values.get(key) ?? "").split(",").filter((part) => part !== "");
  const made: Plan = {
    plan: Number(plan),
    cycleMs: ms(values.get("cycle") ?? ""),
    offsetMs: ms(values.get("offset") ?? "0"),
    reference: Number(values.get("reference")),
    splits: list("splits").map((part) => {
      const [phase = "", split = ""] = part.split("=");
      return { phase: Number(phase), splitMs: ms(split) };
    }),
    coordinated: list("coordinated").map(Number),
    lag: list("lag").map(Number),
    permissive: list("permissive").map((part) => {
      const [phase = "", from = "", to = ""] = part.split(/[=-]/);
      return { phase: Number(phase), fromMs: ms(from), toMs: ms(to) };
    }),
    maximum: (values.get("max") ?? "inhibit") as Plan["maximum"],
  };
  return { ...site, plans: [...(site.plans ?? []), made] };
}

/** How long a pulse or a press is on. */
const PULSE_MS = 200;

function inputsOf(atMs: number, words: string): TimedInput[] {
  const every = /^every (\S+) until (\S+) (.*)$/.exec(words);
  if (every !== null) {
    const [, period = "", until = "", what = ""] = every;
    const list: TimedInput[] = [];
    for (let at = atMs; at < ms(until); at += ms(period)) list.push(...inputsOf(at, what));
    return list;
  }
  const pulse = /^(pulse|press) (\d+)$/.exec(words);
  if (pulse !== null) {
    const kind = pulse[1] === "pulse" ? "detector" : "button";
    return [
      ...inputsOf(atMs, `${kind} ${pulse[2]} on`),
      ...inputsOf(atMs + PULSE_MS, `${kind} ${pulse[2]} off`),
    ];
  }
  return [{ atMs, input: inputOf(words), text: words }];
}

function inputOf(words: string): SignalInput {
  const edge = /^(detector|button|preempt) (\d+) (on|off)$/.exec(words);
  if (edge !== null) return edgeOf(edge[1] ?? "", Number(edge[2]), edge[3] === "on");
  const numbered = /^(call walk|call|silent) (\d+)$/.exec(words);
  if (numbered !== null) {
    const number = Number(numbered[2]);
    if (numbered[1] === "silent") return { kind: "detector-silent", detector: number };
    return { kind: "call", phase: number, pedestrian: numbered[1] === "call walk" };
  }
  const plan = /^plan (\d+|free)(?: epoch (\S+))?$/.exec(words);
  if (plan !== null) {
    const [, number = "", epoch] = plan;
    const epochMs = epoch === undefined ? null : ms(epoch);
    return { kind: "plan", plan: number === "free" ? number : Number(number), epochMs };
  }
  const priority = /^priority (\d+) phase (\d+) from (\S+) to (\S+)$/.exec(words);
  if (priority !== null) {
    const [request = 0, phase = 0] = priority.slice(1, 3).map(Number);
    const [arrivalMs = 0, departMs = 0] = priority.slice(3).map(ms);
    return { kind: "priority", request, phase, arrivalMs, departMs };
  }
  return plainInput(words) ?? holdOf(words);
}

function holdOf(words: string): SignalInput {
  const [, phase, until = ""] = /^hold (\d+) until (\S+)$/.exec(words) ?? [];
  if (phase === undefined) throw new Error(`no input "${words}"`);
  return { kind: "hold", phase: Number(phase), untilMs: ms(until) };
}

function plainInput(words: string): SignalInput | null {
  if (words === "inputs lost") return { kind: "inputs-lost" };
  if (words === "inputs restored") return { kind: "inputs-restored" };
  if (words === "start") return { kind: "start" };
  if (words.startsWith("halt ")) return { kind: "halt", cause: words.slice(5) };
  return platoonOf(words);
}

function platoonOf(words: string): SignalInput | null {
  const platoon = /^platoon (hold|end) (\S+) until (\S+)$/.exec(words);
  if (platoon === null) return null;
  const [, deed = "", list = "", until = ""] = platoon;
  const phases = list.split(",").map(Number);
  const [hold, end] = deed === "hold" ? [phases, []] : [[], phases];
  return { kind: "platoon", hold, end, untilMs: ms(until) };
}

function edgeOf(kind: string, number: number, on: boolean): SignalInput {
  if (kind === "detector") return { kind: "detector", detector: number, on };
  if (kind === "button") return { kind: "pedestrian-detector", detector: number, on };
  return { kind: "preempt", preempt: number, on };
}

/** All scenarios of one file's text. */
export function readScenarios(text: string): Scenario[] {
  const readers: Reader[] = [];
  for (const raw of text.split("\n")) {
    const line = raw.replace(/#.*$/, "").trim();
    if (line === "") continue;
    if (line.startsWith("scenario:")) readers.push(new Reader());
    const reader = readers.at(-1);
    if (reader === undefined) throw new Error(`"${line}" stands before the first scenario`);
    reader.line(line);
  }
  return readers.map((reader) => reader.done());
}

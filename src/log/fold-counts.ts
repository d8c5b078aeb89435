// The counting part of the folded state: what only ever rises. It is what an own past that comes
// back from a custodian brings with it; what stood then does not stand now.
import { type CborValue, WireError } from "../wire/codec.ts";
import { integer, list, text, tuple } from "../wire/shape.ts";
import type { DetectorState, LogState } from "./fold.ts";

const MAX_ENTRIES = 4_096;
const NAME = /^(done|refused|(greens|walks|detector|button) \d{1,5}|(rows|lost) .{0,64})$/;
const BEGIN_GREEN = 1;
const BEGIN_WALK = 21;
const DETECTOR_ON = 82;
const BUTTON_ON = 90;

/** Counts by kind of thing and name; the same for any two states that have counted the same. */
export type Counts = ReadonlyMap<string, number>;

/** All that a state has counted. */
export function countsOf(state: LogState): Counts {
  const counts = new Map<string, number>([
    ["done", state.done],
    ["refused", state.refused],
  ]);
  for (const [phase, { greens, walks }] of state.phases) {
    counts.set(`greens ${phase}`, greens);
    counts.set(`walks ${phase}`, walks);
  }
  for (const [channel, { count }] of state.detectors) counts.set(`detector ${channel}`, count);
  for (const [channel, { count }] of state.buttons) counts.set(`button ${channel}`, count);
  for (const [kind, count] of state.rows) counts.set(`rows ${kind}`, count);
  for (const [name, count] of state.lost) counts.set(`lost ${name}`, count);
  return counts;
}

/** What `later` counted beyond `earlier`, as a row keeps it. */
export function countsBeyond(later: Counts, earlier: Counts): CborValue[] {
  return [...later]
    .map(([name, count]): [string, number] => [name, count - (earlier.get(name) ?? 0)])
    .filter(([, count]) => count > 0)
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

/** Adds what `countsBeyond` gave; a `WireError` where it is something else. */
export function addCounts(state: LogState, value: CborValue | undefined): void {
  const entries = list(value, MAX_ENTRIES, "counts").map((entry) => tuple(entry, 2, "count"));
  const checked = entries.map(([name, count]): [string, number] => {
    if (!NAME.test(text(name, "count"))) throw new WireError(`nothing is counted as ${name}`);
    return [String(name), integer(count, "count")];
  });
  for (const [name, count] of checked) addOne(state, name, count);
}

function addOne(state: LogState, name: string, count: number): void {
  const space = name.indexOf(" ");
  const what = space === -1 ? name : name.slice(0, space);
  const of = name.slice(space + 1);
  switch (what) {
    case "done":
      state.done += count;
      break;
    case "refused":
      state.refused += count;
      break;
    case "greens":
      phaseOf(state, Number(of), 0).greens += count;
      break;
    case "walks":
      phaseOf(state, Number(of), 0).walks += count;
      break;
    case "detector":
      detectorOf(state.detectors, Number(of)).count += count;
      break;
    case "button":
      detectorOf(state.buttons, Number(of)).count += count;
      break;
    case "rows":
      state.rows.set(of, (state.rows.get(of) ?? 0) + count);
      break;
    case "lost":
      state.lost.set(of, (state.lost.get(of) ?? 0) + count);
      break;
  }
}

function phaseOf(state: LogState, phase: number, at: number) {
  const known = state.phases.get(phase);
  if (known !== undefined) return known;
  const made = { display: 0, since: at, greens: 0, walks: 0 };
  state.phases.set(phase, made);
  return made;
}

/** The state of a detector or button; a new one is off, works and has counted nothing. */
export function detectorOf(states: Map<number, DetectorState>, channel: number): DetectorState {
  const known = states.get(channel);
  if (known !== undefined) return known;
  const state: DetectorState = { on: false, since: 0, count: 0, failed: 0 };
  states.set(channel, state);
  return state;
}

/**
 * Counts one row that came back. An edge to "on" counts also where the edge before it is missing:
 * rather one too many than a step back.
 */
export function countRow(
  state: LogState,
  at: number,
  kind: string,
  body: readonly CborValue[],
): void {
  const [first, second, third] = body;
  if (kind === "code") countCode(state, at, body);
  else if (kind === "command-result" && third === true) state.done += 1;
  else if (kind === "command-result") state.refused += 1;
  else if (kind === "gap" && typeof second === "number") {
    const name = typeof first === "string" ? first : String(first ?? "");
    state.lost.set(name, (state.lost.get(name) ?? 0) + second);
  }
}

function countCode(state: LogState, at: number, [code, of]: readonly CborValue[]): void {
  if (typeof of !== "number") return;
  if (code === BEGIN_GREEN) phaseOf(state, of, at).greens += 1;
  else if (code === BEGIN_WALK) phaseOf(state, of, at).walks += 1;
  else if (code === DETECTOR_ON) detectorOf(state.detectors, of).count += 1;
  else if (code === BUTTON_ON) detectorOf(state.buttons, of).count += 1;
}

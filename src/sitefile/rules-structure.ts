// References, double use and the sequence: that every number leads somewhere and only once.
import { areConcurrent, worstTransferMs } from "../core/site/concurrency.ts";
import { phaseModel } from "./convert.ts";
import type { Draft } from "./draft.ts";
import { listed } from "./hints.ts";
import type { Problems } from "./problems.ts";
import type { DetectorEntry } from "./schema.ts";
import type { Path } from "./yaml.ts";

function numbers(ids: Iterable<number>): string {
  return listed([...ids].sort((a, b) => a - b).map(String));
}

/** True when the file has this phase; else the problem is added. */
export function isPhase(draft: Draft, problems: Problems, phase: number, path: Path): boolean {
  if (draft.phaseIds.has(phase) || draft.phaseIds.size === 0) return true;
  const use = `one of its phases, ${numbers(draft.phaseIds)}`;
  problems.add({ path, what: "a phase that this file doesn't have", use });
  return false;
}

/** A phase has an approach that exists. */
export function checkPhases(draft: Draft, problems: Problems): void {
  for (const [number, { approach }] of draft.phases) {
    if (draft.approachIds.has(approach) || draft.approachIds.size === 0) continue;
    problems.add({
      path: ["phases", String(number), "approach"],
      what: "an approach that this file doesn't have",
      use: listed([...draft.approachIds]),
    });
  }
}

/** Each phase stands once in the sequence, and every group has the same rings. */
export function checkSequence(draft: Draft, problems: Problems): void {
  if (draft.sequence === undefined) return;
  const seen = new Set<number>();
  const rings = draft.sequence[0]?.length ?? 0;
  for (const [at, group] of draft.sequence.entries()) {
    if (group.length !== rings) {
      const what = `${group.length} rings where the first group has ${rings}`;
      problems.add({ path: ["sequence", at], what, use: "one list per ring, [] for an empty one" });
    }
    if (group.every((ring) => ring.length === 0)) {
      problems.add({
        path: ["sequence", at],
        what: "a group without phases",
        use: "no such group",
      });
    }
    checkGroup(draft, problems, { group, at, seen });
  }
  for (const phase of draft.phaseIds) {
    if (seen.has(phase)) continue;
    problems.add({
      path: ["phases", String(phase)],
      value: `phase ${phase}`,
      what: "in no ring of the sequence, which can never serve it",
      use: "it once in sequence",
    });
  }
}

function checkGroup(
  draft: Draft,
  problems: Problems,
  place: { group: readonly (readonly number[])[]; at: number; seen: Set<number> },
): void {
  for (const [ring, phases] of place.group.entries()) {
    for (const [index, phase] of phases.entries()) {
      const path = ["sequence", place.at, ring, index];
      isPhase(draft, problems, phase, path);
      if (place.seen.has(phase)) {
        problems.add({ path, what: "in the sequence already", use: "each phase once" });
      }
      place.seen.add(phase);
    }
  }
}

interface InputUse {
  readonly path: Path;
  readonly input: number;
}

function inputUses(draft: Draft): InputUse[] {
  const uses: InputUse[] = [];
  const sections = [
    ["detectors", draft.detectors],
    ["pedestrianDetectors", draft.pedestrianDetectors],
    ["preempts", draft.preempts],
  ] as const;
  for (const [section, entries] of sections) {
    for (const [number, { input }] of entries) {
      if (input === undefined) continue;
      uses.push({ path: [section, String(number), "input"], input });
    }
  }
  return uses;
}

/** Detectors and buttons: one source each, no input twice, phases that exist. */
export function checkInputs(draft: Draft, problems: Problems): void {
  const users = new Map<number, Path>();
  for (const { path, input } of inputUses(draft)) {
    const other = users.get(input);
    if (other === undefined) {
      users.set(input, path);
      continue;
    }
    const what = `the input of ${other.slice(0, 2).join(".")} already`;
    problems.add({ path, what, use: "each input once" });
  }
  for (const [number, detector] of draft.detectors)
    checkDetector(draft, problems, number, detector);
  checkButtons(draft, problems);
}

function checkDetector(
  draft: Draft,
  problems: Problems,
  number: number,
  detector: DetectorEntry,
): void {
  const path = ["detectors", String(number)];
  const sources = Number(detector.input !== undefined) + Number(detector.mqtt !== undefined);
  if (sources !== 1) {
    const what = sources === 0 ? "without input and mqtt" : "with both input and mqtt";
    problems.add({ path, value: `detector ${number}`, what, use: "one of the two" });
  }
  if (detector.setback !== undefined && detector.kind !== "advance") {
    const what = `set for a ${detector.kind} detector`;
    problems.add({ path: [...path, "setback"], what, use: "kind: advance, or no setback" });
  }
  const lists = [
    { keys: ["call"], phases: detector.call },
    { keys: ["extend"], phases: detector.extend },
    { keys: ["checkIn", "phases"], phases: detector.checkIn?.phases ?? [] },
  ];
  for (const { keys, phases } of lists) {
    for (const [at, phase] of phases.entries()) {
      isPhase(draft, problems, phase, [...path, ...keys, at]);
    }
  }
}

function checkButtons(draft: Draft, problems: Problems): void {
  for (const [number, { phase }] of draft.pedestrianDetectors) {
    const path = ["pedestrianDetectors", String(number), "phase"];
    if (!isPhase(draft, problems, phase, path)) continue;
    const found = draft.phases.get(phase);
    if (found !== undefined && found.pedestrian === undefined) {
      problems.add({ path, what: "a phase without pedestrian", use: "a phase that has one" });
    }
  }
}

/** A list of phases that are to be green together can be. */
function checkTogether(
  draft: Draft,
  problems: Problems,
  phases: readonly number[],
  path: Path,
): void {
  const known = phases.map((phase, at) => isPhase(draft, problems, phase, [...path, at]));
  const { sequence } = draft;
  if (sequence === undefined || known.includes(false)) return;
  const apart = phases.some((a, at) =>
    phases.slice(at + 1).some((b) => !areConcurrent(sequence, a, b)),
  );
  if (apart) {
    const what = "a list of phases that the sequence can't serve together";
    problems.add({ path, what, use: "at most one phase per ring, all of one barrier group" });
  }
}

/** Start-up and preemption: phases that go together, and the worst transfer time. */
export function checkPreempts(draft: Draft, problems: Problems): void {
  if (draft.site !== undefined) {
    checkTogether(draft, problems, draft.site.startup.phases, ["site", "startup", "phases"]);
  }
  for (const [number, preempt] of draft.preempts) {
    const path = ["preempts", String(number)];
    checkTogether(draft, problems, preempt.phases, [...path, "phases"]);
    checkTogether(draft, problems, preempt.exit, [...path, "exit"]);
    checkTransfer(draft, problems, number);
  }
}

function checkTransfer(draft: Draft, problems: Problems, number: number): void {
  const preempt = draft.preempts.get(number);
  const complete = draft.phases.size === draft.phaseIds.size && draft.phases.size > 0;
  if (preempt === undefined || draft.sequence === undefined || !complete) return;
  const phases = [...draft.phases].map(([phase, entry]) => phaseModel(phase, entry));
  const timing = { phases: preempt.phases, delayMs: Math.round(preempt.delay * 1000) };
  const worstMs = worstTransferMs({ phases, sequence: draft.sequence }, timing);
  if (worstMs <= Math.round(preempt.needWithin * 1000)) return;
  const worst = (worstMs / 1000).toFixed(1);
  problems.add({
    path: ["preempts", String(number), "needWithin"],
    what: `below the worst transfer time of ${worst} s`,
    use: `${worst} or more, or shorter walks, clearances or minimum greens`,
  });
}

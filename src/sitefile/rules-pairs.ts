// The program card against the sequence and the geometry: the list is written by hand, so a slip
// in it shows as a pair too few, a pair too many, or a pair of movements that cross.
import { areConcurrent } from "../core/site/concurrency.ts";
import { type Leg, type Way, waysCross } from "../core/site/geometry.ts";
import type { Draft } from "./draft.ts";
import { listed } from "./hints.ts";
import type { Problems } from "./problems.ts";
import type { Path } from "./yaml.ts";

type Pair = readonly [number, number];

function pairKey(a: number, b: number): string {
  return `${Math.min(a, b)} ${Math.max(a, b)}`;
}

/** Compares every listed pair, and every pair that the sequence needs, with the other. */
export function checkPairs(draft: Draft, problems: Problems): void {
  if (draft.compatible === undefined) return;
  const listedPairs = new Set<string>();
  for (const [at, pair] of draft.compatible.entries()) {
    const path = ["compatible", at];
    if (!isPair(draft, problems, pair, path)) continue;
    if (listedPairs.has(pairKey(...pair))) {
      problems.add({ path, what: "in the list already", use: "each pair once" });
      continue;
    }
    listedPairs.add(pairKey(...pair));
    checkListed(draft, problems, pair, path);
  }
  checkNeeded(draft, problems, listedPairs);
}

function isPair(draft: Draft, problems: Problems, pair: Pair, path: Path): boolean {
  if (pair[0] === pair[1]) {
    problems.add({ path, what: "a channel with itself", use: "two different channels" });
    return false;
  }
  const absent = pair.filter((channel) => !draft.channelIds.has(channel));
  if (absent.length === 0) return true;
  const what = `with a channel that this file doesn't have (${absent.join(", ")})`;
  const use = `its channels, ${listed([...draft.channelIds].map(String))}`;
  problems.add({ path, what, use });
  return false;
}

/** True, false, or undefined where a part that decides it has the wrong shape. */
function isUsed(draft: Draft, [a, b]: Pair): boolean | undefined {
  const phaseA = draft.channels.get(a)?.phase;
  const phaseB = draft.channels.get(b)?.phase;
  if (draft.sequence === undefined || phaseA === undefined || phaseB === undefined)
    return undefined;
  return phaseA === phaseB || areConcurrent(draft.sequence, phaseA, phaseB);
}

function checkListed(draft: Draft, problems: Problems, pair: Pair, path: Path): void {
  if (isUsed(draft, pair) === false) {
    const what = "a pair that the sequence never lights together";
    problems.add({ path, what, use: "the card without it" });
  }
  const [a, b] = pair.map((channel) => wayOf(draft, channel));
  if (a === undefined || b === undefined) return;
  const yields = pair.some((channel) => draft.channels.get(channel)?.yields === true);
  if (!yields && waysCross(legsOf(draft), a, b)) {
    const use = "the card without it, or yields: true on the one that gives way";
    problems.add({ path, what: "a pair whose movements cross", use });
  }
}

function legsOf(draft: Draft): Leg[] {
  return [...draft.approaches].map(([id, { heading }]) => ({ id, headingDeg: heading }));
}

function wayOf(draft: Draft, number: number): Way | undefined {
  const channel = draft.channels.get(number);
  const phase = channel === undefined ? undefined : draft.phases.get(channel.phase);
  const approach = phase === undefined ? undefined : draft.approaches.get(phase.approach);
  if (channel === undefined || phase === undefined || approach === undefined) return undefined;
  const from = { id: phase.approach, headingDeg: approach.heading };
  return { kind: channel.kind, from, movement: phase.movement };
}

function checkNeeded(draft: Draft, problems: Problems, listedPairs: ReadonlySet<string>): void {
  const channels = [...draft.channels.keys()].sort((a, b) => a - b);
  for (const [at, b] of channels.entries()) {
    for (const a of channels.slice(0, at)) {
      if (listedPairs.has(pairKey(a, b)) || isUsed(draft, [a, b]) !== true) continue;
      problems.add({
        path: ["compatible"],
        value: `[${a}, ${b}]`,
        what: "needed by the sequence and not in the list",
        use: "it in the list if that is right, or another sequence",
      });
    }
  }
}

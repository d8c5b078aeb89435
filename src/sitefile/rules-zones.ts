// Zones: outlines that are none, holes that are not in them, corners far from the junction, and
// references to what this file doesn't have. Lines between corners are named by the corners' texts.
import { distanceM, type Ring, ringOf } from "../core/zones/lattice.ts";
import {
  doubledCorner,
  firstMeeting,
  isFlat,
  isWithin,
  selfCrossing,
} from "../core/zones/outlines.ts";
import {
  type Corner,
  MAX_DISTANCE_M,
  MAX_LATITUDE_DEG,
  MAX_ZONES,
  type Outline,
} from "../core/zones/zone.ts";
import { outlineOf } from "./convert-zones.ts";
import type { Draft } from "./draft.ts";
import { listed } from "./hints.ts";
import type { Problems } from "./problems.ts";
import type { ZoneEntry } from "./schema-zones.ts";
import type { Path } from "./yaml.ts";

/** One outline or hole as it was written, and on the lattice. */
interface Drawn {
  readonly path: Path;
  readonly texts: readonly string[];
  readonly ring: Ring;
}

export function checkZones(draft: Draft, problems: Problems): void {
  if (draft.zones.size > MAX_ZONES) {
    const value = `${draft.zones.size} zones`;
    problems.add({ path: ["zones"], value, what: "too many", use: `at most ${MAX_ZONES}` });
  }
  for (const [name, entry] of draft.zones) {
    const path = ["zones", name];
    checkReferences(draft, problems, path, entry);
    checkShape(draft, problems, path, entry);
  }
}

function checkReferences(draft: Draft, problems: Problems, path: Path, entry: ZoneEntry): void {
  const { approach, receive = [], publish = [] } = entry;
  const isKnown = approach === undefined || draft.approachIds.has(approach);
  if (!isKnown && draft.approachIds.size > 0) {
    const what = "an approach that this file doesn't have";
    problems.add({ path: [...path, "approach"], what, use: listed([...draft.approachIds]) });
  }
  if (receive.length + publish.length > 0) return;
  const use = "receive or publish with at least one class of topics";
  problems.add({ path, value: "a zone that scopes nothing", what: "of no use", use });
}

function checkShape(draft: Draft, problems: Problems, path: Path, entry: ZoneEntry): void {
  const position = draft.site?.position;
  const near = position && { latDeg: position.lat, lonDeg: position.lon };
  const rings = [
    { path: [...path, "outline"], texts: entry.outline },
    ...(entry.holes ?? []).map((texts, at) => ({ path: [...path, "holes", at], texts })),
  ].map(({ path, texts }) => ({ path, texts, corners: outlineOf(texts) }));
  // Lines between corners that lie anywhere on earth are on no plane: nothing more to say of them.
  const placed = rings.filter(({ path, corners }) => isPlaced(problems, path, corners, near));
  const origin = rings[0]?.corners[0];
  if (placed.length < rings.length || origin === undefined) return;
  const drawn = rings.map(({ path, texts, corners }): Drawn => {
    return { path, texts, ring: ringOf(corners, origin) };
  });
  const sound = drawn.filter((one) => isOutline(problems, one));
  if (sound.length < drawn.length) return;
  const [outline, ...holes] = drawn;
  if (outline !== undefined) checkHoles(problems, outline, holes);
}

/** False, with a problem, for corners on no map or far from the junction. The first one only. */
function isPlaced(
  problems: Problems,
  path: Path,
  corners: Outline,
  near: Corner | undefined,
): boolean {
  for (const [at, corner] of corners.entries()) {
    const { latDeg, lonDeg } = corner;
    if (Math.abs(latDeg) > MAX_LATITUDE_DEG || Math.abs(lonDeg) > 180) {
      const use = `latitude -${MAX_LATITUDE_DEG} to ${MAX_LATITUDE_DEG}, longitude -180 to 180`;
      problems.add({ path: [...path, at], what: "no place for a zone", use });
      return false;
    }
    const farM = near === undefined ? 0 : distanceM(near, corner);
    if (farM > MAX_DISTANCE_M) {
      const what = `${kilometres(farM)} km from the junction's position`;
      const use = `a corner within ${kilometres(MAX_DISTANCE_M)} km of it, latitude first`;
      problems.add({ path: [...path, at], what, use });
      return false;
    }
  }
  return true;
}

function kilometres(metres: number): string {
  return metres < 100_000
    ? String(Math.ceil(metres / 100) / 10)
    : String(Math.round(metres / 1_000));
}

/** False, with a problem, for what encloses nothing or crosses itself. */
function isOutline(problems: Problems, drawn: Drawn): boolean {
  const { path, texts, ring } = drawn;
  if (ring.length < 3) {
    const value = "an outline that ends where it began";
    problems.add({ path, value, what: "of fewer than 3 corners", use: "3 or more" });
    return false;
  }
  const doubled = doubledCorner(ring);
  if (doubled !== -1) {
    const at = (doubled + 1) % ring.length;
    problems.add({ path: [...path, at], what: "the corner before it again", use: "it once" });
    return false;
  }
  if (isFlat(ring)) {
    const value = "an outline with all corners on one line";
    problems.add({ path, value, what: "without an area", use: "corners around a place" });
    return false;
  }
  const crossing = selfCrossing(ring);
  if (crossing === null) return true;
  const [before, at] = crossing;
  problems.add({
    path: [...path, at],
    value: lineText(texts, ring, at),
    what: `crossing or touching ${lineText(texts, ring, before)}`,
    use: "corners in order around the place",
  });
  return false;
}

/** `the line from A to B` for the line that begins at a corner. */
function lineText(texts: readonly string[], ring: Ring, at: number): string {
  return `the line from ${texts[at]} to ${texts[(at + 1) % ring.length]}`;
}

function checkHoles(problems: Problems, outline: Drawn, holes: readonly Drawn[]): void {
  for (const [index, hole] of holes.entries()) {
    const { path, texts, ring } = hole;
    const meeting = firstMeeting(ring, outline.ring);
    if (meeting !== null) {
      const [at, other] = meeting;
      problems.add({
        path: [...path, at],
        value: lineText(texts, ring, at),
        what: `crossing or touching the outline, ${lineText(outline.texts, outline.ring, other)}`,
        use: "a hole within the outline and apart from it",
      });
      continue;
    }
    if (!hasFirst(outline.ring, ring)) {
      const use = "a hole within the outline";
      problems.add({ path, value: "a hole", what: "outside its outline", use });
      continue;
    }
    const overlaps = holes.slice(0, index).findIndex((other) => overlap(other.ring, ring));
    if (overlaps === -1) continue;
    const what = `across, within or around hole ${overlaps}`;
    problems.add({ path, value: "a hole", what, use: "one hole for both" });
  }
}

/** For rings that don't meet: whether all of the second lies in the first. */
function hasFirst(outer: Ring, inner: Ring): boolean {
  const [first] = inner;
  return first !== undefined && isWithin(outer, first);
}

function overlap(a: Ring, b: Ring): boolean {
  return firstMeeting(a, b) !== null || hasFirst(a, b) || hasFirst(b, a);
}

// The section `zones` into the model: corners as numbers, and an outline that ends where it began,
// as maps export it, without that last corner.
import { stepsOf } from "../core/zones/lattice.ts";
import type { Corner, Outline, Zone } from "../core/zones/zone.ts";
import type { ZoneEntry } from "./schema-zones.ts";

function cornerOf(text: string): Corner {
  const [latDeg, lonDeg] = text.split(",").map(Number);
  return { latDeg: latDeg ?? Number.NaN, lonDeg: lonDeg ?? Number.NaN };
}

/** The corners of an outline or a hole. */
export function outlineOf(texts: readonly string[]): Outline {
  const corners = texts.map(cornerOf);
  const [first, last] = [corners[0], corners.at(-1)];
  const closed =
    first !== undefined &&
    last !== undefined &&
    stepsOf(first.latDeg) === stepsOf(last.latDeg) &&
    stepsOf(first.lonDeg) === stepsOf(last.lonDeg);
  return closed ? corners.slice(0, -1) : corners;
}

/** The zones of a file whose shape and rules hold, in its order. */
export function zoneModels(section: Readonly<Record<string, ZoneEntry>> | undefined): Zone[] {
  return Object.entries(section ?? {}).map(([name, entry]) => ({
    name,
    outline: outlineOf(entry.outline),
    holes: (entry.holes ?? []).map(outlineOf),
    hysteresisM: entry.hysteresis,
    roles: entry.roles,
    receive: entry.receive ?? [],
    publish: entry.publish ?? [],
    approach: entry.approach ?? null,
  }));
}

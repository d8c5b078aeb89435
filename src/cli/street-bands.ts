// A street out of the site files of its junctions, in order along it: the coordinated greens of one
// plan in both directions, and the driving times between them. Pure; what doesn't fit together is
// one line.
import { type Bands, type StreetJunction, widestBands } from "../core/coordination/bandwidth.ts";
import type { NeighbourRoad, SiteModel } from "../core/site/model.ts";
import { type Plan, planLayout } from "../core/site/plan.ts";

/** Something that does not fit together, with the way out. */
export class StreetError extends Error {
  override readonly name = "StreetError";
}

export interface StreetBands {
  readonly plan: number;
  readonly cycleMs: number;
  readonly junctions: readonly {
    readonly id: string;
    /** From the first stop line, along the way ahead. */
    readonly atM: number;
    readonly street: StreetJunction;
  }[];
  readonly bands: Bands;
}

function planOf(site: SiteModel, number: number): Plan {
  const found = site.plans?.find(({ plan }) => plan === number);
  if (found !== undefined) return found;
  throw new StreetError(`${site.node.id} has no plan ${number}; add it under plans`);
}

function roadFrom(site: SiteModel, other: SiteModel): NeighbourRoad {
  const road = site.neighbours.find(({ id }) => id === other.node.id)?.road ?? null;
  if (road !== null) return road;
  const [id, from] = [site.node.id, other.node.id];
  throw new StreetError(
    `${id} doesn't say how far ${from} is; add neighbours.${from} with approach, length and speed`,
  );
}

/** The coordinated phase that serves a road's vehicles. */
function phaseFrom(site: SiteModel, plan: Plan, { approach }: NeighbourRoad): number {
  const found = plan.coordinated.find((number) =>
    site.phases.some(({ phase, approach: its }) => phase === number && its === approach),
  );
  if (found !== undefined) return found;
  throw new StreetError(
    `plan ${plan.plan} of ${site.node.id} coordinates no phase of ${approach}; ` +
      "name the street's phases in coordinated",
  );
}

function otherPhase(site: SiteModel, plan: Plan, phase: number): number {
  const found = plan.coordinated.find((number) => number !== phase);
  if (found !== undefined) return found;
  throw new StreetError(`plan ${plan.plan} of ${site.node.id} coordinates one direction only`);
}

function junctionOf(sites: readonly SiteModel[], index: number, number: number): StreetJunction {
  const site = sites[index];
  if (site === undefined) throw new Error("no such junction");
  const [before, next] = [sites[index - 1], sites[index + 1]];
  const plan = planOf(site, number);
  const fromBefore = before === undefined ? null : roadFrom(site, before);
  const fromNext = next === undefined ? null : roadFrom(site, next);
  const ahead = fromBefore === null ? null : phaseFrom(site, plan, fromBefore);
  const back = fromNext === null ? null : phaseFrom(site, plan, fromNext);
  const aheadPhase = ahead ?? otherPhase(site, plan, back ?? 0);
  const backPhase = back ?? otherPhase(site, plan, ahead ?? 0);
  const layout = planLayout(site, plan);
  const green = (phase: number) => {
    const found = layout.phases.find((one) => one.phase === phase);
    if (found === undefined) throw new Error(`the layout has no phase ${phase}`);
    const { startMs, endMs } = found;
    const lengthMs = endMs > startMs ? endMs - startMs : endMs + plan.cycleMs - startMs;
    return { startMs: startMs - layout.zeroMs, lengthMs };
  };
  return {
    ahead: green(aheadPhase),
    back: green(backPhase),
    aheadMs: fromBefore === null ? 0 : drivingMs(fromBefore),
    backMs: before === undefined ? 0 : drivingMs(roadFrom(before, site)),
  };
}

function drivingMs({ lengthM, speedMps }: NeighbourRoad): number {
  return Math.round((lengthM / speedMps) * 1_000);
}

/**
 * The widest bands of a street of two junctions or more; `favour` as `widestBands` takes it.
 * Throws `StreetError` for what doesn't fit together.
 */
export function streetBands(
  sites: readonly SiteModel[],
  number: number,
  favour: { readonly ahead: number; readonly back: number },
): StreetBands {
  const [first] = sites;
  if (first === undefined || sites.length < 2) {
    throw new StreetError("a street has two junctions or more; name their site files in order");
  }
  const { cycleMs } = planOf(first, number);
  for (const site of sites) {
    const other = planOf(site, number).cycleMs;
    if (other === cycleMs) continue;
    const [id, here, there] = [site.node.id, other / 1_000, cycleMs / 1_000];
    throw new StreetError(`${id} has a cycle of ${here} s and ${first.node.id} of ${there} s`);
  }
  let atM = 0;
  const junctions = sites.map((site, index) => {
    const before = sites[index - 1];
    if (before !== undefined) atM += roadFrom(site, before).lengthM;
    return { id: site.node.id, atM, street: junctionOf(sites, index, number) };
  });
  const street = junctions.map((junction) => junction.street);
  return { plan: number, cycleMs, junctions, bands: widestBands(street, cycleMs, favour) };
}

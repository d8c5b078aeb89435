// The lights of the street through a corridor of three junctions, recorded in virtual time: the
// demo's junctions with their links, traffic and pedestrians, as `scripts/run --corridor 3` makes
// them. What SPaT says of the northbound phase, ten times a second.
import { readFileSync } from "node:fs";
import { corridorSite, type JunctionPlan, PLAN } from "../../src/cli/corridor-site.ts";
import { streetBands } from "../../src/cli/street-bands.ts";
import type { SiteModel } from "../../src/core/site/model.ts";
import type { PhaseView } from "../../src/core/site/view.ts";
import { driveCorridor } from "../../src/sim/street/corridor-drive.ts";
import { parseSite } from "../../src/sitefile/load.ts";
import type { Light, PhaseBelief } from "../../src/vehicle/belief.ts";
import { THREE_JUNCTIONS } from "../support/three-junctions.ts";

const DEMO = readFileSync(new URL("../../config/demo.yaml", import.meta.url), "utf8");
/** Northbound through. */
const PHASE = 2;
export const RECORD_MS = 100;

function sitesOf(plans: readonly JunctionPlan[]): SiteModel[] {
  return plans.map((plan) => {
    const loaded = parseSite(corridorSite(DEMO, plan, plans), `junction-${plan.number}`);
    if (!loaded.ok) throw new Error(loaded.problems.join("; "));
    return loaded.site;
  });
}

/** With offsets for a green wave both ways. */
function corridorSites(): SiteModel[] {
  const { bands } = streetBands(sitesOf(THREE_JUNCTIONS), PLAN, { ahead: 1, back: 1 });
  return sitesOf(
    THREE_JUNCTIONS.map((plan, at) => ({ ...plan, offsetS: (bands.offsetsMs[at] ?? 0) / 1_000 })),
  );
}

const LIGHTS: Readonly<Record<PhaseView["state"], Light>> = {
  green: "green",
  yellow: "yellow",
  "red-clearance": "red",
  red: "red",
};

function beliefOf(view: PhaseView, nowMs: number): PhaseBelief {
  const left = (endMs: number | null) => (endMs === null ? null : Math.max(0, endMs - nowMs));
  return {
    light: LIGHTS[view.state],
    doubt: null,
    ageMs: 0,
    earliestMs: left(view.earliestEndMs),
    likelyMs: left(view.likelyEndMs),
    latestMs: left(view.latestEndMs),
  };
}

/** Of each junction from the south, what is believed after each `RECORD_MS`. */
export type Lights = readonly (readonly PhaseBelief[])[];

/** `free`: without the street's plan, so that calls and gaps decide when its reds end. */
export function recordLights(seed: number, durationMs: number, free: boolean): Lights {
  const sites = corridorSites();
  const lights: PhaseBelief[][] = sites.map(() => []);
  driveCorridor(sites, {
    seed,
    warmUpMs: 0,
    durationMs,
    plan: free ? "free" : PLAN,
    links: true,
    demand: sites.map(({ street }) => street ?? { demand: {}, pedestrians: {} }),
    onPhases: (at, phases, nowMs) => {
      const view = phases.find(({ phase }) => phase === PHASE);
      if (view !== undefined) lights[at]?.push(beliefOf(view, nowMs));
    },
  });
  return lights;
}

/** What is said wrongly or not at all of reds. */
export interface Fault {
  /** Added to the likely end of one red, ms; never below its earliest. */
  readonly lateMs: () => number;
  /** Nothing is known of earliest and latest ends. */
  readonly vague: boolean;
}

/** The same lights with worse words about their reds. */
export function worsened(lights: Lights, { lateMs, vague }: Fault): Lights {
  return lights.map((beliefs) => {
    let [before, ownMs]: [Light | null, number] = [null, 0];
    return beliefs.map((belief) => {
      if (belief.light !== before) ownMs = lateMs();
      before = belief.light;
      return belief.light === "red" ? worse(belief, ownMs, vague) : belief;
    });
  });
}

function worse(belief: PhaseBelief, lateMs: number, vague: boolean): PhaseBelief {
  const known = vague ? { earliestMs: null, latestMs: null } : belief;
  const { earliestMs, latestMs } = known;
  const { likelyMs } = belief;
  const saidMs = likelyMs === null ? null : Math.max(earliestMs ?? 0, likelyMs + lateMs);
  return { ...belief, earliestMs, likelyMs: saidMs, latestMs };
}

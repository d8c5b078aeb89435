// Lanes and detector zones of the virtual street, from the site file. Where a detector lies follows
// from its kind, as it does on most real streets; only an advance detector may say it itself.
import {
  type Approach,
  type Detector,
  type Movement,
  type SiteModel,
  setbackM,
} from "../../core/site/model.ts";

export interface LanePlan {
  readonly approach: Approach;
  readonly phase: number;
  /** The vehicle channel that its drivers look at. */
  readonly channel: number;
  /** Place among the lanes of its phase, the leftmost first. */
  readonly lane: number;
}

/** Part of a lane in metres from the stop bar upstream; past the stop bar is negative. */
export interface Zone {
  readonly nearM: number;
  readonly farM: number;
  /** True when it is on for one step as a front comes in, however long the vehicle stays. */
  readonly pulse: boolean;
}

export interface DetectorPlan {
  readonly input: number;
  readonly zone: Zone;
  /** Indexes into the lanes of the plan. */
  readonly lanes: readonly number[];
}

const LOOP_M = 2;

/** Where a detector lies on a lane with this approach speed. */
function zoneOf(detector: Detector, speedMps: number): Zone {
  switch (detector.kind) {
    case "presence":
      return { nearM: 0, farM: 12, pulse: false };
    case "stop-bar":
      return { nearM: 0, farM: 6, pulse: false };
    case "count":
      return { nearM: -LOOP_M, farM: 0, pulse: false };
    case "pulse":
      return { nearM: 30, farM: 30 + LOOP_M, pulse: true };
    case "advance": {
      const nearM = setbackM(detector, speedMps);
      return { nearM, farM: nearM + LOOP_M, pulse: false };
    }
  }
}

/** The phase that has an approach's through lanes: its through phase, or its first one. */
function mainPhase(site: SiteModel, approach: string): number | undefined {
  const phases = site.phases.filter((phase) => phase.approach === approach);
  return (phases.find(({ movement }) => movement === "through") ?? phases[0])?.phase;
}

/** The phase that serves a movement: one of its own, else the one with the through lanes. */
export function servingPhase(
  site: SiteModel,
  approach: string,
  movement: Movement,
): number | undefined {
  const own = site.phases.find(
    (phase) => phase.approach === approach && phase.movement === movement,
  );
  return own?.phase ?? mainPhase(site, approach);
}

function channelOf(site: SiteModel, phase: number): number {
  const found = site.channels.find((entry) => entry.phase === phase && entry.kind === "vehicle");
  if (found === undefined) throw new Error(`phase ${phase} has no vehicle channel`);
  return found.channel;
}

/** Every lane: as many as the approach has for its main phase, one for each other phase. */
export function planLanes(site: SiteModel): LanePlan[] {
  return site.approaches.flatMap((approach) => {
    const main = mainPhase(site, approach.id);
    const phases = site.phases.filter((phase) => phase.approach === approach.id);
    return phases.flatMap(({ phase }) => {
      const count = phase === main ? approach.lanes : 1;
      const channel = channelOf(site, phase);
      return Array.from({ length: count }, (_, lane) => ({ approach, phase, channel, lane }));
    });
  });
}

function phasesOf(detector: Detector): number[] {
  return [...new Set([...detector.call, ...detector.extend])].sort((a, b) => a - b);
}

function placeOf(detector: Detector): string {
  return `${detector.kind} ${detector.setbackM} ${phasesOf(detector).join(",")}`;
}

/**
 * Detectors that come by a cabinet input and have a phase. Several in one place on the same phases
 * share its lanes; a single one covers them all. A detector without a phase has no place here.
 */
export function planDetectors(site: SiteModel, lanes: readonly LanePlan[]): DetectorPlan[] {
  const alike = new Map<string, number[]>();
  for (const detector of site.detectors) {
    const key = placeOf(detector);
    alike.set(key, [...(alike.get(key) ?? []), detector.detector]);
  }
  return site.detectors.flatMap((detector): DetectorPlan[] => {
    const phases = phasesOf(detector);
    const group = alike.get(placeOf(detector)) ?? [];
    const over = [...lanes.keys()].filter((at) => phases.includes(lanes[at]?.phase ?? 0));
    if (detector.input === null || over.length === 0) return [];
    const share = Math.min(group.length, over.length);
    const mine = group.indexOf(detector.detector) % share;
    const speedMps = lanes[over[0] ?? 0]?.approach.speedMps ?? 0;
    return [
      {
        input: detector.input,
        zone: zoneOf(detector, speedMps),
        lanes: over.filter((_, at) => at % share === mine),
      },
    ];
  });
}

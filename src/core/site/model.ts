// The site model: one junction as the rest of the program sees it. Plain data in milliseconds,
// metres and metres per second, made from the site file once and never changed afterwards.

import type { Zone } from "../zones/zone.ts";
import type { SiteLimits } from "./limits.ts";
import type { Plan, ScheduleEntry } from "./plan.ts";

export type FailureDisplay = "flash-red" | "all-red" | "dark";
export type Movement = "through" | "left" | "right";
export type VehicleRecall = "none" | "min" | "max" | "soft";
export type PedestrianRecall = "none" | "pedestrian";
export type ChannelKind = "vehicle" | "pedestrian";
export type DetectorKind = "presence" | "pulse" | "count" | "stop-bar" | "advance";

/** A leg of the junction: `headingDeg` is the travel direction of its arriving vehicles. */
export interface Approach {
  readonly id: string;
  /** Compass heading of arriving vehicles, 0 to 359; 180 arrives from the north. */
  readonly headingDeg: number;
  readonly lanes: number;
  readonly speedMps: number;
  /** Rise over run in the travel direction; downhill is negative. */
  readonly grade: number;
}

export interface PedestrianTiming {
  readonly walkMs: number;
  readonly clearanceMs: number;
  readonly crossingM: number;
  readonly speedMps: number;
  readonly recall: PedestrianRecall;
}

export interface Phase {
  readonly phase: number;
  readonly name: string;
  readonly approach: string;
  readonly movement: Movement;
  readonly minGreenMs: number;
  readonly passageMs: number;
  readonly max1Ms: number;
  readonly max2Ms: number;
  readonly yellowMs: number;
  readonly redClearanceMs: number;
  readonly redRevertMs: number;
  readonly recall: VehicleRecall;
  readonly locking: boolean;
  readonly dualEntry: boolean;
  readonly pedestrian: PedestrianTiming | null;
}

/** What is wired to one output; a phase may have a vehicle and a pedestrian channel. */
export interface Channel {
  readonly channel: number;
  readonly phase: number;
  readonly kind: ChannelKind;
  /** Colour in the failure display; pedestrian channels are dark there. */
  readonly flash: "red" | "yellow" | "dark";
  /** A permissive movement that gives way to a compatible one it crosses. */
  readonly yields: boolean;
}

/** What a failed detector's phases get instead of its calls. */
export type DetectorFail =
  | { readonly recall: "max" }
  | { readonly recall: "min" }
  | { readonly recall: "fixed"; readonly greenMs: number };

export interface MqttSource {
  /** Client id pattern with `*`, which alone may publish this detector. */
  readonly client: string;
  readonly leaseMs: number;
}

/** Usual place of an advance detector: so long before the stop bar at the approach speed. */
const ADVANCE_S = 4;

/** Where vehicles with priority are seen before their stop line. */
export interface CheckIn {
  /** For whose priority it speaks. */
  readonly phases: readonly number[];
  /** From there to the stop line, as a rule. */
  readonly travelMs: number;
  /** By which a vehicle may be sooner or later than that. */
  readonly windowMs: number;
}

export interface Detector {
  /** Channel number of the high-resolution log. */
  readonly detector: number;
  readonly call: readonly number[];
  readonly extend: readonly number[];
  readonly kind: DetectorKind;
  /** From the stop bar upstream to an advance detector; null: ADVANCE_S at the approach speed. */
  readonly setbackM: number | null;
  readonly delayMs: number;
  readonly extensionMs: number;
  /** Cabinet input 1 to 32, or null when it comes over MQTT. */
  readonly input: number | null;
  readonly mqtt: MqttSource | null;
  readonly checkIn: CheckIn | null;
  readonly stuckOnMs: number;
  readonly stuckOffMs: number;
  readonly fail: DetectorFail;
}

/** From the stop bar upstream to an advance detector on an approach with this speed, m. */
export function setbackM(detector: Detector, speedMps: number): number {
  return detector.setbackM ?? speedMps * ADVANCE_S;
}

export interface PedestrianDetector {
  readonly detector: number;
  readonly phase: number;
  readonly input: number;
}

export interface Preempt {
  readonly preempt: number;
  readonly input: number;
  readonly phases: readonly number[];
  readonly delayMs: number;
  readonly minDwellMs: number;
  readonly maxPresenceMs: number;
  readonly exit: readonly number[];
  readonly needWithinMs: number;
}

export interface Listener {
  readonly address: string;
  readonly port: number;
  /** Every client shows a certificate. */
  readonly tls?: boolean;
}

/** Traces over OTLP/HTTP. */
export interface TraceSetting {
  /** Address of the collector, without `/v1/traces`. */
  readonly endpoint: string;
  /** How many of all traces are kept, from 0 to 1. */
  readonly sample: number;
}

/** Where the console listens: on loopback, and if `network` is there also elsewhere. */
export interface ConsolePlace extends Listener {
  /** With TLS, and nobody without a token. */
  readonly network?: Listener & {
    /** Names or addresses that people type: `Host` must be one of them. */
    readonly names: readonly string[];
  };
}

/** Where this node waits for its neighbours. */
export interface LinkPlace {
  /** An IP address. */
  readonly address: string;
  readonly fastPort: number;
  readonly reliablePort: number;
}

/** A node that this one is linked to, and the way to it. */
export interface NeighbourSite extends LinkPlace {
  readonly id: string;
  /** The road between the two; null where no vehicles come from it. */
  readonly road: NeighbourRoad | null;
}

export interface NeighbourRoad {
  /** On which its vehicles arrive here. */
  readonly approach: string;
  /** From its stop line to this node's. */
  readonly lengthM: number;
  /** Of a platoon on the way. */
  readonly speedMps: number;
}

export interface AclEntry {
  readonly client: string;
  readonly publish: readonly string[];
  readonly subscribe: readonly string[];
  readonly deny: readonly string[];
}

/** Vehicles per hour by approach and movement, for the virtual street only. */
export interface Street {
  readonly seed: number;
  readonly demand: Readonly<Record<string, Readonly<Partial<Record<Movement, number>>>>>;
  /** Pedestrians per hour by phase. */
  readonly pedestrians: Readonly<Record<string, number>>;
  /** Absent where it is a street of its own. */
  readonly join?: StreetJoin;
}

/** Streets of other virtual cabinets on this machine, to and from which vehicles drive. */
export interface StreetJoin {
  /** On 127.0.0.1. */
  readonly port: number;
  readonly roads: readonly StreetRoad[];
}

export interface StreetRoad {
  /** On which vehicles of the other street come here; who leaves against it drives there. */
  readonly approach: string;
  /** Of the other street. */
  readonly port: number;
  /** On which they arrive there. */
  readonly farApproach: string;
  /** Between the two stop lines. */
  readonly lengthM: number;
  readonly speedMps: number;
}

/** A floor of the site file that its author overrode, with the reason given beside it. */
export interface Override {
  readonly key: string;
  readonly value: string;
  readonly reason: string;
}

export interface SnapshotPlace {
  /** An absolute path, or the address of a bucket. */
  readonly to: string;
  /** File with the keys of that bucket; null for a path. */
  readonly credentials: string | null;
}

export interface SiteModel {
  readonly node: { readonly region: string; readonly zone: string; readonly id: string };
  readonly name: string;
  readonly position: { readonly latDeg: number; readonly lonDeg: number };
  readonly timezone: string;
  readonly failureDisplay: FailureDisplay;
  readonly startup: { readonly phases: readonly number[]; readonly allRedMs: number };
  readonly approaches: readonly Approach[];
  /** Rising by number. */
  readonly phases: readonly Phase[];
  /** `sequence[group][ring]` is the list of phases in the order served; groups end at barriers. */
  readonly sequence: readonly (readonly (readonly number[])[])[];
  /** Rising by number. */
  readonly channels: readonly Channel[];
  /** Channel pairs that may be lit together: the program card, lower number first. */
  readonly compatible: readonly (readonly [number, number])[];
  readonly detectors: readonly Detector[];
  readonly pedestrianDetectors: readonly PedestrianDetector[];
  readonly preempts: readonly Preempt[];
  /** Rising by number; absent: none, the junction always runs free. */
  readonly plans?: readonly Plan[];
  /** Absent: no plan by time of day. */
  readonly schedule?: readonly ScheduleEntry[];
  readonly cabinet: { readonly device: string; readonly baud: number };
  readonly broker: {
    readonly listeners: readonly Listener[];
    readonly acl: readonly AclEntry[];
  };
  readonly log: {
    readonly maxBytes: number;
    readonly keepMs: number;
    /** Where copies of snapshots go; absent: nowhere. */
    readonly copies?: SnapshotPlace;
  };
  readonly console: ConsolePlace;
  /** Origins of the consoles that the corridor's page shows, in any order; absent: none. */
  readonly corridor?: readonly string[];
  /** Folder of the node's keys; null where it has none. */
  readonly keyFolder: string | null;
  /** Null where the node has no neighbours. */
  readonly links: LinkPlace | null;
  readonly neighbours: readonly NeighbourSite[];
  /** Where traces go; absent: nothing is traced. */
  readonly traces?: TraceSetting;
  readonly street: Street | null;
  /** Absent: as usual. */
  readonly limits?: SiteLimits;
  /** In the order of the file. */
  readonly zones: readonly Zone[];
  readonly overrides: readonly Override[];
}

/** The phase by number; a number the site does not have is a broken invariant. */
export function phaseOf(site: SiteModel, phase: number): Phase {
  const found = site.phases.find((entry) => entry.phase === phase);
  if (found === undefined) throw new Error(`the site has no phase ${phase}`);
  return found;
}

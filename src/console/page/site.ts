// The site as `/api/site` describes it: the part of the site model that a page may know.
import type {
  Approach,
  Channel,
  DetectorKind,
  FailureDisplay,
  Phase,
} from "../../core/site/model.ts";

export type SitePhase = Phase;
export type SiteChannel = Channel;

export interface SiteDetector {
  readonly detector: number;
  readonly call: readonly number[];
  readonly extend: readonly number[];
  readonly kind: DetectorKind;
  readonly source: "input" | "mqtt";
}

export interface Site {
  readonly node: { readonly region: string; readonly zone: string; readonly id: string };
  readonly name: string;
  readonly position: { readonly latDeg: number; readonly lonDeg: number };
  readonly timezone: string;
  readonly failureDisplay: FailureDisplay;
  readonly approaches: readonly Approach[];
  readonly phases: readonly SitePhase[];
  readonly sequence: readonly (readonly (readonly number[])[])[];
  readonly channels: readonly SiteChannel[];
  readonly detectors: readonly SiteDetector[];
  readonly pedestrianDetectors: readonly { readonly detector: number; readonly phase: number }[];
  readonly preempts: readonly { readonly preempt: number; readonly phases: readonly number[] }[];
  /** Numbers of the site file's plans. */
  readonly plans: readonly number[];
  /** True when the cabinet is the virtual one. */
  readonly virtual: boolean;
  /** True where the node has a page of its corridor. */
  readonly corridor: boolean;
  readonly topicPrefix: string;
}

export interface SiteAnswer {
  readonly site: Site | null;
  readonly problems: readonly string[];
}

/** The channel of a phase's vehicle or pedestrian heads, or null. */
export function channelOf(site: Site, phase: number, kind: SiteChannel["kind"]): number | null {
  const found = site.channels.find((entry) => entry.phase === phase && entry.kind === kind);
  return found?.channel ?? null;
}

// A checked site file into the site model: seconds to milliseconds, once, here. Nothing is
// refused here: every fault has been found before.
import type {
  Approach,
  Channel,
  CheckIn,
  Detector,
  DetectorFail,
  Listener,
  Override,
  PedestrianTiming,
  Phase,
  Preempt,
  SiteModel,
  Street,
  StreetJoin,
} from "../core/site/model.ts";
import { limitsModel } from "./convert-limits.ts";
import { linksModel } from "./convert-links.ts";
import { planModels } from "./convert-plans.ts";
import { zoneModels } from "./convert-zones.ts";
import type { DetectorEntry, PhaseEntry, SiteFile } from "./schema.ts";

/** 3.5 ft/s (MUTCD 4I.06): the walking speed that needs no reason. */
export const WALKING_SPEED_MPS = 1.07;

const SIZES: ReadonlyMap<string, number> = new Map([
  ["KiB", 1024],
  ["MiB", 1024 ** 2],
  ["GiB", 1024 ** 3],
]);
const SPANS_MS: ReadonlyMap<string, number> = new Map([
  ["h", 3_600_000],
  ["d", 86_400_000],
]);

/** Milliseconds of seconds to 0.1; rounding takes away what binary fractions add. */
function ms(seconds: number): number {
  return Math.round(seconds * 1000);
}

function byNumber<T>(section: Readonly<Record<string, T>> | undefined): [number, T][] {
  return Object.entries(section ?? {})
    .map(([key, entry]): [number, T] => [Number(key), entry])
    .sort(([a], [b]) => a - b);
}

function unitNumber(text: string, units: ReadonlyMap<string, number>): number {
  const match = /^(\d+)([A-Za-z]+)$/.exec(text);
  return Number(match?.[1] ?? 0) * (units.get(match?.[2] ?? "") ?? 0);
}

/** Bytes of a size such as `1GiB`. */
export function bytesOf(text: string): number {
  return unitNumber(text, SIZES);
}

/** Address and port of `127.0.0.1:8080` or `[::1]:8080`. */
export function listenerOf(text: string): Listener {
  const at = text.lastIndexOf(":");
  return {
    address: text.slice(0, at).replace(/^\[|\]$/g, ""),
    port: Number(text.slice(at + 1)),
  };
}

function pedestrianOf(entry: PhaseEntry["pedestrian"]): PedestrianTiming | null {
  if (entry === undefined) return null;
  return {
    walkMs: ms(entry.walk),
    clearanceMs: ms(entry.clearance),
    crossingM: entry.crossing,
    speedMps: entry.speed ?? WALKING_SPEED_MPS,
    recall: entry.recall,
  };
}

/** One phase of the model. */
export function phaseModel(phase: number, entry: PhaseEntry): Phase {
  return {
    phase,
    name: entry.name,
    approach: entry.approach,
    movement: entry.movement,
    minGreenMs: ms(entry.minGreen),
    passageMs: ms(entry.passage),
    max1Ms: ms(entry.max1),
    max2Ms: ms(entry.max2),
    yellowMs: ms(entry.yellow),
    redClearanceMs: ms(entry.redClearance),
    redRevertMs: ms(entry.redRevert),
    recall: entry.recall,
    locking: entry.locking,
    dualEntry: entry.dualEntry,
    pedestrian: pedestrianOf(entry.pedestrian),
  };
}

function channelModel(channel: number, entry: SiteFile["channels"][string]): Channel {
  return {
    channel,
    phase: entry.phase,
    kind: entry.kind,
    flash: entry.kind === "pedestrian" ? "dark" : (entry.flash ?? "red"),
    yields: entry.yields ?? false,
  };
}

function failModel(fail: DetectorEntry["fail"]): DetectorFail {
  if (typeof fail === "string") return { recall: fail };
  return { recall: "fixed", greenMs: ms(fail.fixed) };
}

function checkInModel(entry: DetectorEntry["checkIn"]): CheckIn | null {
  if (entry === undefined) return null;
  const { phases, travel, window } = entry;
  return { phases, travelMs: ms(travel), windowMs: ms(window) };
}

function detectorModel(detector: number, entry: DetectorEntry): Detector {
  return {
    detector,
    call: entry.call,
    extend: entry.extend,
    kind: entry.kind,
    setbackM: entry.setback ?? null,
    delayMs: ms(entry.delay),
    extensionMs: ms(entry.extension),
    input: entry.input ?? null,
    mqtt:
      entry.mqtt === undefined
        ? null
        : { client: entry.mqtt.client, leaseMs: ms(entry.mqtt.lease) },
    checkIn: checkInModel(entry.checkIn),
    stuckOnMs: ms(entry.stuckOn),
    stuckOffMs: ms(entry.stuckOff),
    fail: failModel(entry.fail),
  };
}

function preemptModel(preempt: number, entry: NonNullable<SiteFile["preempts"]>[string]): Preempt {
  return {
    preempt,
    input: entry.input,
    phases: entry.phases,
    delayMs: ms(entry.delay),
    minDwellMs: ms(entry.minDwell),
    maxPresenceMs: ms(entry.maxPresence),
    exit: entry.exit,
    needWithinMs: ms(entry.needWithin),
  };
}

type StreetJoinEntry = NonNullable<NonNullable<SiteFile["street"]>["join"]>;

function streetModel(entry: SiteFile["street"]): Street | null {
  if (entry === undefined) return null;
  const demand = Object.fromEntries(
    Object.entries(entry.demand).map(([approach, { through, left, right }]) => [
      approach,
      {
        ...(through === undefined ? {} : { through }),
        ...(left === undefined ? {} : { left }),
        ...(right === undefined ? {} : { right }),
      },
    ]),
  );
  const { seed, join } = entry;
  return {
    ...{ seed, demand, pedestrians: { ...entry.pedestrians } },
    ...(join === undefined ? {} : { join: joinModel(join) }),
  };
}

function joinModel({ port, roads }: StreetJoinEntry): StreetJoin {
  return {
    port,
    roads: Object.entries(roads).map(([approach, road]) => ({
      approach,
      port: road.port,
      farApproach: road.approach,
      lengthM: road.length,
      speedMps: road.speed,
    })),
  };
}

function approachModels(section: SiteFile["approaches"]): Approach[] {
  return Object.entries(section).map(([id, entry]) => ({
    id,
    headingDeg: entry.heading,
    lanes: entry.lanes,
    speedMps: entry.speed,
    grade: entry.grade,
  }));
}

/** Card order: the lower channel first, rising. */
function pairModels(pairs: SiteFile["compatible"]): [number, number][] {
  return pairs
    .map((pair): [number, number] => [Math.min(...pair), Math.max(...pair)])
    .sort((a, b) => a[0] - b[0] || a[1] - b[1]);
}

/** The model of a file whose shape and rules hold. */
export function siteModel(file: SiteFile, overrides: readonly Override[]): SiteModel {
  return {
    node: { ...file.node },
    name: file.site.name,
    position: { latDeg: file.site.position.lat, lonDeg: file.site.position.lon },
    timezone: file.site.timezone,
    failureDisplay: file.site.failureDisplay,
    startup: { phases: file.site.startup.phases, allRedMs: ms(file.site.startup.allRed) },
    approaches: approachModels(file.approaches),
    phases: byNumber(file.phases).map(([phase, entry]) => phaseModel(phase, entry)),
    sequence: file.sequence,
    channels: byNumber(file.channels).map(([channel, entry]) => channelModel(channel, entry)),
    compatible: pairModels(file.compatible),
    detectors: byNumber(file.detectors).map(([number, entry]) => detectorModel(number, entry)),
    pedestrianDetectors: byNumber(file.pedestrianDetectors).map(([detector, entry]) => ({
      detector,
      ...entry,
    })),
    preempts: byNumber(file.preempts).map(([number, entry]) => preemptModel(number, entry)),
    ...planModels(file),
    cabinet: { ...file.cabinet },
    broker: {
      listeners: file.broker.listeners.map(({ address, port, tls }) => ({
        address,
        port,
        ...(tls === true ? { tls } : {}),
      })),
      acl: file.broker.acl.map((entry) => ({ ...entry })),
    },
    log: {
      maxBytes: bytesOf(file.log.maxBytes),
      keepMs: unitNumber(file.log.keep, SPANS_MS),
      ...copiesOf(file.log.copyTo, file.log.copyCredentials),
    },
    console: consolePlace(file.console),
    ...(file.console.corridor === undefined ? {} : { corridor: [...file.console.corridor] }),
    ...linksModel(file),
    ...(file.traces === undefined ? {} : { traces: file.traces }),
    street: streetModel(file.street),
    ...limitsModel(file.limits),
    zones: zoneModels(file.zones),
    overrides: [...overrides],
  };
}

function consolePlace({ listen, network }: SiteFile["console"]): SiteModel["console"] {
  if (network === undefined) return listenerOf(listen);
  return {
    ...listenerOf(listen),
    network: { ...listenerOf(network.listen), names: [...network.names] },
  };
}

function copiesOf(
  to: string | undefined,
  credentials: string | undefined,
): Partial<SiteModel["log"]> {
  return to === undefined ? {} : { copies: { to, credentials: credentials ?? null } };
}

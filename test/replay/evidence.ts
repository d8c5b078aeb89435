// What the checker of a replay reads: the recording, the site file and two exports, each parsed
// here from its text. Nothing of the product's own code is used, so that a fault in it can't hide.
import { parse } from "yaml";

/** One row of the high-resolution enumeration; `atMs` is wall time. */
export interface CodeRow {
  readonly atMs: number;
  readonly code: number;
  readonly parameter: number;
}

export interface LampRow {
  readonly atMs: number;
  readonly channel: number;
  readonly colour: string;
}

/** A span of time, closed at both ends; `toMs` is Infinity for one that never ended. */
export interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

export interface CardPhase {
  readonly phase: number;
  readonly minGreenMs: number;
  readonly passageMs: number;
  readonly max1Ms: number;
  readonly yellowMs: number;
  readonly redClearanceMs: number;
  readonly recall: string;
  readonly locking: boolean;
  readonly dualEntry: boolean;
  readonly walkMs: number | null;
  readonly pedestrianClearanceMs: number | null;
  readonly vehicleChannel: number;
  readonly pedestrianChannel: number | null;
}

export interface CardDetector {
  readonly detector: number;
  readonly call: readonly number[];
  readonly extend: readonly number[];
  readonly delayMs: number;
  readonly extensionMs: number;
  readonly stuckOnMs: number;
  readonly stuckOffMs: number;
}

export interface Card {
  readonly phases: readonly CardPhase[];
  readonly detectors: readonly CardDetector[];
  readonly pedestrianDetectors: ReadonlyMap<number, number>;
  readonly compatible: ReadonlySet<string>;
  /** Phase pairs that the sequence never runs together. */
  readonly conflicting: (a: number, b: number) => boolean;
}

type Yaml = Record<string, unknown>;

function map(value: unknown): Yaml {
  return (value ?? {}) as Yaml;
}

function ms(value: unknown): number {
  return Math.round(Number(value ?? 0) * 1000);
}

function numbers(value: unknown): number[] {
  return ((value ?? []) as unknown[]).map(Number);
}

function channelOf(site: Yaml, phase: number, kind: string): number | null {
  for (const [channel, entry] of Object.entries(map(site.channels))) {
    const { phase: owner, kind: found } = map(entry);
    if (owner === phase && found === kind) return Number(channel);
  }
  return null;
}

function readPhase(site: Yaml, phase: number, entry: Yaml): CardPhase {
  const pedestrian = entry.pedestrian === undefined ? null : map(entry.pedestrian);
  return {
    phase,
    minGreenMs: ms(entry.minGreen),
    passageMs: ms(entry.passage),
    max1Ms: ms(entry.max1),
    yellowMs: ms(entry.yellow),
    redClearanceMs: ms(entry.redClearance),
    recall: String(entry.recall ?? "none"),
    locking: entry.locking === true,
    dualEntry: entry.dualEntry === true,
    walkMs: pedestrian === null ? null : ms(pedestrian.walk),
    pedestrianClearanceMs: pedestrian === null ? null : ms(pedestrian.clearance),
    vehicleChannel: channelOf(site, phase, "vehicle") ?? 0,
    pedestrianChannel: channelOf(site, phase, "pedestrian"),
  };
}

function conflictTest(sequence: number[][][]): (a: number, b: number) => boolean {
  const place = new Map<number, string[]>();
  for (const [group, rings] of sequence.entries()) {
    for (const [ring, phases] of rings.entries()) {
      for (const phase of phases) place.set(phase, [String(group), String(ring)]);
    }
  }
  return (a, b) => {
    const [groupA, ringA] = place.get(a) ?? [];
    const [groupB, ringB] = place.get(b) ?? [];
    return a !== b && (groupA !== groupB || ringA === ringB);
  };
}

/** Reads a site file as an integrator would: by its keys, without the product's loader. */
export function readCard(text: string): Card {
  const site = map(parse(text));
  const detectors = Object.entries(map(site.detectors)).map(([detector, raw]) => {
    const entry = map(raw);
    return {
      detector: Number(detector),
      call: numbers(entry.call),
      extend: numbers(entry.extend),
      delayMs: ms(entry.delay),
      extensionMs: ms(entry.extension),
      stuckOnMs: ms(entry.stuckOn ?? 1e9),
      stuckOffMs: ms(entry.stuckOff ?? 1e9),
    };
  });
  const buttons = Object.entries(map(site.pedestrianDetectors));
  const pairs = (site.compatible ?? []) as number[][];
  return {
    phases: Object.entries(map(site.phases)).map(([phase, raw]) =>
      readPhase(site, Number(phase), map(raw)),
    ),
    detectors,
    pedestrianDetectors: new Map(
      buttons.map(([detector, raw]) => [Number(detector), Number(map(raw).phase)]),
    ),
    compatible: new Set(pairs.flatMap(([a, b]) => [`${a}-${b}`, `${b}-${a}`])),
    conflicting: conflictTest((site.sequence ?? []) as number[][][]),
  };
}

function rows(text: string): string[][] {
  const lines = text.split("\n").slice(1);
  return lines.filter((line) => line !== "").map((line) => line.trim().split(","));
}

/** A recording or an `indiana` export: both are `timestamp,event,parameter`. */
export function readCodes(text: string): CodeRow[] {
  return rows(text).map(([time, code, parameter]) => ({
    atMs: Date.parse(time ?? ""),
    code: Number(code),
    parameter: Number(parameter),
  }));
}

/** A `csv` export of kind `lamps-sensed`: `time,channel,colour`. */
export function readLamps(text: string): LampRow[] {
  return rows(text).map(([time, channel, colour]) => ({
    atMs: Date.parse(time ?? ""),
    channel: Number(channel),
    colour: colour ?? "",
  }));
}

/** Spans between an opening and a closing code of one parameter; repeats change nothing. */
export function spansOf(
  list: readonly CodeRow[],
  parameter: number,
  codes: { readonly open: number; readonly close: number },
): Span[] {
  const spans: Span[] = [];
  let fromMs: number | null = null;
  for (const row of list) {
    if (row.parameter !== parameter) continue;
    if (row.code === codes.open) fromMs ??= row.atMs;
    if (row.code === codes.close && fromMs !== null) {
      spans.push({ fromMs, toMs: row.atMs });
      fromMs = null;
    }
  }
  if (fromMs !== null) spans.push({ fromMs, toMs: Number.POSITIVE_INFINITY });
  return spans;
}

/** True if any span touches the time between `fromMs` and `toMs`. */
export function touches(spans: readonly Span[], fromMs: number, toMs: number): boolean {
  return spans.some((span) => span.fromMs <= toMs && span.toMs >= fromMs);
}

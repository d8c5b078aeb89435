// `stopline replay FILE.csv --site FILE --out DIR`: recorded detectors through a whole node in
// virtual time: cabinet frames, the firmware's core, interlock, controller, log. Virtual time is
// the recording's; the same recording and site give the same log, byte for byte.
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { SiteModel } from "../core/site/model.ts";
import type { NodeEvent } from "../log/events.ts";
import { openWriter } from "../log/open.ts";
import { VirtualRun } from "../node/virtual-run.ts";
import { loadSite } from "../sitefile/load.ts";
import { fail, parseOptions } from "./options.ts";
import { type RecordedEdge, type Recording, readRecording } from "./replay-input.ts";

/** The recording has 0.1 s; two edges of one input at one time are told apart by half of that. */
const SAME_TIME_MS = 50;
/** The cabinet needs 1.2 s and the start-up 6 s before the first green. */
const TAIL_MS = 1_000;

interface TimedInput {
  readonly atMs: number;
  readonly input: number;
  readonly on: boolean;
}

/** Which cabinet input a recorded edge moves, or null for a detector the site does not have. */
function inputOf(site: SiteModel, edge: RecordedEdge): number | null {
  const list = edge.pedestrian ? site.pedestrianDetectors : site.detectors;
  return list.find((entry) => entry.detector === edge.detector)?.input ?? null;
}

/** The edges as inputs in virtual time, and how many rows belong to no detector of the site. */
function timedInputs(site: SiteModel, recording: Recording): [TimedInput[], number] {
  const inputs: TimedInput[] = [];
  const lastMs = new Map<number, number>();
  let unknown = 0;
  for (const edge of recording.edges) {
    const input = inputOf(site, edge);
    if (input === null) {
      unknown += 1;
      continue;
    }
    const dueMs = edge.atMs - recording.firstMs;
    const previousMs = lastMs.get(input) ?? Number.NEGATIVE_INFINITY;
    const atMs = dueMs <= previousMs ? previousMs + SAME_TIME_MS : dueMs;
    lastMs.set(input, atMs);
    inputs.push({ atMs, input, on: edge.on });
  }
  inputs.sort((a, b) => a.atMs - b.atMs);
  return [inputs, unknown];
}

export interface ReplaySummary {
  readonly rows: number;
  readonly edges: number;
  readonly unknown: number;
  readonly events: number;
  readonly greens: number;
  readonly trips: number;
}

/** Rows in one commit; a replay has nobody who waits for the disk. */
const GROUP_ROWS = 2_000;

/** Events in groups to a writer, in virtual time. */
class GroupedLog {
  private readonly writer: ReturnType<typeof openWriter>;
  private group: NodeEvent[] = [];
  private atMs: number;
  rows = 0;

  constructor(outDir: string, site: SiteModel, startMs: number, siteHash: string) {
    const { maxBytes } = site.log;
    const keepMs = Number.MAX_SAFE_INTEGER;
    const made = { version: "replay", site: siteHash, cause: "replay", nowMs: startMs };
    this.writer = openWriter(outDir, { ...made, maxBytes, keepMs });
    this.atMs = startMs;
  }

  add(event: NodeEvent): void {
    this.group.push(event);
    this.rows += 1;
    this.atMs = event.at ?? this.atMs;
    if (this.group.length >= GROUP_ROWS) this.flush();
  }

  flush(): void {
    this.writer.append(this.group, this.atMs);
    this.group = [];
  }

  close(): void {
    this.flush();
    this.writer.close();
  }
}

/** Runs a recording through a node and writes its log to `outDir`. */
export function replay(
  recording: Recording,
  loaded: { readonly site: SiteModel; readonly hash: string },
  outDir: string,
): ReplaySummary {
  const { site, hash } = loaded;
  const { firstMs } = recording;
  const log = new GroupedLog(outDir, site, firstMs, hash);
  const [inputs, unknown] = timedInputs(site, recording);
  const run = new VirtualRun({
    site,
    wallMs: (monoMs) => firstMs + monoMs,
    onEffect: (effect) => {
      if (effect.kind === "log") log.add(effect.event);
    },
  });
  for (const { atMs, input, on } of inputs) {
    run.advance(atMs);
    run.cabinet.setInput(input, on);
  }
  const monoMs = recording.lastMs - firstMs + TAIL_MS;
  run.advance(monoMs);
  log.close();
  const now = { monoMs, wallMs: firstMs + monoMs };
  const { greens, trips } = run.control.view(now, { incarnation: 1, clock: "sure" }).counters;
  return { rows: recording.rows, edges: inputs.length, unknown, events: log.rows, greens, trips };
}

/** Prints one line of JSON; 1 when the recording or the site can't be read, or on a trip. */
export async function run(args: string[]): Promise<number> {
  const shapes = { site: { type: "string" }, out: { type: "string" } } as const;
  const parsed = parseOptions(args, shapes);
  if (!parsed.ok) return fail("replay", parsed.problem);
  const [file] = parsed.rest;
  const { site: siteFile, out } = parsed.values;
  if (file === undefined || typeof siteFile !== "string") {
    return fail("replay", "use: stopline replay FILE.csv --site FILE [--out DIR]");
  }
  const loaded = await loadSite(siteFile);
  if (!loaded.ok) {
    for (const problem of loaded.problems) process.stderr.write(`${problem}\n`);
    return 1;
  }
  const read = await readRecording(file);
  if (!read.ok) return fail("replay", read.problem);
  const outDir = typeof out === "string" ? out : mkdtempSync(join(tmpdir(), "stopline-replay-"));
  const summary = replay(read.recording, loaded, outDir);
  process.stdout.write(`${JSON.stringify({ data: outDir, ...summary })}\n`);
  return summary.trips === 0 ? 0 : 1;
}

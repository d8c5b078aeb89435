// What the high-resolution codes of a run must be like: their order, one reason for each green's
// end and the truth of that reason, calls that rise and fall in turn and are not lost. Judged from
// inputs and codes; of the site file only the timing and the detectors.
import type { SignalEffect, SignalInput } from "../../src/core/signal/controller.ts";
import type { Detector, Phase, SiteModel } from "../../src/core/site/model.ts";

type Code = Extract<SignalEffect, { kind: "code" }>;

interface Loop {
  readonly config: Detector;
  on: boolean;
  /** Time of the newest edge. */
  sinceMs: number;
  /** End of the newest detection that counted: not one of a detector that had failed. */
  seenMs: number;
  failed: boolean;
}

export interface Track {
  readonly timing: Phase;
  readonly conflicts: readonly number[];
  /** The newest of codes 12 (nothing on), 1, 7, 8, 10, 11. */
  last: number;
  greenMs: number;
  reasons: number;
  walk: number;
  called: boolean;
  /** A call of either kind since the last green began. */
  wanted: boolean;
  /** A detection that locking has to keep. */
  locked: boolean;
  pressed: boolean;
  held: boolean;
}

/** Which codes may follow which, of those that say what a phase is doing. */
const NEXT: Readonly<Record<number, readonly number[]>> = {
  12: [0],
  0: [1],
  1: [7],
  7: [8],
  8: [9],
  9: [10],
  10: [11],
  11: [12],
};
const WALK_NEXT: Readonly<Record<number, number>> = { 23: 21, 21: 22, 22: 23 };

function conflictsOf(site: SiteModel, phase: number): number[] {
  const group = site.sequence.find((rings) => rings.some((ring) => ring.includes(phase)));
  const ring = group?.find((list) => list.includes(phase)) ?? [];
  const beside = (group ?? []).flat().filter((other) => !ring.includes(other));
  return site.phases.map((each) => each.phase).filter((p) => p !== phase && !beside.includes(p));
}

export class CodeRules {
  readonly tracks = new Map<number, Track>();
  readonly loops = new Map<number, Loop>();
  private readonly fail: (text: string) => void;
  private readonly planned: boolean;
  /** There has been a priority request: maximums may have been shortened by a quarter. */
  priorities = false;
  private halting = false;
  private edges: string[] = [];

  constructor(site: SiteModel, fail: (text: string) => void) {
    this.fail = fail;
    this.planned = site.plans !== undefined;
    for (const timing of site.phases) {
      const conflicts = conflictsOf(site, timing.phase);
      this.tracks.set(timing.phase, {
        timing,
        conflicts,
        last: 12,
        greenMs: 0,
        reasons: 0,
        walk: 23,
        called: false,
        wanted: false,
        locked: false,
        pressed: false,
        held: false,
      });
    }
    for (const config of site.detectors) {
      this.loops.set(config.detector, {
        config,
        on: false,
        sinceMs: -1e12,
        seenMs: -1e12,
        failed: false,
      });
    }
  }

  /** An input on its way in; edges must come out as codes 81 and 82 in the same step. */
  input(input: SignalInput): void {
    this.halting = input.kind === "halt" || input.kind === "start";
    this.edges = [];
    if (input.kind !== "detector") return;
    const loop = this.loops.get(input.detector);
    if (loop !== undefined && loop.on !== input.on) {
      this.edges.push(`${input.on ? 82 : 81} ${input.detector}`);
    }
  }

  code(effect: Code, atMs: number): void {
    const { code, parameter } = effect;
    if (code >= 81) {
      this.detectorCode(code, parameter, atMs);
      return;
    }
    const track = this.tracks.get(parameter);
    if (track === undefined || code === 31) return;
    if (code === 41 || code === 42) this.holdCode(track, code);
    else if (code >= 21 && code <= 23) this.walkCode(track, code);
    else if (code >= 43 && code <= 45) this.callCode(track, code);
    else if (code >= 2 && code <= 6) this.greenCode(track, effect, atMs);
    else this.stageCode(track, code, atMs);
  }

  /** The end of a step. */
  done(atMs: number): void {
    for (const edge of this.edges) this.fail(`no code ${edge}`);
    this.halting = false;
    for (const loop of this.loops.values()) this.lock(loop, atMs);
    for (const track of this.tracks.values()) {
      if (track.locked && track.last !== 1 && !track.called) this.fail(`${name(track)}: call lost`);
    }
  }

  private lock(loop: Loop, atMs: number): void {
    if (!loop.on || loop.failed || atMs - loop.sinceMs < loop.config.delayMs) return;
    for (const phase of loop.config.call) {
      const track = this.tracks.get(phase);
      if (track === undefined || track.last === 1) continue;
      if (!track.called) this.fail(`${name(track)}: a detection without a call`);
      if (track.timing.locking) track.locked = true;
    }
  }

  private detectorCode(code: number, detector: number, atMs: number): void {
    const loop = this.loops.get(detector);
    if (loop === undefined || code > 88) return;
    if (code === 83) loop.failed = false;
    else if (code >= 84) loop.failed = true;
    else {
      this.edges = this.edges.filter((edge) => edge !== `${code} ${detector}`);
      if (loop.on === (code === 82)) this.fail(`code ${code} ${detector} twice`);
      loop.on = code === 82;
      loop.sinceMs = atMs;
      if (!loop.on && !loop.failed) loop.seenMs = atMs + loop.config.extensionMs;
    }
  }

  private walkCode(track: Track, code: number): void {
    if (WALK_NEXT[track.walk] !== code) this.fail(`${name(track)}: ${track.walk} then ${code}`);
    if (track.last !== 1) this.fail(`${name(track)}: ${code} without its green`);
    track.walk = code;
    if (code === 21) track.pressed = false;
  }

  /** In turn; a hold is told in its green. */
  private holdCode(track: Track, code: number): void {
    if (track.held === (code === 41)) this.fail(`${name(track)}: ${code} twice`);
    if (code === 41 && track.last !== 1) this.fail(`${name(track)}: 41 outside of a green`);
    track.held = code === 41;
  }

  private callCode(track: Track, code: number): void {
    if (code === 45) {
      if (track.pressed) this.fail(`${name(track)}: 45 twice`);
      track.pressed = true;
    } else {
      if (track.called === (code === 43)) this.fail(`${name(track)}: ${code} twice`);
      track.called = code === 43;
    }
    if (code !== 44) track.wanted = true;
  }

  private stageCode(track: Track, code: number, atMs: number): void {
    const cutOff = code === 12 && this.halting && track.last !== 12;
    if (!cutOff && !NEXT[track.last]?.includes(code)) {
      this.fail(`${name(track)}: ${track.last} then ${code}`);
    }
    if (code === 7 && track.reasons !== 1) this.fail(`${name(track)}: ${track.reasons} reasons`);
    if (code === 7 && track.walk !== 23) this.fail(`${name(track)}: ends in its walk`);
    if (code === 12) track.walk = 23;
    if (code === 1) {
      track.greenMs = atMs;
      track.reasons = 0;
      track.locked = false;
    }
    track.last = code;
  }

  private greenCode(track: Track, effect: Code, atMs: number): void {
    const { code, reason } = effect;
    if (track.last !== 1) this.fail(`${name(track)}: code ${code} outside of a green`);
    if (code < 4) return;
    track.reasons += 1;
    if (code === 4) this.gapOut(track, reason ?? "", atMs);
    else if (code === 5) this.maxOut(track, reason ?? "", atMs);
    else if (reason !== "preemption" && reason !== "force-off")
      this.fail(`${name(track)}: 6 for ${reason}`);
  }

  private maxOut(track: Track, reason: string, atMs: number): void {
    const greenMs = atMs - track.greenMs;
    if (reason !== "max-out") this.fail(`${name(track)}: 5 for ${reason}`);
    const { max1Ms, max2Ms } = track.timing;
    const shortestMs = this.planned ? Math.min(max1Ms, max2Ms) : max1Ms;
    const leastMs = this.priorities ? shortestMs * 0.75 : shortestMs;
    if (greenMs < leastMs - 1e-6) this.fail(`${name(track)}: max-out at ${greenMs} ms`);
  }

  /** Nobody on an extending detector for the passage time, seen by its own bookkeeping. */
  private gapOut(track: Track, reason: string, atMs: number): void {
    const seen = [...this.loops.values()]
      .filter(({ config, failed }) => !failed && config.extend.includes(track.timing.phase))
      .map(({ on, seenMs }) => (on ? atMs + 1 : seenMs));
    const newestMs = Math.max(...seen, -1e12);
    if (atMs - newestMs < track.timing.passageMs - 1e-6) {
      this.fail(`${name(track)}: gap-out ${atMs - newestMs} ms after a vehicle`);
    }
    const inGreen = newestMs >= track.greenMs;
    if (reason === "gap-out" || (reason === "no-demand" && !inGreen)) return;
    this.fail(`${name(track)}: 4 for ${reason}${inGreen ? " with a vehicle in its green" : ""}`);
  }
}

export function name(track: Track): string {
  return `phase ${track.timing.phase}`;
}

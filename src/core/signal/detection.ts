// From edges to calls and extensions: delay, extension, several phases per detector, failed
// detectors and what their phases get instead.
//
// A detector of the kinds presence, advance and pulse calls (after its delay) and extends while it
// is on, and extends for its extension time longer. Kinds count and stop-bar have no phases; their
// edges are written and nothing else. A pulse has no memory of its own: it is kept by its phase's
// locking or not at all.
import type { Detector, SiteModel } from "../site/model.ts";
import type { DetectorView } from "../site/view.ts";
import { callPedestrian } from "./demand.ts";
import { bitOf, type Junction, type PhaseState, stateOf } from "./junction.ts";
import { CODE, type Outbox } from "./outbox.ts";
import { Sensor, type SensorFailure } from "./sensor.ts";

/** A button pressed for longer is stuck: nobody leans on one through several cycles. */
export const BUTTON_STUCK_MS = 300_000;
/** Last states are kept this long when the link to the inputs is lost (CABINET section 2). */
export const INPUTS_LOST_MS = 1000;

interface Loop {
  readonly config: Detector;
  readonly sensor: Sensor;
  readonly callMask: number;
  readonly extendMask: number;
  /** Phases that get its recall while it has failed. */
  readonly served: readonly PhaseState[];
  readonly extended: readonly PhaseState[];
}

interface Button {
  readonly detector: number;
  readonly sensor: Sensor;
  readonly phase: PhaseState;
}

const FAILURE_CODE: Readonly<Record<SensorFailure, number>> = {
  "stuck on": CODE.detectorWatchdog,
  "stuck off": CODE.detectorWatchdog,
  chattering: CODE.detectorChatter,
  silent: CODE.detectorOtherFault,
  "inputs lost": CODE.detectorOtherFault,
};

function loopOf(junction: Junction, config: Detector): Loop {
  const extended = config.extend.map((phase) => stateOf(junction, phase));
  const served = [...new Set([...config.call, ...config.extend])];
  return {
    config,
    sensor: new Sensor(config),
    callMask: config.call.reduce((mask, phase) => mask | bitOf(phase), 0),
    extendMask: config.extend.reduce((mask, phase) => mask | bitOf(phase), 0),
    served: served.map((phase) => stateOf(junction, phase)),
    extended,
  };
}

function viewOf(detector: number, sensor: Sensor): DetectorView {
  return { detector, on: sensor.on, failed: sensor.failed };
}

export class Detection {
  private readonly junction: Junction;
  private readonly out: Outbox;
  private readonly loops: readonly Loop[];
  private readonly buttons: readonly Button[];
  private lostSinceMs = Number.NaN;
  private isLost = false;
  private allFailed = false;

  constructor(site: SiteModel, junction: Junction, out: Outbox) {
    this.junction = junction;
    this.out = out;
    this.loops = site.detectors.map((config) => loopOf(junction, config));
    this.buttons = site.pedestrianDetectors.map(({ detector, phase }) => ({
      detector,
      sensor: new Sensor({
        stuckOnMs: BUTTON_STUCK_MS,
        stuckOffMs: Number.POSITIVE_INFINITY,
      }),
      phase: stateOf(junction, phase),
    }));
  }

  /** A reading of a vehicle detector. */
  vehicle(detector: number, on: boolean, nowMs: number): void {
    const loop = this.loop(detector);
    if (!loop.sensor.take(on, nowMs)) return;
    this.out.code(on ? CODE.detectorOn : CODE.detectorOff, detector);
    if (on || loop.sensor.failed !== null) return;
    const seenMs = nowMs + loop.config.extensionMs;
    for (const phase of loop.extended) phase.lastSeenMs = Math.max(phase.lastSeenMs, seenMs);
  }

  /** A reading of a push button. */
  pedestrian(detector: number, on: boolean, nowMs: number): void {
    const button = this.buttons.find((entry) => entry.detector === detector);
    if (button === undefined) throw new Error(`the site has no pedestrian detector ${detector}`);
    if (!button.sensor.take(on, nowMs)) return;
    this.out.code(on ? CODE.pedestrianDetectorOn : CODE.pedestrianDetectorOff, detector);
    if (on && button.sensor.failed === null) callPedestrian(button.phase, this.out);
  }

  /** The lease of a detector that comes over MQTT has run out. */
  silent(detector: number): void {
    const loop = this.loop(detector);
    if (loop.sensor.fail("silent")) this.failed(loop);
  }

  /** The link to the inputs is gone: last states stand for INPUTS_LOST_MS, then all have failed. */
  lost(nowMs: number): void {
    if (Number.isNaN(this.lostSinceMs)) this.lostSinceMs = nowMs;
  }

  restored(): void {
    if (this.isLost) this.out.alarm("inputs lost", 0, false);
    this.isLost = false;
    this.lostSinceMs = Number.NaN;
  }

  /** Applies what time alone changes, then reads all detectors into the junction's masks. */
  advance(nowMs: number): void {
    if (nowMs - this.lostSinceMs >= INPUTS_LOST_MS && !this.isLost) this.loseInputs();
    this.junction.presentMask = 0;
    this.junction.extendMask = 0;
    for (const loop of this.loops) this.read(loop, nowMs);
    for (const button of this.buttons) this.checkButton(button, nowMs);
  }

  views(): DetectorView[] {
    return this.loops.map(({ config, sensor }) => viewOf(config.detector, sensor));
  }

  pedestrianViews(): DetectorView[] {
    return this.buttons.map(({ detector, sensor }) => viewOf(detector, sensor));
  }

  private loop(detector: number): Loop {
    const found = this.loops.find((entry) => entry.config.detector === detector);
    if (found === undefined) throw new Error(`the site has no detector ${detector}`);
    return found;
  }

  private read(loop: Loop, nowMs: number): void {
    const { sensor } = loop;
    const change = sensor.check(nowMs);
    if (change !== null) this.changed(loop, change);
    if (!sensor.on || sensor.failed !== null) return;
    this.junction.extendMask |= loop.extendMask;
    if (nowMs - sensor.sinceMs >= loop.config.delayMs) this.junction.presentMask |= loop.callMask;
  }

  private loseInputs(): void {
    this.isLost = true;
    this.out.alarm("inputs lost", 0, true);
    for (const loop of this.loops) {
      if (loop.config.input !== null && loop.sensor.fail("inputs lost")) this.failed(loop);
    }
    for (const button of this.buttons) {
      if (button.sensor.fail("inputs lost")) this.buttonFailed(button);
    }
  }

  private changed(loop: Loop, change: "failed" | "restored"): void {
    if (change === "failed") {
      this.failed(loop);
      return;
    }
    this.out.code(CODE.detectorRestored, loop.config.detector);
    this.out.alarm("detector failed", loop.config.detector, false);
    this.refreshRecalls();
  }

  private failed(loop: Loop): void {
    const { failed } = loop.sensor;
    if (failed === null) return;
    this.out.code(FAILURE_CODE[failed], loop.config.detector);
    this.out.alarm("detector failed", loop.config.detector, true);
    this.refreshRecalls();
  }

  /** What failed detectors ask for their phases: the strongest of them. */
  private refreshRecalls(): void {
    for (const phase of this.junction.phases) {
      phase.failRecall = "none";
      phase.failGreenMs = 0;
    }
    for (const { sensor, config, served } of this.loops) {
      if (sensor.failed === null) continue;
      for (const phase of served) strengthen(phase, config.fail);
    }
    this.tellAllFailed();
  }

  private tellAllFailed(): void {
    const calling = this.loops.filter(({ callMask }) => callMask !== 0);
    const all = calling.length > 0 && calling.every(({ sensor }) => sensor.failed !== null);
    if (all !== this.allFailed) this.out.alarm("all detectors failed", 0, all);
    this.allFailed = all;
  }

  private checkButton(button: Button, nowMs: number): void {
    const change = button.sensor.check(nowMs);
    if (change === "failed") this.buttonFailed(button);
    if (change !== "restored") return;
    this.out.code(CODE.pedestrianDetectorRestored, button.detector);
    this.out.alarm("pedestrian detector failed", button.detector, false);
    this.refreshButtons(button.phase);
  }

  private buttonFailed(button: Button): void {
    this.out.code(CODE.pedestrianDetectorFailed, button.detector);
    this.out.alarm("pedestrian detector failed", button.detector, true);
    this.refreshButtons(button.phase);
  }

  private refreshButtons(phase: PhaseState): void {
    phase.buttonFailed = this.buttons.some(
      (button) => button.phase === phase && button.sensor.failed !== null,
    );
  }
}

function strengthen(phase: PhaseState, fail: Detector["fail"]): void {
  if (fail.recall === "max") phase.failRecall = "max";
  else if (phase.failRecall === "none") phase.failRecall = "min";
  if (fail.recall === "fixed") phase.failGreenMs = Math.max(phase.failGreenMs, fail.greenMs);
}

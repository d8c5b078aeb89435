// The controller on the virtual street in virtual time, without a cabinet between them: what is
// wanted is shown at once. For comparisons of control, and for recordings of detector events.
import { createController, type SignalInput } from "../../core/signal/controller.ts";
import type { SiteModel } from "../../core/site/model.ts";
import { STEP_MS } from "./lane.ts";
import { createStreet, type StreetReport } from "./street.ts";

export interface DriveOptions {
  readonly seed: number;
  readonly durationMs: number;
  /** Multiplies the site file's demand; 1 by default. */
  readonly scale?: number;
  /** Fixed time: every phase on maximum recall, whatever the detectors say. */
  readonly fixedTime?: boolean;
  /** Told of every code that the controller writes, in order; detectors among them. */
  readonly onCode?: (code: number, parameter: number, atMs: number) => void;
}

/** What each cabinet input means to the controller. */
function meanings(site: SiteModel): Map<number, (on: boolean) => SignalInput> {
  const map = new Map<number, (on: boolean) => SignalInput>();
  for (const { detector, input } of site.detectors) {
    if (input !== null) map.set(input, (on) => ({ kind: "detector", detector, on }));
  }
  for (const { detector, input } of site.pedestrianDetectors) {
    map.set(input, (on) => ({ kind: "pedestrian-detector", detector, on }));
  }
  return map;
}

/** Runs a site's street under its controller from start-up on and reports the traffic. */
export function driveStreet(site: SiteModel, options: DriveOptions): StreetReport {
  const controller = createController(site, options.fixedTime === true ? { recall: "max" } : {});
  const street = createStreet(site, options.seed, { scale: options.scale ?? 1 });
  const inputs = meanings(site);
  const step = (input: SignalInput, nowMs: number): void => {
    for (const effect of controller.step(input, nowMs)) {
      if (effect.kind === "code") options.onCode?.(effect.code, effect.parameter, nowMs);
    }
  };
  step({ kind: "start" }, 0);
  for (let nowMs = STEP_MS; nowMs <= options.durationMs; nowMs += STEP_MS) {
    for (const change of street.advance(nowMs, controller.display())) {
      const input = inputs.get(change.input)?.(change.on);
      if (input !== undefined) step(input, change.atMs);
    }
    step({ kind: "tick" }, nowMs);
  }
  return street.report();
}

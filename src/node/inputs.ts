// Which detector, button or preempt hangs on which input of the cabinet.
import type { SignalInput } from "../core/signal/controller.ts";
import type { SiteModel } from "../core/site/model.ts";

export type InputTarget = (on: boolean) => SignalInput;

/** For each cabinet input in use, the controller input it makes. */
export function inputMap(site: SiteModel): ReadonlyMap<number, InputTarget> {
  const map = new Map<number, InputTarget>();
  for (const { detector, input } of site.detectors) {
    if (input !== null) map.set(input, (on) => ({ kind: "detector", detector, on }));
  }
  for (const { detector, input } of site.pedestrianDetectors) {
    map.set(input, (on) => ({ kind: "pedestrian-detector", detector, on }));
  }
  for (const { preempt, input } of site.preempts) {
    map.set(input, (on) => ({ kind: "preempt", preempt, on }));
  }
  return map;
}

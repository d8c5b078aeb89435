// What goes wrong at a cabinet.
import type { SimCabinet } from "../cabinet.ts";
import type { CabinetFault, FaultPlace } from "./fault.ts";

const CHATTER_MS = 50;

export const stuckRelay: CabinetFault = (cabinet, { random }) => {
  const how = random.chance(0.5) ? "welded" : "stuck-released";
  cabinet.now((core) => core.setRelayFault(how));
  cabinet.broken = true;
  return () => {
    cabinet.now((core) => core.setRelayFault("none"));
    cabinet.broken = false;
  };
};

export const unpluggedCabinet: CabinetFault = (cabinet) => {
  if (!cabinet.plugged) return null;
  cabinet.setPlugged(false);
  return () => cabinet.setPlugged(true);
};

export const microcontrollerReset: CabinetFault = (cabinet, { random }) => {
  cabinet.now((core) => core.reset(random.chance(0.5) ? "watchdog" : "brown-out"));
  cabinet.disturb();
  return () => undefined;
};

function someInput(cabinet: SimCabinet, { random }: FaultPlace): number | null {
  const { detectors, pedestrianDetectors } = cabinet.site;
  const inputs = [...detectors, ...pedestrianDetectors].flatMap(({ input }) => input ?? []);
  return inputs.length === 0 ? null : random.pick(inputs);
}

export const stuckDetector: CabinetFault = (cabinet, place) => {
  const input = someInput(cabinet, place);
  if (input === null) return null;
  cabinet.force(input, place.random.chance(0.6));
  return () => cabinet.force(input, null);
};

export const chatteringDetector: CabinetFault = (cabinet, place) => {
  const input = someInput(cabinet, place);
  if (input === null) return null;
  let over = false;
  let on = false;
  const turn = (): void => {
    if (over) return;
    on = !on;
    cabinet.force(input, on);
    place.time.after(CHATTER_MS, turn);
  };
  turn();
  return () => {
    over = true;
    cabinet.force(input, null);
  };
};

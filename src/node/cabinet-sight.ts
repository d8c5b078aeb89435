// What the cabinet's link shows of itself and of the lamps, as the picture of the junction has it.
import type { CabinetLink } from "../cabinet/link.ts";
import type { ControlCounters, ControlView } from "../core/site/view.ts";

type Sight = Pick<ControlView, "commanded" | "sensed" | "cabinet">;

export function cabinetSight(link: CabinetLink, nowMs: number): Sight {
  return {
    commanded: [...link.commanded()],
    sensed: [...link.sensed()],
    cabinet: link.view(nowMs),
  };
}

type LinkCounts = Pick<
  ControlCounters,
  "framesSent" | "framesDropped" | "trips" | "stops" | "linkErrors"
>;

export function linkCounts({ counters }: CabinetLink): LinkCounts {
  const { framesSent, framesDropped, trips, stops, linkErrors } = counters;
  const errors = Object.values(linkErrors).reduce((sum, count) => sum + count, 0);
  return { framesSent, framesDropped, trips, stops, linkErrors: errors };
}

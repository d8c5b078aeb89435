// A process of vehicles under `stopline vehicles`: drives what it is told and says what came of it.
import { Fleet, type FleetPlan } from "./vehicle-fleet.ts";

export type ToFleet =
  | { readonly kind: "drive"; readonly plan: FleetPlan }
  | { readonly kind: "stop" };

let fleet: Fleet | null = null;

process.on("message", (message: ToFleet) => {
  if (message.kind === "drive") {
    fleet = new Fleet(message.plan);
    return;
  }
  const counts = fleet?.counts();
  fleet?.close();
  process.send?.(counts, () => process.exit(0));
});
process.on("disconnect", () => process.exit(0));
// Who presses Ctrl-C speaks to the whole group; the parent asks for the counts first.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => undefined);

// A process of vehicles under `stopline vehicles`: drives what it is told and says what came of it.
import { SpanExporter } from "../observe/otlp.ts";
import { packageVersion } from "../observe/version.ts";
import { Fleet, type FleetCounts, type FleetPlan } from "./vehicle-fleet.ts";

export type ToFleet =
  | { readonly kind: "drive"; readonly plan: FleetPlan }
  | { readonly kind: "begin"; readonly wallMs: number }
  | { readonly kind: "stop" };

export type FromFleet =
  /** Each of its vehicles was connected once. */
  { readonly kind: "connected" } | { readonly kind: "counts"; readonly counts: FleetCounts };

let fleet: Fleet | null = null;
let exporter: SpanExporter | null = null;

function exporterOf({ traces, from }: FleetPlan): SpanExporter | null {
  if (traces === null) return null;
  const onNotice = (text: string): void => {
    process.stderr.write(`stopline vehicles: ${text}\n`);
  };
  const node = `vehicles-${from}`;
  return new SpanExporter({ endpoint: traces, node, version: packageVersion(), onNotice });
}

function say(message: FromFleet, done: () => void = () => undefined): void {
  process.send?.(message, done);
}

process.on("message", (message: ToFleet) => {
  if (message.kind === "drive") {
    exporter = exporterOf(message.plan);
    fleet = new Fleet(message.plan, exporter, () => say({ kind: "connected" }));
    return;
  }
  if (fleet === null) return;
  if (message.kind === "begin") {
    fleet.begin(message.wallMs);
    return;
  }
  const counts = fleet.counts();
  fleet.close();
  void (exporter?.close() ?? Promise.resolve()).then(() => {
    say({ kind: "counts", counts }, () => process.exit(0));
  });
});
process.on("disconnect", () => process.exit(0));
// Who presses Ctrl-C speaks to the whole group; the parent asks for the counts first.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => undefined);

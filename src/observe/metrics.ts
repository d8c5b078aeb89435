// Prometheus metrics of one node, read from a picture of the node at the time of the scrape.
// The one file that imports prom-client, at the first scrape: it costs 20 MB that a node without
// Prometheus need not have.
import type { Counter, Gauge } from "prom-client";
import type { ControlView } from "../core/site/view.ts";

export interface MetricsPicture {
  readonly view: ControlView | null;
  /** Seconds since the last view came from the control thread. */
  readonly viewAgeS: number | null;
  /** Events lost by class and reason, from every queue of the node. */
  readonly dropped: readonly {
    readonly class: string;
    readonly reason: string;
    readonly count: number;
  }[];
  /** Other figures by full metric name, with the words of their help line. */
  readonly figures: readonly Figure[];
}

export interface Figure {
  readonly name: string;
  readonly help: string;
  readonly value: number;
  readonly labels?: Readonly<Record<string, string>>;
}

const MODES = [
  "starting",
  "controlled",
  "orderly-stop",
  "failure-display",
  "trip",
  "no-cabinet",
] as const;

const COUNTER_HELP: Readonly<Record<keyof ControlView["counters"], string>> = {
  greens: "Greens served",
  framesSent: "Lamp frames written to the cabinet",
  framesDropped: "Lamp frames the device did not take",
  trips: "Trips of the conflict monitor",
  stops: "Orderly stops",
  interlockHolds: "Displays the interlock kept from ending early",
  interlockViolations: "Displays the interlock refused",
  linkErrors: "Frames from the cabinet that could not be read",
  callsBeyondBound: "Calls that waited longer than their bound",
};

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function viewFigures(view: ControlView, ageS: number): Figure[] {
  const figures: Figure[] = [
    { name: "stopline_view_age_seconds", help: "Age of the control thread's view", value: ageS },
    { name: "stopline_incarnation", help: "Incarnation of this node", value: view.incarnation },
  ];
  for (const mode of MODES) {
    const value = view.mode === mode ? 1 : 0;
    figures.push({ name: "stopline_mode", help: "What stands, by mode", value, labels: { mode } });
  }
  for (const [name, help] of Object.entries(COUNTER_HELP)) {
    const value = view.counters[name as keyof ControlView["counters"]];
    figures.push({ name: `stopline_${snakeCase(name)}_total`, help, value });
  }
  for (const { phase, greens } of view.phases) {
    const labels = { phase: String(phase) };
    figures.push({
      name: "stopline_phase_greens_total",
      help: "Greens by phase",
      value: greens,
      labels,
    });
  }
  figures.push(...corridorFigures(view));
  const failed = view.detectors.filter((detector) => detector.failed !== null).length;
  figures.push({ name: "stopline_detectors_failed", help: "Detectors ignored", value: failed });
  return figures;
}

/** Coordination with the neighbours; nothing for a site to which no road leads from one. */
function corridorFigures({ corridor }: ControlView): Figure[] {
  if (corridor === undefined) return [];
  const local = corridor.mode === "local-only" ? 1 : 0;
  const help = "1 while nothing is done for platoons of neighbours";
  const figures: Figure[] = [{ name: "stopline_local_only", help, value: local }];
  for (const { id: neighbour, announced, served, missed, forecastError } of corridor.neighbours) {
    for (const [outcome, value] of Object.entries({ served, missed })) {
      const labels = { neighbour, outcome };
      const help = "Platoons of a neighbour that had green when they came, or had not";
      figures.push({ name: "stopline_platoons_total", help, value, labels });
    }
    const labels = { neighbour };
    const vehicles = { help: "Vehicles announced to a neighbour", value: announced, labels };
    figures.push({ name: "stopline_announced_vehicles_total", ...vehicles });
    if (forecastError === null) continue;
    const error = { help: "How far forecasts are off, 0 exact", value: forecastError, labels };
    figures.push({ name: "stopline_forecast_error", ...error });
  }
  return figures;
}

function dropFigures(picture: MetricsPicture): Figure[] {
  return picture.dropped.map(({ class: kind, reason, count }) => ({
    name: "event_dropped_total",
    help: "Events lost, by class and reason",
    value: count,
    labels: { class: kind, reason },
  }));
}

/** What only rises; `delta_bytes` does not say so by its end. */
function isCounter(name: string): boolean {
  return name.endsWith("_total") || name === "delta_bytes";
}

/** The text of `/metrics` for a picture of the node. */
export async function metricsText(picture: MetricsPicture): Promise<string> {
  const prometheus = await import("prom-client");
  const registry = new prometheus.Registry();
  const families = new Map<string, Counter<string> | Gauge<string>>();
  const { view, viewAgeS } = picture;
  const memory = process.memoryUsage();
  const figures: Figure[] = [
    ...(view === null ? [] : viewFigures(view, viewAgeS ?? 0)),
    ...dropFigures(picture),
    ...picture.figures,
    { name: "stopline_rss_bytes", help: "Resident memory of the process", value: memory.rss },
    { name: "stopline_uptime_seconds", help: "Age of the process", value: process.uptime() },
  ];
  for (const { name, help, value, labels } of figures) {
    let family = families.get(name);
    if (family === undefined) {
      const Kind = isCounter(name) ? prometheus.Counter : prometheus.Gauge;
      const labelNames = Object.keys(labels ?? {});
      family = new Kind({ name, help, labelNames, registers: [registry] });
      families.set(name, family);
    }
    // The registry lives for one scrape: each series begins at zero and is told once.
    family.inc(labels ?? {}, value);
  }
  return await registry.metrics();
}

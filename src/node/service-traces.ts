// Traces in the service thread: its own spans, and the exporter that all spans of the node go to.
import { realTimers } from "../log/timers.ts";
import type { Figure } from "../observe/metrics.ts";
import { SpanExporter } from "../observe/otlp.ts";
import type { DropCount, ServiceData } from "./messages.ts";
import { Spans } from "./spans.ts";

export interface ServiceTraces {
  readonly spans: Spans;
  readonly exporter: SpanExporter;
}

/** Null where the site file has no `traces`. */
export function serviceTraces(
  { site, version }: ServiceData,
  onNotice: (text: string) => void,
): ServiceTraces | null {
  if (site?.traces === undefined) return null;
  const { region, zone, id } = site.node;
  const { endpoint } = site.traces;
  const node = `${region}/${zone}/${id}`;
  const exporter = new SpanExporter({ endpoint, node, version, onNotice });
  const emit = exporter.take.bind(exporter);
  return { spans: new Spans({ setting: site.traces, timers: realTimers, emit }), exporter };
}

export function traceFigures(traces: ServiceTraces | null): Figure[] {
  if (traces === null) return [];
  const help = "Spans that the collector took";
  return [{ name: "stopline_spans_exported_total", help, value: traces.exporter.exported }];
}

/** Spans lost in this thread, by reason. */
export function droppedSpans(traces: ServiceTraces | null): DropCount[] {
  if (traces === null) return [];
  const { dropped } = traces.exporter;
  return [
    { class: "span", reason: "queue", count: dropped.full },
    { class: "span", reason: "export", count: dropped.export },
    { class: "span", reason: "rate-broker", count: traces.spans.dropped },
  ].filter(({ count }) => count > 0);
}

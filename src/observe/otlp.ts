// Spans to a collector over OTLP/HTTP, as JSON. The one file that imports OpenTelemetry, when the
// first exporter is made: a node without `traces` never loads it (some 15 MB).
//
// Spans wait in a bounded queue and leave in groups, one request at a time; a collector that is
// not there costs spans, which are counted, and nothing else.
import type { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import type { Resource } from "@opentelemetry/resources";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";
import type { Span } from "../wire/trace.ts";

const FLUSH_MS = 1_000;
const MAX_QUEUED = 2_048;
const MAX_BATCH = 256;
/** Of one request with its repeats, which the package makes. */
const REQUEST_MS = 5_000;
/** What is queued at the end has so long to leave. */
const CLOSING_MS = 1_000;
/** OpenTelemetry's numbers for a span's kind and status, which this file would load early. */
const KIND = { internal: 0, producer: 3, consumer: 4 } as const;
const UNSET = 0;
const SAMPLED = 1;

export interface ExporterOptions {
  /** Address of the collector, without `/v1/traces`. */
  readonly endpoint: string;
  /** `region/zone/node`. */
  readonly node: string;
  /** Of the program. */
  readonly version: string;
  /** A line for a person: the collector was not reached, or is again. */
  readonly onNotice: (text: string) => void;
}

interface Loaded {
  readonly exporter: OTLPTraceExporter;
  readonly resource: Resource;
}

export class SpanExporter {
  exported = 0;
  /** Spans that found the queue full, and those that the collector did not take. */
  readonly dropped = { full: 0, export: 0 };
  readonly #options: ExporterOptions;
  readonly #timer: NodeJS.Timeout;
  readonly #queue: Span[] = [];
  #loaded: Promise<Loaded> | null = null;
  #sending: Promise<void> | null = null;
  #failing = false;

  constructor(options: ExporterOptions) {
    this.#options = options;
    this.#timer = setInterval(() => void this.#flush(), FLUSH_MS);
    this.#timer.unref();
  }

  take(span: Span): void {
    if (this.#queue.length >= MAX_QUEUED) this.dropped.full += 1;
    else this.#queue.push(span);
  }

  /** Sends what is queued if that goes quickly, and ends. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    const late = new Promise<void>((resolve) => setTimeout(resolve, CLOSING_MS).unref());
    await Promise.race([this.#flush().then(() => this.#flush()), late]);
  }

  #flush(): Promise<void> {
    if (this.#sending !== null) return this.#sending;
    if (this.#queue.length === 0) return Promise.resolve();
    const spans = this.#queue.splice(0, MAX_BATCH);
    this.#sending = this.#send(spans).then((failure) => {
      this.#sending = null;
      this.#note(failure, spans.length);
    });
    return this.#sending;
  }

  #note(failure: string | null, count: number): void {
    if (failure === null) this.exported += count;
    else this.dropped.export += count;
    if (this.#failing === (failure !== null)) return;
    this.#failing = failure !== null;
    const { endpoint, onNotice } = this.#options;
    if (failure === null) onNotice(`the collector at ${endpoint} takes traces again`);
    else onNotice(`traces are lost: the collector at ${endpoint} took none: ${failure}`);
  }

  /** Null, or why the collector did not take them. */
  async #send(spans: readonly Span[]): Promise<string | null> {
    try {
      this.#loaded ??= this.#load();
      const { exporter, resource } = await this.#loaded;
      const readable = spans.map((span) => readableSpan(span, resource, this.#options.version));
      return await new Promise((resolve) => {
        exporter.export(readable, ({ code, error }) => {
          resolve(code === 0 ? null : (error?.message ?? "no reason given"));
        });
      });
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }

  async #load(): Promise<Loaded> {
    const { endpoint, node, version } = this.#options;
    const { OTLPTraceExporter } = await import("@opentelemetry/exporter-trace-otlp-http");
    const { resourceFromAttributes } = await import("@opentelemetry/resources");
    const url = `${endpoint.replace(/\/+$/, "")}/v1/traces`;
    return {
      exporter: new OTLPTraceExporter({ url, timeoutMillis: REQUEST_MS }),
      resource: resourceFromAttributes({
        "service.name": "stopline",
        "service.version": version,
        "service.instance.id": node,
      }),
    };
  }
}

/** Seconds and nanoseconds. */
function timeOf(ms: number): [number, number] {
  const seconds = Math.floor(ms / 1000);
  return [seconds, Math.round((ms - seconds * 1000) * 1e6)];
}

function kindOf({ name }: Span): number {
  if (name === "mesh" || name === "broker") return KIND.producer;
  return name === "apply" ? KIND.consumer : KIND.internal;
}

function readableSpan(span: Span, resource: Resource, version: string): ReadableSpan {
  const { traceId, spanId, parentId, name, startMs, endMs, attributes } = span;
  const context = { traceId, spanId, traceFlags: SAMPLED };
  const remote = name === "apply";
  return {
    name,
    kind: kindOf(span),
    spanContext: () => context,
    ...(parentId === null
      ? {}
      : {
          parentSpanContext: { traceId, spanId: parentId, traceFlags: SAMPLED, isRemote: remote },
        }),
    startTime: timeOf(startMs),
    endTime: timeOf(endMs),
    duration: timeOf(Math.max(0, endMs - startMs)),
    status: { code: UNSET },
    attributes,
    links: [],
    events: [],
    ended: true,
    resource,
    instrumentationScope: { name: "stopline", version },
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
  };
}

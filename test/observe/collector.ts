// A collector for tests: takes OTLP/HTTP as JSON, checks that it is some, and keeps the spans.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Test } from "tap";

export interface Received {
  readonly traceId: string;
  readonly spanId: string;
  /** Empty for a root. */
  readonly parentId: string;
  readonly name: string;
  readonly startNs: bigint;
  readonly endNs: bigint;
  readonly attributes: Readonly<Record<string, unknown>>;
  /** `service.instance.id` of who sent it. */
  readonly from: string;
}

interface KeyValue {
  readonly key: string;
  readonly value: Readonly<Record<string, unknown>>;
}

interface OtlpSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly KeyValue[];
}

/** ExportTraceServiceRequest (opentelemetry-proto, JSON encoding). */
interface OtlpRequest {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly KeyValue[] };
    readonly scopeSpans: readonly { readonly spans: readonly OtlpSpan[] }[];
  }[];
}

function valuesOf(list: readonly KeyValue[]): Record<string, unknown> {
  return Object.fromEntries(list.map(({ key, value }) => [key, Object.values(value)[0]]));
}

export function spansOf(request: OtlpRequest): Received[] {
  return request.resourceSpans.flatMap(({ resource, scopeSpans }) => {
    const from = String(valuesOf(resource.attributes)["service.instance.id"]);
    return scopeSpans
      .flatMap(({ spans }) => spans)
      .map((span) => ({
        traceId: span.traceId,
        spanId: span.spanId,
        parentId: span.parentSpanId ?? "",
        name: span.name,
        startNs: BigInt(span.startTimeUnixNano),
        endNs: BigInt(span.endTimeUnixNano),
        attributes: valuesOf(span.attributes),
        from,
      }));
  });
}

export interface Collector {
  readonly endpoint: string;
  readonly spans: Received[];
  /** Requests that were no OTLP. */
  readonly strange: string[];
  /** Status that it answers with. */
  status: number;
}

export async function startCollector(t: Test): Promise<Collector> {
  const spans: Received[] = [];
  const strange: string[] = [];
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => {
      body += chunk.toString();
    });
    request.on("end", () => {
      const kind = `${request.method} ${request.url} ${request.headers["content-type"]}`;
      if (kind !== "POST /v1/traces application/json") strange.push(kind);
      else if (collector.status === 200) spans.push(...spansOf(JSON.parse(body) as OtlpRequest));
      response.writeHead(collector.status, { "content-type": "application/json" });
      response.end("{}");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.teardown(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  const { port } = server.address() as AddressInfo;
  const collector = { endpoint: `http://127.0.0.1:${port}`, spans, strange, status: 200 };
  return collector;
}

// Trace context as our envelopes carry it, and spans as plain data on their way to the exporter.
//
//   16 bytes  trace id
//    8 bytes  id of the span that is the parent of what follows
//    1 byte   flags: 1 sampled; the others are 0
//
// Only a sampled context travels; where there is none the place for it stays empty. Ids are as
// OpenTelemetry and W3C Trace Context have them: 32 and 16 lower-case hexadecimal digits here.

export const TRACE_BYTES = 25;
const TRACE_ID_BYTES = 16;
const SPAN_ID_BYTES = 8;
const SAMPLED = 1;

/** The steps that a change takes, in their order (DESIGN section 9). */
export const SPAN_NAMES = ["detect", "step", "delta", "broker", "mesh", "apply", "decide"] as const;
export type SpanName = (typeof SPAN_NAMES)[number];

/** The span that what follows belongs to. */
export interface TraceContext {
  readonly traceId: string;
  readonly spanId: string;
}

/** One finished step of a trace. */
export interface Span extends TraceContext {
  /** Null for the root. */
  readonly parentId: string | null;
  readonly name: SpanName;
  /** Wall time, ms since 1970, with fractions. */
  readonly startMs: number;
  readonly endMs: number;
  readonly attributes: Readonly<Record<string, string | number | boolean>>;
}

const NO_TRACE = "0".repeat(2 * TRACE_ID_BYTES);
const NO_SPAN = "0".repeat(2 * SPAN_ID_BYTES);

/** The bytes of a sampled context. */
export function encodeTrace({ traceId, spanId }: TraceContext): Uint8Array {
  const bytes = new Uint8Array(TRACE_BYTES);
  bytes.set(Buffer.from(traceId, "hex"));
  bytes.set(Buffer.from(spanId, "hex"), TRACE_ID_BYTES);
  bytes[TRACE_BYTES - 1] = SAMPLED;
  return bytes;
}

/** Null for bytes that are no sampled context: a trace that can't be followed harms nothing. */
export function decodeTrace(bytes: Uint8Array): TraceContext | null {
  if (bytes.length !== TRACE_BYTES || ((bytes[TRACE_BYTES - 1] ?? 0) & SAMPLED) === 0) return null;
  const hex = Buffer.from(bytes).toString("hex");
  const spanAt = 2 * TRACE_ID_BYTES;
  const traceId = hex.slice(0, spanAt);
  const spanId = hex.slice(spanAt, spanAt + 2 * SPAN_ID_BYTES);
  return traceId === NO_TRACE || spanId === NO_SPAN ? null : { traceId, spanId };
}

// Rows as text: JSON lines, CSV, and the `timestamp,event,parameter` of the high-resolution
// enumeration that performance-measure tools read. Times are UTC with milliseconds.
import type { CborValue } from "../wire/codec.ts";
import { type LogRow, shapeOf } from "./events.ts";

export const FORMATS = ["json", "csv", "indiana"] as const;
export type Format = (typeof FORMATS)[number];

/** Turns rows into lines. */
export interface Exporter {
  /** The first line, or null where a format has none. */
  readonly header: string | null;
  /** The line of a row, or null when the format leaves it out. */
  readonly line: (row: LogRow) => string | null;
}

/** A wall time as `2024-04-15T12:00:00.000Z`. */
export function timeText(atMs: number): string {
  return new Date(atMs).toISOString();
}

/** The exporter of a format; `kind` is the only kind that will come, or null for all. */
export function exporterOf(format: Format, kind: string | null): Exporter {
  switch (format) {
    case "json":
      return { header: null, line: jsonLine };
    case "indiana":
      return { header: "timestamp,event,parameter", line: indianaLine };
    case "csv":
      return csvExporter(kind);
  }
}

function indianaLine({ at, kind, body }: LogRow): string | null {
  const [code, parameter] = body;
  if (kind !== "code" || typeof code !== "number" || typeof parameter !== "number") return null;
  return `${timeText(at)},${code},${parameter}`;
}

function plain(value: CborValue | undefined): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString("hex");
  return Array.isArray(value) ? value.map(plain) : (value ?? null);
}

function jsonLine({ seq, at, kind, body }: LogRow): string {
  const fields: Record<string, unknown> = { seq, time: timeText(at), kind };
  const names = shapeOf(kind)?.fields ?? null;
  if (names === null || body.length > names.length)
    return JSON.stringify({ ...fields, body: plain(body) });
  for (const [index, name] of names.entries()) {
    if (index < body.length) fields[name] = plain(body[index]);
  }
  return JSON.stringify(fields);
}

function csvField(value: CborValue | undefined): string {
  const simple = plain(value);
  if (simple === null) return "";
  const text = typeof simple === "object" ? JSON.stringify(simple) : String(simple);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Kinds whose CSV is a table for other programs, without our row numbers. */
const BARE_KINDS: ReadonlySet<string> = new Set(["lamps-sensed"]);

function csvExporter(kind: string | null): Exporter {
  const fields = kind === null ? null : (shapeOf(kind)?.fields ?? null);
  if (fields === null) {
    const line = (row: LogRow): string =>
      [row.seq, timeText(row.at), row.kind, csvField(JSON.stringify(plain(row.body)))].join(",");
    return { header: "seq,time,kind,body", line };
  }
  const cells = (row: LogRow): string[] => fields.map((_, index) => csvField(row.body[index]));
  if (kind !== null && BARE_KINDS.has(kind)) {
    const line = (row: LogRow): string => [timeText(row.at), ...cells(row)].join(",");
    return { header: ["time", ...fields].join(","), line };
  }
  const line = (row: LogRow): string =>
    [row.seq, timeText(row.at), row.kind, ...cells(row)].join(",");
  return { header: ["seq", "time", "kind", ...fields].join(","), line };
}

// Reads a recording for `stopline replay`: `timestamp,event,parameter` rows of the high-resolution
// enumeration, line by line however long the file is. Only what came in is passed on (detectors
// and buttons); what the field controller did with it never drives anything.
import { createReadStream } from "node:fs";

/** One change of a detector or a button. `atMs` is wall time of the recording. */
export interface RecordedEdge {
  readonly atMs: number;
  /** A button rather than a vehicle detector. */
  readonly pedestrian: boolean;
  /** Channel number of the high-resolution log. */
  readonly detector: number;
  readonly on: boolean;
}

export interface Recording {
  /** In order of time. */
  readonly edges: readonly RecordedEdge[];
  /** Rows of any event, edges among them. */
  readonly rows: number;
  /** Wall time of the first and of the last row. */
  readonly firstMs: number;
  readonly lastMs: number;
}

/** A recording, or one line that names file, line, value and what to do. */
export type RecordingRead =
  | { readonly ok: true; readonly recording: Recording }
  | { readonly ok: false; readonly problem: string };

class RecordingError extends Error {
  override readonly name = "RecordingError";
}

const HEADER = "timestamp,event,parameter";
/** A row has about 35 characters: what is this long is no row. */
const MAX_LINE = 200;
/** Days, not years: two rows further apart are a mistake, and virtual time is not free. */
const MAX_GAP_MS = 7 * 86_400_000;

/** About a week of a busy junction: what is longer is replayed in parts. */
const MAX_ROWS = 4_000_000;

/** Codes that are read: whether a button's, and whether on. */
const EDGES: ReadonlyMap<number, readonly [boolean, boolean]> = new Map([
  [81, [false, false]],
  [82, [false, true]],
  [89, [true, false]],
  [90, [true, true]],
]);

const TIMESTAMP = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?Z$/;

/** Milliseconds of a timestamp in UTC, or null when it is none or names no real moment. */
export function timestampMs(text: string): number | null {
  const match = TIMESTAMP.exec(text);
  if (match === null) return null;
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map(Number);
  const fraction = Number(`0.${match[7] ?? "0"}`);
  const wholeMs = Date.UTC(year ?? 0, (month ?? 0) - 1, day, hour, minute, second);
  // Date.UTC turns the 31st of February into a day of March: only a real moment reads back.
  if (new Date(wholeMs).toISOString().slice(0, 19) !== text.slice(0, 19)) return null;
  return wholeMs + Math.round(fraction * 1000);
}

function wholeNumber(text: string): number | null {
  return /^\d{1,6}$/.test(text) ? Number(text) : null;
}

function shown(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
}

interface Row {
  readonly atMs: number;
  readonly code: number;
  readonly parameter: number;
}

/** A row, or what is wrong with it in words. */
function rowOf(line: string): Row | string {
  const fields = line.split(",");
  const [stamp = "", code = "", parameter = ""] = fields;
  if (fields.length !== 3) {
    return `${shown(line)} has ${fields.length} fields; use three: ${HEADER}`;
  }
  const atMs = timestampMs(stamp);
  if (atMs === null) {
    return `${shown(stamp)} is no time; use UTC such as 2024-04-15T12:00:00.0Z`;
  }
  const event = wholeNumber(code);
  if (event === null) return `${shown(code)} is no event code; use a whole number such as 82`;
  const channel = wholeNumber(parameter);
  if (channel === null) return `${shown(parameter)} is no parameter; use a whole number`;
  return { atMs, code: event, parameter: channel };
}

/** Checks rows one after the other and keeps the edges. */
class RowReader {
  readonly #file: string;
  readonly #edges: RecordedEdge[] = [];
  #lines = 0;
  #rows = 0;
  #firstMs = 0;
  #lastMs = 0;

  constructor(file: string) {
    this.#file = file;
  }

  read(raw: string): void {
    this.#lines += 1;
    const line = raw.endsWith("\r") ? raw.slice(0, -1) : raw;
    if (this.#lines === 1) this.#header(line);
    else if (line !== "") this.#row(line);
  }

  finish(): Recording {
    if (this.#lines === 0) this.#fail(`an empty file is no recording; use ${HEADER} rows`);
    if (this.#edges.length === 0) {
      this.#fail("a recording without events 81, 82, 89 and 90 moves nothing; use another file");
    }
    const [rows, firstMs, lastMs] = [this.#rows, this.#firstMs, this.#lastMs];
    return { edges: this.#edges, rows, firstMs, lastMs };
  }

  #fail(text: string): never {
    throw new RecordingError(`${this.#file}:${Math.max(1, this.#lines)}: ${text}`);
  }

  #header(line: string): void {
    if (
      line
        .replace(/^\ufeff/, "")
        .trim()
        .toLowerCase() === HEADER
    )
      return;
    this.#fail(`${shown(line)} is no header; use ${HEADER} in the first line`);
  }

  #row(line: string): void {
    if (line.length > MAX_LINE) this.#fail(`${shown(line)} is too long; use ${HEADER}`);
    const row = rowOf(line);
    if (typeof row === "string") this.#fail(row);
    this.#rows += 1;
    if (this.#rows > MAX_ROWS) this.#fail(`row ${this.#rows} is too many; use a shorter recording`);
    this.#order(row.atMs, line);
    this.#keep(row);
  }

  #order(atMs: number, line: string): void {
    if (this.#rows === 1) {
      this.#firstMs = atMs;
      this.#lastMs = atMs;
    }
    const stamp = shown(line.split(",")[0] ?? "");
    if (atMs < this.#lastMs) {
      this.#fail(`${stamp} is before the row above; use rows in order of time`);
    }
    if (atMs - this.#lastMs > MAX_GAP_MS) {
      this.#fail(`${stamp} is over a week after the row above; use a recording without that gap`);
    }
    this.#lastMs = atMs;
  }

  #keep({ atMs, code, parameter }: Row): void {
    const found = EDGES.get(code);
    if (found === undefined) return;
    if (parameter < 1 || parameter > 255) {
      this.#fail(`${parameter} is no detector channel; use 1 to 255 with event ${code}`);
    }
    const [pedestrian, on] = found;
    this.#edges.push({ atMs, pedestrian, detector: parameter, on });
  }
}

/** Lines of a file as they come; a line without end is cut off before it fills the memory. */
async function* linesOf(file: string): AsyncGenerator<string> {
  let rest = "";
  for await (const chunk of createReadStream(file, { encoding: "utf8" })) {
    const lines = (rest + String(chunk)).split("\n");
    rest = (lines.pop() ?? "").slice(0, MAX_LINE * 2);
    yield* lines;
  }
  if (rest !== "") yield rest;
}

/** Reads a whole recording; stops at the first line that is none. */
export async function readRecording(file: string): Promise<RecordingRead> {
  const reader = new RowReader(file);
  try {
    for await (const line of linesOf(file)) reader.read(line);
    return { ok: true, recording: reader.finish() };
  } catch (error) {
    if (error instanceof RecordingError) return { ok: false, problem: error.message };
    const code = (error as NodeJS.ErrnoException).code;
    if (code === undefined) throw error;
    const text = code === "ENOENT" ? "no such file" : `it can't be read (${code})`;
    return { ok: false, problem: `${file}: ${text}; use the path of a recording` };
  }
}

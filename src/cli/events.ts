// `stopline events`: the log as text, from beside a running node or of any data folder.
import { writeSync } from "node:fs";
import { type Exporter, exporterOf, FORMATS, type Format } from "../log/export.ts";
import { FolderError } from "../log/lock.ts";
import { LogReader, type ReadFilter } from "../log/read.ts";
import { WireError } from "../wire/codec.ts";
import { fail, parseOptions } from "./options.ts";

const USAGE = "events --data DIR [--from N] [--kind K] [--format json|csv|indiana]";

interface Request extends ReadFilter {
  readonly dir: string;
  readonly format: Format;
}

function requestOf(args: readonly string[]): Request | string {
  const shape = { type: "string" } as const;
  const parsed = parseOptions(args, { data: shape, from: shape, kind: shape, format: shape });
  if (!parsed.ok) return parsed.problem;
  const { data, from = "0", kind, format = "json" } = parsed.values;
  if (parsed.rest.length > 0) return `'${parsed.rest[0]}' is too much; ${USAGE}`;
  if (typeof data !== "string") return `--data is missing; ${USAGE}`;
  if (!/^\d{1,15}$/.test(String(from))) return `--from ${from} is not a row number`;
  const known = FORMATS.find((name) => name === format);
  if (known === undefined) return `--format ${format} is none of ${FORMATS.join(", ")}`;
  const wanted = typeof kind === "string" ? kind : null;
  if (known === "indiana" && wanted !== null && wanted !== "code") {
    return `--format indiana holds rows of kind code only, not ${wanted}`;
  }
  return {
    dir: data,
    from: Number(from),
    kind: known === "indiana" ? "code" : wanted,
    format: known,
  };
}

/** Waiting for a full pipe, without the event loop: writes are whole or the reader is gone. */
const WAIT = new Int32Array(new SharedArrayBuffer(4));
const FULL_PIPE_MS = 2;

/** Writes all of it to stdout; false when nobody reads any more. */
function writeOut(text: string): boolean {
  let rest = Buffer.from(text);
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(1, rest));
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "EPIPE") return false;
      if (code !== "EAGAIN") throw error;
      Atomics.wait(WAIT, 0, 0, FULL_PIPE_MS);
    }
  }
  return true;
}

function printAll(reader: LogReader, request: Request, exporter: Exporter): void {
  if (exporter.header !== null && !writeOut(`${exporter.header}\n`)) return;
  for (const rows of reader.pages(request)) {
    const lines = rows.map(exporter.line).filter((line) => line !== null);
    if (lines.length > 0 && !writeOut(`${lines.join("\n")}\n`)) return;
  }
}

/** Prints the log of `--data DIR`; the exit code. */
export async function run(args: string[]): Promise<number> {
  const request = requestOf(args);
  if (typeof request === "string") return fail("events", request);
  try {
    const reader = new LogReader(request.dir);
    try {
      printAll(reader, request, exporterOf(request.format, request.kind));
    } finally {
      reader.close();
    }
    return 0;
  } catch (error) {
    const readable = error instanceof FolderError || error instanceof WireError;
    if (readable || (error as NodeJS.ErrnoException).code !== undefined) {
      return fail("events", (error as Error).message);
    }
    throw error;
  }
}

// What was written on each day, kept in the data folder over restarts: `wear.json`, a few kB, saved
// every ten minutes. A power cut loses the minutes since. It is a figure for people; a file that
// can't be read is begun anew.
import { join } from "node:path";
import { realFiles } from "./real-storage.ts";
import type { Files } from "./storage.ts";
import { mapped, NOTHING_WRITTEN, type WearDay, type WrittenBytes } from "./written.ts";

export const WEAR_FILE = "wear.json";
/** Between two savings, ms: 144 of some 12 kB a day with all that the file system adds. */
export const SAVE_EVERY_MS = 600_000;
/** Days kept: a month with its beginning and end. */
const MAX_DAYS = 35;
const MAX_FILE_BYTES = 65_536;
const VERSION = 1;

/** Counts at one moment. */
export interface WearReading {
  readonly monoMs: number;
  readonly wallMs: number;
  readonly written: WrittenBytes;
  /** Of the whole disk since it was switched on; null where that can't be told. */
  readonly diskBytes: number | null;
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value) && value >= 0;
}

function dayOf(value: unknown): WearDay | null {
  if (typeof value !== "object" || value === null) return null;
  const { day, coveredMs, written, diskBytes } = value as Record<string, unknown>;
  if (typeof day !== "string" || !/^\d{4}-\d\d-\d\d$/.test(day)) return null;
  if (!isCount(coveredMs) || typeof written !== "object" || written === null) return null;
  const counts = written as Record<string, unknown>;
  // A source that a later version adds, or this one has added, counts as nothing.
  const bytes = mapped((source) => (isCount(counts[source]) ? counts[source] : 0));
  return { day, coveredMs, written: bytes, diskBytes: isCount(diskBytes) ? diskBytes : null };
}

/** The days of a data folder, oldest first; null where none were kept or they can't be read. */
export function readWear(dataDir: string, files: Files = realFiles): WearDay[] | null {
  try {
    const bytes = files.readHead(join(dataDir, WEAR_FILE), MAX_FILE_BYTES);
    const { version, days } = JSON.parse(Buffer.from(bytes).toString("utf8"));
    if (version !== VERSION || !Array.isArray(days)) return null;
    const read = days.map(dayOf);
    return read.includes(null) ? null : read.filter((day) => day !== null).slice(-MAX_DAYS);
  } catch {
    return null;
  }
}

export class WearDiary {
  readonly #path: string;
  readonly #files: Files;
  #days: WearDay[];
  #last: WearReading;

  /** Goes on with what the folder holds; what is written before `first` is not counted. */
  constructor(dataDir: string, first: WearReading, files: Files = realFiles) {
    this.#path = join(dataDir, WEAR_FILE);
    this.#files = files;
    this.#days = readWear(dataDir, files) ?? [];
    this.#last = first;
  }

  get days(): readonly WearDay[] {
    return this.#days;
  }

  /** Counts what was written since the last reading to the day that it is now. */
  note(reading: WearReading): void {
    const last = this.#last;
    this.#last = reading;
    const day = new Date(reading.wallMs).toISOString().slice(0, 10);
    const newest = this.#days.at(-1);
    const before = newest?.day === day ? newest : emptyDay(day);
    const disk = grown(last.diskBytes, reading.diskBytes);
    const added: WearDay = {
      day,
      coveredMs: before.coveredMs + reading.monoMs - last.monoMs,
      written: mapped(
        (source) => before.written[source] + reading.written[source] - last.written[source],
      ),
      diskBytes: disk === null || before.diskBytes === null ? null : before.diskBytes + disk,
    };
    const kept = newest?.day === day ? this.#days.slice(0, -1) : this.#days;
    this.#days = [...kept, added].slice(-MAX_DAYS);
  }

  /** Writes the file; throws what the disk says. */
  save(): void {
    const text = `${JSON.stringify({ version: VERSION, days: this.#days })}\n`;
    this.#files.writeAtomic(this.#path, Buffer.from(text));
  }
}

function emptyDay(day: string): WearDay {
  return { day, coveredMs: 0, written: NOTHING_WRITTEN, diskBytes: 0 };
}

/** Null where one of them is unknown, or another disk has taken the place of the first. */
function grown(before: number | null, now: number | null): number | null {
  return before === null || now === null || now < before ? null : now - before;
}

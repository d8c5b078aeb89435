// What lies on a node's disk, read beside its process and never touched.
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { CUSTODY_FILE } from "../../log/custody-schema.ts";
import { type Database, integerOf } from "../../log/driver.ts";
import { LogState } from "../../log/fold.ts";
import { LogReader } from "../../log/read.ts";
import { realStorage } from "../../log/real-storage.ts";
import { BEGINNING, type Position, walkRows } from "../../log/rows.ts";

/** What `read` makes of a database, or null while it can't be read (a start, a full disk). */
function reading<T>(
  open: () => { database: Database; close: () => void },
  read: (database: Database) => T,
): T | null {
  let opened: { database: Database; close: () => void };
  try {
    opened = open();
  } catch {
    return null;
  }
  try {
    return read(opened.database);
  } catch {
    return null;
  } finally {
    opened.close();
  }
}

function fromLog<T>(data: string, read: (database: Database) => T): T | null {
  return reading(() => {
    const reader = new LogReader(data);
    return { database: reader.database, close: () => reader.close() };
  }, read);
}

/** Newest committed row; null where the log can't be read at present. */
export function headSeq(data: string): number | null {
  return fromLog(data, (database) =>
    integerOf(database.prepare("SELECT coalesce(max(seq), 0) FROM events").get()),
  );
}

export interface HeldRow {
  readonly seq: number;
  readonly hash: string;
}

function fromCustody<T>(data: string, read: (database: Database) => T): T | null {
  return reading(() => {
    const database = realStorage.driver.open(join(data, CUSTODY_FILE), "read");
    return { database, close: () => database.close() };
  }, read);
}

/** Newest row that is kept here of another node; 0 for none. */
export function heldSeq(data: string, origin: string): number | null {
  const sql = "SELECT coalesce(max(seq), 0) FROM held WHERE origin = ? AND branch = 0";
  return fromCustody(data, (database) => integerOf(database.prepare(sql).get(origin)));
}

/** All rows that are kept here of another node. */
export function heldRows(data: string, origin: string): readonly HeldRow[] {
  const sql = "SELECT seq, hash FROM held WHERE origin = ? AND branch = 0 ORDER BY seq";
  const rows = fromCustody(data, (database) => database.prepare(sql).all(origin));
  return (rows ?? []).map((row) => ({ seq: Number(row[0]), hash: String(row[1]) }));
}

/** Follows one log and knows what its rows make, as far as they are committed. */
export class LogFollower {
  readonly #data: string;
  readonly state = new LogState();
  #position: Position = BEGINNING;
  /** Events that rows of the present process say to be missing. */
  missing = 0;

  constructor(data: string) {
    this.#data = data;
  }

  /** Takes what is new; why the chain breaks, or null. */
  follow(): string | null {
    return fromLog(this.#data, (database) => {
      const walk = walkRows(database, this.#position, (at, kind, body) => {
        this.state.apply(at, kind, body);
        if (kind === "start" && body[3] === "start") this.missing = 0;
        if (kind === "gap" && body[0] !== "custody") this.missing += Number(body[1]);
      });
      this.#position = walk.last;
      return walk.broken;
    });
  }

  /** Vehicles counted by all detectors. */
  get vehicles(): number {
    let sum = 0;
    for (const { count } of this.state.detectors.values()) sum += count;
    return sum;
  }

  /** Everything that only ever grows, by name. */
  counters(): Map<string, number> {
    const counters = new Map([["done", this.state.done + this.state.refused]]);
    for (const [kind, count] of this.state.rows) counters.set(`rows ${kind}`, count);
    for (const [phase, { greens }] of this.state.phases) counters.set(`greens ${phase}`, greens);
    for (const [channel, { count }] of this.state.detectors) {
      counters.set(`detector ${channel}`, count);
    }
    return counters;
  }
}

/** Bytes of all files of a data folder, and of its log. */
export function diskSizes(data: string): { all: number; log: number } {
  let all = 0;
  let log = 0;
  for (const name of readdirSync(data, { recursive: true, encoding: "utf8" })) {
    const found = statSync(join(data, name), { throwIfNoEntry: false });
    if (found?.isFile() !== true || name === FILLER) continue;
    all += found.size;
    if (name.startsWith("events.db")) log += found.size;
  }
  return { all, log };
}

/** What fills a disk up. */
export const FILLER = "filler";

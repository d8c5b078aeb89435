// A custodian's store on a folder of its own, and the exchange with the log that it keeps.

import { openCustody } from "../../src/log/custody-schema.ts";
import { CustodyStore } from "../../src/log/custody-store.ts";
import { CustodyTable } from "../../src/log/custody-table.ts";
import type { HistoryPosition, HistoryRow, PutResult } from "../../src/log/custody-types.ts";
import { realStorage } from "../../src/log/real-storage.ts";
import type { LogWriter } from "../../src/log/writer.ts";
import { UNKNOWN_HASH } from "../../src/mesh/recovery.ts";
import { NOON_MS } from "./support.ts";

export const ROOM = { rows: 40, bytes: 65_536 };
export const WEEK_MS = 7 * 86_400_000;
export const LIMITS = { maxBytes: 50_000_000, keepMs: WEEK_MS };

export function openStore(dir: string, limits = LIMITS): CustodyStore {
  const notices: string[] = [];
  const store = new CustodyStore(new CustodyTable(openCustody(realStorage, dir, notices)), limits);
  if (notices.length > 0) throw new Error(notices.join("; "));
  return store;
}

/** Runs `work` on a store that is closed afterwards. */
export function withStore<T>(dir: string, work: (store: CustodyStore) => T, limits = LIMITS): T {
  const store = openStore(dir, limits);
  try {
    return work(store);
  } finally {
    store.close();
  }
}

export interface Handed {
  readonly outcomes: readonly string[];
  readonly refused: readonly string[];
  readonly position: HistoryPosition | null;
}

/** Gives a log to a custodian until that has all of it, as the mesh does. */
export function handOver(writer: LogWriter, store: CustodyStore, origin = "a"): Handed {
  const { incarnation, boot } = writer;
  const outcomes: string[] = [];
  const refused: string[] = [];
  let position = store.held(origin)?.head ?? null;
  for (let round = 0; round < 1_000; round += 1) {
    const { outcome, rows } = writer.ownRows(position, ROOM);
    outcomes.push(outcome);
    if (rows.length === 0) break;
    const lapsed = outcome === "lapsed";
    const result: PutResult = store.put({ origin, incarnation, boot, rows, lapsed });
    if (result.refused === null && result.position !== null) {
      writer.custodians.acknowledged("custodian", result.position);
    } else if (result.refused !== null) {
      refused.push(result.refused);
    }
    const stuck = result.refused !== null && result.position?.seq === position?.seq;
    position = result.position;
    if (stuck) break;
  }
  return { outcomes, refused, position };
}

/** Brings back what a custodian has of a log beyond what that begins with. */
export function bringBack(
  writer: LogWriter,
  store: CustodyStore,
  before = writer.before,
  origin = "a",
): HistoryRow[] {
  let after: HistoryPosition | null = before;
  const all: HistoryRow[] = [];
  for (;;) {
    const rows = store.after(origin, after, ROOM);
    if (rows.length === 0) return all;
    all.push(...rows);
    after = writer.recover(rows, NOON_MS).upTo;
  }
}

/** A row's place without its hash, as it is remembered once it came back. */
export function placeOf(incarnation: number, seq: number): HistoryPosition {
  return { incarnation, seq, hash: UNKNOWN_HASH };
}

// An own history that was lost here and comes back from a custodian: each row stands in the log
// once more, as `recovered`, and counts. A state that stands for rows nobody has any more brings
// what it counted beyond the point where this log left that history.
import { type CborValue, WireError } from "../wire/codec.ts";
import { type HistoryPosition, type HistoryRow, SNAPSHOT_ROW } from "./custody-types.ts";
import type { Database } from "./driver.ts";
import type { NodeEvent } from "./events.ts";
import { decodeState, LogState } from "./fold.ts";
import { countsBeyond, countsOf } from "./fold-counts.ts";
import { firstUnchained } from "./history-chain.ts";
import { startRows } from "./own-history.ts";
import { anchorOf, bodyOf, hashAt, walkRows } from "./rows.ts";
import { type Author, decodeSnapshot, signatureProblem } from "./snapshot-file.ts";
import type { SnapshotFolder } from "./snapshots.ts";

/** The log into which they come. */
export interface Recovering {
  readonly database: Database;
  readonly snapshots: SnapshotFolder;
  readonly state: LogState;
  readonly incarnation: number;
  readonly author: Author | null;
}

export interface Recovered {
  readonly events: readonly NodeEvent[];
  /** The last row that was looked at: what was there already counts too. */
  readonly upTo: HistoryPosition | null;
}

/** What cannot be taken back, in words; the log is as it was. */
export class RecoveryError extends Error {
  override readonly name = "RecoveryError";
}

/**
 * The events to be appended for rows that a custodian gave back. Rows that are here or have come
 * back before are left out. Throws a `RecoveryError` where they do not chain.
 */
export function recoveryOf(log: Recovering, rows: readonly HistoryRow[]): Recovered {
  const future = rows.find((row) => row.incarnation >= log.incarnation);
  if (future !== undefined) {
    const { seq, incarnation } = future;
    throw new RecoveryError(`row ${seq} of incarnation ${incarnation} is no past of this one`);
  }
  const wrong = firstUnchained(rows);
  if (wrong !== null) {
    throw new RecoveryError(`row ${wrong.seq} does not follow the one before it`);
  }
  const events: NodeEvent[] = [];
  for (const row of rows) {
    const { incarnation, seq, at, kind, body, hash } = row;
    if (isHere(log, row)) continue;
    if (kind === SNAPSHOT_ROW) events.push(stateEvent(log, row));
    else events.push({ kind: "recovered", body: [incarnation, seq, at, kind, body, hash] });
  }
  const last = rows.at(-1) ?? null;
  const upTo = last && { incarnation: last.incarnation, seq: last.seq, hash: last.hash };
  return { events, upTo };
}

/** True for a row that is here, has come back before, or holds one of which that is so. */
function isHere(log: Recovering, row: HistoryRow): boolean {
  const { database, state } = log;
  for (let at: Named | null = row; at !== null; at = heldIn(at)) {
    if ((state.shared.recovered.get(at.incarnation) ?? 0) >= at.seq) return true;
    if (hashAt(database, at.seq) === at.hash) return true;
  }
  return false;
}

interface Named extends HistoryPosition {
  readonly kind: string;
  readonly body: Uint8Array;
}

/** The row that a `recovered` row holds: this history had got it back once before. */
function heldIn(row: Named): Named | null {
  if (row.kind !== "recovered") return null;
  try {
    const [incarnation, seq, , kind, body, hash] = bodyOf(row.body);
    if (typeof incarnation !== "number" || typeof seq !== "number") return null;
    if (typeof kind !== "string" || !(body instanceof Uint8Array)) return null;
    return { incarnation, seq, kind, body, hash: String(hash) };
  } catch (error) {
    if (error instanceof WireError) return null;
    throw error;
  }
}

function stateEvent(log: Recovering, row: HistoryRow): NodeEvent {
  const snapshot = decodeSnapshot(row.body);
  const problem = signatureProblem(snapshot, log.author);
  if (problem !== null) throw new RecoveryError(problem);
  const state = decodeState(snapshot.state);
  const counts = countsBeyond(countsOf(state), countsOf(stateLeft(log, row.incarnation)));
  // They may be more than a row holds, and the custodian, a neighbour, says them all by itself.
  state.shared.revocations.clear();
  state.shared.orders.clear();
  const shared: CborValue = state.shared.encode();
  const { incarnation, seq, hash } = row;
  return { kind: "recovered-state", body: [incarnation, seq, hash, counts, shared] };
}

/** This node's state where it left the history of an incarnation. */
function stateLeft(log: Recovering, incarnation: number): LogState {
  const { database, snapshots } = log;
  const left = startRows(database).find((start) => start.incarnation > incarnation);
  const to = left?.continues ?? 0;
  const anchor = anchorOf(database);
  const base = snapshots.list().find((seq) => seq <= to);
  if (base === undefined && anchor?.seq !== 0) {
    throw new RecoveryError(`what was counted up to row ${to} is not known any more`);
  }
  if (base === undefined) return folded(database, { seq: 0, hash: anchor?.hash ?? "" }, to);
  const { position, state } = snapshots.read(base);
  return folded(database, position, to, decodeState(state));
}

function folded(
  database: Database,
  from: { readonly seq: number; readonly hash: string },
  to: number,
  state = new LogState(),
): LogState {
  walkRows(database, from, (at, kind, body) => state.apply(at, kind, body), { to });
  return state;
}

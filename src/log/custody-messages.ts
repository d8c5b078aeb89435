// What the mesh asks of the log: rows of its own for a custodian, what came back of them, and the
// custody of other nodes' rows. Plain data.
import type {
  CustodyPut,
  Held,
  HistoryPosition,
  HistoryRow,
  OwnRows,
  PutResult,
} from "./custody-types.ts";
import type { RowRoom } from "./raw-rows.ts";

/** Of the log itself. */
export type OwnCustodyQuestion =
  /** The own state and where it stands: what the mesh begins with. */
  | { readonly kind: "own-state"; readonly token: number }
  /** Rows for a custodian that has this log up to a row; null: it has none of it. */
  | {
      readonly kind: "own-rows";
      readonly token: number;
      readonly position: HistoryPosition | null;
      readonly room: RowRoom;
    }
  /** A custodian has committed this log up to a row. */
  | {
      readonly kind: "custody-acknowledged";
      readonly token: number;
      readonly custodian: string;
      readonly position: HistoryPosition;
    }
  /** Own rows that a custodian gave back: stand as `recovered` when this is answered. */
  | { readonly kind: "recover"; readonly token: number; readonly rows: readonly HistoryRow[] }
  /** Answered when a row is on a second node's disk, or at the deadline. */
  | {
      readonly kind: "replicated";
      readonly token: number;
      readonly seq: number;
      readonly deadlineMs: number;
    };

/** Of the file in which other nodes' rows are kept. */
export type KeepQuestion =
  | { readonly kind: "custody-put"; readonly token: number; readonly put: CustodyPut }
  | { readonly kind: "custody-position"; readonly token: number; readonly origin: string }
  /** Kept rows of an origin after a place in its history; null: from the oldest. */
  | {
      readonly kind: "custody-rows";
      readonly token: number;
      readonly origin: string;
      readonly after: HistoryPosition | null;
      readonly room: RowRoom;
    };

export type CustodyQuestion = OwnCustodyQuestion | KeepQuestion;

/** What the mesh begins with. */
export interface OwnState {
  readonly incarnation: number;
  /** Boot id, 16 hex digits. */
  readonly boot: string;
  readonly trusted: boolean;
  /** `LogState.encode()` as of `position`. */
  readonly state: Uint8Array;
  /** The newest row. */
  readonly position: HistoryPosition;
  /**
   * The row that this start goes on from or, where it is not trusted, the last one that is beyond
   * doubt; null when there was none.
   */
  readonly before: HistoryPosition | null;
}

export type CustodyAnswer =
  | { readonly kind: "own-state"; readonly token: number; readonly own: OwnState }
  | { readonly kind: "own-rows"; readonly token: number; readonly answer: OwnRows }
  /** `known`: false where that row is not of this log, so that its sender lied. */
  | { readonly kind: "custody-acknowledged"; readonly token: number; readonly known: boolean }
  /** The last row looked at, and how many were appended: the others were here already. */
  | {
      readonly kind: "recovered";
      readonly token: number;
      readonly upTo: HistoryPosition | null;
      readonly rows: number;
    }
  /** `reason`: null when it is on a second disk, else why that could not be said in time. */
  | { readonly kind: "replicated"; readonly token: number; readonly reason: string | null }
  | { readonly kind: "custody-put"; readonly token: number; readonly result: PutResult }
  | { readonly kind: "custody-position"; readonly token: number; readonly held: Held | null }
  | {
      readonly kind: "custody-rows";
      readonly token: number;
      readonly rows: readonly HistoryRow[];
    };

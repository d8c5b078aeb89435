// What the mesh asks of its node's log thread, each answered by a call. A question that the disk
// does not answer is given up; the machine asks again by its own clock.
import type { CacheChange, CacheCopy, Keep } from "../log/cache-store.ts";
import type { LogRow } from "../log/events.ts";
import type { LogPosition, OwnRows, RawRow } from "../mesh/mesh-types.ts";

export interface CustodyAnswer {
  readonly position: LogPosition | null;
  readonly refused: string | null;
}

export interface MeshLog {
  /** The fold of the committed rows; rows that are passed on later come after it. */
  own(done: (state: Uint8Array) => void): void;
  ownRows(after: LogPosition | null, maxBytes: number, done: (answer: OwnRows) => void): void;
  custodyPut(owner: string, rows: readonly RawRow[], done: (answer: CustodyAnswer) => void): void;
  custodyHeld(owner: string, done: (answer: CustodyAnswer) => void): void;
  custodyRead(
    owner: string,
    room: { readonly after: LogPosition | null; readonly maxBytes: number },
    done: (rows: readonly RawRow[]) => void,
  ): void;
  recover(rows: readonly RawRow[], done: (upTo: LogPosition) => void): void;
  replicated(position: LogPosition): void;
  cachePut(changes: readonly CacheChange[], keep: Keep): void;
  cacheLoad(done: (copies: readonly CacheCopy[]) => void): void;
  /** Called with own rows after their commit, in order, and how many were left out before them. */
  onCommitted: (rows: readonly LogRow[], missed: number) => void;
}

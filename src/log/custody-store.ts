// A custodian's shelf: durable copies of other nodes' logs. It takes rows only where they follow by
// hash from what it has, and says what it has only after its own commit. An origin that goes on
// from an earlier row, under a newer incarnation, begins a branch: what it left is kept as a tail
// until it is too old or the room is needed, since the origin may have lost it.
import { isPlanted } from "../core/planted.ts";
import { decodeCbor, WireError } from "../wire/codec.ts";
import { GENESIS, hashOf } from "./chain.ts";
import type { CustodyTable } from "./custody-table.ts";
import {
  type CustodyPut,
  type CustodyRefusal,
  type Held,
  type HistoryPosition,
  type HistoryRow,
  type PutResult,
  SNAPSHOT_ROW,
} from "./custody-types.ts";
import { soundRows } from "./history-chain.ts";
import { isChained, type RowRoom } from "./raw-rows.ts";
import { type Author, decodeSnapshot, type WrittenSnapshot } from "./snapshot-file.ts";

/** Of one message; the lanes' own bounds are narrower. */
const MAX_PUT_ROWS = 1_024;
const MAX_PUT_BYTES = 524_288;

export interface CustodyLimits {
  /** Bytes of the file that may hold something. */
  readonly maxBytes: number;
  /** Tails, and rows that a state stands for, go when the origin's newest is so much younger. */
  readonly keepMs: number;
}

export interface CustodyFigures {
  readonly origins: number;
  readonly rows: number;
  readonly bytes: number;
  /** Rows given up for room, age or a gap. */
  readonly dropped: number;
}

/** Who speaks: an origin under its present incarnation, which its rows may not exceed. */
interface Speaker {
  readonly origin: string;
  readonly incarnation: number;
}

class Refused extends Error {
  readonly reason: CustodyRefusal;

  constructor(reason: CustodyRefusal, options?: ErrorOptions) {
    super(reason, options);
    this.reason = reason;
  }
}

export class CustodyStore {
  readonly #table: CustodyTable;
  readonly #limits: CustodyLimits;
  readonly #author: Author | null;
  #dropped = 0;
  /** Given up in the transaction under way. */
  #going = 0;
  /** Only with a planted fault: ends the commit that was acknowledged before it was made. */
  #late: (() => void) | null = null;

  /** With an author, states of others are taken only with their signature. */
  constructor(table: CustodyTable, limits: CustodyLimits, author: Author | null = null) {
    this.#table = table;
    this.#limits = limits;
    this.#author = author;
  }

  /** How far the history of `origin` is kept; null where nothing was ever heard of it. */
  held(origin: string): Held | null {
    const speaker = this.#table.speaker(origin);
    return speaker === null ? null : { ...speaker, head: this.#table.head(origin) };
  }

  /** Takes rows that follow what is kept. When this returns, what it acknowledges is durable. */
  put(put: CustodyPut): PutResult {
    const { origin, rows } = put;
    try {
      return { position: this.#committed(() => this.#put(put)), refused: null };
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      const { reason } = error;
      const back = reason === "missing-before" ? rows[0]?.seq : undefined;
      const position = back === undefined ? null : this.#table.startBefore(origin, back);
      return { position: position ?? this.#table.head(origin), refused: reason };
    }
  }

  /**
   * What is kept of an origin's history after a position, oldest first, tails among it; null for
   * all there is; rows that were damaged here are left out. No rows: that is all.
   */
  after(origin: string, position: HistoryPosition | null, room: RowRoom): readonly HistoryRow[] {
    const rows = this.#table.after(origin, position ?? { incarnation: -1, seq: -1 }, room);
    // Whoever has got rows back before remembers the place of the last one alone.
    const isKnown = position !== null && position.hash !== GENESIS;
    return soundRows(rows, isKnown ? position : null);
  }

  figures(): CustodyFigures {
    return { ...this.#table.size(), dropped: this.#dropped };
  }

  close(): void {
    this.#table.close();
  }

  #committed(work: () => HistoryPosition): HistoryPosition {
    this.#late?.();
    this.#late = null;
    this.#going = 0;
    const head = this.#table.transaction(work, (commit) => {
      if (isPlanted("acknowledged-before-commit")) this.#late = commit;
      else commit();
    });
    this.#dropped += this.#going;
    return head;
  }

  #put(put: CustodyPut): HistoryPosition {
    const { origin, rows, lapsed } = put;
    const bytes = rows.reduce((sum, { body }) => sum + body.length, 0);
    if (rows.length > MAX_PUT_ROWS || bytes > MAX_PUT_BYTES) throw new Refused("too-large");
    const speaker = this.#meet(put);
    this.#makeRoom(origin);
    const [first, ...rest] = rows;
    let last: HistoryPosition | null;
    if (first?.kind === SNAPSHOT_ROW) {
      this.#takeState(speaker, first);
      last = this.#take(speaker, rest, false);
    } else {
      last = this.#take(speaker, rows, lapsed);
    }
    // Rows that were here already say nothing of what is kept behind them: that may be of another
    // branch, which the next rows leave.
    const reached = last ?? this.#table.head(origin);
    if (reached === null) throw new Refused("missing-before");
    return reached;
  }

  /** Judges who speaks and remembers it. */
  #meet({ origin, incarnation, boot, rows }: CustodyPut): Speaker {
    const known = this.#table.speaker(origin);
    const highest = Math.max(0, ...rows.map((row) => row.incarnation));
    const spoken = incarnation ?? Math.max(highest, known?.incarnation ?? 0);
    if (highest > spoken) throw new Refused("broken-chain");
    if (known !== null && spoken < known.incarnation) throw new Refused("old-incarnation");
    const same = spoken === known?.incarnation;
    if (same && boot !== null && known.boot !== "" && boot !== known.boot) {
      throw new Refused("other-boot");
    }
    this.#table.note(origin, spoken, boot ?? (same ? known.boot : ""));
    return { origin, incarnation: spoken };
  }

  /** Takes rows behind what is kept, or behind an earlier row of it; the last of them as kept. */
  #take(speaker: Speaker, rows: readonly HistoryRow[], lapsed: boolean): HistoryPosition | null {
    const [first] = rows;
    if (first === undefined) return null;
    if (!isChained(first, rows.slice(1))) throw new Refused("broken-chain");
    const { origin } = speaker;
    let at = this.#attach(speaker, first, lapsed);
    let skip = 0;
    for (const row of rows) {
      const kept = this.#table.positionAt(origin, row.seq);
      if (kept?.hash !== row.hash) break;
      at = kept;
      skip += 1;
    }
    if (skip < rows.length && !this.#table.isSoundBehind(origin, at)) {
      // Not the origin says something else, the disk here does.
      this.#table.cut(origin, at.seq);
    }
    const head = this.#table.head(origin);
    const leaves = skip < rows.length && head !== null && head.seq > at.seq;
    if (leaves) this.#leave(speaker, at);
    let { incarnation } = at;
    for (const row of rows.slice(skip)) {
      // A start that was raised goes by what it was raised to, and so do the rows behind it: also
      // those before the raise that are here already, under the number that they had then.
      const begun = incarnationOf(row) ?? incarnation;
      if (row.incarnation < Math.max(begun, incarnation)) throw new Refused("broken-chain");
      incarnation = row.incarnation;
      this.#table.add(origin, row);
      at = { incarnation, seq: row.seq, hash: row.hash };
    }
    return at;
  }

  /** Where the first row fits: behind a row that is kept, as one that is, or at a new beginning. */
  #attach(speaker: Speaker, first: HistoryRow, lapsed: boolean): HistoryPosition {
    const { origin } = speaker;
    const table = this.#table;
    const before = table.positionAt(origin, first.seq - 1);
    if (before !== null && follows(before.hash, first)) return before;
    const same = table.positionAt(origin, first.seq);
    if (same?.hash === first.hash) return same;
    const { incarnation } = first;
    if (first.seq === 1 && follows(GENESIS, first)) {
      return this.#beginAnew(speaker, { incarnation: 0, seq: 0, hash: GENESIS }, false);
    }
    if (!lapsed) throw new Refused("missing-before");
    return this.#beginAnew(speaker, { incarnation, seq: first.seq - 1, hash: "" }, true);
  }

  /** A head branch that begins behind `from`: what was kept is left, or lies before a gap. */
  #beginAnew(speaker: Speaker, from: HistoryPosition, isGap: boolean): HistoryPosition {
    const { origin } = speaker;
    const head = this.#table.head(origin);
    if (head !== null) {
      if (isGap && head.seq <= from.seq) this.#going += this.#table.dropHead(origin);
      else this.#leave(speaker, null);
    }
    this.#table.beginBranch(origin, from);
    return from;
  }

  /** What is kept behind `from` becomes a tail: only of an older incarnation, else it is a lie. */
  #leave({ origin, incarnation }: Speaker, from: HistoryPosition | null): void {
    const head = this.#table.head(origin);
    if (head !== null && incarnation <= head.incarnation) throw new Refused("forked");
    this.#table.leave(origin, incarnation, from);
  }

  /** A state in place of the rows before it. */
  #takeState(speaker: Speaker, row: HistoryRow): void {
    const { origin } = speaker;
    const { position, incarnation } = this.#readState(origin, row.body);
    const fits = position.seq === row.seq && position.hash === row.hash;
    if (!fits || incarnation !== row.incarnation) throw new Refused("broken-chain");
    const kept = this.#table.positionAt(origin, position.seq);
    if (kept?.hash !== position.hash) this.#beginAnew(speaker, { ...position, incarnation }, true);
    this.#table.setBase(origin, position.seq, row.body);
  }

  #readState(origin: string, bytes: Uint8Array): WrittenSnapshot {
    let snapshot: WrittenSnapshot;
    try {
      snapshot = decodeSnapshot(bytes);
    } catch (error) {
      if (error instanceof WireError) throw new Refused("malformed", { cause: error });
      throw error;
    }
    if (this.#author === null) return snapshot;
    const { node, signed, signature } = snapshot;
    if (node !== origin || signature === null) throw new Refused("bad-signature");
    const verdict = this.#author.keys.verify(origin, "snapshot", signed, signature);
    if (verdict === "unknown-origin") throw new Refused("unknown-origin");
    if (verdict === "bad") throw new Refused("bad-signature");
    return snapshot;
  }

  /** Gives up what is old and, where the file is full, tails and rows that a state stands for. */
  #makeRoom(origin: string): void {
    const { maxBytes, keepMs } = this.#limits;
    const table = this.#table;
    const newest = table.newestAt(origin);
    if (newest !== null) {
      this.#going += table.dropOldTails(origin, newest - keepMs);
      this.#going += table.dropBehindBase(origin, newest - keepMs);
    }
    while (table.usedBytes() > maxBytes) {
      const tail = table.dropOldestTail();
      const went = tail ?? table.dropBehindBase(origin, Number.MAX_SAFE_INTEGER);
      if (tail === null && went === 0) throw new Refused("full");
      this.#going += went;
    }
  }
}

function follows(before: string, row: HistoryRow): boolean {
  return hashOf(before, row, row.body) === row.hash;
}

/** The incarnation that a `start` row begins, or null for another row. */
function incarnationOf({ kind, body }: HistoryRow): number | null {
  if (kind !== "start") return null;
  try {
    const fields = decodeCbor(body);
    const first = Array.isArray(fields) ? fields[0] : null;
    return typeof first === "number" ? first : null;
  } catch (error) {
    if (error instanceof WireError) return null;
    throw error;
  }
}

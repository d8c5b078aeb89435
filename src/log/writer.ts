// The log's writer: events in, committed rows out, synchronously, in the log thread and `replay`.
// Rows of a transaction are chained and committed as one; only then does anybody learn of them.
import { isPlanted } from "../core/planted.ts";
import { encodeCbor } from "../wire/codec.ts";
import type { EventPage, PageQuery } from "../wire/replay.ts";
import { hashOf } from "./chain.ts";
import { CommandMemory } from "./commands.ts";
import { Custodians } from "./custodians.ts";
import type { HistoryPosition, HistoryRow, OwnRows } from "./custody-types.ts";
import type { Database, Statement } from "./driver.ts";
import type { LogRow, NodeEvent } from "./events.ts";
import { decodeState, LogState } from "./fold.ts";
import type { FolderLock } from "./lock.ts";
import type { OpenedLog, WriterFigures } from "./opened.ts";
import { incarnationAt, ownRows } from "./own-history.ts";
import { type Recovered, recoveryOf } from "./own-recovery.ts";
import { readPage } from "./pages.ts";
import type { RowRoom } from "./raw-rows.ts";
import { cutOldRows, fileBytes, usedBytes } from "./retention.ts";
import { bodyBytes, containsRows, wholeMs } from "./row-bytes.ts";
import { hashAt, type LogQuery, type Position, queryRows, walkRows } from "./rows.ts";
import { Scrub } from "./scrub.ts";
import type { Author } from "./snapshot-file.ts";
import type { SnapshotFolder } from "./snapshots.ts";
import { noteUntrusted, settleStart, trustAgain, untrustedFrom } from "./trust.ts";

/** What a writer is told about the node and its limits. */
export interface WriterOptions {
  /** Version of the program, for the `start` row. */
  readonly version: string;
  /** Hash of the site file. */
  readonly site: string;
  /** Why the node starts, in words. */
  readonly cause: string;
  readonly maxBytes: number;
  readonly keepMs: number;
  /** Wall time of the opening, ms. */
  readonly nowMs: number;
  /** Random mark of this start of the process, 16 hex digits; made here where none is given. */
  readonly boot?: string | undefined;
  /** Continue this incarnation: the writer's thread was restarted, the node was not. */
  readonly resume?: number | null;
  /** The engine has met damage: the whole file is looked at, not only what a start needs. */
  readonly suspect?: boolean;
  /** Rows between snapshots. */
  readonly snapshotRows?: number;
  /** Snapshots kept. */
  readonly keepSnapshots?: number;
  /** Signs snapshots and checkpoints; null where the node has no keys yet. */
  readonly author?: Author | null;
  /** Called now and then while the opening takes long: a sign of life for whoever watches. */
  readonly onProgress?: (() => void) | undefined;
}

/** Parts whose faults stand until a good snapshot, as their `fault` rows name them. */
export const SNAPSHOT_FAULT = "snapshot";
const STATE_FAULT = "log state";

export const DEFAULT_SNAPSHOT_ROWS = 10_000;
export const DEFAULT_KEEP_SNAPSHOTS = 3;

/** Rows grow older by this at most between two looks, which come once a minute. */
const MAX_AGEING_MS = 3_600_000;

export type SnapshotListener = (incarnation: number, seq: number, file: Uint8Array) => void;
type Add = (event: NodeEvent) => void;

export class LogWriter {
  readonly dir: string;
  readonly boot: string;
  /** The good prefix that this opening found, before its own first row. */
  readonly continues: Position;
  readonly notices: string[];
  /** Wall time of the newest row that was there before; 0 for none. */
  readonly openedAfter: number;
  /** Called with rows right after their commit, and the hash of the last of them. */
  onCommitted: (rows: readonly LogRow[], hash: string) => void = () => undefined;
  /** Called with each snapshot's file once it is on the disk. */
  onSnapshot: SnapshotListener = () => undefined;
  readonly commands: CommandMemory;
  readonly custodians: Custodians;
  readonly #author: Author | null;
  readonly #options: WriterOptions;
  readonly #database: Database;
  readonly #lock: FolderLock;
  readonly #folder: SnapshotFolder;
  readonly #insert: Statement;
  readonly #scrub = new Scrub();
  #incarnation: number;
  #trusted: boolean;
  #head: Position;
  #headAt: number;
  #state: LogState;
  #base: OpenedLog["base"];
  #commits = 0;
  #snapshots = 0;
  #stateFaults = 0;
  /** The time by which rows are old. */
  #ageMs: number;

  constructor(opened: OpenedLog, options: WriterOptions) {
    this.dir = opened.dir;
    this.boot = opened.boot;
    this.continues = opened.head;
    this.#incarnation = opened.incarnation;
    this.#trusted = opened.trusted;
    this.notices = [...opened.notices];
    this.openedAfter = opened.headAt;
    this.#ageMs = opened.headAt === 0 ? options.nowMs : opened.headAt;
    this.commands = new CommandMemory(opened.database);
    this.custodians = new Custodians(opened.database);
    this.#author = options.author ?? null;
    this.#options = options;
    this.#database = opened.database;
    this.#lock = opened.lock;
    this.#folder = opened.snapshots;
    this.#head = opened.head;
    this.#headAt = opened.headAt;
    this.#state = opened.state;
    this.#base = opened.base;
    this.#insert = opened.database.prepare("INSERT INTO events VALUES (?, ?, ?, ?, unhex(?))");
  }

  get incarnation(): number {
    return this.#incarnation;
  }

  /** False until `raise`: custodian and neighbours are to be asked what they saw of this node. */
  get trusted(): boolean {
    return this.#trusted;
  }

  /** The newest committed row. */
  get head(): Position {
    return this.#head;
  }

  /** Its wall time: a moment that has provably been. */
  get headAt(): number {
    return this.#headAt;
  }

  /** The node's own state as of the head. */
  get state(): LogState {
    return this.#state;
  }

  /** The first commit of a start: the incarnation rises before anything else is written. */
  begin(rows: readonly NodeEvent[]): void {
    const { cause, nowMs } = this.#options;
    this.transaction(nowMs, (add) => {
      this.#startRow(cause, add);
      for (const row of rows) add(row);
    });
    settleStart(this.#database);
  }

  /**
   * The mesh has heard what others know of this node: goes on under `incarnation` where that is
   * higher, in a `start` row of its own, and holds it for trustworthy from now on. Gives the rows.
   */
  raise(incarnation: number, cause: string, nowMs: number): LogRow[] {
    const before = this.#incarnation;
    this.#incarnation = Math.max(before, incarnation);
    try {
      const { rows } = this.transaction(nowMs, (add) => {
        if (incarnation > before) this.#startRow(cause, add);
        // After that row, which marks what this writer does not trust yet.
        trustAgain(this.#database);
      });
      settleStart(this.#database);
      this.#trusted = true;
      return rows;
    } catch (error) {
      this.#incarnation = before;
      throw error;
    }
  }

  /** Inside a transaction: the incarnation and the row that begins it are one commit. */
  #startRow(cause: string, add: Add): void {
    const { version, site } = this.#options;
    const { seq, hash } = this.#head;
    this.#database
      .prepare("UPDATE node SET value = ? WHERE name = 'incarnation'")
      .run(this.#incarnation);
    if (!this.#trusted) noteUntrusted(this.#database, seq);
    add({ kind: "start", body: [this.#incarnation, version, site, cause, seq, hash, this.boot] });
  }

  /** Commits a group of events; they are durable when this returns. Gives their rows. */
  append(events: readonly NodeEvent[], nowMs: number): LogRow[] {
    return this.transaction(nowMs, (add) => {
      for (const event of events) add(event);
    }).rows;
  }

  /**
   * One commit of whatever `work` does to the command memory and the rows that it adds. When this
   * throws nothing of it happened as far as this object knows; after an error of the disk the
   * caller opens the log anew, since only the file can tell.
   */
  transaction<T>(nowMs: number, work: (add: Add) => T): { result: T; rows: LogRow[] } {
    const rows: LogRow[] = [];
    let head = this.#head;
    const add: Add = (event) => {
      const { body, bytes } = bodyBytes(event);
      const row = { seq: head.seq + 1, at: wholeMs(event.at ?? nowMs), kind: event.kind, body };
      const hash = hashOf(head.hash, row, bytes);
      this.#insert.run(row.seq, row.at, row.kind, bytes, hash);
      head = { seq: row.seq, hash };
      rows.push(row);
    };
    this.#database.exec("BEGIN IMMEDIATE");
    let result: T;
    try {
      result = work(add);
      this.#database.exec("COMMIT");
    } catch (error) {
      this.#rollBack();
      throw error;
    }
    this.#head = head;
    this.#commits += 1;
    for (const row of rows) this.#state.apply(row.at, row.kind, row.body);
    this.#headAt = rows.at(-1)?.at ?? this.#headAt;
    if (rows.length > 0) this.onCommitted(rows, head.hash);
    return { result, rows };
  }

  #rollBack(): void {
    try {
      this.#database.exec("ROLLBACK");
    } catch {
      // The engine has rolled back by itself; the first error is the one to report.
    }
  }

  query(query: LogQuery): LogRow[] {
    return queryRows(this.#database, query);
  }

  /** The next page of a replay. */
  page(query: PageQuery): EventPage {
    return readPage(this.#database, query);
  }

  /** True when exactly these events stand somewhere after `seq`, one after the other. */
  contains(seq: number, events: readonly NodeEvent[]): boolean {
    return containsRows(this.#database, seq, events);
  }

  /** A snapshot when enough rows have come since the last; true when one was made. */
  snapshotIfDue(nowMs: number): boolean {
    const due = this.#options.snapshotRows ?? DEFAULT_SNAPSHOT_ROWS;
    if (this.#head.seq - this.#base.position.seq < due) return false;
    this.snapshot(nowMs);
    return true;
  }

  /** Folds the rows since the last snapshot anew, compares, and stores the result. */
  snapshot(nowMs: number): void {
    if (this.#head.seq === this.#base.position.seq) return;
    const { position, state: base } = this.#base;
    const folded = base === null ? new LogState() : decodeState(base);
    const walk = walkRows(this.#database, position, (at, kind, body) => {
      folded.apply(at, kind, body);
    });
    if (walk.broken !== null) throw new Error(`the log can't be read back: ${walk.broken}`);
    const made = folded.encode();
    const differs = Buffer.compare(made, this.#state.encode()) !== 0;
    if (differs) this.#state = folded;
    const { seq, hash } = walk.last;
    const wrong = isPlanted("snapshot-wrong-position") ? hashAt(this.#database, seq - 1) : null;
    const at = wrong === null ? { seq, hash } : { seq: seq - 1, hash: wrong };
    const file = this.#folder.store(
      { position: at, at: walk.lastAt, incarnation: this.#incarnation, state: made },
      this.#options.keepSnapshots ?? DEFAULT_KEEP_SNAPSHOTS,
    );
    this.onSnapshot(this.#incarnation, at.seq, file);
    this.#base = { position: walk.last, state: made };
    this.#snapshots += 1;
    if (differs) this.#tellStateFault(seq, nowMs);
    else this.#endFaults(nowMs);
  }

  /** What was wrong with an earlier snapshot or state does not matter behind a good one. */
  #endFaults(nowMs: number): void {
    for (const part of [SNAPSHOT_FAULT, STATE_FAULT]) {
      if (!this.#state.standing.has(`fault ${part}`)) continue;
      this.append([{ kind: "fault", body: [part, false, "a good snapshot was made"] }], nowMs);
    }
  }

  #tellStateFault(seq: number, nowMs: number): void {
    this.#stateFaults += 1;
    const text = `the state beside the log differs from the fold of its rows at ${seq}`;
    this.notices.push(text);
    this.append([{ kind: "fault", body: [STATE_FAULT, true, text] }], nowMs);
  }

  /**
   * Removes rows that are too many or too old; gives how many went. Between two calls rows grow
   * older by an hour at most: a wall clock that jumps years ahead must not empty the log.
   */
  retain(nowMs: number): number {
    this.#ageMs = Math.min(nowMs, this.#ageMs + MAX_AGEING_MS);
    return this.#cut(nowMs);
  }

  #cut(nowMs: number): number {
    this.#lapse(nowMs);
    return cutOldRows({
      snapshots: this.#folder,
      database: this.#database,
      limits: { ...this.#options, nowMs: this.#ageMs },
      snapshot: () => this.snapshot(nowMs),
      pinnedFrom: this.custodians.pinnedFrom(),
      checkpoint: (...cut) => {
        const body = [...cut, incarnationAt(this.#database, cut[0])];
        const signature = this.#author?.keys.sign("checkpoint", encodeCbor(body)) ?? null;
        const event = { kind: "checkpoint", body: [...body, signature] } as const;
        return this.append([event], nowMs)[0]?.seq ?? 0;
      },
    });
  }

  /** Agreements of custodians that stay away end, with a row, before they can fill the disk. */
  #lapse(nowMs: number): void {
    const lapsed = this.custodians.lapse(this.#options.maxBytes, this.#ageMs);
    for (const { custodian, seq, rows } of lapsed) {
      const text = `${custodian} has taken nothing behind row ${seq} for too long; it begins anew`;
      this.notices.push(`custody: ${text}`);
      this.append([{ kind: "gap", body: ["custody", rows, text] }], nowMs);
    }
  }

  /** Hands the newest snapshot to `listen`, where there is one. */
  tellNewestSnapshot(listen: SnapshotListener): void {
    const [seq] = this.#folder.list();
    if (seq === undefined) return;
    listen(this.#folder.read(seq).incarnation, seq, this.#folder.bytes(seq));
  }

  /** The last row whose incarnation is beyond doubt; null when there is none. */
  get before(): HistoryPosition | null {
    const seq = untrustedFrom(this.#database) ?? this.continues.seq;
    const hash = hashAt(this.#database, seq);
    if (seq === 0 || hash === null) return null;
    return { seq, hash, incarnation: incarnationAt(this.#database, seq) };
  }

  /** Rows of this log for a custodian that has it up to `position`. */
  ownRows(position: HistoryPosition | null, room: RowRoom): OwnRows {
    return ownRows(this.#database, position, room, this.#folder);
  }

  /** Appends what a custodian gave back of a lost history; gives its rows and the last position. */
  recover(rows: readonly HistoryRow[], nowMs: number): { rows: LogRow[] } & Recovered {
    const log = {
      database: this.#database,
      snapshots: this.#folder,
      state: this.#state,
      incarnation: this.#incarnation,
      author: this.#author,
    };
    const recovered = recoveryOf(log, rows);
    const appended = this.append(recovered.events, nowMs);
    // A custodian may keep more than this log may; it comes faster than the log looks at its size.
    if (usedBytes(this.#database) > this.#options.maxBytes) this.#cut(nowMs);
    return { ...recovered, rows: appended };
  }

  /** Looks at a few old rows more; throws as the engine does where it finds damage. */
  scrub(): void {
    this.#scrub.step(this.#database);
  }

  figures(): WriterFigures {
    return {
      seq: this.#head.seq,
      commits: this.#commits,
      bytes: fileBytes(this.#database),
      snapshots: this.#snapshots,
      stateFaults: this.#stateFaults,
      faults: [SNAPSHOT_FAULT, STATE_FAULT].flatMap(
        (part) => this.#state.standing.get(`fault ${part}`)?.text ?? [],
      ),
    };
  }

  /** Closes the file and gives the folder back; what is committed is safe without it. */
  close(): void {
    try {
      this.#database.close();
    } finally {
      this.#lock.release();
    }
  }
}

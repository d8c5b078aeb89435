// What the log thread, the control thread and the service thread say to each other. Plain data.
import type { Command, Reply } from "../wire/command.ts";
import type { KeptAnswer, KeptBatch, KeptContents } from "../wire/kept.ts";
import type { EventPage, PageQuery } from "../wire/replay.ts";
import type { CacheChange, CacheCopy, Keep } from "./cache-store.ts";
import type { ChannelPort } from "./channel.ts";
import type { Verdict } from "./commands.ts";
import type { CopyFigures, CopyPlace } from "./copies.ts";
import type { CustodyAnswer, CustodyQuestion } from "./custody-messages.ts";
import type { CustodyFigures } from "./custody-store.ts";
import type { LogRow, NodeEvent } from "./events.ts";
import type { LogQuery, Position } from "./rows.ts";
import type { WearRate, WrittenBytes } from "./written.ts";

/** What a log thread is born with. */
export interface LogData {
  readonly dir: string;
  /** Version of the program. */
  readonly version: string;
  /** Hash of the site file, or a word where there is none. */
  readonly site: string;
  readonly cause: string;
  readonly maxBytes: number;
  readonly keepMs: number;
  /** Random mark of this start of the process, 16 hex digits; the log makes one where none is. */
  readonly boot?: string | undefined;
  /** The incarnation that an earlier log thread of this process began; null for a new start. */
  readonly resume: number | null;
  /** Where copies of snapshots go; nowhere without it. */
  readonly copy?: CopyPlace | null;
  /** Rows between snapshots, where the usual 10,000 won't do. */
  readonly snapshotRows?: number;
}

export interface AppendMessage {
  readonly kind: "append";
  readonly batch: number;
  readonly events: readonly NodeEvent[];
  /** The newest row that the sender knows of: a repeat is looked for behind it. */
  readonly after: number;
  /** The batch was sent before, to a thread that may have committed it and died. */
  readonly repeated: boolean;
}

/** Threads that ask the log and hear of its rows. */
export type LogReaderName = "service" | "mesh";

export type ToLog =
  | AppendMessage
  /** An end of a channel to another thread; a new one takes the place of its last. */
  | { readonly kind: "attach"; readonly who: LogReaderName; readonly port: ChannelPort }
  /** What others know of this node is known: goes on under this incarnation or a higher one. */
  | { readonly kind: "raise"; readonly incarnation: number; readonly cause: string }
  /** Copies of snapshots wait, or go on. */
  | { readonly kind: "copies"; readonly paused: boolean }
  /** Snapshot, close, exit. */
  | { readonly kind: "stop" };

/** What the log says of itself, with every commit and at least every five seconds. */
export interface LogFigures {
  readonly seq: number;
  readonly commits: number;
  readonly bytes: number;
  readonly snapshots: number;
  readonly stateFaults: number;
  /** What is wrong with snapshots or state at present, a line each. */
  readonly faults: readonly string[];
  /** Null where no copies are made. */
  readonly copies: CopyFigures | null;
  /** Rows of other nodes; null where none were asked for or given since the start. */
  readonly custody: CustodyFigures | null;
  /** Longest commit so far, ms. */
  readonly commitMaxMs: number;
  /** Of the thread itself; absent in virtual time. */
  readonly worker?: WorkerFigures;
}

/** What a log thread on a real machine says of itself. */
export interface WorkerFigures {
  /** Since the thread began; null where the kernel doesn't count. */
  readonly written: WrittenBytes | null;
  /** Of the last days, also before this start; null before anything is known. */
  readonly rate: WearRate | null;
  readonly heapBytes: number;
}

export type FromLog =
  | {
      readonly kind: "opened";
      readonly incarnation: number;
      /** Random mark of this start of the process. */
      readonly boot: string;
      /** False where others are to be asked for the highest incarnation that they saw. */
      readonly trusted: boolean;
      readonly seq: number;
      /** Hash of that row. */
      readonly hash: string;
      /** The good prefix that was found, before the first row of this start. */
      readonly continues: Position;
      /** Wall time of the newest row before this start: the clock can't be earlier. 0 for none. */
      readonly newestAt: number;
      /** What was set aside or lost, a line each. */
      readonly notices: readonly string[];
    }
  | { readonly kind: "committed"; readonly batch: number; readonly seq: number }
  /** The incarnation is held for trustworthy from now on; it may have risen. */
  | { readonly kind: "raised"; readonly incarnation: number }
  /** Why the log can't be written at present, or null: it can again. */
  | { readonly kind: "trouble"; readonly reason: string | null; readonly fatal: boolean }
  /** Something that a person should know of, a line. */
  | { readonly kind: "notice"; readonly text: string }
  | { readonly kind: "figures"; readonly figures: LogFigures };

/** What is asked of the log itself. */
export type LogQuestion =
  | { readonly kind: "query"; readonly token: number; readonly query: LogQuery }
  | { readonly kind: "accept"; readonly token: number; readonly command: Command }
  | {
      readonly kind: "finish";
      readonly token: number;
      readonly author: string;
      readonly reply: Reply;
    }
  /** The next page of a replay. */
  | { readonly kind: "page"; readonly token: number; readonly query: PageQuery };

export type BrokerQuestion =
  /** All that the broker keeps over a restart. */
  | { readonly kind: "broker-load"; readonly token: number }
  /** Changes of it, answered after their commit. */
  | { readonly kind: "broker-apply"; readonly token: number; readonly batch: KeptBatch };

export type CacheQuestion =
  /** The copy that the disk has of the cache. */
  | { readonly kind: "cache-load"; readonly token: number }
  /** Changes of it, answered when they were taken; `behind` is written some seconds later. */
  | {
      readonly kind: "cache-put";
      readonly token: number;
      readonly changes: readonly CacheChange[];
      readonly keep: Keep;
    };

/** What the service and mesh threads ask through their ports; answered under its token. */
export type Question = LogQuestion | BrokerQuestion | CacheQuestion | CustodyQuestion;

/** A batch of committed rows was taken: room for another. */
export interface Taken {
  readonly kind: "taken";
}

export type AskLog = Question | Taken;

export type Answer =
  | CustodyAnswer
  | { readonly kind: "rows"; readonly token: number; readonly rows: readonly LogRow[] }
  | { readonly kind: "verdict"; readonly token: number; readonly verdict: Verdict }
  | { readonly kind: "finished"; readonly token: number; readonly reply: Reply }
  | { readonly kind: "page"; readonly token: number; readonly page: EventPage }
  | { readonly kind: "broker-kept"; readonly token: number; readonly contents: KeptContents }
  | { readonly kind: "broker-applied"; readonly token: number; readonly answer: KeptAnswer }
  | { readonly kind: "cache-copies"; readonly token: number; readonly copies: readonly CacheCopy[] }
  | { readonly kind: "cache-taken"; readonly token: number }
  | { readonly kind: "failed"; readonly token: number; readonly reason: string };

/** What the service thread gets. */
export type TellService =
  | Answer
  | {
      readonly kind: "committed";
      readonly incarnation: number;
      readonly rows: readonly LogRow[];
      /** Hash of the last of them. */
      readonly hash: string;
      /** Rows that were committed and not passed on before these: the receiver was too slow. */
      readonly missed: number;
    }
  /** Commands that a crash interrupted and that may still be carried out; finish them. */
  | { readonly kind: "resume"; readonly commands: readonly Command[] };

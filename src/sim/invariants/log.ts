// What the logs promise: what was acknowledged is there, what is not there is counted.
import type { LogAccount } from "../../node/log-side.ts";
import { type Invariant, invariant } from "./invariant.ts";

/** The newest row that the log has said to be durable. */
export interface Acknowledged {
  readonly seq: number;
  readonly hash: string | null;
}

export const durableEventLives: Invariant<[Acknowledged, { seq: number; onChain: boolean }]> =
  invariant(
    "a durable event lives while one copy does",
    "replies, custody and people have acted on it",
    ({ seq }, found) => {
      if (found.seq < seq) return `row ${seq} was durable; the log ends at ${found.seq}`;
      return found.onChain ? null : `row ${seq} was durable; another one stands in its place`;
    },
  );

export const acknowledgedIsCommitted: Invariant<[number, number]> = invariant(
  "nothing is acknowledged before its commit",
  "whoever hears of an event may act on it at once",
  (seq, headSeq) => (seq <= headSeq ? null : `row ${seq} is acknowledged; committed is ${headSeq}`),
);

export const chainVerifies: Invariant<[string | null]> = invariant(
  "the chain verifies",
  "a log whose rows can't be checked is no evidence",
  (broken) => broken,
);

export const foldEqualsState: Invariant<[boolean, number]> = invariant(
  "the fold of the rows is the live state",
  "a state that is not made by the rows can't be had back from them",
  (equal, faults) => {
    if (faults > 0) return `the log has found ${faults} differences by itself`;
    return equal ? null : "the state beside the log differs from the fold of its rows";
  },
);

/** What a process handed to its log thread. */
export interface HandedOver {
  readonly events: number;
  /** Sum of the gap rows' counts. */
  readonly missing: number;
}

export const droppedIsCounted: Invariant<[LogAccount, HandedOver]> = invariant(
  "what is dropped is counted",
  "an event that is lost in silence is worse than one that is known to be lost",
  ({ appended, waiting, lost }, { events, missing }) => {
    const silent = appended - events - waiting - lost;
    if (silent !== 0) return `${silent} events are neither stored, nor waiting, nor counted`;
    if (waiting > 0 || missing === lost) return null;
    return `${lost} events were lost, gap rows say ${missing}`;
  },
);

export interface Sizes {
  /** Of the log's own file. */
  readonly logBytes: number;
  readonly maxLogBytes: number;
  /** Of all files. */
  readonly diskBytes: number;
  readonly waitingBytes: number;
  readonly waitingEvents: number;
  /** Events that wait for one of its threads. */
  readonly threadEvents: number;
}

/**
 * What the longest flood brings at once when the disk takes it again: 90 s of a row of some 62
 * bytes each 3 ms; the log looks at its size once a minute.
 */
const LOG_SLACK = 2_097_152;
/** Write-ahead logs of 4 MB, the cache, snapshots; and half of the log's room for other nodes. */
const DISK_SLACK = 33_554_432;
/** `CLASS_BOUNDS` in all. */
const MAX_WAITING_BYTES = 12_648_448;
const MAX_WAITING_EVENTS = 57_600;
/** A process that stands still for 20 s is sent some 100 messages a second. */
const MAX_THREAD_EVENTS = 20_000;

export const withinBounds: Invariant<[Sizes]> = invariant(
  "queues, memory and log stay within their bounds",
  "what grows while a neighbour or a disk is away ends the process at the worst moment",
  (sizes) => {
    const { logBytes, maxLogBytes, diskBytes } = sizes;
    if (logBytes > maxLogBytes + LOG_SLACK) return `a log of ${logBytes} bytes`;
    if (diskBytes > 1.5 * maxLogBytes + DISK_SLACK) return `${diskBytes} bytes on the disk`;
    if (sizes.waitingBytes > MAX_WAITING_BYTES) return `${sizes.waitingBytes} bytes wait`;
    if (sizes.waitingEvents > MAX_WAITING_EVENTS) return `${sizes.waitingEvents} events wait`;
    return sizes.threadEvents > MAX_THREAD_EVENTS
      ? `${sizes.threadEvents} messages wait for a thread`
      : null;
  },
);

export const rebuildable: Invariant<[number, readonly number[]]> = invariant(
  "what is cut stands in two snapshots",
  "a snapshot may be bad, and the rows before it are gone",
  (cutTo, snapshots) => {
    const left = snapshots.filter((seq) => seq >= cutTo).length;
    return left >= 2 ? null : `rows up to ${cutTo} are gone; snapshots: ${snapshots.join(", ")}`;
  },
);

export const noThreadDies: Invariant<[string | null]> = invariant(
  "no thread ends by itself",
  "an error that nobody expected is a fault of the program, whatever was broken around it",
  (error) => error,
);

// Replays: the log's past to one client, then what is committed, on `reply/{id}/events`. Paced for
// the log's sake by one bucket for all of them, and by the client's own socket: a part is made when
// there is room for it. Only the client that asked gets it, at QoS 0 in its connection: with that
// it ends, and it goes on from its last place under a new request.
import { EVENTS_PER_MESSAGE, type EventRow } from "../wire/events.ts";
import {
  type EventPage,
  encodeReplayPart,
  type ReplayPart,
  type ReplayRequest,
  rowBytes,
} from "../wire/replay.ts";
import type { NodeTopics } from "../wire/topics.ts";
import type { Peer } from "./access.ts";
import { Bucket } from "./bucket.ts";
import { matches } from "./filters.ts";
import { type Committed, Follower, type ReadPage } from "./follower.ts";
import type { BrokerLimits } from "./limits.ts";

/** The way to one connected client. */
export interface Lane {
  /** False when the connection is gone. */
  readonly isOpen: boolean;
  /** False while what was sent has not left. */
  readonly hasRoom: boolean;
  send(topic: string, payload: Uint8Array): void;
}

export interface ReplayPorts {
  readonly topics: NodeTopics;
  readonly limits: BrokerLimits;
  readonly read: ReadPage;
  readonly laneOf: (peer: Peer) => Lane | null;
  /** False where a rule denies the topic to the peer. */
  readonly mayReceive: (peer: Peer, topic: string) => boolean;
  /** Why events are not for the peer where it is now, or null. */
  readonly elsewhere: (peer: Peer) => string | null;
  readonly now: () => number;
}

/** A message stays well below what a client must take in one packet. */
const PART_BYTES = 32_768;
/** Rows looked at that cost the log as much as one that is sent. */
const LOOKED_AT_PER_ROW = 100;
/** How often a full lane is looked at. */
const LOOK_MS = 10;

interface Replay {
  readonly id: string;
  readonly peer: Peer;
  readonly lane: Lane;
  readonly topic: string;
  readonly live: boolean;
  left: number;
  /** Nothing was sent yet: how things stand is said even where there is no row. */
  isFirst: boolean;
  follower: Follower | null;
}

export class Replays {
  readonly #ports: ReplayPorts;
  readonly #running = new Set<Replay>();
  readonly #bucket: Bucket;

  constructor(ports: ReplayPorts) {
    this.#ports = ports;
    const { replayRowsPerS } = ports.limits;
    this.#bucket = new Bucket(replayRowsPerS, replayRowsPerS, ports.now());
  }

  get count(): number {
    return this.#running.size;
  }

  /** Begins a replay; why not, or null. What it streams comes after this returns. */
  begin(peer: Peer, request: ReplayRequest): string | null {
    const { topics, laneOf } = this.#ports;
    const topic = topics.replyEvents(request.id);
    const lane = laneOf(peer);
    if (lane === null) return "the connection is gone";
    const reason = this.#refusal(peer, request.id, topic);
    if (reason !== null) return reason;
    const left = request.limit ?? Number.POSITIVE_INFINITY;
    const { id, live } = request;
    const replay: Replay = { id, peer, lane, topic, live, left, isFirst: true, follower: null };
    this.#running.add(replay);
    setImmediate(() => void this.#run(replay, request));
    return null;
  }

  #refusal(peer: Peer, id: string, topic: string): string | null {
    const { limits, mayReceive, elsewhere } = this.#ports;
    if (!mayReceive(peer, topic)) return "denied topic";
    const outside = elsewhere(peer);
    if (outside !== null) return outside;
    if (![...peer.granted].some((filter) => matches(filter, topic))) {
      return `subscribe to ${topic} first`;
    }
    const all = [...this.#running];
    const own = all.filter((replay) => replay.peer === peer);
    if (own.some((replay) => replay.id === id)) return "id is in use";
    const busy = own.length >= limits.replaysPerClient || all.length >= limits.maxReplays;
    return busy ? "busy" : null;
  }

  /** Rows after their commit. */
  offer(committed: Committed): void {
    for (const { follower } of this.#running) follower?.offer(committed);
  }

  /** A client has gone: its replays end. */
  leave(gone: Peer): void {
    for (const { peer, follower } of this.#running) {
      if (peer === gone) follower?.stop();
    }
  }

  stop(): void {
    for (const { follower } of this.#running) follower?.stop();
  }

  async #run(replay: Replay, { after, sinceMs, kinds }: ReplayRequest): Promise<void> {
    const { read } = this.#ports;
    const take = (page: EventPage): Promise<boolean> => this.#take(replay, page);
    replay.follower = new Follower({ read, after, sinceMs, kinds, take });
    await replay.follower.run();
    this.#running.delete(replay);
  }

  /** Sends a page in parts, each when there is room; false when the replay is over. */
  async #take(replay: Replay, page: EventPage): Promise<boolean> {
    this.#bucket.take((page.to - page.from + 1) / LOOKED_AT_PER_ROW);
    const { rows, to, state } = cutOf(replay, page);
    const isNews = page.to >= page.from || replay.isFirst || state === "end";
    replay.isFirst = false;
    if (!isNews) return await this.#room(replay, 0);
    let { from } = page;
    const slices = slicesOf(rows);
    for (const [index, slice] of slices.entries()) {
      if (!(await this.#room(replay, slice.length))) return false;
      const isLast = index === slices.length - 1;
      const end = isLast ? to : (slice.at(-1)?.seq ?? to);
      const { incarnation } = page;
      const part = { incarnation, from, to: end, state: isLast ? state : "past", rows: slice };
      replay.lane.send(replay.topic, encodeReplayPart(part as ReplayPart));
      from = end + 1;
    }
    replay.left -= rows.length;
    return state !== "end";
  }

  /** Waits until a part may go; false when nobody waits for it any more. */
  async #room(replay: Replay, rows: number): Promise<boolean> {
    const { lane, peer, topic } = replay;
    for (;;) {
      const wanted = lane.isOpen && [...peer.granted].some((filter) => matches(filter, topic));
      if (!wanted || this.#ports.elsewhere(peer) !== null) return false;
      const waitMs = this.#bucket.waitMs(this.#ports.now());
      if (waitMs === 0 && lane.hasRoom) break;
      await new Promise((resolve) => setTimeout(resolve, Math.max(waitMs, LOOK_MS)));
    }
    this.#bucket.take(rows);
    return true;
  }
}

/** What of a page is sent, and how the replay stands after it. */
function cutOf({ left, live }: Replay, page: EventPage): Pick<ReplayPart, "rows" | "to" | "state"> {
  const rows = page.rows.slice(0, left);
  if (rows.length === left) return { rows, to: rows.at(-1)?.seq ?? page.to, state: "end" };
  if (page.to < page.head) return { rows, to: page.to, state: "past" };
  return { rows, to: page.to, state: live ? "live" : "end" };
}

/** Rows as they fit into messages; at least one slice, be it empty. */
function slicesOf(rows: readonly EventRow[]): EventRow[][] {
  const slices: EventRow[][] = [];
  let slice: EventRow[] = [];
  let bytes = 0;
  for (const row of rows) {
    const more = rowBytes(row);
    const isFull = slice.length === EVENTS_PER_MESSAGE || bytes + more > PART_BYTES;
    if (slice.length > 0 && isFull) {
      slices.push(slice);
      slice = [];
      bytes = 0;
    }
    slice.push(row);
    bytes += more;
  }
  return [...slices, slice];
}

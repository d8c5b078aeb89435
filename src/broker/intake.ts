// Messages of clients on their way in, and who waits for the disk, how long, and what becomes of
// them when it does not take what they brought.
import type { Handshakes } from "./handshakes.ts";
import type { Keeper } from "./keeper.ts";
import type { KeptSessions } from "./kept-sessions.ts";
import type { Session, StoredPacket } from "./session.ts";

export const NOT_READ = "kept sessions can't be read";
export const NOT_WRITTEN = "kept sessions can't be written";

interface CommitMark {
  readonly isCommitted: boolean;
}

/** A queue when it was last looked at. */
interface Look {
  readonly left: number;
  /** Of what stood in it. */
  readonly mark: CommitMark;
}

/** Waiting for the disk, as long as a client has patience. */
export class DiskPatience {
  readonly #keeper: Keeper;
  readonly #patienceMs: number;

  constructor(keeper: Keeper, patienceMs: number) {
    this.#keeper = keeper;
    this.#patienceMs = patienceMs;
  }

  /**
   * Waits for the commit of all that was noted. Null when all is committed already; else why it
   * was not committed in time, or null.
   */
  committed(): Promise<string | null> | null {
    const durable = this.#keeper.durable();
    if (durable === null) return null;
    return this.within(durable).then((done) => (done ? null : NOT_WRITTEN));
  }

  /** The same; rejects with the reason. */
  async durable(): Promise<void> {
    const reason = await this.committed();
    if (reason !== null) throw new Error(reason);
  }

  /** Turns true once all that was noted until now is committed. */
  mark(): CommitMark {
    const durable = this.#keeper.durable();
    const mark = { isCommitted: durable === null };
    void durable?.then(() => {
      mark.isCommitted = true;
    });
    return mark;
  }

  /** True for a disk that has not worked for longer than anybody waits. */
  get isOver(): boolean {
    const { trouble } = this.#keeper;
    return trouble !== null && trouble.forMs >= this.#patienceMs;
  }

  /** True when `event` comes in time. */
  async within(event: Promise<void>): Promise<boolean> {
    let timer: NodeJS.Timeout | null = null;
    const late = new Promise<false>((resolve) => {
      timer = setTimeout(() => resolve(false), this.#patienceMs);
    });
    const came = await Promise.race([event.then(() => true), late]);
    if (timer !== null) clearTimeout(timer);
    return came;
  }
}

export interface IntakeParts {
  readonly kept: KeptSessions;
  readonly handshakes: Handshakes;
  readonly patience: DiskPatience;
  /** Gives a message its place among all messages. */
  readonly number: (packet: StoredPacket) => number;
  /** A subscriber that acknowledges nothing for so long is not waited for. */
  readonly drainTimeoutMs: number;
}

/** How often it is looked whether a subscriber has caught up. */
const LOOK_MS = 5;

export class Intake {
  readonly #parts: IntakeParts;
  /** Publishers whose messages wait for room: what each sends next stands behind them. */
  readonly #lines = new Map<string, Promise<unknown>>();

  constructor(parts: IntakeParts) {
    this.#parts = parts;
  }

  /**
   * Takes a message of QoS 1 or 2: it stands in the queues of all kept sessions that get it,
   * durably, when this is over. Null when there is nothing to wait for; else why it is refused, or
   * null.
   */
  take(clientId: string, packet: StoredPacket): Promise<string | null> | null {
    const line = this.#lines.get(clientId);
    if (line === undefined && this.#tight(packet.topic).length === 0) {
      return this.#takeNow(clientId, packet);
    }
    const turn = (line ?? Promise.resolve())
      .then(() => this.#room(packet.topic))
      .then(() => ({ taken: this.#takeNow(clientId, packet) }));
    this.#lines.set(clientId, turn);
    return turn.then(({ taken }) => {
      if (this.#lines.get(clientId) === turn) this.#lines.delete(clientId);
      return taken;
    });
  }

  #tight(topic: string): Session[] {
    const { kept } = this.#parts;
    return [...kept.collectors(topic).keys()].filter((session) => kept.isTight(session));
  }

  /**
   * A burst waits at its sender until subscribers who are here have taken what came before. Who
   * takes less than a quarter of what waits for it in `drainTimeoutMs` is not waited for: one slow
   * client must not hold up the others (its session ends when it is full).
   */
  async #room(topic: string): Promise<void> {
    const seen = new Map<Session, Look>();
    for (let lookedMs = 0; ; lookedMs += LOOK_MS) {
      const tight = this.#tight(topic);
      if (tight.length === 0) return;
      if (lookedMs % this.#parts.drainTimeoutMs < LOOK_MS) {
        for (const session of tight) this.#judge(session, seen);
      }
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  }

  /** What is not committed can't have been taken: a disk that stands is nobody's slowness. */
  #judge(session: Session, seen: Map<Session, Look>): void {
    const before = seen.get(session);
    if (before?.mark.isCommitted === false) return;
    if (before !== undefined) session.isSlow = session.left - before.left < session.length / 4;
    seen.set(session, { left: session.left, mark: this.#parts.patience.mark() });
  }

  #takeNow(clientId: string, packet: StoredPacket): Promise<string | null> | null {
    const { kept, handshakes, patience, number } = this.#parts;
    const id = packet.qos === 2 ? packet.messageId : undefined;
    // A repeat: it was taken, perhaps not yet durably.
    if (id !== undefined && handshakes.has(clientId, id)) return patience.committed();
    const collectors = kept.collectors(packet.topic);
    const sender = id === undefined ? undefined : kept.get(clientId);
    const matters = collectors.size > 0 || sender !== undefined || kept.owes(packet.topic);
    if (matters && patience.isOver) return Promise.resolve(NOT_WRITTEN);
    const place = number(packet);
    kept.enqueue(collectors, packet);
    sender?.keep();
    if (id !== undefined) handshakes.promise(clientId, id, sender !== undefined);
    if (!matters) return null;
    return this.#committed(() => {
      kept.withdraw(place);
      if (id !== undefined) handshakes.withdraw(clientId, id);
    });
  }

  #committed(onRefused: () => void): Promise<string | null> | null {
    const committed = this.#parts.patience.committed();
    if (committed === null) return null;
    return committed.then((reason) => {
      if (reason !== null) onRefused();
      return reason;
    });
  }
}

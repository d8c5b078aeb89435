// The giving end of custody: a second copy of the own log on a neighbour's disk. The first
// neighbour of the list keeps it, else the next that answers. Rows go out in order, one message at
// a time; the neighbour acknowledges by position and hash after its commit, and the hash is
// compared with the own log's, so that nobody can say that it keeps what it does not. Losing the
// custodian holds up nothing here.
import {
  type CustodyPosition,
  encodeCustodyOffer,
  encodeCustodyRows,
} from "../wire/mesh-messages.ts";
import {
  CUSTODY_CHUNK_BYTES,
  CUSTODY_EVERY_MS,
  CUSTODY_GIVE_UP_MS,
  CUSTODY_RETRY_MAX_MS,
  CUSTODY_RETRY_MS,
} from "./limits.ts";
import type { LogPosition, MeshNow, OwnRows } from "./mesh-types.ts";
import type { Outbox } from "./out.ts";

/** So often the same rows are sent; then another neighbour is asked. */
const MAX_STAYS = 5;

/**
 * `seeking`: nobody keeps the rows; `offered`: a neighbour was asked what it has; `reading`: the
 * log was asked for rows; `sent`: they are on their way; `resting`: all that was committed is
 * kept.
 */
type Stage = "seeking" | "offered" | "reading" | "sent" | "resting";

/** A custodian has rows of an earlier life that this log has not; true when they are fetched. */
export type OnTail = (held: LogPosition, now: MeshNow) => boolean;

export class CustodyOwner {
  readonly #out: Outbox;
  /** In the order in which they are asked. */
  readonly #candidates: readonly string[];
  readonly #onTail: OnTail;
  #stage: Stage = "seeking";
  #custodian: string | null = null;
  #replicated: LogPosition | null = null;
  /** Newest own row that is committed, as far as this machine was told. */
  #committedSeq = 0;
  /** Position with which the own log was asked last. */
  #asked: LogPosition | null = null;
  #stageMs = 0;
  #heardMs = 0;
  #askAgainMs = Number.NEGATIVE_INFINITY;
  #pauseMs = CUSTODY_RETRY_MS;
  /** Times in a row that the custodian had nothing more than before. */
  #stays = 0;
  /** Neighbours that lied, or that have no room: not asked again before that time. */
  readonly #passedOver = new Map<string, number>();

  constructor(out: Outbox, candidates: readonly string[], onTail: OnTail) {
    this.#out = out;
    this.#candidates = candidates;
    this.#onTail = onTail;
  }

  get custodian(): string | null {
    return this.#custodian;
  }

  get replicated(): LogPosition | null {
    return this.#replicated;
  }

  committed(seq: number): void {
    this.#committedSeq = Math.max(this.#committedSeq, seq);
  }

  /** `answers` are the neighbours that can be expected to answer now. */
  tick(now: MeshNow, answers: (neighbour: string) => boolean): void {
    const custodian = this.#custodian;
    if (custodian !== null && now.monoMs - this.#heardMs >= CUSTODY_GIVE_UP_MS) {
      if (this.#stage !== "resting" || !answers(custodian)) this.#leave(now);
    }
    if (this.#stage === "seeking") this.#seek(now, answers);
    else if (this.#stage === "resting") this.#more(now);
    else this.#again(now);
  }

  #seek(now: MeshNow, answers: (neighbour: string) => boolean): void {
    if (now.monoMs < this.#askAgainMs) return;
    const next = this.#candidates.find((candidate) => {
      const until = this.#passedOver.get(candidate) ?? Number.NEGATIVE_INFINITY;
      return answers(candidate) && now.monoMs >= until;
    });
    if (next === undefined) return;
    this.#custodian = next;
    this.#heardMs = now.monoMs;
    this.#pauseMs = CUSTODY_RETRY_MS;
    this.#stays = 0;
    this.#offer(now);
  }

  #offer(now: MeshNow): void {
    const neighbour = this.#custodian;
    if (neighbour === null) return;
    this.#enter("offered", now);
    const payload = encodeCustodyOffer(this.#out.incarnation);
    this.#out.send({ neighbour, lane: "reliable", kind: "custody-offer", payload });
  }

  /** All was kept; what was committed since goes out together. */
  #more(now: MeshNow): void {
    if (now.monoMs - this.#stageMs < CUSTODY_EVERY_MS) return;
    if (this.#committedSeq <= (this.#replicated?.seq ?? 0)) return;
    this.#heardMs = now.monoMs;
    this.#read(this.#replicated, now);
  }

  /** No answer: where the neighbour stands is asked anew, since rows or their receipt were lost. */
  #again(now: MeshNow): void {
    if (now.monoMs - this.#stageMs < this.#pauseMs) return;
    this.#pauseMs = Math.min(this.#pauseMs * 2, CUSTODY_RETRY_MAX_MS);
    this.#offer(now);
  }

  #read(after: LogPosition | null, now: MeshNow): void {
    const custodian = this.#custodian;
    if (custodian === null) return;
    this.#enter("reading", now);
    this.#asked = after;
    const maxBytes = CUSTODY_CHUNK_BYTES;
    this.#out.push({ kind: "rows-wanted", custodian, after, maxBytes });
  }

  /** What the custodian has. */
  onPosition(neighbour: string, answer: CustodyPosition, now: MeshNow): void {
    if (neighbour !== this.#custodian) return;
    if (this.#stage !== "offered" && this.#stage !== "sent") return;
    this.#heardMs = now.monoMs;
    if (answer.refused !== null && !this.#bear(neighbour, answer, now)) return;
    // Rows that leave the custodian where it is would go again and again, as fast as the link takes
    // them; only an answer to an earlier offer may say the same place twice.
    const stays = this.#stage === "sent" && isSame(answer.position, this.#asked);
    this.#stays = stays ? this.#stays + 1 : 0;
    if (this.#stays >= MAX_STAYS) {
      this.#out.count("custody-stuck");
      this.#passOver(neighbour, now);
      return;
    }
    this.#pauseMs = CUSTODY_RETRY_MS;
    // The own log says whether that row is its own: only then is it a receipt.
    this.#read(answer.position, now);
  }

  /** True when rows from an earlier row on may help. */
  #bear(neighbour: string, answer: CustodyPosition, now: MeshNow): boolean {
    this.#out.count("custody-refused-by-neighbour");
    if (answer.refused === "missing-before" || answer.refused === "custody-busy") return true;
    this.#passOver(neighbour, now);
    return false;
  }

  /** The own log answers `rows-wanted` for the position `asked`. */
  onOwnRows(custodian: string, asked: LogPosition | null, answer: OwnRows, now: MeshNow): void {
    if (custodian !== this.#custodian || this.#stage !== "reading") return;
    // The answer to an earlier question, which a stalled disk held up.
    if (!isSame(asked, this.#asked)) return;
    const { outcome, rows } = answer;
    if (outcome === "differs" && asked?.incarnation === this.#out.incarnation) {
      this.#out.alarm(
        "custody-liar",
        custodian,
        `${custodian} says that it keeps row ${asked.seq} of this node's log with another hash ` +
          "than it has. It is not believed; another neighbour is asked to keep the log.",
      );
      this.#passOver(custodian, now);
      return;
    }
    if (outcome === "follows" && asked !== null) this.#receipt(custodian, asked);
    const earlier = asked !== null && asked.incarnation < this.#out.incarnation;
    if (outcome === "branched" && earlier && this.#onTail(asked, now)) {
      this.#leave(now);
      return;
    }
    if (outcome === "lapsed") this.#out.count("custody-lapsed");
    const [first] = rows;
    if (first === undefined) {
      this.#enter("resting", now);
      return;
    }
    this.#enter("sent", now);
    const payload = encodeCustodyRows({ back: false, lapsed: outcome === "lapsed", rows });
    this.#out.send({ neighbour: custodian, lane: "reliable", kind: "custody-rows", payload });
  }

  #receipt(custodian: string, position: LogPosition): void {
    this.#out.settle("custody-liar", custodian);
    const known = this.#replicated;
    if (known?.seq === position.seq && known.hash === position.hash) return;
    this.#replicated = position;
    this.committed(position.seq);
    this.#out.push({ kind: "replicated", custodian, position });
  }

  #passOver(neighbour: string, now: MeshNow): void {
    this.#passedOver.set(neighbour, now.monoMs + CUSTODY_RETRY_MAX_MS);
    this.#leave(now);
  }

  #leave(now: MeshNow): void {
    this.#custodian = null;
    this.#replicated = null;
    this.#askAgainMs = now.monoMs + CUSTODY_RETRY_MS;
    this.#enter("seeking", now);
  }

  #enter(stage: Stage, now: MeshNow): void {
    this.#stage = stage;
    this.#stageMs = now.monoMs;
  }
}

function isSame(a: LogPosition | null, b: LogPosition | null): boolean {
  return a?.seq === b?.seq && a?.hash === b?.hash;
}

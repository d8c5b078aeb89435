// An own log that was lost comes back: whoever kept its rows is asked for what this log does not
// have, piece by piece, and the log appends each as `recovered`. Before that is done no new rows
// are given into custody, so that the old ones can't be pushed out by them.
import { firstUnchained } from "../log/history-chain.ts";
import { encodeCustodyOffer, encodeCustodyWant } from "../wire/mesh-messages.ts";
import { CUSTODY_GIVE_UP_MS, CUSTODY_RETRY_MS } from "./limits.ts";
import type { LogPosition, MeshNow, RawRow } from "./mesh-types.ts";
import type { Outbox } from "./out.ts";

/** Positions that neighbours name are gathered for so long after the first. */
const GATHER_MS = 1_000;
/** Who has not said by then what it holds is not waited for: the history stays lost. */
const NOBODY_MS = 30_000;

/** The log did not take rows so often: it never will. */
const MAX_FAILURES = 3;

/** Of a row whose place is remembered and nothing else. */
export const UNKNOWN_HASH = "0".repeat(64);

type Stage = "none" | "gathering" | "fetching" | "storing";

export class Recovery {
  readonly #out: Outbox;
  #stage: Stage = "none";
  /** Last row that this log has, or has got back. */
  #after: LogPosition | null = null;
  #found = new Map<string, LogPosition>();
  readonly #answered = new Set<string>();
  /** Those that have said in this start what they hold. */
  readonly #heard = new Set<string>();
  /** This log has lost something, as far as it knows. */
  #lost = false;
  #from = "";
  #rows = 0;
  #asking = 0;
  #sinceMs = 0;
  #askedMs = Number.NEGATIVE_INFINITY;
  #progressMs = 0;
  #failures = 0;
  #resumed = false;

  constructor(out: Outbox) {
    this.#out = out;
  }

  get running(): boolean {
    return this.#stage !== "none";
  }

  /**
   * A custodian has rows up to `held` that this log lost, though the log holds itself for whole: it
   * died while they came back. `came` is the last one that did. Once in each start; true when that
   * begins now, or goes on already.
   */
  resume(held: LogPosition, came: LogPosition | null, now: MeshNow): boolean {
    if (this.running) return true;
    if (this.#resumed) return false;
    this.#resumed = true;
    // All that is held is looked through where nothing says how far this log once was.
    this.start(came !== null && isBeyond(held, came) ? came : null, now);
    return true;
  }

  /** The log begins behind `before`; what others hold beyond it is ours and not here. */
  start(before: LogPosition | null, now: MeshNow): void {
    this.#stage = "gathering";
    this.#lost = true;
    this.#after = before;
    this.#found = new Map();
    this.#answered.clear();
    this.#sinceMs = now.monoMs;
    this.#askedMs = Number.NEGATIVE_INFINITY;
  }

  /** What a neighbour says that it holds of this node's log. */
  position(neighbour: string, position: LogPosition | null, now: MeshNow): void {
    const isFirst = !this.#heard.has(neighbour);
    this.#heard.add(neighbour);
    const isOurs =
      position !== null &&
      isBeyond(position, this.#after) &&
      // What was written under this incarnation is here.
      position.incarnation < this.#out.incarnation;
    if (this.#stage === "none" && this.#lost && isFirst && isOurs) this.start(this.#after, now);
    if (this.#stage !== "gathering") return;
    if (this.#answered.size === 0) this.#sinceMs = now.monoMs;
    this.#answered.add(neighbour);
    if (isOurs) this.#found.set(neighbour, position);
  }

  /** `answers` says which of the neighbours can be expected to answer now. */
  tick(now: MeshNow, neighbours: readonly string[], answers: (neighbour: string) => boolean): void {
    if (this.#stage === "none") this.#askWhoComesLate(now, neighbours, answers);
    else if (this.#stage === "gathering") this.#gather(now, neighbours, answers);
    else if (this.#stage === "fetching") this.#fetchAgain(now);
    else if (this.#stage === "storing") this.#storeLate(now);
  }

  #gather(
    now: MeshNow,
    neighbours: readonly string[],
    answers: (neighbour: string) => boolean,
  ): void {
    // One that is not heard yet may be the one that keeps it.
    const haveAllSaid = neighbours.every((neighbour) => this.#answered.has(neighbour));
    const waited = now.monoMs - this.#sinceMs;
    if (this.#found.size > 0 && waited >= GATHER_MS) {
      let best: readonly [string, LogPosition] | null = null;
      for (const entry of this.#found) {
        if (best === null || isBeyond(entry[1], best[1])) best = entry;
      }
      this.#from = best?.[0] ?? "";
      this.#progressMs = now.monoMs;
      this.#fetch(now);
    } else if (waited >= (haveAllSaid ? GATHER_MS : NOBODY_MS)) {
      // Nobody holds rows of this node that it does not have.
      this.#stage = "none";
    } else this.#ask(now, neighbours.filter(answers));
  }

  /** Another part of what was lost may be with a neighbour that was away. */
  #askWhoComesLate(
    now: MeshNow,
    neighbours: readonly string[],
    answers: (neighbour: string) => boolean,
  ): void {
    if (!this.#lost || this.#heard.size >= neighbours.length) return;
    this.#ask(
      now,
      neighbours.filter((neighbour) => !this.#heard.has(neighbour) && answers(neighbour)),
    );
  }

  #ask(now: MeshNow, neighbours: readonly string[]): void {
    if (neighbours.length === 0 || now.monoMs - this.#askedMs < CUSTODY_RETRY_MS) return;
    this.#askedMs = now.monoMs;
    const payload = encodeCustodyOffer(this.#out.incarnation);
    for (const neighbour of neighbours) {
      this.#out.send({ neighbour, lane: "reliable", kind: "custody-offer", payload });
    }
  }

  #fetchAgain(now: MeshNow): void {
    if (now.monoMs - this.#progressMs >= CUSTODY_GIVE_UP_MS) this.start(this.#after, now);
    else if (now.monoMs - this.#askedMs >= CUSTODY_RETRY_MS) this.#fetch(now);
  }

  /** The log says nothing when it can't take rows: they are looked for again, then given up. */
  #storeLate(now: MeshNow): void {
    if (now.monoMs - this.#progressMs < CUSTODY_GIVE_UP_MS) return;
    this.#failures += 1;
    if (this.#failures < MAX_FAILURES) this.start(this.#after, now);
    else this.#end(`the log does not take the rows that ${this.#from} gives back`);
  }

  #fetch(now: MeshNow): void {
    this.#stage = "fetching";
    this.#askedMs = now.monoMs;
    const payload = encodeCustodyWant(this.#after);
    const neighbour = this.#from;
    this.#out.send({ neighbour, lane: "reliable", kind: "custody-want", payload });
  }

  /** Rows that came back; rows that don't chain are refused, and their keeper named. */
  rows(neighbour: string, answer: readonly RawRow[]): void {
    if (this.#stage !== "fetching" || neighbour !== this.#from) return;
    // Behind them may stand what it was given in this start.
    const rows = answer.filter(({ incarnation }) => incarnation < this.#out.incarnation);
    if (rows.length === 0) {
      this.#end(`${this.#rows} rows came back from ${neighbour}`);
      return;
    }
    const [first] = rows;
    // A repeated answer: these rows stand already.
    if (first !== undefined && !isBeyond(first, this.#after)) return;
    if (!chains(this.#after, rows)) {
      this.#out.alarm(
        "custody-liar",
        neighbour,
        `${neighbour} gave back rows of this node's log that do not chain; they are not taken.`,
      );
      this.#end(`${neighbour} gave back rows that do not chain`);
      return;
    }
    this.#stage = "storing";
    this.#asking = rows.length;
    this.#out.push({ kind: "recover", custodian: neighbour, rows });
  }

  /** The log has them. */
  recovered(upTo: LogPosition, now: MeshNow): void {
    if (this.#stage !== "storing") return;
    this.#after = upTo;
    this.#rows += this.#asking;
    this.#progressMs = now.monoMs;
    this.#fetch(now);
  }

  #end(text: string): void {
    this.#stage = "none";
    this.#out.log({ kind: "fault", body: ["custody recovery", false, text] });
  }
}

/** Whether one position is after another: incarnations first. */
export function isBeyond(position: LogPosition, other: LogPosition | null): boolean {
  if (other === null) return true;
  if (position.incarnation !== other.incarnation) return position.incarnation > other.incarnation;
  return position.seq > other.seq;
}

/** Whether each row follows from those before it; rows of several branches may be mixed. */
export function chains(after: LogPosition | null, rows: readonly RawRow[]): boolean {
  return firstUnchained(rows, after?.hash === UNKNOWN_HASH ? null : after) === null;
}

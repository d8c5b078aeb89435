// Link scope: every own change goes to each neighbour at once, and again until it is acknowledged:
// after 8, 16, 32 ... ms, and with every change that leaves once it is 8 ms old. What neighbours
// say of themselves is joined and goes no further. What a neighbour misses is one part: the join of
// what came after its version, or the whole where that is smaller or all that is left.

import { leaseNow } from "../core/state/lease.ts";
import type { Part } from "../core/state/part.ts";
import type { Replica } from "../core/state/replica.ts";
import type { Envelope } from "../wire/envelope.ts";
import {
  type Digested,
  encodeHave,
  encodeWant,
  type Have,
  type Mark,
} from "../wire/mesh-messages.ts";
import { decodeParts, encodePart, type TimedPart } from "../wire/part.ts";
import { sameBytes } from "./birth.ts";
import { keepOfOps } from "./cache.ts";
import type { Digests } from "./digests.ts";
import { ACK_EVERY_MS, ANSWERS_WITHIN_MS, REPEAT_MAX_MS } from "./limits.ts";
import type { Lane, MeshNow, Traces } from "./mesh-types.ts";
import type { Neighbour, Sending } from "./neighbour.ts";
import type { Outbox } from "./out.ts";

/** The streams of link scope: control and sensor state. */
export const LINK_STREAMS = [0, 1] as const;
export type LinkStream = (typeof LINK_STREAMS)[number];

/** Wrong digests one after the other until a neighbour is called a liar. */
const MISFITS_OF_A_LIAR = 2;
const WRONG_ECHOES_OF_A_LIAR = 3;

export interface LinkDoors {
  readonly id: string;
  readonly out: Outbox;
  readonly replicas: readonly [Replica, Replica];
  readonly digests: Digests;
  readonly neighbours: ReadonlyMap<string, Neighbour>;
}

export class LinkScope {
  readonly #doors: LinkDoors;
  /** Wall time of the newest own change, by stream. */
  readonly #changedAtMs: [number, number] = [0, 0];
  deltas = 0;
  deltaBytes = 0;

  constructor(doors: LinkDoors) {
    this.#doors = doors;
  }

  /** A new incarnation has begun: nobody has anything of it. */
  opened(now: MeshNow): void {
    this.#changedAtMs.fill(now.wallMs);
    for (const neighbour of this.#doors.neighbours.values()) {
      for (const sending of neighbour.sending) sending.reset(now.monoMs);
    }
  }

  /**
   * An own change, to every neighbour that can be expected to hear it: alone, or with all that is
   * missing there when some of that has waited for its acknowledgement.
   */
  changed(part: Part, now: MeshNow, traces?: Traces): void {
    const stream = part.stream === 0 ? 0 : 1;
    this.#changedAtMs[stream] = now.wallMs;
    let alone: Uint8Array | null = null;
    for (const neighbour of this.#doors.neighbours.values()) {
      const sending = neighbour.sending[stream];
      const overdue = sending.isOverdue(now.monoMs);
      sending.sent(part.last, now.monoMs);
      sending.traced(traces?.get(neighbour.id) ?? null, part.last);
      // What is not acknowledged and can't be heard is repeated now and then, not with each
      // change.
      if (!isHeard(neighbour, now)) continue;
      const lane = sending.lane(now.monoMs);
      const all = overdue ? this.#missing(sending, stream, now) : null;
      if (all !== null) sending.wentAlong(this.#sendPart(neighbour, all, lane, now), now.monoMs);
      else {
        alone ??= this.#encoded(part, now);
        const by = this.#sendPayload(neighbour, alone, stream, lane);
        if (by === "reliable") sending.wentAlong(by, now.monoMs);
      }
    }
  }

  #missing(sending: Sending, stream: LinkStream, now: MeshNow): Part | null {
    return this.#doors.replicas[stream].missing(sending.acked, leaseNow(now));
  }

  /** What a neighbour says of itself; throws `WireError`. */
  onPart(neighbour: Neighbour, envelope: Envelope, lane: Lane, now: MeshNow): void {
    const { out } = this.#doors;
    if (neighbour.distrusted !== null) {
      out.count("distrusted");
      return;
    }
    neighbour.receivedBytes += envelope.payload.length;
    const { incarnation, trace } = envelope;
    let joined = false;
    for (const timed of decodeParts(envelope.payload, { origin: neighbour.id, incarnation })) {
      joined = this.#join(neighbour, timed, now) || joined;
    }
    if (joined && trace !== null) out.push({ kind: "applied", neighbour: neighbour.id, trace });
    neighbour.ackDue = lane;
  }

  /** True where the part has changed what is known of the neighbour. */
  #join(neighbour: Neighbour, { part, atMs }: TimedPart, now: MeshNow): boolean {
    const { out, replicas } = this.#doors;
    const { stream } = part;
    if (stream !== 0 && stream !== 1) {
      out.count("malformed");
      return false;
    }
    const result = replicas[stream].join(part, leaseNow(now));
    switch (result.kind) {
      case "joined":
        neighbour.cacheDue = true;
        if (keepOfOps(part.ops) === "through") neighbour.cacheNow = true;
        neighbour.newestAtMs = Math.max(neighbour.newestAtMs ?? 0, atMs);
        neighbour.cachedAtMs = null;
        break;
      case "gap":
      case "needs-whole":
        this.#want(neighbour, stream, result.kind === "gap", now);
        break;
      case "refused":
        out.count(`refused-${(result.reason ?? "").split(" ")[0]}`);
        break;
      default:
        break;
    }
    return result.kind === "joined";
  }

  #want(neighbour: Neighbour, stream: LinkStream, interval: boolean, now: MeshNow): void {
    if (now.monoMs - neighbour.wantMs < REPEAT_MAX_MS) return;
    neighbour.wantMs = now.monoMs;
    const origin = neighbour.id;
    const version = interval ? this.#doors.replicas[stream].version(origin) : null;
    const { incarnation, counter } = version ?? { incarnation: 0, counter: 0 };
    const payload = encodeWant({ stream, origin, incarnation, counter });
    this.#doors.out.send({ neighbour: origin, lane: "reliable", kind: "want", payload });
  }

  /** A neighbour asks for own parts after a mark. */
  onWant(neighbour: Neighbour, mark: Mark, now: MeshNow): void {
    if (mark.origin !== this.#doors.id || (mark.stream !== 0 && mark.stream !== 1)) return;
    if (this.#doors.out.incarnation === 0) return;
    const current = mark.incarnation === this.#doors.out.incarnation && mark.counter > 0;
    const part = this.#doors.replicas[mark.stream].missing(current ? mark : null, leaseNow(now));
    if (part !== null) this.#sendPart(neighbour, part, "reliable", now);
  }

  /** Where a neighbour stands: acknowledges own parts, and says what it has to give. */
  onHave(neighbour: Neighbour, have: Have, now: MeshNow): void {
    for (const mark of have.got) this.#onGot(neighbour, mark, now);
    let complete = have.own.length > 0 && neighbour.distrusted === null;
    for (const mark of have.own) {
      complete = this.#onOwn(neighbour, mark, now) && complete;
    }
    if (complete) {
      neighbour.completeAtMs = Math.max(neighbour.completeAtMs ?? 0, have.atMs);
      neighbour.cachedAtMs = null;
    }
  }

  #onGot(neighbour: Neighbour, mark: Digested, now: MeshNow): void {
    const { id, out, replicas, digests } = this.#doors;
    const { stream } = mark;
    if (mark.origin !== id || (stream !== 0 && stream !== 1)) return;
    const own = replicas[stream].version(id);
    if (own === null || mark.incarnation !== own.incarnation || out.incarnation === 0) return;
    if (mark.counter > own.counter) {
      // It has dots that were never made here; nothing can be concluded but that.
      out.count("beyond-own");
      return;
    }
    neighbour.sending[stream].acknowledge(mark, own.counter, now.monoMs);
    if (mark.digest === null || mark.counter !== own.counter) return;
    const digest = digests.of(stream, id);
    if (digest === null || sameBytes(digest, mark.digest)) {
      neighbour.wrongEchoes = 0;
      return;
    }
    out.count("digest-differs");
    neighbour.wrongEchoes += 1;
    if (neighbour.wrongEchoes >= WRONG_ECHOES_OF_A_LIAR) {
      this.#distrust(neighbour, "states another hash for this node's state than it has");
    }
  }

  /** True when everything that the neighbour has to say in that stream is here. */
  #onOwn(neighbour: Neighbour, mark: Digested, now: MeshNow): boolean {
    const { out, replicas, digests } = this.#doors;
    const { stream } = mark;
    if (mark.origin !== neighbour.id || (stream !== 0 && stream !== 1)) return false;
    const have = replicas[stream].version(neighbour.id);
    if (have === null || have.incarnation !== mark.incarnation) return false;
    if (have.counter !== mark.counter) return have.counter > mark.counter;
    if (mark.digest === null || neighbour.distrusted !== null) return true;
    const digest = digests.of(stream, neighbour.id);
    if (digest === null) return true;
    if (sameBytes(digest, mark.digest)) {
      neighbour.misfits[stream] = 0;
      return true;
    }
    out.count("digest-differs");
    neighbour.misfits[stream] += 1;
    if (neighbour.misfits[stream] >= MISFITS_OF_A_LIAR) {
      this.#distrust(neighbour, "states another hash for its state than its own parts make");
      return false;
    }
    // Once may be our copy's fault (a damaged cache): it is made anew from the neighbour's whole.
    replicas[stream].drop(neighbour.id);
    digests.forget(stream, neighbour.id);
    this.#want(neighbour, stream, false, now);
    return false;
  }

  #distrust(neighbour: Neighbour, why: string): void {
    if (neighbour.distrusted !== null) return;
    neighbour.distrusted = why;
    const text =
      `${neighbour.id} ${why}. It is not followed until it starts anew; ` +
      "compare both nodes' programs and their state.";
    this.#doors.out.alarm("liar", neighbour.id, text);
  }

  /** Repeats what is due to one neighbour. */
  tick(neighbour: Neighbour, now: MeshNow): void {
    if (neighbour.introduced === null || !neighbour.up || this.#doors.out.incarnation === 0) return;
    for (const stream of LINK_STREAMS) {
      const sending = neighbour.sending[stream];
      if (now.monoMs < sending.repeatMs || !this.#isBehind(sending, stream)) continue;
      const part = this.#missing(sending, stream, now);
      const wanted = sending.lane(now.monoMs);
      const lane = part === null ? wanted : this.#sendPart(neighbour, part, wanted, now);
      sending.repeated(lane, now.monoMs, neighbour.answers(now.monoMs));
    }
  }

  /** The fast lane is heard after a gap: what is missing goes over it now. */
  heardAgain(neighbour: Neighbour, now: MeshNow): void {
    for (const stream of LINK_STREAMS) {
      const sending = neighbour.sending[stream];
      if (this.#isBehind(sending, stream)) sending.beginAgain(now.monoMs);
    }
    this.tick(neighbour, now);
  }

  /** When the next repeat or acknowledgement to a neighbour is due, monotonic ms; null for none. */
  wakeMs(neighbour: Neighbour): number | null {
    const due: number[] = [];
    if (neighbour.ackDue !== null) due.push(neighbour.ackedMs + ACK_EVERY_MS);
    if (neighbour.introduced !== null && neighbour.up && this.#doors.out.incarnation !== 0) {
      for (const stream of LINK_STREAMS) {
        const sending = neighbour.sending[stream];
        if (this.#isBehind(sending, stream)) due.push(sending.repeatMs);
      }
    }
    return due.length === 0 ? null : Math.min(...due);
  }

  /** Own changes that a neighbour has not acknowledged. */
  behind(neighbour: Neighbour): number {
    let behind = 0;
    for (const stream of LINK_STREAMS) {
      const latest = this.#doors.replicas[stream].version(this.#doors.id)?.counter ?? 0;
      behind += latest - (neighbour.sending[stream].acked?.counter ?? 0);
    }
    return behind;
  }

  #isBehind(sending: Sending, stream: LinkStream): boolean {
    const latest = this.#doors.replicas[stream].version(this.#doors.id);
    return latest !== null && (sending.acked?.counter ?? 0) < latest.counter;
  }

  #sendPart(neighbour: Neighbour, part: Part, lane: Lane, now: MeshNow): Lane {
    const stream = part.stream === 0 ? 0 : 1;
    const sending = neighbour.sending[stream];
    sending.along = sending.trace;
    return this.#sendPayload(neighbour, this.#encoded(part, now), stream, lane);
  }

  #encoded(part: Part, now: MeshNow): Uint8Array {
    const stream = part.stream === 0 ? 0 : 1;
    return encodePart(part, this.#changedAtMs[stream] || now.wallMs);
  }

  /** The lane that it went by. */
  #sendPayload(to: Neighbour, payload: Uint8Array, stream: LinkStream, lane: Lane): Lane {
    const sent = this.#doors.out.send({
      neighbour: to.id,
      lane,
      kind: "part",
      payload,
      class: stream === 0 ? "control" : "sensor",
      trace: to.sending[stream].along,
    });
    this.deltas += 1;
    this.deltaBytes += sent.bytes;
    return sent.lane;
  }

  /** Marks of what is here of an origin in link scope, as a `have` carries them. */
  marks(origin: string, digested: boolean): Digested[] {
    const marks: Digested[] = [];
    for (const stream of LINK_STREAMS) {
      const version = this.#doors.replicas[stream].version(origin);
      if (version === null) continue;
      const digest = digested ? this.#doors.digests.of(stream, origin) : null;
      const { incarnation, counter } = version;
      marks.push({ stream, origin, incarnation, counter, digest });
    }
    return marks;
  }

  /** Acknowledges what came, unless that was done just before. */
  acknowledge(neighbour: Neighbour, now: MeshNow): void {
    const lane = neighbour.ackDue;
    if (lane === null || now.monoMs - neighbour.ackedMs < ACK_EVERY_MS) return;
    neighbour.ackDue = null;
    neighbour.ackedMs = now.monoMs;
    const got = this.marks(neighbour.id, false);
    const payload = encodeHave({ atMs: now.wallMs, own: [], got, zone: null });
    const answer = { kind: "have", payload, class: "answer" } as const;
    this.#doors.out.send({ neighbour: neighbour.id, lane, ...answer });
  }
}

function isHeard({ introduced, up, heardMs }: Neighbour, { monoMs }: MeshNow): boolean {
  return introduced !== null && up && heardMs !== null && monoMs - heardMs < ANSWERS_WITHIN_MS;
}

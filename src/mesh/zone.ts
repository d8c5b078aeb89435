// Zone scope: the signed batches of everybody are passed on as they were received, to whoever has
// not got them; those made here (`OwnBatches`) are among them. Loops end by the version vector: of
// each origin and stream the sequence of the newest batch taken.
import { hash } from "node:crypto";
import { leaseNow } from "../core/state/lease.ts";
import type { Op } from "../core/state/part.ts";
import type { Replica } from "../core/state/replica.ts";
import { type BatchHead, openBatch, peekBatch } from "../wire/batch.ts";
import { BatchChains } from "../wire/batch-chain.ts";
import type { Keys } from "../wire/keys.ts";
import { decodePassed, encodePassed, MAX_VECTOR, type Mark } from "../wire/mesh-messages.ts";
import type { Refusal } from "../wire/refusals.ts";
import { VerifyQueue } from "../wire/verify-queue.ts";
import { type Birth, sameBytes } from "./birth.ts";
import { keepOfOps } from "./cache.ts";
import type { ZoneClock } from "./clock.ts";
import {
  BATCH_REPEAT_MAX_MS,
  BATCH_REPEAT_MS,
  MAX_BATCHES_IN_FLIGHT,
  VECTOR_WITHIN_MS,
} from "./limits.ts";
import type { MeshNow } from "./mesh-types.ts";
import { type Neighbour, type ZoneMark, zoneKey } from "./neighbour.ts";
import type { Outbox } from "./out.ts";
import { OwnBatches } from "./own-batches.ts";
import { type Arrived, judgeStamp, Parking, stampOf } from "./parking.ts";
import type { Registry } from "./registry.ts";
import type { Revoked } from "./revoked.ts";
import { isRival, Rivals } from "./rivals.ts";
import type { Standstill } from "./standstill.ts";
import { type StoredBatch, ZoneStore } from "./zone-store.ts";

export interface ZoneDoors {
  readonly id: string;
  readonly out: Outbox;
  readonly keys: Keys;
  readonly birth: Birth;
  readonly clock: ZoneClock;
  readonly registry: Registry;
  readonly revoked: Revoked;
  readonly standstill: Standstill;
  readonly replicas: readonly [Replica, Replica];
  readonly neighbours: ReadonlyMap<string, Neighbour>;
}

interface Unverified {
  readonly bornMs: number;
  readonly name: string;
}

export class ZoneScope {
  readonly #doors: ZoneDoors;
  /** What is signed here. */
  readonly own: OwnBatches;
  readonly #chains = new BatchChains();
  readonly #store = new ZoneStore();
  readonly #queue = new VerifyQueue<Unverified>();
  /** Bytes that wait for verification, by the hash of all of them. */
  readonly #queued = new Set<string>();
  readonly #parking = new Parking();
  readonly #rivals = new Rivals();
  /** Chains whose cached copy is older than they are. */
  readonly cacheDue = new Set<string>();
  /** Those among them whose copy is written with the change. */
  readonly cacheNow = new Set<string>();

  constructor(doors: ZoneDoors) {
    this.#doors = doors;
    const keep = (stored: StoredBatch, now: MeshNow): void => this.#keep(stored, now);
    this.own = new OwnBatches(doors, this.#store, keep);
  }

  get store(): ZoneStore {
    return this.#store;
  }

  get parked(): number {
    return this.#parking.size;
  }

  #keep(stored: StoredBatch, now: MeshNow): void {
    if (!this.#store.put(stored)) this.#doors.out.count("zone-store-full");
    const key = zoneKey(stored);
    this.cacheDue.add(key);
    for (const neighbour of this.#doors.neighbours.values()) this.#pass(neighbour, key, now);
  }

  /** A batch that a neighbour passed on; throws `WireError`. */
  onPassed(neighbour: Neighbour, payload: Uint8Array, now: MeshNow): void {
    const { out, registry, standstill } = this.#doors;
    const { ageMs, batch } = decodePassed(payload);
    const head = peekBatch(batch);
    if (head.stream !== 2 && head.stream !== 3) {
      out.count("malformed");
      return;
    }
    if (this.#store.holds(zoneKey(head), head.sequence, batch)) return;
    if (registry.isTwin(head.origin)) {
      out.count("twin");
      return;
    }
    const stale = this.#stale(head);
    if (stale !== null) {
      out.count(stale);
      return;
    }
    this.#enqueue(neighbour.id, head.origin, batch, standstill.receivedMs(now) - ageMs);
  }

  /** Why a batch is not worth its verification, or null. */
  #stale(head: BatchHead): Refusal | null {
    const { id, birth, registry } = this.#doors;
    if (head.origin === id) {
      const own = head.incarnation < birth.incarnation || sameBytes(head.boot, birth.boot);
      return own ? "replayed" : null;
    }
    return isRival(head, registry.known(head.origin)) ? null : this.#chains.stale(head);
  }

  #enqueue(via: string, origin: string, bytes: Uint8Array, bornMs: number): void {
    const name = wholeHash(bytes);
    if (this.#queued.has(name)) return;
    const pushed = this.#queue.push({ origin, via, bytes, item: { bornMs, name } });
    if (pushed === "queued") this.#queued.add(name);
    else this.#doors.out.count(pushed);
  }

  /** Batches out of the cache: verified like any other, since a disk may lie. */
  recall(bytes: Uint8Array, bornMs: number): void {
    this.#enqueue(this.#doors.id, peekBatch(bytes).origin, bytes, bornMs);
  }

  tick(now: MeshNow): void {
    if (this.#doors.out.incarnation !== 0) this.own.tick(now);
    const sure = this.#doors.clock.quality === "sure";
    for (const arrived of this.#parking.due(now.wallMs, sure)) this.#take(arrived, now);
    this.verify(now);
  }

  /** Verifies what may be verified now: at most five a second of each origin. */
  verify(now: MeshNow): void {
    for (;;) {
      const entry = this.#queue.take(now.monoMs);
      if (entry === null) return;
      const { bytes, via, item } = entry;
      this.#queued.delete(item.name);
      if (this.#stale(peekBatch(bytes)) !== null) continue;
      const opening = openBatch(bytes, this.#doors.keys);
      if (opening.kind === "refused") this.#doors.out.count(opening.reason);
      else this.#arrived({ batch: opening.batch, bytes, via, bornMs: item.bornMs }, now);
    }
  }

  /** A batch whose signature holds: taken now, parked until it is due, or its origin cut off. */
  #arrived(arrived: Arrived, now: MeshNow): void {
    const { out, clock, birth, id, revoked } = this.#doors;
    const { origin, incarnation, boot } = arrived.batch;
    // The CA's signature makes them true, not the time or the name of who says them.
    revoked.heard(origin, opsOf(arrived));
    if (origin === id) {
      birth.answered(incarnation, boot, now);
      return;
    }
    // When it was said. A wish in it may be of another time, and waits alone where it is read.
    const newest = stampOf(arrived.batch);
    const judged = clock.quality === "sure" ? judgeStamp(newest, now.wallMs) : "due";
    if (judged === "cut-off") {
      out.count("future-clock");
      out.alarm(
        "future-clock",
        origin,
        `The clock of ${origin} is ${Math.round((newest - now.wallMs) / 1_000)} s ahead; what it ` +
          "says is not taken. Set its clock.",
      );
      return;
    }
    if (judged === "park" || this.#parking.has(origin)) {
      out.count(this.#parking.park(arrived) ? "parked" : "parking-full");
      return;
    }
    out.settle("future-clock", origin);
    this.#take(arrived, now);
  }

  #take(arrived: Arrived, now: MeshNow): void {
    const { out, registry } = this.#doors;
    const { batch, bytes, bornMs } = arrived;
    const { origin, incarnation, boot, sequence } = batch;
    const claim = registry.claim(origin, incarnation, boot, now);
    if (claim !== "new" && claim !== "same") {
      out.count(claim);
      if (claim === "other-boot") this.#showRivals(arrived, now);
      return;
    }
    const taken = this.#chains.take(batch);
    if (taken !== "taken") {
      out.count(taken);
      return;
    }
    this.#join(arrived, now);
    const neighbour = this.#doors.neighbours.get(arrived.via);
    if (neighbour !== undefined) noteHas(neighbour, zoneKey(batch), incarnation, sequence);
    const whole = batch.parts[0]?.part.whole === true;
    this.#keep({ stream: batch.stream, origin, incarnation, sequence, whole, bytes, bornMs }, now);
  }

  /** What came, to all who may follow the start that is known here; that one, to who sent it. */
  #showRivals({ batch, bytes, bornMs, via }: Arrived, now: MeshNow): void {
    if (!this.#rivals.due(batch.origin, now.monoMs)) return;
    const known = this.#store.get(zoneKey(batch))?.batches.at(-1);
    for (const { id, up, introduced } of this.#doors.neighbours.values()) {
      if (!up || introduced === null) continue;
      if (id !== via) this.#send(id, { bytes, bornMs }, now);
      else if (known !== undefined) this.#send(id, known, now);
    }
  }

  #send(neighbour: string, { bytes, bornMs }: Pick<StoredBatch, "bytes" | "bornMs">, now: MeshNow) {
    const payload = encodePassed({ ageMs: now.monoMs - bornMs, batch: bytes });
    this.#doors.out.send({ neighbour, lane: "reliable", kind: "batch", payload });
  }

  #join(arrived: Arrived, now: MeshNow): void {
    const { batch, bornMs } = arrived;
    const { out, replicas, clock } = this.#doors;
    const newest = stampOf(batch);
    // Leases count from when the sender wrote, as far as the way here says how long that is ago.
    const ageMs = now.monoMs - bornMs;
    for (const { part, atMs } of batch.parts) {
      const receivedMs = leaseNow(now) - ageMs - (newest - atMs);
      const result = replicas[batch.stream === 2 ? 0 : 1].join(part, receivedMs);
      if (result.kind === "refused") out.count(`refused-${(result.reason ?? "").split(" ")[0]}`);
      else if (result.kind === "gap" || result.kind === "needs-whole") out.count(result.kind);
    }
    if (keepOfOps(opsOf(arrived)) === "through") this.cacheNow.add(zoneKey(batch));
    clock.saw(batch.parts, now);
  }

  /** What a neighbour has of everybody: what it lacks goes to it. */
  onVector(neighbour: Neighbour, marks: readonly Mark[], now: MeshNow): void {
    neighbour.vectorMs = now.monoMs;
    const named = new Set<string>();
    for (const mark of marks) {
      const known = neighbour.zoneMark(zoneKey(mark));
      known.incarnation = mark.incarnation;
      known.sequence = mark.counter;
      named.add(zoneKey(mark));
    }
    for (const { key } of this.#store.chains()) {
      if (!named.has(key)) {
        const known = neighbour.zoneMark(key);
        known.incarnation = 0;
        known.sequence = 0;
      }
      this.#pass(neighbour, key, now);
    }
  }

  /** Sends again what a neighbour has not said that it has. */
  repeat(neighbour: Neighbour, now: MeshNow): void {
    for (const { key } of this.#store.chains()) this.#pass(neighbour, key, now);
  }

  /** Passes on what a neighbour lacks of one chain, a few at a time. */
  #pass(neighbour: Neighbour, key: string, now: MeshNow): void {
    const { vectorMs } = neighbour;
    // Who says nothing of what it has would be sent everything again and again.
    if (vectorMs === null || now.monoMs - vectorMs >= VECTOR_WITHIN_MS) return;
    if (neighbour.introduced === null || this.#doors.out.incarnation === 0) return;
    const mark = neighbour.zoneMark(key);
    const early = now.monoMs - mark.sentMs < mark.pauseMs || vectorMs <= mark.sentMs;
    const ahead = isAhead(mark) && early;
    const incarnation = ahead ? mark.sentIncarnation : mark.incarnation;
    const from = ahead ? mark.sentSequence : mark.sequence;
    const missing = this.#store.after(key, incarnation, from);
    if (missing.length === 0) return;
    const again = isAhead(mark) && !ahead;
    mark.pauseMs = again ? Math.min(mark.pauseMs * 2, BATCH_REPEAT_MAX_MS) : BATCH_REPEAT_MS;
    for (const stored of missing.slice(0, MAX_BATCHES_IN_FLIGHT)) {
      this.#send(neighbour.id, stored, now);
      mark.sentIncarnation = stored.incarnation;
      mark.sentSequence = stored.sequence;
      mark.sentMs = now.monoMs;
    }
  }

  /** The version vector: of each origin and stream the newest batch taken. */
  vector(): Mark[] {
    const marks: Mark[] = [];
    for (const { batches, incarnation, sequence } of this.#store.chains()) {
      const newest = batches.at(-1);
      if (newest === undefined || marks.length >= MAX_VECTOR) continue;
      const { stream, origin } = newest;
      marks.push({ stream, origin, incarnation, counter: sequence });
    }
    return marks;
  }

  /** The zone removed a member: nothing of it is kept. */
  drop(origin: string): void {
    this.#store.drop(origin);
    this.#chains.drop(origin);
    this.#parking.drop(origin);
    for (const replica of this.#doors.replicas) replica.drop(origin);
  }
}

function opsOf({ batch }: Arrived): Op[] {
  return batch.parts.flatMap(({ part }) => part.ops);
}

/** Whether more is on its way to a neighbour than it has said that it has. */
function isAhead(mark: ZoneMark): boolean {
  if (mark.sentIncarnation !== mark.incarnation) return mark.sentIncarnation > mark.incarnation;
  return mark.sentSequence > mark.sequence;
}

function noteHas(neighbour: Neighbour, key: string, incarnation: number, sequence: number): void {
  const mark = neighbour.zoneMark(key);
  const newer =
    incarnation > mark.incarnation ||
    (incarnation === mark.incarnation && sequence > mark.sequence);
  if (!newer) return;
  mark.incarnation = incarnation;
  mark.sequence = sequence;
}

/** Signature included: the same content under a forged signature must not shut out the real one. */
function wholeHash(bytes: Uint8Array): string {
  return hash("sha256", bytes, "base64");
}

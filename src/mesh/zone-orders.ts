// Orders for the zone, as far as this node knows. Each proves itself by its author's signature, so
// it does not matter who brings it; what is wrong with one is counted by its reason and forgotten.
// Of each slot (plan, flash) the latest is kept, as a row of this node's log: after the commit it
// is carried out here, acknowledged to whoever brought it, and told to every neighbour until that
// one has it on its disk. It is judged anew each time, so that a certificate that was revoked
// meanwhile and a window that has closed end its way.
//
// While the clock is unsure nobody can say whether an order is in force: none is carried out, told
// or acknowledged. Whoever brought it brings it again, and so it waits without being kept.

import type { KeptOrder } from "../log/fold-shared.ts";
import type { OpenedOrder, OrderRefusal } from "../trust/signed-order.ts";
import { ORDER_REFUSALS, windowRefusal } from "../trust/signed-order.ts";
import {
  isLaterOrder,
  junctionOrder,
  MAX_ORDER_BYTES,
  slotOf,
  type ZoneSlot,
  type ZoneStamp,
} from "../wire/zone-order.ts";
import { sameBytes } from "./birth.ts";
import type { ZoneClock } from "./clock.ts";
import { ORDER_REPEAT_MAX_MS, ORDER_REPEAT_MS } from "./limits.ts";
import type { MeshNow } from "./mesh-types.ts";
import type { Neighbour } from "./neighbour.ts";
import type { Outbox } from "./out.ts";

/** An order once its author and his signature have held; else the reason. It looks at no clock. */
export type OrderOpener = (signed: Uint8Array) => OpenedOrder | OrderRefusal;

/** A check costs 0.3 ms; of each neighbour so many in a tick of 50 ms, and no more wait. */
const CHECKS_PER_TICK = 2;
const MAX_WAITING = 8;
/** A row that was not committed by then is handed to the log again. */
const ROW_PATIENCE_MS = 60_000;

interface Held extends ZoneStamp {
  readonly signed: Uint8Array;
  /** Null for one of an earlier start until it is opened. */
  order: OpenedOrder | null;
  /** Who brought it: `operator`, a neighbour's id, or `log`. */
  readonly source: string;
  /** A row of this log holds it. */
  stored: boolean;
  /** When the row was handed over, monotonic ms. */
  askedMs: number;
  /** It was good once and is no more: its author was revoked. */
  refused: boolean;
  /** The node has been told to carry it out. */
  told: boolean;
  /** Neighbours that have it on their disks. */
  readonly there: Set<string>;
  /** Neighbours that wait to hear that it is on this one's. */
  readonly owed: Set<string>;
}

interface Repeat {
  readonly id: string;
  readonly atMs: number;
  readonly pauseMs: number;
}

export interface ZoneOrdersDoors {
  readonly out: Outbox;
  /** Without it no order is believed. */
  readonly openOrder: OrderOpener | undefined;
  readonly neighbours: ReadonlyMap<string, Neighbour>;
  readonly clock: Pick<ZoneClock, "quality">;
}

export class ZoneOrders {
  readonly #doors: ZoneOrdersDoors;
  readonly #held = new Map<ZoneSlot, Held>();
  /** Not checked yet, by who brought it. */
  readonly #heard = new Map<string, Uint8Array[]>();
  /** When what was told to a neighbour is told again, by slot and neighbour. */
  readonly #repeats = new Map<string, Repeat>();

  constructor(doors: ZoneOrdersDoors) {
    this.#doors = doors;
  }

  /** What the log knew at this start; each is opened before it does anything. */
  start(rows: ReadonlyMap<ZoneSlot, KeptOrder>): void {
    for (const [slot, kept] of rows) {
      this.#held.set(slot, { ...newHeld(kept, "log"), stored: true });
    }
  }

  /** What the log holds after a commit. */
  committed(rows: ReadonlyMap<ZoneSlot, KeptOrder>): void {
    for (const [slot, { id }] of rows) {
      const held = this.#held.get(slot);
      if (held === undefined || held.stored || held.id !== id) continue;
      held.stored = true;
      for (const neighbour of held.owed) this.#acknowledge(neighbour, held.id);
      held.owed.clear();
    }
  }

  /** An operator of this node brings one; one that is refused is answered with the reason. */
  told(signed: Uint8Array, now: MeshNow): void {
    const refusal = this.#take(signed, "operator", now);
    if (refusal === null) return;
    this.#doors.out.push({ kind: "order-refused", reason: ORDER_REFUSALS[refusal] });
  }

  /** A neighbour brings one: it waits for the next tick, a few of each at most. */
  heard({ id }: Neighbour, signed: Uint8Array): void {
    const { out } = this.#doors;
    const waiting = this.#heard.get(id) ?? [];
    if (signed.length > MAX_ORDER_BYTES) out.count("order-malformed");
    else if (waiting.length >= MAX_WAITING) out.count("orders-waiting");
    else waiting.push(signed);
    this.#heard.set(id, waiting);
  }

  /** A neighbour has one on its disk. */
  isThere({ id }: Neighbour, order: string): void {
    for (const held of this.#held.values()) if (held.id === order) held.there.add(id);
  }

  /** The link came or went: what is known of the other end may be of an earlier disk. */
  cut({ id }: Neighbour): void {
    for (const [slot, held] of this.#held) {
      held.there.delete(id);
      this.#repeats.delete(`${slot} ${id}`);
    }
  }

  tick(now: MeshNow): void {
    for (const [id, waiting] of this.#heard) {
      for (const signed of waiting.splice(0, CHECKS_PER_TICK)) this.#take(signed, id, now);
      if (waiting.length === 0) this.#heard.delete(id);
    }
    for (const [slot, held] of this.#held) {
      if (!held.stored) this.#store(slot, held, now);
      else this.#pass(slot, held, now);
    }
  }

  #take(signed: Uint8Array, source: string, now: MeshNow): OrderRefusal | null {
    for (const held of this.#held.values()) {
      if (!sameBytes(held.signed, signed)) continue;
      if (source !== "operator") this.#owe(held, source);
      return null;
    }
    const refusal = this.#judge(signed, source, now);
    if (refusal !== null) this.#doors.out.count(`order-${refusal}`);
    return refusal;
  }

  #judge(signed: Uint8Array, source: string, now: MeshNow): OrderRefusal | null {
    const order = this.#open(signed);
    if (typeof order === "string") return order;
    const refusal = this.#windowOf(order, now);
    if (refusal !== null) return refusal;
    const slot = slotOf(order.body);
    const before = this.#held.get(slot);
    if (before?.id === order.id) return "id-used";
    if (before !== undefined && !isLaterOrder(order, before)) return "superseded";
    // A copy: what a socket handed over may be a window on a larger buffer, or be used again.
    const kept = { id: order.id, notBeforeMs: order.notBeforeMs, signed: new Uint8Array(signed) };
    const held = newHeld(kept, source, order);
    if (source !== "operator") this.#owe(held, source);
    this.#held.set(slot, held);
    this.#store(slot, held, now);
    return null;
  }

  #open(signed: Uint8Array): OpenedOrder | OrderRefusal {
    return this.#doors.openOrder?.(signed) ?? "no-trust";
  }

  #windowOf(order: OpenedOrder, { wallMs }: MeshNow): OrderRefusal | null {
    return windowRefusal(order, { wallMs, sure: this.#doors.clock.quality === "sure" });
  }

  #owe(held: Held, neighbour: string): void {
    held.there.add(neighbour);
    if (held.stored) this.#acknowledge(neighbour, held.id);
    else held.owed.add(neighbour);
  }

  #acknowledge(neighbour: string, id: string): void {
    const payload = new Uint8Array(Buffer.from(id, "hex"));
    const { out } = this.#doors;
    if (out.incarnation === 0) return;
    out.send({ neighbour, lane: "reliable", kind: "order-held", payload });
  }

  #store(slot: ZoneSlot, held: Held, now: MeshNow): void {
    const { order, signed, source } = held;
    if (order === null || now.monoMs - held.askedMs < ROW_PATIENCE_MS) return;
    held.askedMs = now.monoMs;
    const { id, author, notBeforeMs, expiresMs } = order;
    const body = [slot, id, author, notBeforeMs, expiresMs, signed, source];
    this.#doors.out.log({ kind: "zone-order", body });
  }

  /** Carries out what is due and tells those who lack it, if it still holds. */
  #pass(slot: ZoneSlot, held: Held, now: MeshNow): void {
    const due = !held.told && held.notBeforeMs <= now.wallMs;
    const lacking = this.#lacking(slot, held, now);
    if (!due && lacking.length === 0) return;
    const order = this.#stillGood(held, now);
    if (order === null) return;
    if (due) {
      held.told = true;
      const { id, author, notBeforeMs: issuedMs, expiresMs } = order;
      const body = junctionOrder(order.body);
      const command = { id, author, issuedMs, expiresMs, body, via: "zone" } as const;
      this.#doors.out.push({ kind: "zone-order", slot, command });
    }
    for (const neighbour of lacking) this.#tell(slot, held, neighbour, now);
  }

  #tell(slot: ZoneSlot, { id, signed }: Held, neighbour: string, now: MeshNow): void {
    const key = `${slot} ${neighbour}`;
    const known = this.#repeats.get(key);
    const pauseMs = known?.id === id ? Math.min(known.pauseMs * 2, ORDER_REPEAT_MAX_MS) : null;
    const nextMs = pauseMs ?? ORDER_REPEAT_MS;
    this.#repeats.set(key, { id, atMs: now.monoMs + nextMs, pauseMs: nextMs });
    this.#doors.out.send({ neighbour, lane: "reliable", kind: "order", payload: signed });
  }

  #lacking(slot: ZoneSlot, held: Held, now: MeshNow): string[] {
    const { neighbours, out } = this.#doors;
    if (out.incarnation === 0) return [];
    const lacking: string[] = [];
    for (const { id, up, introduced } of neighbours.values()) {
      if (!up || introduced === null || held.there.has(id)) continue;
      const repeat = this.#repeats.get(`${slot} ${id}`);
      if (repeat === undefined || repeat.id !== held.id || repeat.atMs <= now.monoMs) {
        lacking.push(id);
      }
    }
    return lacking;
  }

  /** The order, opened anew: its author may have been revoked since, or its time be over. */
  #stillGood(held: Held, now: MeshNow): OpenedOrder | null {
    // The window costs nothing and is looked at first: what has expired stays here for good.
    const { order } = held;
    if (held.refused || (order !== null && this.#windowOf(order, now) !== null)) return null;
    const opened = this.#open(held.signed);
    if (typeof opened === "string") {
      this.#doors.out.count(`order-${opened}`);
      held.refused = true;
      return null;
    }
    held.order = opened;
    return this.#windowOf(opened, now) === null ? opened : null;
  }
}

function newHeld(
  { id, notBeforeMs, signed }: KeptOrder,
  source: string,
  order?: OpenedOrder,
): Held {
  return {
    id,
    notBeforeMs,
    signed,
    source,
    order: order ?? null,
    stored: false,
    askedMs: Number.NEGATIVE_INFINITY,
    refused: false,
    told: false,
    there: new Set(),
    owed: new Set(),
  };
}

// The part of the folded state that other nodes hear of: wishes with the hybrid clock's stamps,
// acknowledgements, revocations, orders for the zone, and how far an own history that was lost
// here has been brought back. Whether the CA signed a revocation, and an operator an order, is not
// judged here: whoever reads them does.
import { FIELDS, KEY_TEXT_MAX } from "../core/state/schema.ts";
import type { CborValue } from "../wire/codec.ts";
import { integer, list, octets, text, tuple, word } from "../wire/shape.ts";
import {
  isLaterOrder,
  MAX_ORDER_BYTES,
  ZONE_SLOTS,
  type ZoneSlot,
  type ZoneStamp,
} from "../wire/zone-order.ts";

/** A junction has a few directions and a handful of faults; more is somebody's mistake. */
const MAX_WISHES = 64;
const MAX_ACKNOWLEDGEMENTS = 256;
const MAX_RECOVERED = 64;
const MAX_VALUE_BYTES = 256;
/** As many as a node may say in its zone. */
const MAX_REVOCATIONS = FIELDS.revocations.maxKeys;
const MAX_REVOCATION_BYTES = 256;

/** The latest order of a slot, with the bytes that its author signed. */
export interface KeptOrder extends ZoneStamp {
  readonly signed: Uint8Array;
}

/** A stamp of the hybrid logical clock. */
export interface Stamp {
  readonly wallMs: number;
  readonly count: number;
}

export interface Wish {
  readonly value: CborValue;
  readonly stamp: Stamp;
}

export interface Acknowledgement {
  readonly author: string;
  readonly at: number;
}

/** What a wish is about, as its row spells it. */
export type WishKey = number | string;

export function isLater(a: Stamp, b: Stamp): boolean {
  return a.wallMs > b.wallMs || (a.wallMs === b.wallMs && a.count > b.count);
}

function isWhole(value: CborValue | undefined): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function isSmall(value: CborValue): boolean {
  if (typeof value === "string") return value.length <= MAX_VALUE_BYTES;
  return value === null || typeof value === "number" || typeof value === "boolean";
}

function byText(a: WishKey, b: WishKey): number {
  if (typeof a === "number" && typeof b === "number") return a - b;
  return String(a) < String(b) ? -1 : 1;
}

export class SharedState {
  /** The highest stamp that this node ever gave a wish: its clock never goes back behind it. */
  clock: Stamp = { wallMs: 0, count: 0 };
  readonly wishes = new Map<WishKey, Wish>();
  /** Faults and alarms that a person has seen, by the name under which they stand. */
  readonly acknowledgements = new Map<string, Acknowledgement>();
  /** The bytes that the CA signed, by the serial of the certificate. */
  readonly revocations = new Map<string, Uint8Array>();
  /** The latest of each slot; one that has expired still keeps older ones away. */
  readonly orders = new Map<ZoneSlot, KeptOrder>();
  /** Of each incarnation with rows that were brought back, the last one. */
  readonly recovered = new Map<number, number>();

  /** A `wish` row; the later stamp wins, in whatever order rows come back. */
  wish([key, value = null, wallMs, count]: readonly CborValue[]): void {
    if (typeof key !== "number" && typeof key !== "string") return;
    if (!isWhole(wallMs) || !isWhole(count) || !isSmall(value)) return;
    const stamp = { wallMs, count };
    if (isLater(stamp, this.clock)) this.clock = stamp;
    const known = this.wishes.get(key);
    if (known === undefined && this.wishes.size >= MAX_WISHES) return;
    if (known === undefined || isLater(stamp, known.stamp)) this.wishes.set(key, { value, stamp });
  }

  /** An `acknowledge` row. The oldest makes room: it is of a fault that was never taken back. */
  acknowledge(at: number, [fault, author]: readonly CborValue[]): void {
    if (typeof fault !== "string" || typeof author !== "string") return;
    if (this.acknowledgements.size >= MAX_ACKNOWLEDGEMENTS) {
      const [oldest] = this.acknowledgements.keys();
      this.acknowledgements.delete(oldest ?? "");
    }
    this.acknowledgements.set(fault, { author, at });
  }

  /** A `revocation` row. Nothing makes room: what is revoked stays so. */
  revoke([serial, signed]: readonly CborValue[]): void {
    if (typeof serial !== "string" || serial.length === 0 || serial.length > KEY_TEXT_MAX) return;
    if (!(signed instanceof Uint8Array) || signed.length > MAX_REVOCATION_BYTES) return;
    if (this.revocations.has(serial) || this.revocations.size >= MAX_REVOCATIONS) return;
    this.revocations.set(serial, new Uint8Array(signed));
  }

  /** A `zone-order` row; the latest of its slot stays, in whatever order rows come back. */
  order([slot, id, , notBeforeMs, , signed]: readonly CborValue[]): void {
    const known = ZONE_SLOTS.find((word) => word === slot);
    if (known === undefined || typeof id !== "string" || !isWhole(notBeforeMs)) return;
    if (!(signed instanceof Uint8Array) || signed.length > MAX_ORDER_BYTES) return;
    this.#keep(known, { id, notBeforeMs, signed: new Uint8Array(signed) });
  }

  #keep(slot: ZoneSlot, order: KeptOrder): void {
    const before = this.orders.get(slot);
    if (before === undefined || isLaterOrder(order, before)) this.orders.set(slot, order);
  }

  /** The fault is gone; when it comes again somebody has to look again. */
  settle(fault: string): void {
    this.acknowledgements.delete(fault);
  }

  noteRecovered(incarnation: number, seq: number): void {
    this.recovered.set(incarnation, Math.max(seq, this.recovered.get(incarnation) ?? 0));
    if (this.recovered.size <= MAX_RECOVERED) return;
    this.recovered.delete(Math.min(...this.recovered.keys()));
  }

  /** Takes what an own state from elsewhere knows beyond this one. */
  merge(other: SharedState): void {
    if (isLater(other.clock, this.clock)) this.clock = other.clock;
    for (const [key, { value, stamp }] of other.wishes) {
      this.wish([key, value, stamp.wallMs, stamp.count]);
    }
    for (const [fault, { author, at }] of other.acknowledgements) {
      if (!this.acknowledgements.has(fault)) this.acknowledge(at, [fault, author]);
    }
    for (const entry of other.revocations) this.revoke(entry);
    for (const [slot, order] of other.orders) this.#keep(slot, order);
    for (const [incarnation, seq] of other.recovered) this.noteRecovered(incarnation, seq);
  }

  /** The same state always gives the same fields. */
  encode(): CborValue[] {
    const wishes = [...this.wishes].sort(([a], [b]) => byText(a, b));
    const fields: CborValue[] = [
      [this.clock.wallMs, this.clock.count],
      wishes.map(([key, { value, stamp }]) => [key, value, stamp.wallMs, stamp.count]),
      // In the order in which they came: the oldest is the first to make room.
      [...this.acknowledgements].map(([fault, { author, at }]) => [fault, author, at]),
      [...this.recovered].sort(([a], [b]) => a - b),
    ];
    // Most nodes have none, and their states are as before there were any.
    if (this.revocations.size === 0 && this.orders.size === 0) return fields;
    fields.push([...this.revocations].sort(([a], [b]) => byText(a, b)));
    if (this.orders.size === 0) return fields;
    const orders = [...this.orders].sort(([a], [b]) => byText(a, b));
    fields.push(
      orders.map(([slot, { id, notBeforeMs, signed }]) => [slot, id, notBeforeMs, signed]),
    );
    return fields;
  }
}

/** What `encode` gave; else a `WireError`. */
export function decodeShared(value: CborValue | undefined): SharedState {
  const fields = list(value, 6, "shared state");
  if (fields.length < 5) tuple(fields, 4, "shared state");
  const [clock, wishes, seen, recovered, revocations = [], orders = []] = fields;
  const state = new SharedState();
  const [wallMs, count] = tuple(clock, 2, "clock");
  state.clock = { wallMs: integer(wallMs, "clock"), count: integer(count, "clock") };
  for (const entry of list(wishes, MAX_WISHES, "wishes")) {
    const [key, wished, at, number] = tuple(entry, 4, "wish");
    const name = typeof key === "number" ? integer(key, "wish") : text(key, "wish");
    const stamp = { wallMs: integer(at, "wish"), count: integer(number, "wish") };
    state.wishes.set(name, { value: wished ?? null, stamp });
  }
  for (const entry of list(seen, MAX_ACKNOWLEDGEMENTS, "acknowledgements")) {
    const [fault, author, at] = tuple(entry, 3, "acknowledgement");
    state.acknowledgements.set(text(fault, "fault", 4_096), {
      author: text(author, "author"),
      at: integer(at, "acknowledgement"),
    });
  }
  for (const entry of list(recovered, MAX_RECOVERED, "recovered")) {
    const [incarnation, seq] = tuple(entry, 2, "recovered");
    state.recovered.set(integer(incarnation, "recovered"), integer(seq, "recovered"));
  }
  for (const entry of list(revocations, MAX_REVOCATIONS, "revocations")) {
    const [serial, signed] = tuple(entry, 2, "revocation");
    const bytes = octets(signed, "revocation", MAX_REVOCATION_BYTES, 1);
    state.revoke([text(serial, "serial", KEY_TEXT_MAX), bytes]);
  }
  for (const entry of list(orders, ZONE_SLOTS.length, "orders")) {
    const [slot, id, notBefore, signed] = tuple(entry, 4, "order");
    const bytes = octets(signed, "order", MAX_ORDER_BYTES, 1);
    const name = word(slot, ZONE_SLOTS, "slot");
    const notBeforeMs = integer(notBefore, "notBefore");
    state.orders.set(name, { id: text(id, "id", KEY_TEXT_MAX), notBeforeMs, signed: bytes });
  }
  return state;
}

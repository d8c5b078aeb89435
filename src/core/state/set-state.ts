// Sets whose elements can be removed. Of each element an origin keeps only its newest dot: adding
// it again supersedes what it added before. There are no tombstones: a dot that the context covers
// and that is not here was removed.
//
// Three things are kept for a while because parts come out of order or have to be told again:
// - `#pending`: removals by the origin itself of dots that have not come yet; gone once they have,
//   at most as long as dots are missing.
// - `#gone`, on the origin's own replica only: its latest removals, so that an interval can tell
//   them; older ones are covered by restating the whole.
// - what *other* origins removed is not here but in `removals.ts`: it belongs to their dots.
//
// A leased set is the same with a duration for each element. `untilMs` is monotonic time of this
// machine; receiving the same dot again never prolongs it.

import { isPlanted } from "../planted.ts";
import type { DotContext } from "./context.ts";
import {
  type Cell,
  FieldState,
  type Joining,
  misfit,
  type Telling,
  type Writing,
} from "./field-state.ts";
import { LEASE_MAX_MS } from "./lease.ts";
import { BoundError, type Change, type Op, type Part } from "./part.ts";
import type { Field } from "./schema.ts";
import { isCount, type Key, type Plain } from "./value.ts";

/** Own removals that intervals can still tell. */
export const GONE_MAX = 1_024;
/** Removals of dots that have not come yet, per field and origin. */
export const PENDING_MAX = 4_096;
/** Node ids have at most 32 characters on the wire; a stranger's may not be longer than this. */
export const ORIGIN_TEXT_MAX = 64;

interface SetCell extends Cell {
  readonly value: Plain;
  /** The dot by which it came to be there; adding it again does not change that. */
  readonly since: number;
  /** 0 in a set without leases. */
  readonly leaseMs: number;
  /** Monotonic time at which the lease ends here; infinite without one. */
  untilMs: number;
}

interface Gone {
  /** The counter of the removal, the dot that it removed, and since when the element was there. */
  readonly at: number;
  readonly key: Key;
  readonly dot: number;
  readonly since: number;
}

/** Whether an op of a set is a removal of what another origin added. */
function isForeignRemoval(op: Op): boolean {
  return typeof op[2] === "string";
}

function isOwnRemoval(op: Op): boolean {
  return typeof op[2] === "number" && op[2] < 0;
}

/**
 * The dot that an add (`back`) or a removal (`-1 - back`) names, in a part that ends with `last`.
 */
function ownDot(subject: number, last: number): number {
  return last - (subject < 0 ? -1 - subject : subject);
}

function removalOf(dot: number, last: number): number {
  return -1 - (last - dot);
}

export function isOriginText(value: unknown): value is string {
  return typeof value === "string" && value.length > 0 && value.length <= ORIGIN_TEXT_MAX;
}

export class SetState extends FieldState<SetCell> {
  readonly #leased: boolean;
  readonly #pending = new Map<Key, number>();
  readonly #gone: Gone[] = [];
  #completeFrom = 0;

  constructor(field: Field) {
    super(field);
    this.#leased = field.kind === "leased-set";
  }

  override fault(op: Op, part: Part): string | null {
    const subject = op[2];
    if (typeof subject === "string") return this.#foreignFault(op, part);
    if (typeof subject !== "number") return `malformed ${this.field.name}`;
    const dot = ownDot(subject, part.last);
    const removes = subject < 0;
    const first = removes || part.whole ? 1 : part.first;
    if (!Number.isSafeInteger(subject) || dot < first) return `bad-dot ${this.field.name}`;
    if (removes) return op.length === 3 ? null : `malformed ${this.field.name}`;
    return this.#leased ? this.#leaseFault(op) : this.#valueFault(op, 3);
  }

  #foreignFault(op: Op, part: Part): string | null {
    const [, , origin, incarnation, counter] = op;
    if (this.#leased || op.length !== 5) return `malformed ${this.field.name}`;
    const right = isOriginText(origin) && origin !== part.origin;
    if (right && isCount(incarnation) && isCount(counter) && counter > 0) return null;
    return `bad-dot ${this.field.name}`;
  }

  #leaseFault(op: Op): string | null {
    const [, , , leaseMs, ageMs] = op;
    const right = isCount(leaseMs) && leaseMs > 0 && leaseMs <= LEASE_MAX_MS && isCount(ageMs);
    return right ? this.#valueFault(op, 5) : `bad-lease ${this.field.name}`;
  }

  /** The value at the end may be left out. */
  #valueFault(op: Op, at: number): string | null {
    if (op.length === at) return null;
    const value = op[at];
    if (op.length !== at + 1 || value === undefined) return `malformed ${this.field.name}`;
    return this.field.fits(value) ? null : `bad-value ${this.field.name}`;
  }

  override grows(op: Op): boolean {
    return !isForeignRemoval(op) && !isOwnRemoval(op) && super.grows(op);
  }

  override isForeign(op: Op): boolean {
    return isForeignRemoval(op);
  }

  override sizeAfter(ops: readonly Op[], whole: boolean): number {
    const keys = new Set(whole ? [] : this.cells.keys());
    for (const op of ops) if (isOwnRemoval(op)) keys.delete(op[1] as Key);
    for (const op of ops) if (!isOwnRemoval(op) && !isForeignRemoval(op)) keys.add(op[1] as Key);
    return keys.size;
  }

  override hasRoomForPending(ops: number): boolean {
    return this.#pending.size + ops <= PENDING_MAX;
  }

  override take(op: Op, joining: Joining): void {
    const subject = op[2] as number;
    if (subject < 0) this.#remove(op[1] as Key, ownDot(subject, joining.last), joining);
    else this.#add(op[1] as Key, op, joining);
  }

  #remove(key: Key, dot: number, joining: Joining): void {
    const cell = this.cells.get(key);
    if (cell !== undefined && cell.stamp <= dot) this.cells.delete(key);
    if (joining.own) {
      this.#gone.push({ at: joining.last, key, dot, since: cell?.since ?? 0 });
      if (this.#gone.length > GONE_MAX) this.#completeFrom = this.#gone.shift()?.at ?? 0;
    } else if (dot > joining.context.counter && !isPlanted("context-dropped")) {
      this.#pending.set(key, Math.max(dot, this.#pending.get(key) ?? 0));
    }
  }

  #add(key: Key, op: Op, { context, last, nowMs, round }: Joining): void {
    const dot = ownDot(op[2] as number, last);
    const cell = this.cells.get(key);
    const untilMs = this.#untilMs(op, nowMs);
    if (cell?.stamp === dot) {
      cell.round = round;
      cell.untilMs = Math.min(cell.untilMs, untilMs);
      return;
    }
    const superseded = cell !== undefined && cell.stamp > dot;
    if (superseded || context.covers(dot, dot) || (this.#pending.get(key) ?? 0) >= dot) return;
    const leaseMs = this.#leased ? (op[3] as number) : 0;
    const value = op[this.#leased ? 5 : 3] ?? null;
    const since = cell?.since ?? dot;
    this.cells.set(key, { stamp: dot, round, value, since, leaseMs, untilMs });
  }

  #untilMs(op: Op, nowMs: number): number {
    return this.#leased ? nowMs - (op[4] as number) + (op[3] as number) : Infinity;
  }

  override sweepInterval(first: number, last: number, round: number): void {
    for (const [key, cell] of this.cells) {
      if (cell.stamp >= first && cell.stamp <= last && cell.round !== round) {
        this.cells.delete(key);
      }
    }
  }

  override settle(context: DotContext): void {
    if (this.#pending.size === 0) return;
    for (const [key, dot] of this.#pending) {
      if (dot <= context.counter) this.#pending.delete(key);
    }
  }

  /** Elements whose lease has ended here. */
  expired(nowMs: number): Key[] {
    if (!this.#leased) return [];
    return [...this.cells].filter(([, { untilMs }]) => nowMs > untilMs).map(([key]) => key);
  }

  override write(change: Change, staged: readonly Op[], writing: Writing): Op[] {
    const { key } = change;
    switch (change.kind) {
      case "add":
        return [...staged.filter(isForeignRemoval), this.#written(change)];
      case "retire":
        return [...staged.filter(isForeignRemoval), ...this.#retired(key, writing)];
      case "forward": {
        const { origin, incarnation, counter } = change;
        return [...staged, [this.field.id, key, origin, incarnation, counter]];
      }
      case "remove":
        return [
          ...this.#retired(key, writing),
          ...(this.#leased ? [] : this.#removed(key, writing)),
        ];
      default:
        return misfit(this.field, change);
    }
  }

  #written(change: Extract<Change, { kind: "add" }>): Op {
    const op: Plain[] = [this.field.id, change.key, 0];
    if (this.#leased) {
      if (change.leaseMs === undefined) {
        throw new BoundError(`${this.field.name} needs a lease in ms`);
      }
      op.push(change.leaseMs, Math.ceil(change.ageMs ?? 0));
    }
    if ((change.value ?? null) !== null) op.push(change.value ?? null);
    return op;
  }

  #retired(key: Key, { dot }: Writing): Op[] {
    const cell = this.cells.get(key);
    return cell === undefined ? [] : [[this.field.id, key, removalOf(cell.stamp, dot)]];
  }

  #removed(key: Key, writing: Writing): Op[] {
    return writing
      .othersOf(this.field, key)
      .map(({ origin, incarnation, counter }) => [
        this.field.id,
        key,
        origin,
        incarnation,
        counter,
      ]);
  }

  override restate(key: Key, cell: SetCell, { last, nowMs }: Telling): Op {
    const op: Plain[] = [this.field.id, key, last - cell.stamp];
    if (this.#leased) {
      const ageMs = Math.ceil(nowMs - (cell.untilMs - cell.leaseMs));
      op.push(cell.leaseMs, Math.max(0, ageMs));
    }
    if (cell.value !== null) op.push(cell.value);
    return op;
  }

  override completeFrom(): number {
    return this.#completeFrom;
  }

  /** With the removals of what was there then; what came later and went is just left out. */
  override restateAfter(counter: number, telling: Telling): Op[] {
    const ops = super.restateAfter(counter, telling);
    if (counter === 0) return ops;
    const told = new Map<Key, number>();
    for (const { at, key, dot, since } of this.#gone) {
      if (at > counter && since <= counter) told.set(key, dot);
    }
    for (const [key, dot] of told) {
      if (!this.cells.has(key)) ops.push([this.field.id, key, removalOf(dot, telling.last)]);
    }
    return ops;
  }

  override restateAnew(nowMs: number): Op[] {
    return [...this.cells].map(([key, cell]) =>
      this.restate(key, { ...cell, stamp: 1 }, { last: 1, nowMs }),
    );
  }

  override canonicalCell(key: Key, cell: SetCell): Plain {
    return [key, cell.stamp, cell.leaseMs, cell.value];
  }
}

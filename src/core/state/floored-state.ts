// What can only grow: counters and grow-only sets. What each origin says of a key is joined, never
// replaced, and what it said in older incarnations stays below it as a floor (`floors.ts`).
//
// - g-counter: a total; the join is the higher one.
// - epoch-counter: (epoch, in, out); a higher epoch replaces, in one epoch both are maxima. Its two
//   ends count for themselves, so the reader adds up those that are in the newest epoch.
// - grow-set: a value that the origin gave with the element; the first in the order of values stays
//   if a faulty origin gives two.
import { type Cell, FieldState, type Joining, misfit, type Writing } from "./field-state.ts";
import { type FloorRule, Floors, type Said } from "./floors.ts";
import { BoundError, type Change, type Op } from "./part.ts";
import type { Field } from "./schema.ts";
import { comparePlain, isCount, type Key, type Plain } from "./value.ts";

/** A counter must be able to go on: nobody may state one so high that no higher one exists. */
export const COUNT_MAX = 2 ** 48;

function isTotal(value: unknown): value is number {
  return isCount(value) && value <= COUNT_MAX;
}

interface SaidCell extends Cell {
  said: Said;
}

/** Shared by the three kinds; each says how to join, to check and to write. */
export abstract class FlooredState extends FieldState<SaidCell> implements FloorRule {
  readonly floors: Floors;
  readonly fieldId: number;
  readonly maxKeys: number;

  constructor(field: Field) {
    super(field);
    this.fieldId = field.id;
    this.maxKeys = field.maxKeys;
    this.floors = new Floors(this);
  }

  abstract join(a: Said, b: Said): Said;
  abstract reaches(now: Said, floor: Said): boolean;

  override take(op: Op, joining: Joining): void {
    const key = op[1] as Key;
    const said = op.slice(2);
    const cell = this.cells.get(key);
    if (cell === undefined) {
      this.cells.set(key, { stamp: joining.last, round: joining.round, said });
    } else {
      cell.round = joining.round;
      if (joining.last > cell.stamp) cell.stamp = joining.last;
      if (!this.reaches(cell.said, said)) cell.said = this.join(cell.said, said);
    }
    if (this.floors.size > 0) this.floors.settle(key, this.cells.get(key)?.said ?? said);
  }

  /** Something that the origin said in an older incarnation. */
  takeFloor(op: Op): void {
    const key = op[1] as Key;
    this.floors.raise(key, op.slice(2), this.cells.get(key)?.said ?? null);
  }

  /** What a whole part leaves out is no part of the state any more, but stays as a floor. */
  override sweep(last: number, round: number): void {
    for (const [key, cell] of this.cells) {
      if (cell.stamp > last || cell.round === round) continue;
      this.cells.delete(key);
      this.floors.raise(key, cell.said, null);
    }
  }

  override carryInto(next: FieldState): void {
    if (!(next instanceof FlooredState)) return;
    const raise = (key: Key, said: Said): void =>
      next.floors.raise(key, said, next.cells.get(key)?.said ?? null);
    for (const [key, said] of this.floors.entries()) raise(key, said);
    for (const [key, { said }] of this.cells) raise(key, said);
  }

  override readKeys(): Key[] {
    return [...new Set([...this.cells.keys(), ...this.floors.keys()])];
  }

  /** What is read of a key: what the origin says, and what it once said; null when nothing. */
  reading(key: Key): Said | null {
    const now = this.cells.get(key)?.said;
    const floor = this.floors.get(key);
    if (now === undefined || floor === undefined) return now ?? floor ?? null;
    return this.join(now, floor);
  }

  override restate(key: Key, cell: SaidCell): Op {
    return [this.field.id, key, ...cell.said];
  }

  /** A new incarnation says all that the older ones said, floors included. */
  override restateAnew(): Op[] {
    return this.readKeys().map((key) => [this.field.id, key, ...(this.reading(key) ?? [])]);
  }

  override canonicalCell(key: Key, cell: SaidCell): Plain {
    return [key, ...cell.said];
  }

  /** What the origin must say so that it reaches every floor. */
  owed(): Change[] {
    return [...this.floors.keys()].map((key) => this.owedChange(key, this.reading(key) ?? []));
  }

  abstract owedChange(key: Key, said: Said): Change;
}

/** The number at `index`; `fault` has made sure that there is one. */
function numberAt(said: Said | Op | null | undefined, index: number): number {
  const value = said?.[index];
  return typeof value === "number" ? value : 0;
}

export class CounterState extends FlooredState {
  override fault(op: Op): string | null {
    if (op.length !== 3) return `malformed ${this.field.name}`;
    return isTotal(op[2]) ? null : `bad-value ${this.field.name}`;
  }

  override join(a: Said, b: Said): Said {
    return numberAt(a, 0) >= numberAt(b, 0) ? a : b;
  }

  override reaches(now: Said, floor: Said): boolean {
    return numberAt(now, 0) >= numberAt(floor, 0);
  }

  override owedChange(key: Key, said: Said): Change {
    return { kind: "total", field: this.field.name, key, total: numberAt(said, 0) };
  }

  total(key: Key): number {
    return numberAt(this.reading(key), 0);
  }

  /** The totals of all keys that the origin says now, together. */
  totalOfAll(): number {
    let sum = 0;
    for (const [key, { said }] of this.cells) {
      sum += this.floors.size === 0 ? numberAt(said, 0) : this.total(key);
    }
    return sum;
  }

  override write(change: Change, staged: readonly Op[], _writing: Writing): Op[] {
    const { key } = change;
    const known = Math.max(numberAt(staged[0], 2), this.total(key));
    if (change.kind === "total") return [[this.field.id, key, Math.max(known, change.total)]];
    if (change.kind !== "count") return misfit(this.field, change);
    if (!isCount(change.by)) throw new BoundError(`${this.field.name} can't count ${change.by}`);
    return [[this.field.id, key, known + change.by]];
  }
}

export class EpochState extends FlooredState {
  override fault(op: Op): string | null {
    if (op.length !== 5) return `malformed ${this.field.name}`;
    if (isTotal(op[2]) && isTotal(op[3]) && isTotal(op[4])) return null;
    return `bad-value ${this.field.name}`;
  }

  override join(a: Said, b: Said): Said {
    const epochs = numberAt(a, 0) - numberAt(b, 0);
    if (epochs !== 0) return epochs > 0 ? a : b;
    return [
      numberAt(a, 0),
      Math.max(numberAt(a, 1), numberAt(b, 1)),
      Math.max(numberAt(a, 2), numberAt(b, 2)),
    ];
  }

  override reaches(now: Said, floor: Said): boolean {
    const epochs = numberAt(now, 0) - numberAt(floor, 0);
    if (epochs !== 0) return epochs > 0;
    return numberAt(now, 1) >= numberAt(floor, 1) && numberAt(now, 2) >= numberAt(floor, 2);
  }

  override owedChange(key: Key, said: Said): Change {
    const [epoch, ins, outs] = [numberAt(said, 0), numberAt(said, 1), numberAt(said, 2)];
    return { kind: "passed", field: this.field.name, key, epoch, in: ins, out: outs };
  }

  epoch(key: Key): number {
    return numberAt(this.reading(key), 0);
  }

  /** Ins minus outs in an epoch; 0 when the origin is in an older one. */
  balance(key: Key, epoch: number): number {
    const said = this.reading(key);
    return numberAt(said, 0) === epoch ? numberAt(said, 1) - numberAt(said, 2) : 0;
  }

  override write(change: Change, staged: readonly Op[], writing: Writing): Op[] {
    const { key } = change;
    const before = staged[0]?.slice(2) ?? this.reading(key) ?? [0, 0, 0];
    const newest = Math.max(numberAt(before, 0), writing.epochOf(this.field, key));
    if (change.kind === "empty") return [[this.field.id, key, newest + 1, 0, 0]];
    if (change.kind === "passed") {
      const said = this.join(before, [change.epoch, change.in, change.out]);
      return [[this.field.id, key, ...said]];
    }
    if (change.kind !== "pass") return misfit(this.field, change);
    if (!isCount(change.in) || !isCount(change.out)) {
      throw new BoundError(`${this.field.name} can't count ${change.in} in, ${change.out} out`);
    }
    const same = numberAt(before, 0) === newest;
    const ins = (same ? numberAt(before, 1) : 0) + change.in;
    const outs = (same ? numberAt(before, 2) : 0) + change.out;
    return [[this.field.id, key, newest, ins, outs]];
  }
}

export class GrowState extends FlooredState {
  override fault(op: Op): string | null {
    const value = op[2];
    if (op.length !== 3 || value === undefined) return `malformed ${this.field.name}`;
    return this.field.fits(value) ? null : `bad-value ${this.field.name}`;
  }

  override join(a: Said, b: Said): Said {
    return compareSaid(a, b) <= 0 ? a : b;
  }

  override reaches(now: Said, floor: Said): boolean {
    return compareSaid(now, floor) <= 0;
  }

  override owedChange(key: Key, said: Said): Change {
    return { kind: "add", field: this.field.name, key, value: said[0] ?? null };
  }

  override write(change: Change): Op[] {
    if (change.kind !== "add") return misfit(this.field, change);
    const said = this.reading(change.key) ?? [change.value ?? null];
    return [[this.field.id, change.key, ...said]];
  }
}

/** Any total order does, if every machine has the same. */
function compareSaid(a: Said, b: Said): number {
  return comparePlain(a[0] ?? null, b[0] ?? null);
}

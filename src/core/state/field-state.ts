// What one origin contributes to one field. Each kind of field has its own class; all of them are
// functions of the origin's own dots alone, which is why replicas that have the same dots of an
// origin hold the same contribution, in whatever order and however often the parts came.
import type { DotContext } from "./context.ts";
import type { Change, Op, Part } from "./part.ts";
import { type Field, isKeyOf } from "./schema.ts";
import { compareKeys, type Key, type Plain } from "./value.ts";

/** What taking an op depends on besides the op. */
export interface Joining {
  readonly context: DotContext;
  /** The part's last dot: as of which its values hold. */
  readonly last: number;
  /** Monotonic time of receipt, for leases only. */
  readonly nowMs: number;
  /** Unlike any other join of this replica: marks what the part restated. */
  readonly round: number;
  /** Whether it is this replica's own: then what intervals need is kept. */
  readonly own: boolean;
}

/** What a writer's change depends on besides its own contribution. */
export interface Writing {
  /** The counter that this change will have. */
  readonly dot: number;
  /** The highest epoch of a key that any origin is known to have opened. */
  epochOf(field: Field, key: Key): number;
  /** What other origins are seen to have added of an element. */
  othersOf(field: Field, key: Key): readonly ForeignDot[];
}

/** What telling a cell again depends on. */
export interface Telling {
  /** The last dot of the part that tells it. */
  readonly last: number;
  /** Monotonic time, for the age of leases only. */
  readonly nowMs: number;
}

/** The dot by which some other origin added an element. */
export interface ForeignDot {
  readonly origin: string;
  readonly incarnation: number;
  readonly counter: number;
}

export interface Cell {
  /** The counter as of which the cell holds; a set's element: its own dot. */
  stamp: number;
  /** The join that last restated it. */
  round: number;
}

export abstract class FieldState<C extends Cell = Cell> {
  readonly field: Field;
  readonly cells = new Map<Key, C>();

  constructor(field: Field) {
    this.field = field;
  }

  /** What is wrong with the rest of an op whose field and key are known to be right, or null. */
  abstract fault(op: Op, part: Part): string | null;

  /** Joins an op that has no fault. */
  abstract take(op: Op, joining: Joining): void;

  /** The ops that a change makes, given those that the same dot has made for this key before. */
  abstract write(change: Change, staged: readonly Op[], writing: Writing): Op[];

  /** The op that states a cell again. */
  abstract restate(key: Key, cell: C, telling: Telling): Op;

  /** A cell without anything that depends on the way it came. */
  abstract canonicalCell(key: Key, cell: C): Plain;

  /** What is wrong with an op of an untrusted part, or null. */
  check(op: Op, part: Part): string | null {
    if (!isKeyOf(this.field, op[1])) return `bad-key ${this.field.name}`;
    return this.fault(op, part);
  }

  /** Whether an op states a key that the field doesn't have. */
  grows(op: Op): boolean {
    return !this.cells.has(op[1] as Key);
  }

  /** Whether an op is not about this origin's contribution but about what another one added. */
  isForeign(_op: Op): boolean {
    return false;
  }

  /** Whether more removals than these could be kept until what they remove has come. */
  hasRoomForPending(_ops: number): boolean {
    return true;
  }

  /** How many keys the field has after these ops, exactly; dear, so only asked near the bound. */
  sizeAfter(ops: readonly Op[], whole: boolean): number {
    const keys = new Set(whole ? [] : this.cells.keys());
    for (const op of ops) keys.add(op[1] as Key);
    return keys.size;
  }

  /** Removes what a whole part as of `last` did not restate. */
  sweep(last: number, round: number): void {
    for (const [key, cell] of this.cells) {
      if (cell.stamp <= last && cell.round !== round) this.cells.delete(key);
    }
  }

  /** The same for the dots of an interval; only sets say more by what is left out. */
  sweepInterval(_first: number, _last: number, _round: number): void {}

  /** Forgets what is only needed while dots are missing. */
  settle(_context: DotContext): void {}

  /** What the field says that `next`, the same origin's newer incarnation, must not step below. */
  carryInto(_next: FieldState): void {}

  /** From which counter on `restateAfter` tells everything that changed. */
  completeFrom(): number {
    return 0;
  }

  /** The ops of all that changed after a counter (0: of all cells). */
  restateAfter(counter: number, telling: Telling): Op[] {
    const ops: Op[] = [];
    for (const [key, cell] of this.cells) {
      if (cell.stamp > counter) ops.push(this.restate(key, cell, telling));
    }
    return ops;
  }

  /** The ops of all cells for a new incarnation, whose first dot states everything. */
  restateAnew(nowMs: number): Op[] {
    return this.restateAfter(0, { last: 1, nowMs });
  }

  canonical(): Plain[] {
    const cells: Plain[] = [];
    for (const key of this.sortedKeys()) {
      const cell = this.cells.get(key);
      if (cell !== undefined) cells.push(this.canonicalCell(key, cell));
    }
    return cells;
  }

  /** Every key that has a reading. */
  readKeys(): Key[] {
    return [...this.cells.keys()];
  }

  sortedKeys(): Key[] {
    return [...this.cells.keys()].sort(compareKeys);
  }
}

/** A change that a field of this kind doesn't know: a mistake in the caller's code. */
export function misfit(field: Field, change: Change): never {
  throw new TypeError(`${field.name} is a ${field.kind}: it takes no '${change.kind}'`);
}

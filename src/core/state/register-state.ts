// Registers. One with a single writer takes the newest dot; the stamp of an interval's op is the
// interval's last dot, since the op is what the register holds as of it. A register that several
// write keeps each writer's newest write, and its reader takes the one with the highest clock.
import { type Cell, FieldState, type Joining, misfit } from "./field-state.ts";
import { type Hlc, isHlc } from "./hlc.ts";
import type { Change, Op } from "./part.ts";
import type { Key, Plain } from "./value.ts";

interface RegisterCell extends Cell {
  value: Plain;
}

export class RegisterState extends FieldState<RegisterCell> {
  override fault(op: Op): string | null {
    const value = op[2];
    if (op.length !== 3 || value === undefined) return `malformed ${this.field.name}`;
    return this.field.fits(value) ? null : `bad-value ${this.field.name}`;
  }

  override take(op: Op, joining: Joining): void {
    const key = op[1] as Key;
    const value = op[2] as Plain;
    const cell = this.cells.get(key);
    if (cell === undefined) {
      this.cells.set(key, { stamp: joining.last, round: joining.round, value });
    } else if (joining.last >= cell.stamp) {
      cell.stamp = joining.last;
      cell.round = joining.round;
      cell.value = value;
    }
  }

  override write(change: Change): Op[] {
    if (change.kind !== "set") return misfit(this.field, change);
    return [[this.field.id, change.key, change.value]];
  }

  override restate(key: Key, cell: RegisterCell): Op {
    return [this.field.id, key, cell.value];
  }

  override canonicalCell(key: Key, cell: RegisterCell): Plain {
    return [key, cell.value];
  }
}

interface SharedCell extends RegisterCell {
  hlc: Hlc;
}

export class SharedRegisterState extends FieldState<SharedCell> {
  override fault(op: Op): string | null {
    const value = op[2];
    if (op.length !== 5 || value === undefined) return `malformed ${this.field.name}`;
    if (!isHlc(op[3], op[4])) return `bad-clock ${this.field.name}`;
    return this.field.fits(value) ? null : `bad-value ${this.field.name}`;
  }

  override take(op: Op, joining: Joining): void {
    const key = op[1] as Key;
    const cell = this.cells.get(key);
    if (cell !== undefined && joining.last < cell.stamp) return;
    this.cells.set(key, {
      stamp: joining.last,
      round: joining.round,
      value: op[2] as Plain,
      hlc: { wallMs: op[3] as number, count: op[4] as number },
    });
  }

  override write(change: Change): Op[] {
    if (change.kind !== "set") return misfit(this.field, change);
    const { hlc } = change;
    if (hlc === undefined) throw new TypeError(`${this.field.name} needs the clock of its write`);
    return [[this.field.id, change.key, change.value, hlc.wallMs, hlc.count]];
  }

  override restate(key: Key, cell: SharedCell): Op {
    return [this.field.id, key, cell.value, cell.hlc.wallMs, cell.hlc.count];
  }

  override canonicalCell(key: Key, cell: SharedCell): Plain {
    return [key, cell.value, cell.hlc.wallMs, cell.hlc.count];
  }
}

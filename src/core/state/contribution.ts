// All that one origin contributes to one stream: the map that composes its fields by the schema,
// and the context of the dots by which it came to be.
import { DotContext } from "./context.ts";
import type { FieldState, Joining } from "./field-state.ts";
import { CounterState, EpochState, FlooredState, GrowState } from "./floored-state.ts";
import type { Op } from "./part.ts";
import { RegisterState, SharedRegisterState } from "./register-state.ts";
import type { Standing } from "./removals.ts";
import { FIELD_LIST, type Field, LAST_FIRST_FIELD, laterField, type StreamId } from "./schema.ts";
import { SetState } from "./set-state.ts";
import type { Key, Plain } from "./value.ts";

function createField(field: Field): FieldState {
  switch (field.kind) {
    case "register":
      return new RegisterState(field);
    case "shared-register":
      return new SharedRegisterState(field);
    case "g-counter":
      return new CounterState(field);
    case "epoch-counter":
      return new EpochState(field);
    case "grow-set":
      return new GrowState(field);
    case "or-set":
    case "leased-set":
      return new SetState(field);
  }
}

export class Contribution implements Standing {
  readonly context: DotContext;
  /** By field id; the fields of other streams are not there. */
  readonly fields: (FieldState | undefined)[];
  /** By field id. */
  readonly present: FieldState[];
  readonly #stream: StreamId;

  constructor(stream: StreamId, incarnation: number) {
    this.context = new DotContext(incarnation);
    this.#stream = stream;
    this.fields = FIELD_LIST.map((field) =>
      field.stream === stream ? createField(field) : undefined,
    );
    this.present = this.fields.filter((field) => field !== undefined);
  }

  /** The state of a field that its id names in an op, also one that restates a floor. */
  of(op: Op): FieldState | undefined {
    const id = op[0] as number;
    return this.fields[id < 0 ? -1 - id : id] ?? this.#later(id);
  }

  /** A register of a later program, from the first op of it on. */
  #later(id: number): FieldState | undefined {
    const field = laterField(id, this.#stream);
    if (field === null) return undefined;
    const state = new RegisterState(field);
    this.fields[id] = state;
    this.present.push(state);
    this.present.sort((a, b) => a.field.id - b.field.id);
    return state;
  }

  dotOf(fieldId: number, key: Key): number | null {
    return this.fields[fieldId]?.cells.get(key)?.stamp ?? null;
  }

  /**
   * Takes the ops that are the origin's own: all but what it removed of others. Floors may be taken
   * from a part of any incarnation.
   */
  take(ops: readonly Op[], joining: Joining): void {
    for (const op of ops) {
      const state = this.of(op);
      if ((op[0] as number) < 0) takeFloor(state, op);
      else if (state?.isForeign(op) === false) state.take(op, joining);
    }
  }

  /** What an older incarnation said, or a copy that knows of one: only ever raises floors. */
  takeFloors(ops: readonly Op[]): void {
    for (const op of ops) takeFloor(this.of(op), op);
  }

  /** What a copy of an origin's state adds to it: floors that its maker knew of. */
  takeOnlyFloors(ops: readonly Op[]): void {
    for (const op of ops) if ((op[0] as number) < 0) takeFloor(this.of(op), op);
  }

  /** What `next`, a newer incarnation of the same origin, must not step below. */
  carryInto(next: Contribution): void {
    for (const state of this.present) {
      const into = next.fields[state.field.id];
      if (into !== undefined) state.carryInto(into);
    }
  }

  sweep(last: number, round: number): void {
    for (const state of this.present) state.sweep(last, round);
  }

  sweepInterval(first: number, last: number, round: number): void {
    for (const state of this.present) state.sweepInterval(first, last, round);
  }

  settle(): void {
    for (const state of this.present) state.settle(this.context);
  }

  /** From which counter on intervals can be told. */
  completeFrom(): number {
    return Math.max(...this.present.map((state) => state.completeFrom()));
  }

  restateAfter(counter: number, nowMs: number): Op[] {
    const telling = { last: this.context.counter, nowMs };
    return this.present.flatMap((state) => state.restateAfter(counter, telling));
  }

  /** The floors as ops: what older incarnations said beyond this one. */
  floorOps(): Op[] {
    return this.present.flatMap((state) =>
      state instanceof FlooredState ? state.floors.ops() : [],
    );
  }

  canonical(): Plain[] {
    const told = this.present.filter(
      ({ field, cells }) => field.id <= LAST_FIRST_FIELD || cells.size > 0,
    );
    return told.map((state) => [state.field.id, state.canonical()]);
  }
}

function takeFloor(state: FieldState | undefined, op: Op): void {
  if (state instanceof FlooredState) state.takeFloor(op);
}

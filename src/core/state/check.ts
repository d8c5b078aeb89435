// What is wrong with a part that somebody else sent: its numbers, and each of its ops against the
// declaration of its field. A part is taken whole or not at all, so all of it is looked at before
// any of it is joined. Reasons begin with one word that may be counted.
import type { Contribution } from "./contribution.ts";
import type { FieldState } from "./field-state.ts";
import { FlooredState } from "./floored-state.ts";
import type { Op, Part } from "./part.ts";
import { isOriginText } from "./set-state.ts";
import { isCount } from "./value.ts";

/** A whole part of the largest stream has some 2,600 ops. */
export const OPS_MAX = 8_192;

/** The first fault of a part, or null. `shapes` has a state of each field of the stream. */
export function partFault(part: Part, shapes: Contribution): string | null {
  const { incarnation, first, last } = part;
  if (!isOriginText(part.origin)) return "malformed origin";
  if (!isCount(incarnation) || incarnation < 1) return "malformed incarnation";
  if (!isCount(first) || !isCount(last) || first < 1 || last < first) return "malformed dots";
  if (part.ops.length > OPS_MAX) return `too-large: ${part.ops.length} ops`;
  for (const op of part.ops) {
    const fault = opFault(op, part, shapes);
    if (fault !== null) return fault;
  }
  return null;
}

function opFault(op: Op, part: Part, shapes: Contribution): string | null {
  const id = Array.isArray(op) ? op[0] : null;
  if (typeof id !== "number") return "malformed op";
  const state = shapes.of(op);
  if (state === undefined) return `unknown-field ${id}`;
  if (id < 0 && !(part.whole && state instanceof FlooredState)) return `malformed floor ${id}`;
  return state.check(op, part);
}

export type Room = "enough" | "too-many-keys" | "too-many-pending";

/** Whether the fields of a contribution stay within their bounds when these ops are joined. */
export function roomFor(ops: readonly Op[], into: Contribution, whole: boolean): Room {
  const only = ops.length === 1 ? ops[0] : undefined;
  if (only !== undefined && !whole) return roomForOne(only, into.of(only));
  // Also those of a later program, which are there from their first op on.
  for (const op of ops) into.of(op);
  for (const state of into.present) {
    const mine = ops.filter((op) => op[0] === state.field.id);
    const room = mine.length === 0 ? "enough" : roomForMany(mine, state, whole);
    if (room !== "enough") return room;
  }
  return "enough";
}

function roomForOne(op: Op, state: FieldState | undefined): Room {
  if (state === undefined || (op[0] as number) < 0) return "enough";
  if (!state.hasRoomForPending(1)) return "too-many-pending";
  const fits = state.cells.size < state.field.maxKeys || !state.grows(op);
  return fits ? "enough" : "too-many-keys";
}

function roomForMany(ops: readonly Op[], state: FieldState, whole: boolean): Room {
  if (!state.hasRoomForPending(ops.length)) return "too-many-pending";
  const { maxKeys } = state.field;
  // Only near the bound must it be known exactly.
  if ((whole ? 0 : state.cells.size) + ops.length <= maxKeys) return "enough";
  return state.sizeAfter(ops, whole) <= maxKeys ? "enough" : "too-many-keys";
}

/** The ops that remove what other origins added. */
export function foreignOps(ops: readonly Op[], shapes: Contribution): readonly Op[] {
  if (ops.length === 1) {
    const only = ops[0];
    return only !== undefined && isForeign(only, shapes) ? ops : NO_OPS;
  }
  return ops.filter((op) => isForeign(op, shapes));
}

const NO_OPS: readonly Op[] = [];

function isForeign(op: Op, shapes: Contribution): boolean {
  return shapes.of(op)?.isForeign(op) ?? false;
}

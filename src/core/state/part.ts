// What travels: a part of one origin's changes in one stream. One dot, an interval of dots joined
// to one, or (whole) everything that the origin contributes as of `last`.
//
// An op is a short positional list, [field id, key, ...], whose rest depends on the field's kind:
//
//   register         value
//   shared-register  value, wallMs, count               the writer's hybrid clock
//   g-counter        total
//   epoch-counter    epoch, in, out
//   grow-set         value
//   or-set           back, value?                        an add by the dot `last - back`
//                    -1 - back                           the origin removes what it added by then
//                    origin, incarnation, counter        it removes what it saw of another one
//   leased-set       back, leaseMs, ageMs, value?        as an or-set, but only its owner removes
//                    -1 - back
//
// Dots of the origin itself are counted back from the part's last one: what lives is mostly young,
// so a state takes no more bytes after a million changes than after some thousands.
//
// A field id below zero (-1 - id) restates what the origin said in an older incarnation and has not
// reached again: totals and grow-only elements that must not step back. A value that is null is
// left out at the end of an add.
import type { Hlc } from "./hlc.ts";
import type { FieldName, StreamId } from "./schema.ts";
import type { Key, Plain } from "./value.ts";

export type Op = readonly Plain[];

export interface Part {
  readonly stream: StreamId;
  readonly origin: string;
  readonly incarnation: number;
  /** Counters of the first and the last dot that are in it, both included. */
  readonly first: number;
  readonly last: number;
  /** Everything that the origin contributes as of `last`; what is not in it is gone. */
  readonly whole: boolean;
  readonly ops: readonly Op[];
}

/** What a writer asks its own replica for; one `change` call makes one dot of any number. */
export type Change =
  /** A register's value; a shared one needs the stamp of its write. */
  | {
      readonly kind: "set";
      readonly field: FieldName;
      readonly key: Key;
      readonly value: Plain;
      readonly hlc?: Hlc;
    }
  /** A g-counter: so many more. */
  | {
      readonly kind: "count";
      readonly field: FieldName;
      readonly key: Key;
      readonly by: number;
    }
  /** A g-counter: at least so many in all (from the log, after a restart). */
  | {
      readonly kind: "total";
      readonly field: FieldName;
      readonly key: Key;
      readonly total: number;
    }
  /** An epoch counter: so many more went in and out, in the newest epoch that is known here. */
  | {
      readonly kind: "pass";
      readonly field: FieldName;
      readonly key: Key;
      readonly in: number;
      readonly out: number;
    }
  /** An epoch counter: it was seen empty, so a new epoch begins. */
  | { readonly kind: "empty"; readonly field: FieldName; readonly key: Key }
  /** An epoch counter: at least this (from the log, after a restart). */
  | {
      readonly kind: "passed";
      readonly field: FieldName;
      readonly key: Key;
      readonly epoch: number;
      readonly in: number;
      readonly out: number;
    }
  /** A set's element; `leaseMs` for a leased one, `ageMs` if it was seen a while ago. */
  | {
      readonly kind: "add";
      readonly field: FieldName;
      readonly key: Key;
      readonly value?: Plain;
      readonly leaseMs?: number;
      readonly ageMs?: number;
    }
  /** A set's element as this replica sees it, whoever added it (a leased one: its own only). */
  | { readonly kind: "remove"; readonly field: FieldName; readonly key: Key }
  /** What this origin itself added of a set's element; what others added stays. */
  | { readonly kind: "retire"; readonly field: FieldName; readonly key: Key }
  /** What somebody removed of another's set, whose author does not tell it any more. */
  | {
      readonly kind: "forward";
      readonly field: FieldName;
      readonly key: Key;
      readonly origin: string;
      readonly incarnation: number;
      readonly counter: number;
    };

/** A writer went beyond a declared bound; nothing was applied. */
export class BoundError extends Error {
  override readonly name = "BoundError";
}

// One stream of replicated state, as one node has it: what every origin contributes, itself
// included. Pure: no clock, no randomness; `nowMs` is monotonic time (`leaseNow`) and only stamps
// when a lease was received.
//
// **One writer for each contribution.** A change of ours makes the next dot of our own sequence and
// is told as a `Part`. What an origin contributes is a function of its own dots alone, so joining
// is: keep, for each origin, what its dots say. That is associative, commutative and idempotent
// whatever the types; the types (`register-state`, `floored-state`, `set-state`) only say how dots
// of *one* origin are joined to intervals and how contributions of *several* are read together.
//
// **Context.** For each origin a version (incarnation, counter) and up to 1,024 dots ahead of it. A
// newer incarnation is entered by a whole part only and covers all of the older ones. Nothing else
// is kept of the past: an element whose dot is covered and which is not there was removed.
//
// **What others say of ours.** `owed` tells what this origin should say because of it: retire what
// others removed (`removals.ts`), raise counters to what its neighbours remember (`floors.ts`), end
// leases that ran out, adopt revocations of a member that was removed. The caller makes a `change`
// of it.
import { foreignOps, partFault, roomFor } from "./check.ts";
import { Contribution } from "./contribution.ts";
import type { Joining, Writing } from "./field-state.ts";
import { FlooredState, GrowState } from "./floored-state.ts";
import {
  AHEAD,
  DUPLICATE,
  GAP,
  JOINED,
  type JoinResult,
  NEEDS_WHOLE,
  OLD_INCARNATION,
  refused,
  superseded,
} from "./join-result.ts";
import { BoundError, type Change, type Op, type Part } from "./part.ts";
import { FIELD_LIST, FIELDS, type StreamId } from "./schema.ts";
import { SetState } from "./set-state.ts";
import type { Key } from "./value.ts";
import { compareVersions, type Version } from "./version.ts";
import { ReplicaView } from "./view.ts";

/** Origins of one stream: a zone has some fifty. */
export const ORIGINS_MAX = 256;

export class Replica extends ReplicaView {
  /** One empty state of each field, for checking ops of origins that are not known yet. */
  readonly #shapes: Contribution;
  #own: Contribution;
  #round = 0;

  constructor(stream: StreamId, origin: string) {
    super(stream, origin);
    this.#shapes = new Contribution(stream, 0);
    this.#own = new Contribution(stream, 0);
    this.contributions.set(origin, this.#own);
  }

  /**
   * Opens a new incarnation of this origin with everything that it contributes now: what the
   * changes don't state is gone, but counters and grow-only elements that are known here from
   * before. Throws a `BoundError` beyond a bound, and when the incarnation is not newer than the
   * last.
   */
  begin(incarnation: number, changes: readonly Change[], nowMs: number): Part {
    const before = this.#own;
    if (incarnation <= before.context.incarnation) {
      throw new BoundError(`incarnation ${incarnation} after ${before.context.incarnation}`);
    }
    const next = new Contribution(this.stream, incarnation);
    before.carryInto(next);
    const ops = this.#written([...changes, ...owedFloors(next)], next);
    return this.#open(next, ops, nowMs);
  }

  /** Opens a new incarnation that contributes just what the present one does. */
  raise(incarnation: number, nowMs: number): Part {
    const before = this.#own;
    if (incarnation <= before.context.incarnation) {
      throw new BoundError(`incarnation ${incarnation} after ${before.context.incarnation}`);
    }
    const next = new Contribution(this.stream, incarnation);
    before.carryInto(next);
    const ops = before.present.flatMap((state) => state.restateAnew(nowMs));
    return this.#open(next, [...ops, ...this.removals.opsOf(this.origin, 0)], nowMs);
  }

  #open(next: Contribution, ops: readonly Op[], nowMs: number): Part {
    const part = this.#ownPart(next, { first: 1, last: 1, whole: true }, ops);
    this.#demand(part, next);
    this.#own = next;
    this.contributions.set(this.origin, next);
    this.#apply(part, next, nowMs);
    return part;
  }

  /**
   * Makes the next dot of this origin from some changes, applies it and returns what to tell. With
   * several changes of one key the dot has their result. A `BoundError` when a declared bound would
   * be passed: then nothing was applied.
   */
  change(changes: readonly Change[], nowMs: number): Part {
    const own = this.#own;
    if (own.context.incarnation === 0) throw new BoundError("no incarnation has begun");
    const dot = own.context.counter + 1;
    const ops = this.#written(changes, own);
    const part = this.#ownPart(own, { first: dot, last: dot, whole: false }, ops);
    this.#demand(part, own);
    this.#apply(part, own, nowMs);
    return part;
  }

  /** The ops of some changes; those of one key build on each other. */
  #written(changes: readonly Change[], own: Contribution): Op[] {
    const writing: Writing = {
      dot: own.context.counter + 1,
      epochOf: (field, key) => this.epoch(field.name, key),
      othersOf: (field, key) => this.othersOf(field.name, key),
    };
    const staged = new Map<string, readonly Op[]>();
    for (const change of changes) {
      const field = FIELDS[change.field];
      const state = own.fields[field.id];
      if (state === undefined) {
        throw new TypeError(`${change.field} is not in stream ${this.stream}`);
      }
      const id = `${field.id} ${change.key}`;
      staged.set(id, state.write(change, staged.get(id) ?? [], writing));
    }
    return [...staged.values()].flat();
  }

  #ownPart(
    own: Contribution,
    dots: Pick<Part, "first" | "last" | "whole">,
    ops: readonly Op[],
  ): Part {
    const { incarnation } = own.context;
    return { stream: this.stream, origin: this.origin, incarnation, ...dots, ops };
  }

  /** What strangers may not do, we don't either. */
  #demand(part: Part, into: Contribution): void {
    const fault = partFault(part, this.#shapes);
    if (fault !== null) throw new BoundError(fault);
    const room = roomFor(part.ops, into, part.whole);
    if (room !== "enough") throw new BoundError(room);
    const removals = foreignOps(part.ops, this.#shapes).length;
    if (removals > this.removals.roomOf(this.origin)) throw new BoundError("too-many-removals");
  }

  /**
   * Joins a part of any origin, in whatever order, however often. `nowMs` is when it was received,
   * less the age that whoever passed it on states.
   */
  join(part: Part, nowMs: number): JoinResult {
    if (part.stream !== this.stream) return refused(`other-stream ${part.stream}`);
    const fault = partFault(part, this.#shapes);
    if (fault !== null) return refused(fault);
    if (part.origin === this.origin) return this.#joinOwn(part);
    const known = this.contributions.get(part.origin);
    if (known === undefined || part.incarnation > known.context.incarnation) {
      return part.whole ? this.#enter(part, known, nowMs) : NEEDS_WHOLE;
    }
    if (part.incarnation < known.context.incarnation) {
      known.takeFloors(part.ops);
      this.#takeRemovals(part);
      return OLD_INCARNATION;
    }
    return this.#joinKnown(part, known, nowMs);
  }

  #joinKnown(part: Part, known: Contribution, nowMs: number): JoinResult {
    const { context } = known;
    const first = part.whole ? 1 : part.first;
    if (context.covers(first, part.last)) {
      // A copy may know of older incarnations and of removals that ours does not.
      if (part.whole) this.#takeCopy(part, known);
      return DUPLICATE;
    }
    // An interval says what has changed since the dot before it, so it needs that one here; a dot
    // alone says all of itself.
    const attaches = first <= context.counter + 1;
    if (!attaches && (part.first < part.last || !context.reaches(part.last))) return GAP;
    const fault = this.#roomFault(part, known);
    if (fault !== null) {
      // Removals that make room may be among the dots that are missing.
      const sure = first <= context.counter + 1 && context.contiguous;
      return sure ? refused(fault) : GAP;
    }
    this.#apply(part, known, nowMs);
    return context.counter >= part.last ? JOINED : AHEAD;
  }

  #roomFault(part: Part, into: Contribution): string | null {
    const room = roomFor(part.ops, into, part.whole);
    if (room !== "enough") return room;
    const removals = foreignOps(part.ops, this.#shapes).length;
    const fits = removals === 0 || removals <= this.removals.roomOf(part.origin);
    return fits ? null : "too-many-removals";
  }

  #enter(part: Part, known: Contribution | undefined, nowMs: number): JoinResult {
    if (known === undefined && this.contributions.size >= ORIGINS_MAX) {
      return refused("too-many-origins");
    }
    const next = new Contribution(this.stream, part.incarnation);
    const fault = this.#roomFault(part, next);
    if (fault !== null) return refused(fault);
    known?.carryInto(next);
    this.contributions.set(part.origin, next);
    this.#apply(part, next, nowMs);
    return JOINED;
  }

  /** What somebody else remembers of us: floors, and what we removed; never our present state. */
  #joinOwn(part: Part): JoinResult {
    const own = this.#own;
    const { incarnation, counter } = own.context;
    if (part.incarnation === incarnation) own.takeOnlyFloors(part.ops);
    else own.takeFloors(part.ops);
    // What we removed and have not told in this incarnation must be told again.
    this.#takeRemovals({ ...part, incarnation: 0 });
    if (incarnation === 0 || part.incarnation < incarnation) return OLD_INCARNATION;
    if (part.incarnation > incarnation) return superseded("newer-incarnation of ours");
    return part.last > counter ? superseded("unknown-dots of ours") : DUPLICATE;
  }

  #takeCopy(part: Part, known: Contribution): void {
    known.takeOnlyFloors(part.ops);
    this.#takeRemovals(part);
  }

  /** Joins a part that has no fault and for which there is room. */
  #apply(part: Part, into: Contribution, nowMs: number): void {
    const { context } = into;
    const first = part.whole ? 1 : part.first;
    const overlaps = part.first < part.last && context.meets(first, part.last);
    this.#round += 1;
    const own = into === this.#own;
    const joining: Joining = { context, last: part.last, nowMs, round: this.#round, own };
    into.take(part.ops, joining);
    if (part.whole) into.sweep(part.last, this.#round);
    else if (overlaps) into.sweepInterval(part.first, part.last, this.#round);
    context.add(first, part.last);
    into.settle();
    this.#takeRemovals(part);
    this.removals.settle(part.origin, into);
  }

  #takeRemovals(part: Part): void {
    const { origin: by, incarnation: byIncarnation } = part;
    for (const op of foreignOps(part.ops, this.#shapes)) {
      const [fieldId, key, target, incarnation, counter] = op as [
        number,
        Key,
        string,
        number,
        number,
      ];
      const standing = this.contributions.get(target) ?? null;
      this.removals.add(
        { target, fieldId, key, incarnation, counter, by, byIncarnation, at: part.last },
        standing,
      );
    }
  }

  /** What this origin should say because of what others said, and of leases that ended. */
  owed(nowMs: number): Change[] {
    const own = this.#own;
    if (own.context.incarnation === 0) return [];
    const changes: Change[] = owedFloors(own);
    for (const { fieldId, key } of this.removals.of(this.origin)) {
      const field = FIELD_LIST[fieldId]?.name;
      if (field === undefined || own.dotOf(fieldId, key) === null) continue;
      changes.push({ kind: "retire", field, key });
    }
    for (const state of own.present) {
      if (!(state instanceof SetState)) continue;
      const field = state.field.name;
      for (const key of state.expired(nowMs)) changes.push({ kind: "retire", field, key });
    }
    return [...changes, ...this.#forwarded(), ...this.#adopted()];
  }

  /** Removals that nobody else tells any more, as far as there is room. */
  #forwarded(): Change[] {
    return this.removals
      .orphans()
      .slice(0, this.removals.roomOf(this.origin))
      .flatMap(({ fieldId, key, target, incarnation, counter }): Change[] => {
        const field = FIELD_LIST[fieldId]?.name;
        if (field === undefined || target === this.origin) return [];
        return [{ kind: "forward", field, key, origin: target, incarnation, counter }];
      });
  }

  /** Elements of removed members that nobody states any more. */
  #adopted(): Change[] {
    return owedFloors(this.orphans).filter(({ field, key }) =>
      [...this.contributions.values()].every(
        (contribution) => contribution.dotOf(FIELDS[field].id, key) === null,
      ),
    );
  }

  /**
   * Everything of ours after a version, joined to one part: what was superseded since is left out.
   * Null when it is no longer known what was removed since, or when nothing is missing.
   */
  interval(after: Version, nowMs: number): Part | null {
    const own = this.#own;
    const { incarnation, counter } = own.context;
    const known = after.incarnation === incarnation && after.counter >= own.completeFrom();
    if (!known || after.counter < 1 || after.counter >= counter) return null;
    const ops = [
      ...own.restateAfter(after.counter, nowMs),
      ...this.removals.opsOf(this.origin, after.counter),
    ];
    return this.#ownPart(own, { first: after.counter + 1, last: counter, whole: false }, ops);
  }

  /** All that we contribute; as of version 0.0 when no incarnation has begun. */
  whole(nowMs: number): Part {
    return this.wholePart(this.origin, this.#own, nowMs);
  }

  /** What to send to somebody who has us up to a version: the shorter of both; null for nothing. */
  missing(after: Version | null, nowMs: number): Part | null {
    const own = this.#own.context;
    if (own.incarnation === 0) return null;
    const version = after ?? { incarnation: 0, counter: 0 };
    if (compareVersions(version, own) >= 0) return null;
    const whole = this.whole(nowMs);
    const interval = this.interval(version, nowMs);
    return interval === null || interval.ops.length > whole.ops.length ? whole : interval;
  }

  /**
   * Forgets a member that the zone removed. What only grows stays, until it is stated by another.
   */
  drop(origin: string): void {
    if (origin === this.origin) throw new TypeError("a replica does not drop itself");
    const known = this.contributions.get(origin);
    if (known === undefined) return;
    for (const state of known.present) {
      const into = this.orphans.fields[state.field.id];
      if (state instanceof GrowState && into !== undefined) state.carryInto(into);
    }
    this.contributions.delete(origin);
    this.removals.dropTarget(origin);
  }
}

/** What an origin must say again so that it reaches what it once said. */
function owedFloors(contribution: Contribution): Change[] {
  return contribution.present.flatMap((state) =>
    state instanceof FlooredState ? state.owed() : [],
  );
}

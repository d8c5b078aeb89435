// What is read of a stream: the contributions of all origins together. A register with one writer
// is read of that one; counters are summed; of a shared register the write with the highest clock
// stands; an element is there while any origin's newest dot of it is neither removed nor, in a
// leased set, out of its time.
import { Contribution } from "./contribution.ts";
import type { ForeignDot } from "./field-state.ts";
import { CounterState, EpochState, FlooredState } from "./floored-state.ts";
import { compareWrites, type Hlc } from "./hlc.ts";
import type { Part } from "./part.ts";
import { RegisterState, SharedRegisterState } from "./register-state.ts";
import { Removals } from "./removals.ts";
import { FIELDS, type FieldName, type StreamId } from "./schema.ts";
import { SetState } from "./set-state.ts";
import { compareKeys, compareText, type Key, type Plain } from "./value.ts";
import type { Version } from "./version.ts";

/** A set's element: who added it, and the value that the first of them gave. */
export interface Element {
  readonly key: Key;
  readonly value: Plain;
  /** In order of their ids. */
  readonly origins: readonly string[];
}

/** What stands in a register that several write. */
export interface Written {
  readonly value: Plain;
  readonly hlc: Hlc;
  readonly origin: string;
}

interface Seen extends ForeignDot {
  readonly value: Plain;
}

export class ReplicaView {
  readonly stream: StreamId;
  readonly origin: string;
  protected readonly contributions = new Map<string, Contribution>();
  protected readonly removals = new Removals(
    (author) => this.contributions.get(author)?.context.incarnation ?? 0,
  );
  /** Grow-only elements of removed members. */
  protected readonly orphans: Contribution;

  constructor(stream: StreamId, origin: string) {
    this.stream = stream;
    this.origin = origin;
    this.orphans = new Contribution(stream, 0);
  }

  /** Every origin of which something is known, this one included once it has begun; by id. */
  origins(): string[] {
    return [...this.contributions]
      .filter(([, { context }]) => context.incarnation > 0)
      .map(([origin]) => origin)
      .sort(compareText);
  }

  /** The highest dot of an origin up to which none is missing; null when nothing is known. */
  version(origin: string): Version | null {
    const context = this.contributions.get(origin)?.context;
    if (context === undefined || context.incarnation === 0) return null;
    return { incarnation: context.incarnation, counter: context.counter };
  }

  versions(): Map<string, Version> {
    const versions = new Map<string, Version>();
    for (const origin of this.contributions.keys()) {
      const version = this.version(origin);
      if (version !== null) versions.set(origin, version);
    }
    return versions;
  }

  /** Whether an origin once said more than it says now: then it should be told (`Replica.echo`). */
  remembers(origin: string): boolean {
    const present = this.contributions.get(origin)?.present ?? [];
    return present.some((state) => state instanceof FlooredState && state.floors.size > 0);
  }

  /** The value of one origin's register; undefined when it never wrote it. */
  register(field: FieldName, origin: string, key: Key): Plain | undefined {
    const state = this.contributions.get(origin)?.fields[FIELDS[field].id];
    return state instanceof RegisterState ? state.cells.get(key)?.value : undefined;
  }

  /** All that one origin's registers of a field hold, in order of their keys. */
  registers(field: FieldName, origin: string): (readonly [Key, Plain])[] {
    const state = this.contributions.get(origin)?.fields[FIELDS[field].id];
    if (!(state instanceof RegisterState)) return [];
    return [...state.cells]
      .map(([key, { value }]) => [key, value] as const)
      .sort(([a], [b]) => compareKeys(a, b));
  }

  /** The keys of a field that an origin has written, in order. */
  keys(field: FieldName, origin: string): Key[] {
    return this.contributions.get(origin)?.fields[FIELDS[field].id]?.sortedKeys() ?? [];
  }

  /**
   * What stands in a register that several write; undefined when nobody did. Writes with a stamp
   * above `upToMs`, wall ms, are passed over.
   */
  shared(field: FieldName, key: Key, upToMs = Number.POSITIVE_INFINITY): Written | undefined {
    let newest: Written | undefined;
    for (const [origin, contribution] of this.contributions) {
      const state = contribution.fields[FIELDS[field].id];
      const cell = state instanceof SharedRegisterState ? state.cells.get(key) : undefined;
      if (cell === undefined) continue;
      const { value, hlc } = cell;
      if (hlc.wallMs > upToMs) continue;
      if (newest !== undefined && compareWrites(hlc, origin, newest.hlc, newest.origin) < 0) {
        continue;
      }
      newest = { value, hlc, origin };
    }
    return newest;
  }

  /** A counter's sum over all origins, or the total of one. */
  total(field: FieldName, key: Key, origin?: string): number {
    let sum = 0;
    for (const [id, contribution] of this.contributions) {
      const state = contribution.fields[FIELDS[field].id];
      if (!(state instanceof CounterState)) continue;
      if (origin === undefined || origin === id) sum += state.total(key);
    }
    return sum;
  }

  /** The totals that one origin says of a counter's keys, together. */
  totalOfAll(field: FieldName, origin: string): number {
    const state = this.contributions.get(origin)?.fields[FIELDS[field].id];
    return state instanceof CounterState ? state.totalOfAll() : 0;
  }

  /** The highest epoch of an epoch counter that any origin has opened; 0 when none has. */
  epoch(field: FieldName, key: Key): number {
    let newest = 0;
    for (const { fields } of this.contributions.values()) {
      const state = fields[FIELDS[field].id];
      if (state instanceof EpochState) newest = Math.max(newest, state.epoch(key));
    }
    return newest;
  }

  /** Ins minus outs in the newest epoch. */
  occupancy(field: FieldName, key: Key): number {
    const epoch = this.epoch(field, key);
    let sum = 0;
    for (const { fields } of this.contributions.values()) {
      const state = fields[FIELDS[field].id];
      if (state instanceof EpochState) sum += state.balance(key, epoch);
    }
    return sum;
  }

  /**
   * A set's elements in order of their keys; leases that have ended by `nowMs` are not among them.
   */
  elements(field: FieldName, nowMs: number): Element[] {
    const found = new Map<Key, Seen[]>();
    for (const seen of this.#seen(field, nowMs)) {
      const holders = found.get(seen.key);
      if (holders === undefined) found.set(seen.key, [seen]);
      else holders.push(seen);
    }
    return [...found.entries()]
      .sort(([a], [b]) => compareKeys(a, b))
      .map(([key, holders]) => {
        holders.sort((a, b) => compareText(a.origin, b.origin));
        const value = holders[0]?.value ?? null;
        return { key, value, origins: holders.map(({ origin }) => origin) };
      });
  }

  /** The dots by which elements of a set stand, leases that have ended among them. */
  *standing(field: FieldName): Iterable<ForeignDot & { readonly key: Key }> {
    yield* this.#seen(field, Number.NEGATIVE_INFINITY);
  }

  /** Every origin's own elements that are neither removed nor out of their time. */
  *#seen(field: FieldName, nowMs: number): Iterable<Seen & { readonly key: Key }> {
    const fieldId = FIELDS[field].id;
    for (const [origin, { context, fields }] of this.contributions) {
      const { incarnation } = context;
      const state = fields[fieldId];
      if (state instanceof SetState) {
        for (const [key, { stamp: counter, untilMs, value }] of state.cells) {
          const dot = { fieldId, key, incarnation, counter };
          if (nowMs > untilMs || this.removals.hides(origin, dot)) continue;
          yield { key, origin, incarnation, counter, value };
        }
      } else if (state instanceof FlooredState) {
        yield* saidElements(origin, state);
      }
    }
    const left = this.orphans.fields[fieldId];
    if (left instanceof FlooredState) yield* saidElements("", left);
  }

  /** The dots by which others are seen to have added an element that is not removed. */
  protected othersOf(field: FieldName, key: Key): ForeignDot[] {
    const fieldId = FIELDS[field].id;
    const found: ForeignDot[] = [];
    for (const [origin, contribution] of this.contributions) {
      if (origin === this.origin) continue;
      const counter = contribution.dotOf(fieldId, key);
      if (counter === null) continue;
      const { incarnation } = contribution.context;
      if (this.removals.hides(origin, { fieldId, key, incarnation, counter })) continue;
      found.push({ origin, incarnation, counter });
    }
    return found;
  }

  /**
   * All that another origin contributes, to keep or to join elsewhere; null when nothing is known
   * of it, or when dots are missing, for then it can't be told as of one dot.
   */
  wholeOf(origin: string, nowMs: number): Part | null {
    const known = this.contributions.get(origin);
    if (known === undefined || known.context.counter === 0) return null;
    return known.context.contiguous ? this.wholePart(origin, known, nowMs) : null;
  }

  protected wholePart(origin: string, known: Contribution, nowMs: number): Part {
    const { incarnation, counter } = known.context;
    const ops = [
      ...known.restateAfter(0, nowMs),
      ...known.floorOps(),
      ...this.removals.opsOf(origin, 0),
    ];
    return {
      stream: this.stream,
      origin,
      incarnation,
      first: 1,
      last: Math.max(1, counter),
      whole: true,
      ops,
    };
  }

  /**
   * What is known of an origin that it must not lose over a restart: totals, grow-only elements,
   * and what it removed, all in incarnations before `present`. It joins this as its own before or
   * after it begins.
   */
  echo(origin: string, present = Number.POSITIVE_INFINITY): Part | null {
    const known = this.contributions.get(origin);
    if (known === undefined) return null;
    const { incarnation, counter } = known.context;
    const floors = new Contribution(this.stream, 0);
    if (incarnation < present) known.carryInto(floors);
    const said = incarnation < present ? floors : known;
    const ops = [...said.floorOps(), ...this.removals.opsOf(origin, 0)];
    return {
      stream: this.stream,
      origin,
      incarnation: Math.max(1, incarnation),
      first: 1,
      last: Math.max(1, counter),
      whole: true,
      ops,
    };
  }

  /**
   * What an origin contributes, for comparing: equal for any two replicas that have the same dots
   * of it, however they came. Nothing that depends on receipt is in it, nor what others say of it.
   */
  canonical(origin: string): Plain {
    const known = this.contributions.get(origin);
    if (known === undefined || known.context.incarnation === 0) return null;
    const { incarnation } = known.context;
    return [incarnation, known.context.ranges(), known.canonical()];
  }

  /**
   * What is read of all fields together, without regard to leases: equal at any two replicas once
   * each has told all that it owes and has every dot of every origin.
   */
  merged(): Plain {
    return this.orphans.present.map(({ field }): Plain => {
      const keys = new Set<Key>();
      for (const { fields } of this.contributions.values()) {
        for (const key of fields[field.id]?.readKeys() ?? []) keys.add(key);
      }
      const sorted = [...keys].sort(compareKeys);
      return [field.id, this.#mergedField(field.name, sorted)];
    });
  }

  #mergedField(name: FieldName, keys: readonly Key[]): Plain {
    switch (FIELDS[name].kind) {
      case "register":
        return keys.map((key) =>
          this.origins().map((origin) => [origin, key, this.register(name, origin, key) ?? null]),
        );
      case "shared-register":
        return keys.map((key) => [key, this.shared(name, key)?.value ?? null]);
      case "g-counter":
        return keys.map((key) => [key, this.total(name, key)]);
      case "epoch-counter":
        return keys.map((key) => [key, this.epoch(name, key), this.occupancy(name, key)]);
      default:
        return this.elements(name, -Infinity).map(({ key, value }) => [key, value]);
    }
  }
}

/** What a grow-only set holds of one origin, in its present incarnation or before. */
function* saidElements(
  origin: string,
  state: FlooredState,
): Iterable<Seen & { readonly key: Key }> {
  const counter = 0;
  for (const key of state.readKeys()) {
    yield { key, origin, incarnation: 0, counter, value: state.reading(key)?.[0] ?? null };
  }
}

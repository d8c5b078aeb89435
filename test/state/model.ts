// What replicated state means, told the simple way: whole histories and no deltas. Every dot that
// was ever made is kept with what it meant; a replica is the set of the dots that it has;
// everything that is read is worked out anew from them. Slow, never forgets, and shares no code
// with the replica that it is compared with but the order of keys.
import type { Change } from "../../src/core/state/part.ts";
import {
  FIELD_LIST,
  FIELDS,
  type FieldName,
  LAST_FIRST_FIELD,
  type StreamId,
} from "../../src/core/state/schema.ts";
import { compareKeys, type Key, type Plain } from "../../src/core/state/value.ts";
import type { Dot, Event, History, Meaning } from "./history.ts";

type Known = Map<string, Map<number, Set<number>>>;

function note(known: Known, origin: string, incarnation: number, dots: [number, number]): void {
  const incarnations = known.get(origin) ?? new Map<number, Set<number>>();
  known.set(origin, incarnations);
  const counters = incarnations.get(incarnation) ?? new Set<number>();
  incarnations.set(incarnation, counters);
  for (let counter = dots[0]; counter <= dots[1]; counter += 1) counters.add(counter);
}

/** The joins of what one origin says of a counter or grow-only element. */
function joinSaid(field: FieldName, a: readonly Plain[], b: readonly Plain[]): readonly Plain[] {
  const [first, second] = [a.map(Number), b.map(Number)];
  if (FIELDS[field].kind === "grow-set") return a;
  if (FIELDS[field].kind === "epoch-counter" && first[0] !== second[0]) {
    return (first[0] ?? 0) > (second[0] ?? 0) ? a : b;
  }
  return first.map((value, index) => Math.max(value, second[index] ?? 0));
}

export class Model {
  readonly #history: History;
  readonly #stream: StreamId;
  readonly #origin: string;
  /** By origin and incarnation: the counters of the dots that are here. */
  readonly #dots: Known = new Map();
  /** The same of dots that it only heard of: what others remember of older incarnations. */
  readonly #heard: Known = new Map();

  constructor(history: History, stream: StreamId, origin: string) {
    this.#history = history;
    this.#stream = stream;
    this.#origin = origin;
  }

  /** The dots of a part came: all from `first` to `last`. */
  receive(origin: string, incarnation: number, first: number, last: number): void {
    note(this.#dots, origin, incarnation, [first, last]);
  }

  /** Another replica told all that it knows of an origin's incarnations below `below`. */
  hear(other: Model, origin: string, below: number): void {
    for (const known of [other.#dots, other.#heard]) {
      for (const [incarnation, counters] of known.get(origin) ?? []) {
        if (incarnation >= below) continue;
        for (const counter of counters) note(this.#heard, origin, incarnation, [counter, counter]);
      }
    }
  }

  /** Somebody told dots that are not present state here: this origin's own, of before. */
  hearDots(origin: string, incarnation: number, dots: [number, number]): void {
    note(this.#heard, origin, incarnation, dots);
  }

  /** This origin makes a dot; what it means depends on what it has. */
  make(incarnation: number, counter: number, changes: readonly Change[]): void {
    const meanings: Meaning[] = [];
    for (const change of changes) meanings.push(this.#meaning(change));
    this.#history.add({ origin: this.#origin, incarnation, counter, meanings });
    this.receive(this.#origin, incarnation, counter, counter);
  }

  #meaning(change: Change): Meaning {
    const { field, key } = change;
    switch (change.kind) {
      case "set": {
        const { value, hlc } = change;
        if (hlc === undefined) return { kind: "set", field, key, value };
        return { kind: "shared", field, key, value, hlc };
      }
      case "add": {
        const value = change.value ?? null;
        if (FIELDS[field].kind !== "grow-set") {
          return { kind: "add", field, key, value, leaseMs: change.leaseMs ?? 0 };
        }
        return {
          kind: "said",
          field,
          key,
          said: this.reading(this.#origin, field, key) ?? [value],
        };
      }
      case "forward": {
        const { origin, incarnation, counter } = change;
        return { kind: "remove", field, key, dots: [{ origin, incarnation, counter }] };
      }
      case "remove":
      case "retire": {
        const own = change.kind === "retire" || FIELDS[field].kind === "leased-set";
        const dots = this.#adds(field)
          .filter((add) => add.key === key && (add.origin === this.#origin || !own))
          .filter((add) => add.origin === this.#origin || !this.#isRemovedByOthers(field, add));
        return { kind: "remove", field, key, dots };
      }
      default:
        return { kind: "said", field, key, said: this.#counted(change) };
    }
  }

  #counted(change: Change): readonly Plain[] {
    const { field, key } = change;
    const before = this.reading(this.#origin, field, key);
    if (change.kind === "total") return joinSaid(field, before ?? [0], [change.total]);
    if (change.kind === "count") return [Number(before?.[0] ?? 0) + change.by];
    if (change.kind === "passed") {
      return joinSaid(field, before ?? [0, 0, 0], [change.epoch, change.in, change.out]);
    }
    const newest = this.epoch(field, key);
    if (change.kind === "empty") return [newest + 1, 0, 0];
    if (change.kind !== "pass") throw new Error(`no counter takes ${change.kind}`);
    const [epoch, ins, outs] = (before ?? [0, 0, 0]).map(Number);
    if (epoch !== newest) return [newest, change.in, change.out];
    return [newest, (ins ?? 0) + change.in, (outs ?? 0) + change.out];
  }

  /** What it is now, to be remembered while the original goes on. */
  copy(): Model {
    const copy = new Model(this.#history, this.#stream, this.#origin);
    for (const origin of this.#dots.keys()) {
      for (const [incarnation, counters] of this.#dots.get(origin) ?? []) {
        for (const one of counters) copy.receive(origin, incarnation, one, one);
      }
    }
    for (const origin of this.#heard.keys()) copy.hear(this, origin, Number.POSITIVE_INFINITY);
    return copy;
  }

  /** What this origin must not step below, as changes. */
  floors(): Change[] {
    return this.#fields().flatMap((field) =>
      this.keys(field.name).flatMap((key): Change[] => {
        const said = this.reading(this.#origin, field.name, key);
        if (said === null) return [];
        const [first, second, third] = said.map(Number);
        if (field.kind === "grow-set") {
          return [{ kind: "add", field: field.name, key, value: said[0] ?? null }];
        }
        if (field.kind === "g-counter") {
          return [{ kind: "total", field: field.name, key, total: first ?? 0 }];
        }
        const epoch = first ?? 0;
        const [ins, outs] = [second ?? 0, third ?? 0];
        return [{ kind: "passed", field: field.name, key, epoch, in: ins, out: outs }];
      }),
    );
  }

  /** What registers and sets of this origin hold now, as changes of a new incarnation. */
  #restated(): Change[] {
    const changes = this.#fields().flatMap(({ name }) => this.#restatedSet(name));
    for (const meaning of this.#present(this.#origin).flatMap(({ meanings }) => meanings)) {
      const { field, key } = meaning;
      if (meaning.kind === "set") changes.push({ kind: "set", field, key, value: meaning.value });
      if (meaning.kind !== "shared") continue;
      changes.push({ kind: "set", field, key, value: meaning.value, hlc: meaning.hlc });
    }
    return changes;
  }

  /** Its elements, and its removals of what others still have. */
  #restatedSet(field: FieldName): Change[] {
    const own = this.#ownAdds(this.#origin, field).map(
      ({ key, value, leaseMs }): Change => ({ kind: "add", field, key, value, leaseMs }),
    );
    const removed = this.#adds(field)
      .filter((add) => add.origin !== this.#origin && this.#isRemovedByOthers(field, add))
      .map(({ key, origin, incarnation, counter }): Change => {
        return { kind: "forward", field, key, origin, incarnation, counter };
      });
    return [...own, ...removed];
  }

  /** This origin restates all that it contributes in a new incarnation. */
  raise(incarnation: number): void {
    this.make(incarnation, 1, [...this.#restated(), ...this.floors()]);
  }

  #fields() {
    return FIELD_LIST.filter(({ stream }) => stream === this.#stream);
  }

  /** The newest incarnation of an origin of which anything came; 0 for none. */
  incarnation(origin: string): number {
    return Math.max(0, ...(this.#dots.get(origin)?.keys() ?? []));
  }

  /** What the dots of an incarnation that are here mean, in order. */
  #events(origin: string, incarnation: number): Event[] {
    return [...(this.#dots.get(origin)?.get(incarnation) ?? [])]
      .sort((a, b) => a - b)
      .map((counter) => this.#history.get({ origin, incarnation, counter }));
  }

  #present(origin: string): Event[] {
    return this.#events(origin, this.incarnation(origin));
  }

  /** What an origin ever said of a key, of all incarnations together. */
  reading(origin: string, field: FieldName, key: Key): readonly Plain[] | null {
    return this.#said(this.#ever(origin), field, key);
  }

  /** What all of an origin's dots mean that came or were heard of. */
  #ever(origin: string): Event[] {
    return [this.#dots, this.#heard].flatMap((known) =>
      [...(known.get(origin) ?? [])].flatMap(([incarnation, counters]) =>
        [...counters].map((counter) => this.#history.get({ origin, incarnation, counter })),
      ),
    );
  }

  #said(events: readonly Event[], field: FieldName, key: Key): readonly Plain[] | null {
    let joined: readonly Plain[] | null = null;
    for (const meaning of events.flatMap(({ meanings }) => meanings)) {
      if (meaning.kind !== "said" || meaning.field !== field || meaning.key !== key) continue;
      joined = joined === null ? meaning.said : joinSaid(field, joined, meaning.said);
    }
    return joined;
  }

  epoch(field: FieldName, key: Key): number {
    return Math.max(
      0,
      ...this.#origins().map((o) => Number(this.reading(o, field, key)?.[0] ?? 0)),
    );
  }

  /** Every origin's own elements: the newest dot of each, unless the origin itself removed it. */
  #ownAdds(origin: string, field: FieldName) {
    const newest = new Map<Key, Dot & { key: Key; value: Plain; leaseMs: number }>();
    const events = this.#present(origin);
    for (const { counter, incarnation, meanings } of events) {
      for (const meaning of meanings) {
        if (meaning.field !== field || meaning.kind !== "add") continue;
        const { key, value, leaseMs } = meaning;
        newest.set(key, { origin, incarnation, counter, key, value, leaseMs });
      }
    }
    const removed = events.flatMap(({ meanings }) => meanings);
    return [...newest.values()].filter(
      (add) =>
        !removed.some(
          (meaning) =>
            meaning.kind === "remove" &&
            meaning.field === field &&
            meaning.key === add.key &&
            meaning.dots.some((dot) => dot.origin === origin && dot.counter >= add.counter),
        ),
    );
  }

  #adds(field: FieldName) {
    return [...this.#dots.keys()].flatMap((origin) => this.#ownAdds(origin, field));
  }

  /** Whether a removal that came, of any author and incarnation, saw this add. */
  #isRemovedByOthers(field: FieldName, add: Dot & { readonly key: Key }): boolean {
    return this.#origins().some((author) =>
      this.#ever(author)
        .flatMap(({ meanings }) => meanings)
        .some(
          (meaning) =>
            meaning.kind === "remove" &&
            meaning.field === field &&
            meaning.key === add.key &&
            meaning.dots.some(
              (dot) =>
                dot.origin === add.origin &&
                dot.incarnation === add.incarnation &&
                dot.counter >= add.counter,
            ),
        ),
    );
  }

  #origins(): string[] {
    return [...new Set([...this.#dots.keys(), ...this.#heard.keys()])];
  }

  /** What `Replica.canonical` must say of an origin, without the ranges of its dots. */
  canonical(origin: string): Plain {
    const incarnation = this.incarnation(origin);
    if (incarnation === 0) return null;
    const fields = FIELD_LIST.filter(({ stream }) => stream === this.#stream);
    return [
      incarnation,
      fields
        .map(({ id, name }): [number, Plain[]] => [id, this.#canonicalField(origin, name)])
        .filter(([id, cells]) => id <= LAST_FIRST_FIELD || cells.length > 0),
    ];
  }

  #canonicalField(origin: string, field: FieldName): Plain[] {
    const events = this.#present(origin);
    const cells = new Map<Key, Plain>();
    for (const { key, counter, leaseMs, value } of this.#ownAdds(origin, field)) {
      cells.set(key, [key, counter, leaseMs, value]);
    }
    for (const meaning of events.flatMap(({ meanings }) => meanings)) {
      if (meaning.field !== field) continue;
      const { kind, key } = meaning;
      if (kind === "set") cells.set(key, [key, meaning.value]);
      if (kind === "said") cells.set(key, [key, ...(this.#said(events, field, key) ?? [])]);
      if (kind !== "shared") continue;
      cells.set(key, [key, meaning.value, meaning.hlc.wallMs, meaning.hlc.count]);
    }
    return [...cells.entries()].sort(([a], [b]) => compareKeys(a, b)).map(([, cell]) => cell);
  }

  /** The elements that are there, without regard to leases. */
  elements(field: FieldName): Key[] {
    if (FIELDS[field].kind === "grow-set") {
      const origins = this.#origins();
      return this.keys(field).filter((key) => origins.some((o) => this.reading(o, field, key)));
    }
    const there = this.#adds(field).filter((add) => !this.#isRemovedByOthers(field, add));
    return [...new Set(there.map(({ key }) => key))].sort(compareKeys);
  }

  /** Every key of a field that any dot here has named. */
  keys(field: FieldName): Key[] {
    const keys = new Set<Key>();
    for (const { meanings } of this.#origins().flatMap((origin) => this.#ever(origin))) {
      for (const meaning of meanings) if (meaning.field === field) keys.add(meaning.key);
    }
    return [...keys].sort(compareKeys);
  }

  total(field: FieldName, key: Key): number {
    return this.#origins()
      .map((origin) => Number(this.reading(origin, field, key)?.[0] ?? 0))
      .reduce((sum, total) => sum + total, 0);
  }

  occupancy(field: FieldName, key: Key): number {
    const newest = this.epoch(field, key);
    return this.#origins()
      .map((origin) => this.reading(origin, field, key)?.map(Number) ?? [0, 0, 0])
      .filter(([epoch]) => epoch === newest)
      .reduce((sum, [, ins, outs]) => sum + (ins ?? 0) - (outs ?? 0), 0);
  }

  /** The write of a shared register that stands. */
  shared(field: FieldName, key: Key): Plain | undefined {
    const writes = [...this.#dots.keys()].flatMap((origin) => {
      const newest = this.#present(origin)
        .flatMap(({ meanings }) => meanings)
        .filter((meaning) => meaning.kind === "shared")
        .filter((meaning) => meaning.field === field && meaning.key === key)
        .at(-1);
      return newest === undefined ? [] : [{ origin, ...newest }];
    });
    writes.sort(
      (a, b) =>
        b.hlc.wallMs - a.hlc.wallMs || b.hlc.count - a.hlc.count || (a.origin < b.origin ? 1 : -1),
    );
    return writes[0]?.value;
  }
}

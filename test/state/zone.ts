// A few replicas of one stream and the parts between them, driven by a list of steps (`steps.ts`):
// changes, restarts with and without memory, parts that are lost, doubled and late. Beside
// each replica stands the model that keeps whole histories, and whatever one is told the other is
// told too.
import { isDeepStrictEqual } from "node:util";
import type { Change, Part } from "../../src/core/state/part.ts";
import { Replica } from "../../src/core/state/replica.ts";
import { FIELDS, type Field, type FieldName, type StreamId } from "../../src/core/state/schema.ts";
import type { Key, Plain } from "../../src/core/state/value.ts";
import { History } from "./history.ts";
import { Model } from "./model.ts";
import { concrete, IDS, type Step, type Want } from "./steps.ts";

/** One node's replica with the model of what it must say. */
interface Site {
  replica: Replica;
  model: Model;
  incarnation: number;
}

/** A part on its way, and the model of whoever told it at that moment. */
interface Told {
  readonly part: Part;
  readonly by: Model;
  /** Whether it is what somebody remembers of the one that is told. */
  readonly isEcho?: boolean;
}

export class Zone {
  readonly #stream: StreamId;
  readonly #fields: readonly Field[];
  readonly #history = new History();
  readonly #sites: Site[];
  /** Everything ever told: nothing is lost for good, all of it may come again. */
  readonly #told: Told[] = [];
  readonly #visible = new Map<Replica, ReadonlySet<string>>();
  readonly #vanished = new Map<Replica, Set<string>>();
  #nowMs = 0;
  #step = 0;
  /** How often each answer of a join came. */
  readonly answers = new Map<string, number>();

  constructor(names: readonly FieldName[]) {
    this.#fields = names.map((name) => FIELDS[name]);
    this.#stream = this.#fields[0]?.stream ?? 0;
    this.#sites = IDS.map((id) => this.#fresh(id, 0));
    for (const one of this.#sites) this.#begin(one, []);
  }

  #fresh(id: string, incarnation: number): Site {
    const replica = new Replica(this.#stream, id);
    return { replica, model: new Model(this.#history, this.#stream, id), incarnation };
  }

  #site(at: number): Site {
    const found = this.#sites[at];
    if (found === undefined) throw new RangeError(`site ${at}`);
    return found;
  }

  /** Several changes of one key in one dot are their result; the model takes one of each. */
  #changes(drawn: readonly Want[]): Change[] {
    const byKey = new Map<string, Change>();
    for (const one of drawn) {
      const field = this.#fields[one.field % this.#fields.length];
      if (field === undefined) continue;
      const change = concrete(field, one, this.#step);
      byKey.set(`${field.name} ${change.key}`, change);
    }
    return [...byKey.values()];
  }

  #begin(one: Site, changes: readonly Change[]): void {
    one.incarnation += 1;
    const floors = one.model.floors();
    const part = one.replica.begin(one.incarnation, changes, this.#nowMs);
    one.model.make(one.incarnation, 1, [...floors, ...changes]);
    this.#told.push({ part, by: one.model.copy() });
  }

  #raise(one: Site): void {
    one.incarnation += 1;
    const part = one.replica.raise(one.incarnation, this.#nowMs);
    one.model.raise(one.incarnation);
    this.#told.push({ part, by: one.model.copy() });
  }

  /** A process that lost all its memory comes back; some others tell what they remember of it. */
  #restart(at: number, echoes: number, changes: readonly Change[]): void {
    const before = this.#site(at);
    const after = this.#fresh(before.replica.origin, before.incarnation);
    this.#sites[at] = after;
    for (const [index, other] of this.#sites.entries()) {
      if (index !== at && (echoes >> index) % 2 === 1) this.#echo(other, after);
    }
    this.#begin(after, changes);
  }

  #echo(from: Site, of: Site): void {
    const part = from.replica.echo(of.replica.origin);
    if (part !== null) this.#tell(of, { part, by: from.model.copy(), isEcho: true });
  }

  #change(one: Site, changes: readonly Change[]): void {
    if (changes.length === 0) return;
    const part = one.replica.change(changes, this.#nowMs);
    one.model.make(one.incarnation, part.last, changes);
    this.#told.push({ part, by: one.model.copy() });
  }

  #tellOwn({ model }: Site, { part, by, isEcho }: Told): void {
    const { origin, incarnation, first, last, whole } = part;
    if (isEcho === true) {
      model.hear(by, origin, Number.POSITIVE_INFINITY);
      return;
    }
    model.hearDots(origin, incarnation, [whole ? 1 : first, last]);
    if (whole) model.hear(by, origin, incarnation);
  }

  #tell(to: Site, { part, by, isEcho = false }: Told): void {
    const { origin, incarnation, first, last, whole } = part;
    const { kind, reason } = to.replica.join(part, this.#nowMs);
    this.answers.set(kind, (this.answers.get(kind) ?? 0) + 1);
    if (kind === "refused") throw new Error(`an honest part was refused: ${reason}`);
    if (kind === "needs-whole" || kind === "gap") return;
    if (origin === to.replica.origin) {
      this.#tellOwn(to, { part, by, isEcho });
      return;
    }
    to.model.receive(origin, incarnation, whole ? 1 : first, last);
    if (whole) to.model.hear(by, origin, incarnation);
  }

  take(step: Step): void {
    this.#step += 1;
    this.#nowMs += 100;
    switch (step.kind) {
      case "change":
        this.#change(this.#site(step.at), this.#changes(step.wants));
        break;
      case "owed":
        this.#owe(this.#site(step.at));
        break;
      case "restart":
        this.#restart(step.at, step.echoes, this.#changes(step.wants));
        break;
      case "raise":
        this.#raise(this.#site(step.at));
        break;
      case "deliver": {
        const told = this.#told[this.#told.length - 1 - (step.pick % this.#told.length)];
        if (told !== undefined) this.#tell(this.#site(step.to), told);
        break;
      }
      default:
        this.#takeStatement(step);
    }
    this.check();
  }

  #takeStatement(step: Extract<Step, { kind: "missing" | "interval" | "relay" | "echo" }>): void {
    const from = this.#site(step.at);
    const by = from.model.copy();
    const { replica } = from;
    if (step.kind === "echo") {
      if (step.of !== step.at) this.#echo(from, this.#site(step.of));
      return;
    }
    if (step.kind === "missing") {
      if (step.at === step.to) return;
      const to = this.#site(step.to);
      const part = replica.missing(to.replica.version(replica.origin), this.#nowMs);
      if (part !== null) this.#tell(to, { part, by });
      return;
    }
    if (step.kind === "interval") {
      const counter = Math.max(1, (replica.version(replica.origin)?.counter ?? 1) - step.from);
      const part = replica.interval({ incarnation: from.incarnation, counter }, this.#nowMs);
      if (part !== null) this.#told.push({ part, by });
      return;
    }
    const part = replica.wholeOf(IDS[step.of] ?? "", this.#nowMs);
    if (part !== null) this.#tell(this.#site(step.to), { part, by });
  }

  /** Says what a site owes because of what it heard; whether there was anything. */
  #owe(one: Site): boolean {
    const owed = one.replica.owed(this.#nowMs);
    this.#change(one, owed);
    return owed.length > 0;
  }

  /** Anti-entropy without loss, until nobody has anything to say. */
  heal(): void {
    for (let round = 0; this.#round(); round += 1) {
      if (round > 20) throw new Error("they never come to an end");
      this.check();
    }
  }

  /**
   * Everybody says what it owes, then tells everybody what they miss; whether anything was said.
   */
  #round(): boolean {
    const owed = this.#sites.map((one) => this.#owe(one));
    const told = this.#sites.flatMap((from) =>
      this.#sites.map((to) => from !== to && this.#update(from, to)),
    );
    return owed.includes(true) || told.includes(true);
  }

  #update(from: Site, to: Site): boolean {
    const { origin } = from.replica;
    const remembers = from.replica.remembers(to.replica.origin);
    if (remembers) this.#echo(from, to);
    const part = from.replica.missing(to.replica.version(origin), this.#nowMs);
    if (part !== null) this.#tell(to, { part, by: from.model.copy() });
    return remembers || part !== null;
  }

  /** Every gap is filled by the owner; what nobody has told yet stays unknown. */
  closeGaps(): void {
    for (const to of this.#sites) {
      for (const from of this.#sites) {
        const { origin } = from.replica;
        if (from === to || to.replica.version(origin) === null) continue;
        if (to.replica.wholeOf(origin, this.#nowMs) === null) this.#update(from, to);
      }
    }
  }

  replicas(): Replica[] {
    return this.#sites.map(({ replica }) => replica);
  }

  /** Every replica says of every origin just what its dots mean, and nothing removed came back. */
  check(): void {
    for (const { replica, model } of this.#sites) {
      for (const origin of IDS) {
        const canonical = replica.canonical(origin);
        const said = Array.isArray(canonical) ? [canonical[0], canonical[2]] : canonical;
        same(said, model.canonical(origin), `${replica.origin} of ${origin}`);
      }
      this.#checkReadings(replica, model);
      this.#checkVanished(replica);
    }
  }

  #checkReadings(replica: Replica, model: Model): void {
    for (const { name, kind } of this.#fields) {
      for (const key of model.keys(name)) {
        const what = `${replica.origin}: ${name} ${key}`;
        if (kind === "g-counter") same(replica.total(name, key), model.total(name, key), what);
        if (kind === "epoch-counter") {
          same(replica.epoch(name, key), model.epoch(name, key), what);
          same(replica.occupancy(name, key), model.occupancy(name, key), what);
        }
        if (kind === "shared-register") {
          same(replica.shared(name, key)?.value, model.shared(name, key), what);
        }
      }
      if (kind === "grow-set") this.#checkElements(replica, model, name);
    }
  }

  #checkElements(replica: Replica, model: Model, name: FieldName): void {
    const keys = replica.elements(name, Number.NEGATIVE_INFINITY).map(({ key }) => key);
    same(keys, model.elements(name), `${replica.origin}: ${name}`);
  }

  /** A dot whose element was there and went may never be there again. */
  #checkVanished(replica: Replica): void {
    const visible = new Set(this.#fields.flatMap(({ name }) => visibleDots(replica, name)));
    const vanished = this.#vanished.get(replica) ?? new Set();
    for (const id of this.#visible.get(replica) ?? []) if (!visible.has(id)) vanished.add(id);
    for (const id of visible) {
      if (vanished.has(id)) throw new Error(`at ${replica.origin} ${id} came back`);
    }
    this.#visible.set(replica, visible);
    this.#vanished.set(replica, vanished);
  }

  /** After `heal`: all read the same, and it is what the histories say. */
  checkHealed(): void {
    const [first] = this.#sites;
    for (const { replica, model } of this.#sites) {
      same(replica.merged(), first?.replica.merged(), `${replica.origin} against the first`);
      for (const { name, kind } of this.#fields) {
        if (kind === "or-set" || kind === "leased-set") this.#checkElements(replica, model, name);
      }
      for (const origin of IDS) {
        same(replica.canonical(origin), first?.replica.canonical(origin), `all of ${origin}`);
      }
    }
  }
}

/** The dots by which the elements that are seen came to be there. */
function visibleDots(replica: Replica, name: FieldName): string[] {
  const { kind } = FIELDS[name];
  if (kind !== "or-set" && kind !== "leased-set") return [];
  return replica
    .elements(name, Number.NEGATIVE_INFINITY)
    .flatMap(({ key, origins }) =>
      origins.map((origin) => `${name} ${key} ${dotOf(replica, origin, name, key)}`),
    );
}

/** Incarnation and counter of an origin's dot of an element, as its canonical state names it. */
function dotOf(replica: Replica, origin: string, name: FieldName, key: Key): string {
  const [incarnation, , fields] = replica.canonical(origin) as [number, Plain, Plain[][]];
  const cells = fields.find(([id]) => id === FIELDS[name].id)?.[1] as Plain[][];
  return `${origin} ${incarnation} ${cells.find(([one]) => one === key)?.[1]}`;
}

function same(found: unknown, wanted: unknown, what: string): void {
  if (isDeepStrictEqual(found, wanted)) return;
  throw new Error(`${what}: ${JSON.stringify(found)} instead of ${JSON.stringify(wanted)}`);
}

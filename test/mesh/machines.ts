// Several mesh machines in one test: a message scheduler that loses, doubles, delays and reorders
// what they send, and a small log for each. No sockets, no clock but the one that the test moves.
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import type { PhaseView } from "../../src/core/site/view.ts";
import type { LogRow, NodeEvent } from "../../src/log/events.ts";
import { LogState } from "../../src/log/fold.ts";
import { Mesh } from "../../src/mesh/mesh.ts";
import type { Lane, MeshEffect, MeshEvent, StartEvent } from "../../src/mesh/mesh-types.ts";
import type { RevocationCheck } from "../../src/mesh/revoked.ts";
import { toldPhases } from "../../src/mesh/told-phases.ts";
import type { OrderOpener } from "../../src/mesh/zone-orders.ts";
import { checkMadeUp } from "../../src/sim/revocations.ts";
import { ed25519Keys, type Keys } from "../../src/wire/keys.ts";
import { restingPhase, restingView } from "../support/views.ts";

export const WALL_MS = 1_790_000_000_000;
export const TICK_MS = 50;

/** Numbers from 0 to 1, the same for the same seed. */
export function random(seed: number): () => number {
  let state = seed >>> 0 || 1;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

const PAIRS = new Map<string, { publicKey: KeyObject; privateKey: KeyObject }>();

function pairOf(id: string): { publicKey: KeyObject; privateKey: KeyObject } {
  const known = PAIRS.get(id) ?? generateKeyPairSync("ed25519");
  PAIRS.set(id, known);
  return known;
}

/** Keys of a zone: each node has its own and everybody's public one. */
export function keysOf(id: string, members: readonly string[]): Keys {
  const known = new Map(members.map((member) => [member, pairOf(member).publicKey]));
  return ed25519Keys(pairOf(id).privateKey, known);
}

/** What a machine's log does for it. */
export interface MemberLog {
  readonly incarnation: number;
  readonly state: LogState;
  /** What a start commits before anything else, and what the machine is told of it. */
  start(boot: string, trusted: boolean): StartEvent;
  append(kind: string, body: LogRow["body"], at?: number): LogRow;
  /** The incarnation after a `raise`. */
  raise(incarnation: number, cause: string): number;
}

/** What a log keeps of a machine in memory: enough to start it again. */
export class SmallLog implements MemberLog {
  incarnation = 0;
  rows: LogRow[] = [];
  state = new LogState();

  start(boot: string, trusted: boolean): StartEvent {
    const before = this.incarnation;
    this.incarnation += 1;
    const row = this.append("start", [this.incarnation, "test", "site", "start", 0, "", boot]);
    return {
      kind: "start",
      incarnation: this.incarnation,
      boot: new Uint8Array(Buffer.from(boot, "hex")),
      trusted,
      own: this.state.encode(),
      before: before === 0 ? null : { incarnation: before, seq: row.seq - 1, hash: "0".repeat(64) },
    };
  }

  raise(incarnation: number, cause: string): number {
    if (incarnation <= this.incarnation) return this.incarnation;
    this.incarnation = incarnation;
    this.append("start", [incarnation, "test", "site", cause, 0, "", this.state.boot]);
    return incarnation;
  }

  append(kind: string, body: LogRow["body"], at = WALL_MS): LogRow {
    const row = { seq: this.rows.length + 1, at, kind, body };
    this.rows.push(row);
    this.state.apply(at, kind, body);
    return row;
  }
}

export interface Weather {
  readonly loss: number;
  readonly double: number;
  /** Longest delay in ms; what is sent later may arrive earlier. */
  readonly delayMs: number;
}

export const CALM: Weather = { loss: 0, double: 0, delayMs: 1 };

interface Flying {
  readonly atMs: number;
  readonly from: string;
  readonly to: string;
  readonly lane: Lane;
  readonly bytes: Uint8Array;
}

export interface Member<L extends MemberLog> {
  mesh: Mesh;
  log: L;
  /** Wall clock ahead of true time, ms. */
  wallAheadMs: number;
  running: boolean;
  /** It stands still: what is sent to it waits. */
  paused: boolean;
  readonly alarms: Extract<MeshEffect, { kind: "alarm" }>[];
  readonly effects: MeshEffect[];
}

export type Links = Readonly<Record<string, readonly string[]>>;

/** A zone of machines, each with its log, in virtual time. */
export class Zone<L extends MemberLog = SmallLog> {
  nowMs = 1_000;
  weather: Weather = CALM;
  readonly members = new Map<string, Member<L>>();
  readonly #links: Links;
  readonly #random: () => number;
  #flying: Flying[] = [];
  readonly #cut = new Set<string>();
  /** Messages by kind of effect, for those who count. */
  sent = 0;
  sentBytes = 0;
  /** Looks at, or changes, what is delivered; null drops it. */
  tamper: (flying: Flying) => Uint8Array | null = (flying) => flying.bytes;
  /** What each takes for a revocation from its next start on. */
  checkRevocation: (id: string) => RevocationCheck = () => checkMadeUp;
  /** What each takes for a signed order from its next start on. */
  openOrder: (id: string) => OrderOpener | undefined = () => undefined;
  /** What else is done with an effect. */
  onEffect: (id: string, effect: MeshEffect) => void = () => {};

  /** With logs of another kind, `logOf` makes them. */
  constructor(links: Links, seed = 1, logOf: (id: string) => L = () => new SmallLog() as never) {
    this.#links = links;
    this.#random = random(seed);
    for (const id of Object.keys(links)) this.members.set(id, this.#member(id, logOf(id)));
  }

  #member(id: string, log: L): Member<L> {
    return {
      mesh: this.#mesh(id),
      log,
      wallAheadMs: 0,
      running: false,
      paused: false,
      alarms: [],
      effects: [],
    };
  }

  #mesh(id: string): Mesh {
    const neighbours = this.#links[id] ?? [];
    const keys = keysOf(id, Object.keys(this.#links));
    const openOrder = this.openOrder(id);
    return new Mesh({
      id,
      neighbours,
      keys,
      checkRevocation: this.checkRevocation(id),
      ...(openOrder === undefined ? {} : { openOrder }),
    });
  }

  member(id: string): Member<L> {
    const member = this.members.get(id);
    if (member === undefined) throw new Error(`no member ${id}`);
    return member;
  }

  mesh(id: string): Mesh {
    return this.member(id).mesh;
  }

  now(id: string) {
    return { monoMs: this.nowMs, wallMs: WALL_MS + this.nowMs + this.member(id).wallAheadMs };
  }

  step(id: string, event: MeshEvent): MeshEffect[] {
    const member = this.member(id);
    const effects = member.mesh.step(event, this.now(id));
    for (const effect of effects) this.#do(id, member, effect);
    return effects;
  }

  #do(id: string, member: Member<L>, effect: MeshEffect): void {
    member.effects.push(effect);
    if (member.effects.length > 5_000) member.effects.splice(0, 2_500);
    this.onEffect(id, effect);
    if (effect.kind === "send") this.#send(id, effect);
    else if (effect.kind === "alarm") member.alarms.push(effect);
    else if (effect.kind === "log") this.commit(id, effect.event);
    else if (effect.kind === "raise") {
      const incarnation = member.log.raise(effect.incarnation, effect.cause);
      this.step(id, { kind: "raised", incarnation });
    }
  }

  /** A row of the member's own log, committed at once. */
  commit(id: string, event: NodeEvent): void {
    const row = this.member(id).log.append(event.kind, event.body, this.now(id).wallMs);
    this.step(id, { kind: "committed", rows: [row] });
  }

  #send(from: string, { neighbour, lane, bytes }: Extract<MeshEffect, { kind: "send" }>): void {
    this.sent += 1;
    this.sentBytes += bytes.length;
    const { loss, double, delayMs } = this.weather;
    const copies = this.#random() < double ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      if (this.#random() < loss) continue;
      const atMs = this.nowMs + Math.ceil(this.#random() * delayMs);
      this.#flying.push({ atMs, from, to: neighbour, lane, bytes });
    }
  }

  start(id: string, options: { trusted?: boolean; clock?: "sure" | "unsure" } = {}): void {
    const member = this.member(id);
    member.mesh = this.#mesh(id);
    member.running = true;
    const boot = Buffer.from(
      Array.from({ length: 8 }, () => Math.floor(this.#random() * 256)),
    ).toString("hex");
    this.step(id, { kind: "clock", quality: options.clock ?? "sure" });
    this.step(id, member.log.start(boot, options.trusted ?? true));
    for (const other of this.#links[id] ?? []) {
      const up = this.isUp(id, other);
      this.step(id, { kind: "link", neighbour: other, up });
      if (this.member(other).running) this.step(other, { kind: "link", neighbour: id, up });
    }
  }

  /** The process is gone; its log stays. */
  stop(id: string): void {
    this.member(id).running = false;
    this.#flying = this.#flying.filter(({ from, to }) => from !== id && to !== id);
    for (const other of this.#links[id] ?? []) {
      if (this.member(other).running) this.step(other, { kind: "link", neighbour: id, up: false });
    }
  }

  isUp(a: string, b: string): boolean {
    const both = this.member(a).running && this.member(b).running;
    return both && !this.#cut.has(`${a} ${b}`) && !this.#cut.has(`${b} ${a}`);
  }

  /** Cuts a link without anybody being told, or mends it, of which both ends hear. */
  cut(a: string, b: string, cut: boolean): void {
    const was = this.#cut.has(`${a} ${b}`);
    for (const pair of [`${a} ${b}`, `${b} ${a}`]) {
      if (cut) this.#cut.add(pair);
      else this.#cut.delete(pair);
    }
    if (cut || !was || !this.isUp(a, b)) return;
    this.step(a, { kind: "link", neighbour: b, up: true });
    this.step(b, { kind: "link", neighbour: a, up: true });
  }

  run(ms: number): void {
    const until = this.nowMs + ms;
    while (this.nowMs < until) {
      const next = Math.min(until, this.nowMs + TICK_MS);
      this.#deliverUntil(next);
      this.nowMs = next;
      for (const [id, { running, paused }] of this.members) {
        if (running && !paused) this.step(id, { kind: "tick" });
      }
    }
  }

  /** What flies arrives, and what a machine wants to do before the next tick it does. */
  #deliverUntil(untilMs: number): void {
    for (;;) {
      const first = this.#firstFlying(untilMs);
      const wake = this.#firstWake(first?.atMs ?? untilMs);
      if (wake !== null) {
        this.nowMs = Math.max(this.nowMs, wake.atMs);
        this.step(wake.id, { kind: "due" });
        const again = this.mesh(wake.id).wakeMs();
        if (again !== null && again <= this.nowMs) throw new Error(`${wake.id} wakes for ever`);
      } else if (first !== null) {
        this.#flying = this.#flying.filter((flying) => flying !== first);
        this.nowMs = Math.max(this.nowMs, first.atMs);
        this.#deliver(first);
      } else return;
    }
  }

  #firstFlying(untilMs: number): Flying | null {
    let first: Flying | null = null;
    for (const flying of this.#flying) {
      if (this.member(flying.to).paused) continue;
      if (flying.atMs <= untilMs && (first === null || flying.atMs < first.atMs)) first = flying;
    }
    return first;
  }

  #firstWake(beforeMs: number): { readonly id: string; readonly atMs: number } | null {
    let first: { readonly id: string; readonly atMs: number } | null = null;
    for (const [id, { mesh, running, paused }] of this.members) {
      const atMs = running && !paused ? mesh.wakeMs() : null;
      if (atMs !== null && atMs < (first?.atMs ?? beforeMs)) first = { id, atMs };
    }
    return first;
  }

  #deliver(flying: Flying): void {
    const { from, to, lane } = flying;
    if (!this.isUp(from, to)) return;
    const bytes = this.tamper(flying);
    if (bytes !== null) this.step(to, { kind: "message", neighbour: from, lane, bytes });
  }

  setPhase(id: string, phase: number, state: PhaseView["state"], likelyEndMs: number | null): void {
    const { monoMs, wallMs } = this.now(id);
    const phases = [{ ...restingPhase(phase), state, likelyEndMs }];
    this.step(id, {
      kind: "own-phases",
      phases: toldPhases(restingView({ monoMs, wallMs, phases })),
    });
  }

  /** A vehicle over a detector: the row that the log commits. */
  count(id: string, detector: number): void {
    this.commit(id, { kind: "code", body: [82, detector] });
    this.commit(id, { kind: "code", body: [81, detector] });
  }
}

export const PAIR: Links = { a: ["b"], b: ["a"] };

// Fast lanes of several nodes over a road of virtual time: it loses, doubles, delays and reorders,
// and an auditor reads along. What an attacker may do is done to it by name.
import { FAST_MATERIAL_BYTES } from "../../../src/mesh/lanes/fast-keys.ts";
import { FastLane } from "../../../src/mesh/lanes/fast-lane.ts";
import type { FastEffect, FastLimits, FastPlace } from "../../../src/mesh/lanes/fast-types.ts";
import type { SendClass } from "../../../src/mesh/mesh-types.ts";
import { Random } from "../../../src/sim/random.ts";
import { encodeEnvelope } from "../../../src/wire/envelope.ts";
import { sealedBy, sealedCounter } from "../../../src/wire/lane-seal.ts";

export interface Road {
  loss: number;
  duplication: number;
  /** Shortest and longest time on the way, ms. */
  delayMs: [number, number];
}

interface Flight {
  readonly atMs: number;
  readonly order: number;
  readonly to: FastPlace;
  readonly from: FastPlace;
  readonly bytes: Uint8Array;
}

export interface Delivery {
  readonly to: string;
  readonly from: string;
  readonly bytes: Uint8Array;
  readonly atMs: number;
}

export interface Sent {
  readonly by: string;
  readonly bytes: Uint8Array;
  readonly atMs: number;
  readonly to: FastPlace;
}

export interface HeardAgain {
  readonly by: string;
  readonly of: string;
  readonly atMs: number;
  /** Messages delivered before, to all. */
  readonly delivered: number;
}

export function placeOf(id: string): FastPlace {
  return { address: `10.0.0.${id.charCodeAt(0)}`, port: 8_884 };
}

/** Exported bytes of one session: the same for both ends. */
export function material(session: number): Uint8Array {
  return new Random(session, "session").bytes(FAST_MATERIAL_BYTES);
}

export class Lanes {
  nowMs = 1_000;
  readonly road: Road = { loss: 0, duplication: 0, delayMs: [1, 1] };
  readonly lanes = new Map<string, FastLane>();
  readonly delivered: Delivery[] = [];
  readonly sent: Sent[] = [];
  readonly usable = new Map<string, boolean>();
  readonly usableSaid: string[] = [];
  readonly heardAgain: HeardAgain[] = [];
  readonly counts = new Map<string, number>();
  /** What the auditor found. */
  readonly breaches: string[] = [];
  readonly #nonces = new Set<string>();
  /** Whose address a place is. */
  readonly #places = new Map<string, string>();
  readonly #random: Random;
  #flights: Flight[] = [];
  #order = 0;

  constructor(ids: readonly string[], seed = 1, limits: Partial<FastLimits> = {}) {
    this.#random = new Random(seed, "road");
    for (const id of ids) {
      this.lanes.set(id, new FastLane({ limits }));
      this.moved(id, placeOf(id));
    }
  }

  lane(id: string): FastLane {
    const lane = this.lanes.get(id);
    if (lane === undefined) throw new Error(`no lane ${id}`);
    return lane;
  }

  /** A node is reached at another place from now on; nobody is told. */
  moved(id: string, place: FastPlace): void {
    for (const [text, owner] of this.#places) if (owner === id) this.#places.delete(text);
    this.#places.set(textOf(place), id);
  }

  /** A TLS session between two nodes, and where they think the other is. */
  session(a: string, b: string, session = 1): void {
    for (const [own, other] of [
      [a, b],
      [b, a],
    ] as const) {
      const { address, port } = placeOf(other);
      this.lane(own).address(other, address, port);
      this.lane(own).opened(other, session, material(session), own, this.nowMs);
      this.perform(own);
    }
  }

  closed(a: string, b: string, session: number): void {
    this.lane(a).closed(b, session, this.nowMs);
    this.lane(b).closed(a, session, this.nowMs);
  }

  send(from: string, to: string, bytes: Uint8Array, klass: SendClass = "control"): boolean {
    const taken = this.lane(from).send(to, bytes, klass, this.nowMs);
    this.perform(from);
    return taken;
  }

  /** Does what a lane wants done. */
  perform(id: string): FastEffect[] {
    const effects = this.lane(id).drain();
    for (const effect of effects) this.#perform(id, effect);
    return effects;
  }

  #perform(id: string, effect: FastEffect): void {
    switch (effect.kind) {
      case "datagram":
        this.#audit(id, effect.bytes);
        this.sent.push({ by: id, bytes: effect.bytes, atMs: this.nowMs, to: effect });
        this.#fly(id, effect, effect.bytes);
        break;
      case "deliver":
        this.delivered.push({ to: id, from: effect.neighbour, ...effect, atMs: this.nowMs });
        break;
      case "usable":
        this.usable.set(`${id} ${effect.neighbour}`, effect.usable);
        this.usableSaid.push(`${id} ${effect.neighbour} ${effect.usable}`);
        break;
      case "heard-again":
        this.heardAgain.push({
          by: id,
          of: effect.neighbour,
          atMs: this.nowMs,
          delivered: this.delivered.length,
        });
        break;
      case "count":
        this.counts.set(effect.reason, (this.counts.get(effect.reason) ?? 0) + 1);
        break;
    }
  }

  /** One counter under one key seals once. */
  #audit(id: string, bytes: Uint8Array): void {
    const key = Buffer.from(sealedBy(bytes) ?? "", "latin1").toString("hex");
    const nonce = `${id} ${key} ${sealedCounter(bytes)}`;
    if (this.#nonces.has(nonce)) this.breaches.push(`nonce used twice: ${nonce}`);
    this.#nonces.add(nonce);
    if (bytes.length > 1_200) this.breaches.push(`a datagram of ${bytes.length} bytes`);
  }

  #fly(from: string, to: FastPlace, bytes: Uint8Array): void {
    const { loss, duplication, delayMs } = this.road;
    const source = [...this.#places].find(([, owner]) => owner === from)?.[0] ?? "";
    const copies = this.#random.chance(duplication) ? 2 : 1;
    for (let copy = 0; copy < copies; copy += 1) {
      if (this.#random.chance(loss)) continue;
      const atMs = this.nowMs + this.#random.between(...delayMs);
      this.#order += 1;
      this.#flights.push({ atMs, order: this.#order, to, from: placeIn(source), bytes });
    }
  }

  /** Bytes arrive at a lane, from wherever somebody claims. */
  arrive(at: string, bytes: Uint8Array, from: FastPlace): void {
    this.lane(at).receive(bytes, from, this.nowMs);
    this.perform(at);
  }

  run(ms: number): void {
    const untilMs = this.nowMs + ms;
    while (this.#next(untilMs)) {}
    this.nowMs = untilMs;
  }

  /** The next that happens before a time; false when nothing does. */
  #next(untilMs: number): boolean {
    const first = [...this.#flights].sort((a, b) => a.atMs - b.atMs || a.order - b.order)[0];
    const wake = this.#firstWake();
    const nextMs = Math.min(first?.atMs ?? untilMs, wake?.atMs ?? untilMs);
    if (nextMs >= untilMs) return false;
    this.nowMs = nextMs;
    if (first !== undefined && first.atMs === nextMs) {
      this.#flights = this.#flights.filter((one) => one !== first);
      const owner = this.#places.get(textOf(first.to));
      if (owner !== undefined) this.arrive(owner, first.bytes, first.from);
    } else if (wake !== null) this.#wake(wake.id);
    return true;
  }

  #firstWake(): { readonly id: string; readonly atMs: number } | null {
    const wakes = [...this.lanes].flatMap(([id, lane]) => {
      const wakeMs = lane.wakeMs();
      return wakeMs === null ? [] : [{ id, atMs: Math.max(wakeMs, this.nowMs) }];
    });
    return wakes.sort((a, b) => a.atMs - b.atMs)[0] ?? null;
  }

  #wake(id: string): void {
    const lane = this.lane(id);
    lane.tick(this.nowMs);
    this.perform(id);
    const again = lane.wakeMs();
    if (again !== null && again <= this.nowMs) throw new Error(`${id} wakes for ever`);
  }
}

function textOf({ address, port }: FastPlace): string {
  return `${address} ${port}`;
}

function placeIn(text: string): FastPlace {
  const [address = "", port = ""] = text.split(" ");
  return { address, port: Number(port) };
}

/** A part of an origin's state, as far as a lane can tell. */
export function envelope(origin: string, sequence: number, payload = 22): Uint8Array {
  const numbers = { incarnation: 3, sequence, trace: null };
  const bytes = new Uint8Array(payload).fill(sequence);
  return encodeEnvelope({ kind: "part", origin, ...numbers, payload: bytes });
}

export function isUsable(lanes: Lanes): boolean {
  return lanes.usable.get("a b") === true && lanes.usable.get("b a") === true;
}

/** Two lanes that hear each other. */
export function pair(seed = 1, limits = {}): Lanes {
  const lanes = new Lanes(["a", "b"], seed, limits);
  lanes.session("a", "b");
  lanes.run(20);
  return lanes;
}

// The fast lane: sealed datagrams between this node and all its neighbours, as one pure machine.
// Times go in with each call (monotonic ms), effects come out of `drain`. It repeats nothing: what
// matters is repeated by who sends it. A datagram that no live key has sealed costs one look into a
// map.
import { isPlanted } from "../../core/planted.ts";
import { sealedBy } from "../../wire/lane-seal.ts";
import type { SendClass } from "../mesh-types.ts";
import { fastKeys, KeySet } from "./fast-keys.ts";
import { FastPeer } from "./fast-peer.ts";
import {
  FAST_LIMITS,
  type FastEffect,
  type FastFigures,
  type FastLimits,
  type FastPlace,
} from "./fast-types.ts";

interface Live {
  readonly peer: FastPeer;
  readonly keys: KeySet;
}

export interface FastLaneOptions {
  readonly limits?: Partial<FastLimits>;
}

export class FastLane {
  readonly #limits: FastLimits;
  readonly #peers = new Map<string, FastPeer>();
  /** By key id. */
  readonly #live = new Map<string, Live>();
  /**
   * Ids of keys that ended before their session: exported again they would be the same keys, with
   * a counter from the beginning. Named by session, so that they go with it.
   */
  readonly #spent = new Map<string, string>();
  #effects: FastEffect[] = [];
  #nowMs = 0;

  constructor({ limits = {} }: FastLaneOptions = {}) {
    this.#limits = { ...FAST_LIMITS, ...limits };
  }

  /**
   * A TLS session with that neighbour has shown its certificate and spoken. `material` is what
   * `exportKeyingMaterial` gives for `FAST_LABEL` and `fastContext`, `own` is this node's id.
   * Said again of a living session it changes nothing: the same bytes come out of it, and its
   * counter must go on.
   */
  // biome-ignore lint/complexity/useMaxParams: one session at one moment, and no part of it twice
  opened(
    neighbour: string,
    session: number,
    material: Uint8Array,
    own: string,
    nowMs: number,
  ): void {
    this.#nowMs = nowMs;
    const keys = new KeySet(fastKeys(material, own, neighbour), session);
    const used = this.#live.has(keys.name) || this.#spent.has(keys.name);
    if (used && !isPlanted("counter-restarts")) {
      this.#effects.push({ kind: "count", reason: "fast-key-again" });
      return;
    }
    const peer = this.#peer(neighbour);
    this.#live.set(keys.name, { peer, keys });
    peer.add(keys, own);
  }

  /** Its connection ended; its keys live on for at most 60 s. */
  closed(neighbour: string, session: number, nowMs: number): void {
    this.#nowMs = nowMs;
    this.#peers.get(neighbour)?.closed(session, nowMs);
    const name = sessionName(neighbour, session);
    for (const [key, of] of this.#spent) if (of === name) this.#spent.delete(key);
  }

  /** Revoked or expired: its keys end at once. */
  revoked(neighbour: string): void {
    this.#peers.get(neighbour)?.revoked();
  }

  /** Where a neighbour is reached until an authenticated datagram says otherwise. */
  address(neighbour: string, address: string, port: number): void {
    this.#peer(neighbour).place = { address, port };
  }

  /** False: not over this lane now (no keys, silent, budget empty); the caller takes the other. */
  send(neighbour: string, bytes: Uint8Array, klass: SendClass, nowMs: number): boolean {
    this.#nowMs = nowMs;
    return this.#peers.get(neighbour)?.send(bytes, klass, nowMs) ?? false;
  }

  /** A datagram as it came, from anybody. */
  receive(datagram: Uint8Array, from: FastPlace, nowMs: number): void {
    this.#nowMs = nowMs;
    const name = sealedBy(datagram);
    const live = name === null ? undefined : this.#live.get(name);
    if (live === undefined) {
      const reason = name === null ? "fast-truncated" : "fast-unknown-key";
      this.#effects.push({ kind: "count", reason });
      return;
    }
    live.peer.receive(datagram, live.keys, from, nowMs);
  }

  tick(nowMs: number): void {
    this.#nowMs = nowMs;
    for (const peer of this.#peers.values()) peer.tick(nowMs);
  }

  /** When it wants to be called again, or null; the past when `drain` has something to send. */
  wakeMs(): number | null {
    let soonestMs: number | null = null;
    for (const peer of this.#peers.values()) {
      const wakeMs = peer.wakeMs();
      if (wakeMs !== null) soonestMs = Math.min(soonestMs ?? wakeMs, wakeMs);
    }
    return soonestMs;
  }

  /** Everything to be done, in order; what was sent since the last call shares datagrams. */
  drain(): FastEffect[] {
    for (const peer of this.#peers.values()) peer.flush(this.#nowMs);
    return this.take();
  }

  /** What is to be done already; what has to leave waits for `drain`. */
  take(): FastEffect[] {
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }

  figures(): ReadonlyMap<string, FastFigures> {
    return new Map([...this.#peers].map(([neighbour, peer]) => [neighbour, peer.figures()]));
  }

  #peer(neighbour: string): FastPeer {
    const known = this.#peers.get(neighbour);
    if (known !== undefined) return known;
    const peer: FastPeer = new FastPeer({
      neighbour,
      limits: this.#limits,
      push: (effect) => this.#effects.push(effect),
      onGone: (keys) => this.#gone(neighbour, keys),
    });
    this.#peers.set(neighbour, peer);
    return peer;
  }

  #gone(neighbour: string, keys: KeySet): void {
    if (this.#live.get(keys.name)?.keys === keys) this.#live.delete(keys.name);
    if (keys.closedMs === null) this.#spent.set(keys.name, sessionName(neighbour, keys.session));
  }
}

function sessionName(neighbour: string, session: number): string {
  return `${neighbour} ${session}`;
}

// What is remembered of what nodes know of each other: elements that were gone, rows that somebody
// else keeps, vehicles that were seen.

import { leaseNow } from "../core/state/lease.ts";
import type { Replica } from "../core/state/replica.ts";
import { bodyOf } from "../log/rows.ts";
import type { MeshNow } from "../mesh/mesh-types.ts";
import type { Judge } from "./invariants/invariant.ts";
import {
  custodyHolds,
  historyComesBack,
  leasesEnd,
  removedStaysRemoved,
} from "./invariants/state.ts";
import type { SimNode } from "./node.ts";
import type { Observers, Sighting } from "./observers.ts";

type Dot = readonly [number, number];

const NEVER: Dot = [0, 0];

interface Seen {
  readonly dot: Dot;
  /** The newest dot by which it stood when it was gone. */
  readonly gone: Dot;
  readonly round: number;
}

/** Elements that come and go: by process, origin and key, the newest dot and when it was seen. */
export class Elements {
  readonly #judge: Judge;
  readonly #seen = new Map<string, Seen>();
  #round = 0;

  constructor(judge: Judge) {
    this.#judge = judge;
  }

  nextRound(): void {
    this.#round += 1;
  }

  look(node: SimNode, replica: Replica): void {
    for (const { key, origin, incarnation, counter } of replica.standing("faults")) {
      const name = `${node.id} ${node.starts} ${origin} ${key}`;
      const dot = [incarnation, counter] as const;
      const before = this.#seen.get(name);
      const wasGone = before !== undefined && before.round < this.#round - 1;
      const gone = wasGone ? before.dot : (before?.gone ?? NEVER);
      this.#seen.set(name, { dot, gone, round: this.#round });
      this.#judge.ask(removedStaysRemoved, node.id, { name: `${key} of ${origin}`, dot, gone });
    }
  }
}

interface Promised {
  readonly custodian: string;
  readonly incarnation: number;
  readonly seq: number;
  readonly hash: string;
  /** How often the custodian's disk had been damaged by then. */
  readonly damages: number;
}

/** Rows that an owner was told to be safe with its custodian. */
export class Promises {
  readonly #judge: Judge;
  readonly #nodes: ReadonlyMap<string, SimNode>;
  readonly #promised = new Map<string, Promised>();
  /** Damages of each disk at the last look. */
  readonly #damages = new Map<string, number>();
  /** Of owners that lost their card. */
  readonly #owed = new Map<string, Promised>();

  constructor(judge: Judge, nodes: readonly SimNode[]) {
    this.#judge = judge;
    this.#nodes = new Map(nodes.map((node) => [node.id, node]));
  }

  /** What the owner believes now; its custodian is asked for the newest row. */
  look(owner: SimNode, now: MeshNow): void {
    const { custodian, replicated } = owner.mesh?.mesh.figures(now) ?? {};
    if (typeof custodian === "string" && replicated != null) {
      const known = this.#promised.get(owner.id);
      // What was promised before a disk was damaged is not promised again by being remembered.
      if (known?.custodian !== custodian || known.hash !== replicated.hash) {
        // It was promised since the last look: what was damaged since then may have come after it.
        const damages = this.#damages.get(custodian) ?? 0;
        this.#promised.set(owner.id, { custodian, damages, ...replicated });
      }
    }
    const promised = this.#promised.get(owner.id);
    if (promised !== undefined) this.#check(owner.id, promised);
  }

  /** All nodes have been looked at. */
  endRound(): void {
    for (const [id, { damages }] of this.#nodes) this.#damages.set(id, damages);
  }

  /** The owner has a new, empty card: what was promised has to be had back. */
  cardLost(owner: SimNode): void {
    const promised = this.#promised.get(owner.id);
    if (promised !== undefined) this.#owed.set(owner.id, promised);
    this.#promised.delete(owner.id);
  }

  /** At the end: histories are back, where their custodians still had them. */
  settle(): void {
    for (const [id, { custodian, damages, incarnation, seq, hash }] of this.#owed) {
      const owner = this.#nodes.get(id);
      const keeper = this.#nodes.get(custodian);
      if (owner?.opened?.isOpen() !== true || keeper === undefined) continue;
      if (keeper.damages > damages || keeper.isTight || owner.isTight) continue;
      const rows = owner.opened.database
        .prepare("SELECT body FROM events WHERE kind = 'recovered'")
        .all()
        .map((row) => bodyOf(row[0] as Uint8Array));
      const found = rows.some((body) => body[0] === incarnation && body[1] === seq);
      const name = `row ${seq} of incarnation ${incarnation} (${hash.slice(0, 8)})`;
      this.#judge.ask(historyComesBack, id, name, found);
    }
  }

  #check(owner: string, { custodian, incarnation, seq, hash, damages }: Promised): void {
    const keeper = this.#nodes.get(custodian);
    const database = keeper?.opened?.custody() ?? null;
    if (keeper === undefined || database === null || keeper.disk.isOff) return;
    // What a second board of its name has promised stands on a disk that is gone with it.
    if (keeper.damages > damages || keeper.twin !== null) return;
    const name = "origin = ? AND seq = ? AND incarnation = ?";
    const sql = `SELECT hash FROM held WHERE ${name}`;
    // The newest row is on the head branch but for a fork, and found there by the table's own key.
    const held =
      database.prepare(`${sql} AND branch = 0`).get(owner, seq, incarnation) ??
      database.prepare(sql).get(owner, seq, incarnation);
    const found = held === undefined ? null : String(held[0]);
    // Rows behind which a branch begins are kept as a state, or were given up as agreed.
    const cut = database
      .prepare("SELECT max(seq, baseseq) FROM branches WHERE origin = ? AND branch = 0")
      .get(owner);
    if (found === null && (cut === undefined || Number(cut[0]) >= seq)) return;
    this.#judge.ask(custodyHolds, keeper.id, { owner, seq, hash, found });
  }
}

/** Vehicles with leases, at whoever saw them and at all others. */
export class Leases {
  readonly #judge: Judge;
  readonly #observers: readonly Observers[];

  constructor(judge: Judge, observers: readonly Observers[]) {
    this.#judge = judge;
    this.#observers = observers;
  }

  look(node: SimNode, replica: Replica, now: MeshNow, trueMs: number): void {
    const visible = new Set<string>();
    for (const { key, origins } of replica.elements("vehicles", leaseNow(now))) {
      visible.add(String(key));
      if (!origins.includes(node.id)) this.#ask(node, String(key), trueMs);
    }
    for (const { vehicle, leaseMs, atMs, starts, shared } of this.#ownOf(node)) {
      const own = starts === node.starts && shared;
      const seen = visible.has(vehicle);
      const ageMs = trueMs - atMs;
      if (!own && !seen) continue;
      this.#judge.ask(leasesEnd, node.id, { vehicle, ageMs, leaseMs, visible: seen, own });
    }
  }

  #ownOf(node: SimNode): readonly Sighting[] {
    return this.#observers[node.index]?.sightings ?? [];
  }

  /** A vehicle that somebody else saw is believed to be there. */
  #ask(node: SimNode, vehicle: string, trueMs: number): void {
    const by = Number(vehicle.split("-")[1]) - 1;
    const sighting = this.#observers[by]?.sightings.find((one) => one.vehicle === vehicle);
    if (sighting === undefined) return;
    const { leaseMs, atMs } = sighting;
    const ageMs = trueMs - atMs;
    this.#judge.ask(leasesEnd, node.id, { vehicle, ageMs, leaseMs, visible: true, own: false });
  }
}

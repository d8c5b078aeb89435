// Connections from their first byte to their end: how many there may be, whose they are, and who
// among them is not believed any more.
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Certificate } from "../trust/certificate.ts";
import { TlsEntrance } from "../trust/entrance.ts";
import type { Role } from "../trust/identity.ts";
import type { Trust, WallTime } from "../trust/judge.ts";
import type { KeyFolder } from "../trust/key-folder.ts";
import { placeOf, WaitingRoom } from "../trust/waiting-room.ts";
import type { PeerSession, Via } from "./access.ts";
import type { Counting } from "./counters.ts";
import { Gate } from "./gate.ts";
import type { BrokerLimits } from "./limits.ts";
import { type PlaceKind, Places } from "./places.ts";
import { Turns } from "./turns.ts";
import { keyOf } from "./zones.ts";

/** The node's own keys, and the judge of its clients. */
export interface ClientTrust {
  readonly folder: KeyFolder;
  readonly trust: Trust;
}

/** Where a client comes in, and as whom it is known there. */
export interface Origin {
  readonly role: Role;
  readonly via: Via;
  readonly certificate?: Certificate;
  readonly session?: PeerSession;
}

export interface DoorwayPorts {
  readonly limits: BrokerLimits;
  readonly counting: Counting;
  /** Whom TLS listeners believe; null where they stay closed. */
  readonly trust: ClientTrust | null;
  /** Takes over a connection whose bytes come through the gate. */
  readonly attach: (gate: Gate) => void;
  readonly now: () => number;
  readonly wall: () => WallTime;
}

/** Handshakes at once: each costs a signature, and anybody can begin one. */
const MAX_HANDSHAKES = 32;
/** Of one address: a crowd behind it leaves places to others. */
const HANDSHAKES_EACH = 8;
/** A vehicle at the edge of its radio needs some hundred ms. */
const HANDSHAKE_PATIENCE_MS = 1_000;
/** Connections whose handshake has not begun. */
const ROOM = { places: 512, silentEach: 64 };

export class Doorway {
  readonly #ports: DoorwayPorts;
  readonly #places: Places<Gate>;
  readonly #turns = new Turns();
  /** Before their CONNECT; none of them has shown a certificate. */
  readonly #newcomers: WaitingRoom<Gate>;
  /** Takes the connections of listeners with TLS; null where those stay closed. */
  readonly entrance: TlsEntrance | null;

  constructor(ports: DoorwayPorts) {
    this.#ports = ports;
    const { connections, newcomers: places } = ports.limits;
    this.#places = new Places(connections);
    // All of this machine have one address.
    this.#newcomers = new WaitingRoom({ places, silentEach: places });
    this.entrance = this.#makeEntrance();
  }

  /** Granted filters of connected clients. */
  get subscriptions(): number {
    let subscriptions = 0;
    for (const gate of this.#gates()) subscriptions += gate.peer?.granted.size ?? 0;
    return subscriptions;
  }

  accept(stream: Duplex, origin: Origin): void {
    const kind = kindOf(origin);
    const gate = this.#gateOf(stream, origin);
    const owner = origin.certificate?.identity.id;
    if (kind !== null && owner !== undefined) this.#replace(kind, owner);
    const hasPlace =
      kind === null
        ? this.#wait(gate, (stream as Partial<Socket>).remoteAddress)
        : this.#places.take(gate, kind, owner === undefined ? {} : { owner });
    if (!hasPlace) {
      this.#turnAway(gate, tooMany(kind ?? "newcomer"));
      return;
    }
    this.#count();
    gate.once("close", () => {
      this.#leave(gate);
      this.#count();
    });
    this.#ports.attach(gate);
  }

  /** For a CONNECT: why there is no place for another of that role, or null. */
  seatRefusal(gate: Gate, role: Role, replaces: boolean): string | null {
    if (role === "node") return "wrong-role";
    if (!this.#places.take(gate, role, { replaces })) return tooMany(role);
    this.#newcomers.leave(gate);
    return null;
  }

  /** A place among those of whom nothing is known, of whom the silent make room. */
  #wait(gate: Gate, address: string | undefined): boolean {
    const { admitted, out } = this.#newcomers.enter(gate, placeOf(address), this.#ports.now());
    if (out !== null) this.#turnAway(out, tooMany("newcomer"));
    return admitted;
  }

  #gateOf(stream: Duplex, origin: Origin): Gate {
    const { limits, counting, now } = this.#ports;
    return new Gate(stream, {
      limits,
      via: origin.via,
      vouched: origin.role,
      certificate: origin.certificate ?? null,
      session: origin.session ?? null,
      onThrottle: () => {
        counting.throttled += 1;
      },
      turns: this.#turns,
      onSpoken: (gate) => this.#newcomers.spoke(gate),
      now,
    });
  }

  /** A name's oldest connection goes for its newest: it has too many, or all places are taken. */
  #replace(kind: PlaceKind, name: string): void {
    const own = this.#places.ownedBy(kind, name);
    const [oldest] = own;
    const isFull = !this.#places.hasRoom(kind) || own.length >= this.#ports.limits.connectionsEach;
    if (oldest !== undefined && isFull) this.#turnAway(oldest, "too many connections of one name");
  }

  #turnAway(gate: Gate, reason: string): void {
    this.#ports.counting.refused.add(reason);
    gate.failed = true;
    this.#leave(gate);
    gate.destroy();
  }

  #leave(gate: Gate): void {
    this.#places.leave(gate);
    this.#newcomers.leave(gate);
  }

  *#gates(): Iterable<Gate> {
    yield* this.#places.holders;
    yield* this.#newcomers.holders;
  }

  #count(): void {
    this.#ports.counting.connections = this.#places.size + this.#newcomers.count;
  }

  /** Cuts whose certificate has ended or was revoked. */
  cutUnbelieved(): void {
    for (const gate of this.#gates()) {
      if (gate.certificate === null) continue;
      const refusal = this.entrance?.refusal(gate.certificate) ?? null;
      if (refusal === null) continue;
      this.#ports.counting.refused.add(refusal);
      gate.destroy();
    }
  }

  /** Ends all connections of a certificate's holder. */
  disconnectAll(key: string): void {
    for (const gate of this.#gates()) {
      if (gate.peer !== null && keyOf(gate.peer) === key) gate.destroy();
    }
  }

  /** Ends all connections. */
  close(): void {
    for (const gate of this.#gates()) gate.destroy();
  }

  #makeEntrance(): TlsEntrance | null {
    const { trust: believed, wall, counting } = this.#ports;
    if (believed === null) return null;
    const shaking = new Map<string, number>();
    let total = 0;
    return new TlsEntrance({
      ...believed,
      wanted: { roles: ["vehicle", "sensor", "operator", "reader"], ids: null, server: false },
      bound: {
        begin: (address) => {
          const own = shaking.get(placeOf(address)) ?? 0;
          if (total >= MAX_HANDSHAKES || own >= HANDSHAKES_EACH) return false;
          total += 1;
          shaking.set(placeOf(address), own + 1);
          return true;
        },
        ended: (address) => {
          total -= 1;
          const left = (shaking.get(placeOf(address)) ?? 1) - 1;
          if (left > 0) shaking.set(placeOf(address), left);
          else shaking.delete(placeOf(address));
        },
      },
      room: ROOM,
      patienceMs: HANDSHAKE_PATIENCE_MS,
      now: wall,
      onPeer: (socket, certificate) => {
        const { role } = certificate.identity;
        this.accept(socket, { role, via: "mqtt", certificate });
      },
      onRefused: (reason) => counting.refused.add(reason),
    });
  }
}

/** Null for who is not known yet. */
function kindOf({ role, via, certificate }: Origin): PlaceKind | null {
  if (via === "console") return "console";
  return certificate === undefined || role === "node" ? null : role;
}

function tooMany(kind: PlaceKind | "newcomer"): string {
  return `too many connections: ${kind}`;
}

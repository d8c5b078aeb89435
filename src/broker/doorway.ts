// Connections from their first byte to their end: how many there may be, whose they are, and who
// among them is not believed any more.
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Certificate } from "../trust/certificate.ts";
import { TlsEntrance } from "../trust/entrance.ts";
import type { Role } from "../trust/identity.ts";
import type { Trust, WallTime } from "../trust/judge.ts";
import type { KeyFolder } from "../trust/key-folder.ts";
import type { Via } from "./access.ts";
import type { Counting } from "./counters.ts";
import { Gate } from "./gate.ts";
import type { BrokerLimits } from "./limits.ts";
import { type PlaceKind, Places } from "./places.ts";
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

export class Doorway {
  readonly #ports: DoorwayPorts;
  readonly #places: Places<Gate>;
  /** Takes the connections of listeners with TLS; null where those stay closed. */
  readonly entrance: TlsEntrance | null;

  constructor(ports: DoorwayPorts) {
    this.#ports = ports;
    this.#places = new Places(ports.limits.connections);
    this.entrance = this.#makeEntrance();
  }

  /** Granted filters of connected clients. */
  get subscriptions(): number {
    let subscriptions = 0;
    for (const gate of this.#places.holders) subscriptions += gate.peer?.granted.size ?? 0;
    return subscriptions;
  }

  accept(stream: Duplex, origin: Origin): void {
    const kind = kindOf(origin);
    const name = origin.certificate?.identity.id;
    const from = name ?? (stream as Partial<Socket>).remoteAddress ?? "";
    if (name !== undefined) this.#replace(kind, name);
    else if (kind === "newcomer" && !this.#places.hasRoom(kind)) this.#makeRoom();
    if (!this.#places.hasRoom(kind)) {
      this.#ports.counting.refused.add(tooMany(kind));
      stream.on("error", () => stream.destroy());
      stream.destroy();
      return;
    }
    const gate = this.#gateOf(stream, origin);
    this.#places.take(gate, kind, from);
    this.#count();
    gate.once("close", () => {
      this.#places.leave(gate);
      this.#count();
    });
    this.#ports.attach(gate);
  }

  /** For a CONNECT: why there is no place for another of that role, or null. */
  seatRefusal(gate: Gate, role: Role, replaces: boolean): string | null {
    if (role === "node") return "wrong-role";
    return this.#places.seat(gate, role, replaces) ? null : tooMany(role);
  }

  #gateOf(stream: Duplex, origin: Origin): Gate {
    const { limits, counting, now } = this.#ports;
    return new Gate(stream, {
      limits,
      via: origin.via,
      vouched: origin.role,
      certificate: origin.certificate ?? null,
      onThrottle: () => {
        counting.throttled += 1;
      },
      now,
    });
  }

  /** A name's oldest connection goes for its newest: it has too many, or all places are taken. */
  #replace(kind: PlaceKind, name: string): void {
    const own = this.#places.from(kind, name);
    const [oldest] = own;
    const isFull = !this.#places.hasRoom(kind) || own.length >= this.#ports.limits.connectionsEach;
    if (oldest !== undefined && isFull) this.#turnAway(oldest, "too many connections of one name");
  }

  /** Who has sent its CONNECT waits for us and not the other way round: it stays. */
  #makeRoom(): void {
    const crowding = this.#places.crowding((gate) => !gate.hasSpoken);
    if (crowding !== null) this.#turnAway(crowding, tooMany("newcomer"));
  }

  #turnAway(gate: Gate, reason: string): void {
    this.#ports.counting.refused.add(reason);
    gate.failed = true;
    this.#places.leave(gate);
    gate.destroy();
  }

  #count(): void {
    this.#ports.counting.connections = this.#places.size;
  }

  /** Cuts whose certificate has ended or was revoked. */
  cutUnbelieved(): void {
    for (const gate of this.#places.holders) {
      if (gate.certificate === null) continue;
      const refusal = this.entrance?.refusal(gate.certificate) ?? null;
      if (refusal === null) continue;
      this.#ports.counting.refused.add(refusal);
      gate.destroy();
    }
  }

  /** Ends all connections of a certificate's holder. */
  disconnectAll(key: string): void {
    for (const gate of this.#places.holders) {
      if (gate.peer !== null && keyOf(gate.peer) === key) gate.destroy();
    }
  }

  /** Ends all connections. */
  close(): void {
    for (const gate of this.#places.holders) gate.destroy();
  }

  #makeEntrance(): TlsEntrance | null {
    const { trust: believed, wall, counting } = this.#ports;
    if (believed === null) return null;
    let shaking = 0;
    return new TlsEntrance({
      ...believed,
      wanted: { roles: ["vehicle", "sensor", "operator", "reader"], ids: null, server: false },
      bound: {
        begin: () => shaking < MAX_HANDSHAKES && ++shaking > 0,
        ended: () => {
          shaking -= 1;
        },
      },
      now: wall,
      onPeer: (socket, certificate) => {
        const { role } = certificate.identity;
        this.accept(socket, { role, via: "mqtt", certificate });
      },
      onRefused: (reason) => counting.refused.add(reason),
    });
  }
}

function kindOf({ role, via, certificate }: Origin): PlaceKind {
  if (via === "console") return "console";
  return certificate === undefined || role === "node" ? "newcomer" : role;
}

function tooMany(kind: PlaceKind): string {
  return `too many connections: ${kind}`;
}

// Connections from their first byte to their end: how many there may be, whose they are, and who
// among them is not believed any more.
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
  readonly #gates = new Set<Gate>();
  /** Takes the connections of listeners with TLS; null where those stay closed. */
  readonly entrance: TlsEntrance | null;

  constructor(ports: DoorwayPorts) {
    this.#ports = ports;
    this.entrance = this.#makeEntrance();
  }

  /** Granted filters of connected clients. */
  get subscriptions(): number {
    let subscriptions = 0;
    for (const gate of this.#gates) subscriptions += gate.peer?.granted.size ?? 0;
    return subscriptions;
  }

  accept(stream: Duplex, origin: Origin): void {
    const { limits, counting } = this.#ports;
    const { maxConnections, consoleConnections } = limits;
    const room = origin.via === "console" ? maxConnections : maxConnections - consoleConnections;
    if (this.#gates.size >= room) {
      counting.refused.add("too many connections");
      stream.on("error", () => stream.destroy());
      stream.destroy();
      return;
    }
    const gate = new Gate(stream, {
      limits,
      via: origin.via,
      vouched: origin.role,
      certificate: origin.certificate ?? null,
      onThrottle: () => {
        counting.throttled += 1;
      },
      now: this.#ports.now,
    });
    this.#gates.add(gate);
    counting.connections = this.#gates.size;
    gate.once("close", () => {
      this.#gates.delete(gate);
      counting.connections = this.#gates.size;
    });
    this.#ports.attach(gate);
  }

  /** Cuts whose certificate has ended or was revoked. */
  cutUnbelieved(): void {
    for (const gate of this.#gates) {
      if (gate.certificate === null) continue;
      const refusal = this.entrance?.refusal(gate.certificate) ?? null;
      if (refusal === null) continue;
      this.#ports.counting.refused.add(refusal);
      gate.destroy();
    }
  }

  /** Ends all connections of a certificate's holder. */
  disconnectAll(key: string): void {
    for (const gate of this.#gates) {
      if (gate.peer !== null && keyOf(gate.peer) === key) gate.destroy();
    }
  }

  /** Ends all connections. */
  close(): void {
    for (const gate of this.#gates) gate.destroy();
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

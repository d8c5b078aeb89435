// The neighbours' listener: TLS in which both sides show a certificate, and a small broker of its
// own that knows the topics of nodes and nothing else. A flood of the clients' broker is in another
// thread and another heap.
import { createServer, type Server } from "node:net";
import type { TLSSocket } from "node:tls";
import { Engine } from "../../broker/engine.ts";
import { Gate } from "../../broker/gate.ts";
import { type BrokerLimits, DEFAULT_LIMITS } from "../../broker/limits.ts";
import { SessionStore } from "../../broker/sessions.ts";
import type { LinkPlace, SiteModel } from "../../core/site/model.ts";
import type { Certificate } from "../../trust/certificate.ts";
import { TlsEntrance } from "../../trust/entrance.ts";
import type { Trust, WallTime } from "../../trust/judge.ts";
import type { KeyFolder } from "../../trust/key-folder.ts";
import { HANDSHAKE_MS } from "../../trust/tls.ts";
import { Handshakes } from "./handshakes.ts";
import { type Accepted, NeighbourPolicy } from "./neighbour-policy.ts";
import {
  fastMaterial,
  type SessionEvents,
  type SessionNumbers,
  type ToNeighbour,
  topicTo,
} from "./session.ts";

/** An old session and the one that follows it. */
const SESSIONS_EACH = 2;

/** Connections that the system keeps until they are taken, one in each turn of the event loop. */
const BACKLOG = 511;
/** Connections whose handshake has not begun. */
const ROOM = { places: 64, silentEach: 16 };

/** What one neighbour may send: all that the fast lane can't, and rows of custody. */
const LIMITS: BrokerLimits = {
  ...DEFAULT_LIMITS,
  maxPacketBytes: 327_680,
  packetsPerS: 5_000,
  packetBurst: 10_000,
  bytesPerS: 8_388_608,
  byteBurst: 16_777_216,
};

export interface AcceptorOptions {
  readonly own: SiteModel["node"];
  readonly place: LinkPlace;
  readonly neighbours: SiteModel["neighbours"];
  readonly folder: KeyFolder;
  readonly trust: Trust;
  readonly numbers: SessionNumbers;
  readonly events: SessionEvents;
  readonly onMessage: (neighbour: string, what: ToNeighbour, bytes: Uint8Array) => void;
  readonly now: () => WallTime;
}

export class Acceptor {
  readonly #options: AcceptorOptions;
  readonly #policy: NeighbourPolicy;
  readonly #engine: Engine;
  readonly #tcp: Server;
  readonly #entrance: TlsEntrance;
  readonly #accepted = new Set<Accepted>();

  constructor(options: AcceptorOptions) {
    const { own, neighbours, folder, trust, now, onMessage } = options;
    this.#options = options;
    this.#policy = new NeighbourPolicy({
      own,
      onMessage,
      onReady: (accepted) => this.#ready(accepted),
      onRefused: (reason) => options.events.refused(reason, `a neighbour's session: ${reason}`),
    });
    const hooks = {
      isGranted: () => false,
      mayKeep: () => false,
      onDiscard: () => undefined,
      onUnsent: () => undefined,
      onNotice: () => undefined,
    };
    const sessions = new SessionStore(LIMITS, hooks);
    this.#engine = new Engine({ limits: LIMITS, sessions, policy: this.#policy });
    const handshakes = new Handshakes(neighbours.map(({ address }) => address));
    this.#entrance = new TlsEntrance({
      folder,
      trust,
      wanted: { roles: ["node"], ids: neighbours.map(({ id }) => id), server: false },
      bound: {
        begin: (address) => handshakes.begin(address, performance.now()),
        ended: () => handshakes.ended(),
      },
      room: ROOM,
      // Over a link that loses packets a neighbour's may take long: the usual deadline holds.
      patienceMs: HANDSHAKE_MS,
      now,
      onPeer: (socket, certificate) => this.#believed(socket, certificate),
      onRefused: (reason, address) => this.#refused(reason, address),
    });
    this.#tcp = createServer({ noDelay: true }, (socket) => this.#entrance.enter(socket));
  }

  /** Where it listens; rejects with the system's error. */
  async open(): Promise<number> {
    await this.#engine.open();
    const { address, reliablePort } = this.#options.place;
    return await new Promise((resolve, reject) => {
      this.#tcp.once("error", reject);
      this.#tcp.listen({ host: address, port: reliablePort, backlog: BACKLOG }, () => {
        const bound = this.#tcp.address();
        resolve(typeof bound === "object" && bound !== null ? bound.port : reliablePort);
      });
    });
  }

  /** Says something to whoever speaks to this node under a neighbour's name. */
  answer(neighbour: string, bytes: Uint8Array): void {
    const topic = topicTo(this.#options.own, "state");
    for (const { neighbour: name, peer } of this.#accepted) {
      const lane = name === neighbour && peer !== null ? this.#engine.laneOf(peer) : null;
      if (lane?.isOpen === true) lane.send(topic, bytes);
    }
  }

  /** Cuts sessions whose certificate does not count any more; whose they were. */
  sweep(): string[] {
    const cut: string[] = [];
    for (const accepted of this.#accepted) {
      const refusal = this.#entrance.refusal(accepted.certificate);
      if (refusal === null) continue;
      this.#refused(refusal, accepted.socket.remoteAddress ?? "?");
      accepted.socket.destroy();
      cut.push(accepted.neighbour);
    }
    return cut;
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#tcp.close(() => resolve()));
    this.#entrance.close();
    for (const { socket } of this.#accepted) socket.destroy();
    await this.#engine.close();
    await closed;
  }

  #believed(socket: TLSSocket, certificate: Certificate): void {
    const gate = new Gate(socket, {
      limits: LIMITS,
      via: "mqtt",
      vouched: "node",
      onThrottle: () => undefined,
      now: () => performance.now(),
    });
    const { id: neighbour } = certificate.identity;
    const session = this.#options.numbers.next();
    const accepted: Accepted = {
      neighbour,
      session,
      socket,
      certificate,
      peer: null,
      isOpen: false,
    };
    this.#accepted.add(accepted);
    this.#policy.expect(gate, accepted);
    socket.once("close", () => this.#ended(accepted));
    this.#limit(neighbour);
    this.#engine.attach(gate);
  }

  #refused(reason: string, address: string): void {
    this.#options.events.refused(reason, `who comes from ${address} is not believed: ${reason}`);
  }

  /** The oldest sessions of a neighbour go: it is the newest that it uses. */
  #limit(neighbour: string): void {
    const own = [...this.#accepted].filter((accepted) => accepted.neighbour === neighbour);
    for (const { socket } of own.slice(0, -SESSIONS_EACH)) socket.destroy();
  }

  #ready(accepted: Accepted): void {
    const { own, events } = this.#options;
    const { neighbour, session, socket } = accepted;
    accepted.isOpen = true;
    events.opened(neighbour, session, fastMaterial(socket, own.id, neighbour));
  }

  #ended(accepted: Accepted): void {
    this.#accepted.delete(accepted);
    if (accepted.isOpen) this.#options.events.closed(accepted.neighbour, accepted.session);
  }
}

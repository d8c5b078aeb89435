// This node's own connection to one neighbour: MQTT over mutual TLS, dialled again with back-off
// for as long as there is none, and anew each hour, so that the fast lane's keys are new too. The
// new one stands before the old one goes.
//
// A session is up after the neighbour's CONNACK, not when the handshake is done: that comes before
// the other side has looked at our certificate.
import { connect, type TLSSocket } from "node:tls";
import { MqttClient } from "mqtt";
import type { NeighbourSite, SiteModel } from "../../core/site/model.ts";
import type { Certificate } from "../../trust/certificate.ts";
import type { Trust, WallTime, Wanted } from "../../trust/judge.ts";
import type { KeyFolder } from "../../trust/key-folder.ts";
import { dialOptions, HANDSHAKE_MS } from "../../trust/tls.ts";
import {
  fastMaterial,
  type SessionEvents,
  type SessionNumbers,
  type ToNeighbour,
  topicTo,
} from "./session.ts";

const FIRST_PAUSE_MS = 500;
const LAST_PAUSE_MS = 15_000;
/**
 * A session that ends sooner does not make the pause short again: two machines of one name would
 * take the neighbour's place from each other twice a second.
 */
const STEADY_MS = 10_000;
/** New keys for the fast lane (MESH section 1). */
const RENEW_MS = 3_600_000;
/** A neighbour that has gone without a word is noticed after one and a half of these. */
const KEEP_ALIVE_S = 10;
/** Unacknowledged on the way to one neighbour; a snapshot of custody is the largest. */
const MAX_UNACKNOWLEDGED_BYTES = 8_388_608;

export interface DiallerOptions {
  readonly own: SiteModel["node"];
  readonly neighbour: NeighbourSite;
  readonly folder: KeyFolder;
  readonly trust: Trust;
  readonly numbers: SessionNumbers;
  readonly events: SessionEvents;
  /** A session has come up, or the last one has gone. */
  readonly onUp: (up: boolean) => void;
  /** What the neighbour answers on this node's own session. */
  readonly onAnswer: (bytes: Uint8Array) => void;
  readonly now: () => WallTime;
}

interface Session {
  readonly number: number;
  readonly socket: TLSSocket;
  /** As it was shown: a client's socket forgets it soon after the handshake. */
  readonly certificate: Certificate;
  readonly client: MqttClient;
  readonly sinceMs: number;
  unacknowledgedBytes: number;
}

/** A connection on its way to its CONNACK, and what is done when it ends before. */
interface Dialling {
  readonly socket: TLSSocket;
  readonly onClose: () => void;
}

export class Dialler {
  readonly #options: DiallerOptions;
  #session: Session | null = null;
  /** Under way to its CONNACK. */
  #dialling: Dialling | null = null;
  #pauseMs = FIRST_PAUSE_MS;
  #timer: NodeJS.Timeout | null = null;
  #closed = false;

  constructor(options: DiallerOptions) {
    this.#options = options;
  }

  get up(): boolean {
    return this.#session !== null;
  }

  start(): void {
    this.#dial();
  }

  /** False where nothing can be sent, or too much is on its way already. */
  publish(what: ToNeighbour, bytes: Uint8Array): boolean {
    const session = this.#session;
    if (session === null) return false;
    if (session.unacknowledgedBytes + bytes.length > MAX_UNACKNOWLEDGED_BYTES) return false;
    session.unacknowledgedBytes += bytes.length;
    const topic = topicTo(this.#options.own, what);
    session.client.publish(topic, Buffer.from(bytes), { qos: 1 }, () => {
      session.unacknowledgedBytes -= bytes.length;
    });
    return true;
  }

  /** Cuts a session whose certificate does not count any more; true when it did. */
  sweep(): boolean {
    const session = this.#session;
    if (session === null) return false;
    const { trust, now } = this.#options;
    const judgement = trust.judgeAgain(session.certificate, this.#wanted(), now());
    if (judgement.ok) return false;
    this.#refused(judgement.reason);
    session.socket.destroy();
    return true;
  }

  close(): void {
    this.#closed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#dialling?.socket.destroy();
    this.#session?.client.end(true);
    this.#session?.socket.destroy();
  }

  #wanted(): Wanted {
    return { roles: ["node"], ids: [this.#options.neighbour.id], server: true };
  }

  #refused(reason: string): void {
    const { neighbour, events } = this.#options;
    const { id, address, reliablePort } = neighbour;
    events.refused(reason, `${id} at ${address}:${reliablePort} is not believed: ${reason}`);
  }

  #dial(): void {
    this.#timer = null;
    if (this.#closed || this.#dialling !== null) return;
    const { neighbour, folder } = this.#options;
    const socket = connect({
      ...dialOptions(folder),
      host: neighbour.address,
      port: neighbour.reliablePort,
    });
    const onClose = (): void => this.#failed(socket);
    this.#dialling = { socket, onClose };
    socket.setNoDelay(true);
    socket.setTimeout(HANDSHAKE_MS, () => socket.destroy());
    socket.on("error", () => {
      // What follows from it is done at "close".
    });
    socket.once("close", onClose);
    socket.once("secureConnect", () => {
      const { trust, now } = this.#options;
      const judgement = trust.judgePeer(socket, this.#wanted(), now());
      if (judgement.ok) this.#login(socket, judgement.certificate);
      else {
        this.#refused(judgement.reason);
        socket.destroy();
      }
    });
  }

  #login(socket: TLSSocket, certificate: Certificate): void {
    const { own, neighbour, numbers, onAnswer } = this.#options;
    const client = new MqttClient(() => socket, {
      clientId: `node:${own.id}`,
      clean: true,
      keepalive: KEEP_ALIVE_S,
      reconnectPeriod: 0,
      connectTimeout: HANDSHAKE_MS,
      queueQoSZero: false,
    });
    const number = numbers.next();
    const sinceMs = performance.now();
    const session = { number, socket, certificate, client, sinceMs, unacknowledgedBytes: 0 };
    client.on("error", () => socket.destroy());
    const answers = topicTo({ ...own, id: neighbour.id }, "state");
    client.on("message", (topic, payload) => {
      if (topic === answers) onAnswer(new Uint8Array(payload));
      else socket.destroy();
    });
    client.once("connect", () => this.#opened(session));
    client.once("close", () => socket.destroy());
  }

  #opened(session: Session): void {
    const { own, neighbour, events, onUp } = this.#options;
    const { socket, number } = session;
    if (socket.destroyed || this.#closed) return;
    const before = this.#session;
    // The client listens to the same event.
    if (this.#dialling?.socket === socket) socket.off("close", this.#dialling.onClose);
    this.#dialling = null;
    this.#session = session;
    socket.setTimeout(0);
    socket.once("close", () => this.#ended(session));
    events.opened(neighbour.id, number, fastMaterial(socket, own.id, neighbour.id));
    if (before === null) onUp(true);
    else leave(before);
    this.#later(RENEW_MS);
  }

  #failed(socket: TLSSocket): void {
    if (this.#dialling?.socket !== socket) return;
    this.#dialling = null;
    this.#later(this.#pause());
  }

  #ended(session: Session): void {
    const { neighbour, events, onUp } = this.#options;
    events.closed(neighbour.id, session.number);
    session.client.end(true);
    if (this.#session !== session) return;
    this.#session = null;
    if (this.#closed) return;
    if (performance.now() - session.sinceMs >= STEADY_MS) this.#pauseMs = FIRST_PAUSE_MS;
    onUp(false);
    this.#later(this.#pause());
  }

  /** Spread, so that a zone that comes back does not dial in step. */
  #pause(): number {
    const pauseMs = this.#pauseMs * (0.75 + Math.random() / 2);
    this.#pauseMs = Math.min(LAST_PAUSE_MS, this.#pauseMs * 2);
    return pauseMs;
  }

  #later(ms: number): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    if (!this.#closed) this.#timer = setTimeout(() => this.#dial(), ms);
  }
}

/** Ends it in good order; what a neighbour never acknowledges does not keep it, nor its keys. */
function leave({ client, socket }: Session): void {
  client.end();
  setTimeout(() => socket.destroy(), HANDSHAKE_MS).unref();
}

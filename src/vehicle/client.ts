// The one wrapper of mqtt.js: a connection to one node that comes back by itself. It says when it
// is up and down; who uses it subscribes anew each time, so that every answer is one of this time.
import type { Socket } from "node:net";
import type { ConnectionOptions } from "node:tls";
import mqtt, { type IClientOptions, type MqttClient, type Packet } from "mqtt";

/** What a vehicle shows and believes over TLS: PEM texts. */
export interface TlsMaterial {
  /** The zone's CA. */
  readonly ca: string;
  /** The vehicle's certificate and its private key. */
  readonly cert: string;
  readonly key: string;
}

export interface ClientOptions {
  readonly url: string;
  /** MQTT client id: the vehicle's pseudonym; with TLS `vehicle:` and its certificate's id. */
  readonly id: string;
  readonly tls: TlsMaterial | null;
  /** The node that must answer, as its certificate names it. */
  readonly node: { readonly region: string; readonly zone: string; readonly id: string };
}

export interface ClientHandlers {
  readonly onUp: () => void;
  /** The connection is gone, or one could not be made. */
  readonly onDown: (reason: string) => void;
  readonly onMessage: (topic: string, payload: Uint8Array) => void;
}

/** A node that does not answer for this long is tried again: beliefs have run out long before. */
const KEEP_ALIVE_S = 5;
const CONNECT_MS = 5_000;
/** Spread, so that all vehicles of a street don't come back at once. */
const RECONNECT_MS = { least: 500, spread: 1_000 };
const REFUSED = 0x80;

/**
 * The connected node's certificate must name the node that was meant, not a host: an address names
 * nobody. `found` is Node's text of all alternative names, so a second name fails too.
 */
export function nodeFault(
  found: string | undefined,
  node: ClientOptions["node"],
): Error | undefined {
  const wanted = `URI:stopline://${node.region}/${node.zone}/node/${node.id}`;
  return found === wanted ? undefined : new Error(`the certificate is of ${found}, not ${wanted}`);
}

function optionsOf({ id, tls, node }: ClientOptions): IClientOptions {
  const { least, spread } = RECONNECT_MS;
  const options: IClientOptions = {
    clientId: id,
    protocolVersion: 4,
    clean: true,
    keepalive: KEEP_ALIVE_S,
    connectTimeout: CONNECT_MS,
    reconnectPeriod: Math.round(least + Math.random() * spread),
    resubscribe: false,
    queueQoSZero: false,
    timerVariant: "native",
  };
  if (tls === null) return options;
  // mqtt.js hands all of it to `tls.connect`; its types know a part.
  const secure: ConnectionOptions = {
    ...tls,
    minVersion: "TLSv1.3",
    rejectUnauthorized: true,
    checkServerIdentity: (_host, certificate) => nodeFault(certificate.subjectaltname, node),
  };
  return { ...options, ...(secure as IClientOptions) };
}

export class Client {
  readonly #mqtt: MqttClient;
  /** By packet id: what waits for its SUBACK. */
  readonly #asks = new Map<number, (granted: boolean) => void>();
  #up = false;
  #closed = false;
  #reason = "closed";

  constructor(options: ClientOptions, { onUp, onDown, onMessage }: ClientHandlers) {
    const client = mqtt.connect(options.url, optionsOf(options));
    this.#mqtt = client;
    client.on("connect", () => {
      if (this.#closed) return;
      // Without this a small acknowledgement waits for the one before it, up to 40 ms.
      (client.stream as Partial<Socket>).setNoDelay?.(true);
      this.#up = true;
      onUp();
    });
    client.on("close", () => {
      const reason = this.#reason;
      this.#reason = "closed";
      if (this.#closed || (!this.#up && reason === "closed")) return;
      this.#up = false;
      this.#asks.clear();
      onDown(reason);
    });
    client.on("error", (error) => {
      // Several addresses of one name fail together, without words of their own.
      this.#reason = error.message || "no address of that name answers";
    });
    client.on("packetreceive", (packet) => this.#answer(packet));
    client.on("message", (topic, payload) => {
      if (!this.#closed) onMessage(topic, payload);
    });
  }

  /**
   * One SUBSCRIBE; `done` with its SUBACK, before anything that came after that is told: whether
   * the first filter was granted. Never after the connection has gone.
   */
  subscribe(filters: readonly string[], done: (granted: boolean) => void): void {
    if (!this.#up) return;
    this.#mqtt.subscribe([...filters], { qos: 0 }, ignored);
    // The package's own callback comes some turns later, maybe behind the first message.
    this.#asks.set(this.#mqtt.getLastMessageId(), done);
  }

  #answer(packet: Packet): void {
    if (packet.cmd !== "suback" || packet.messageId === undefined) return;
    const done = this.#asks.get(packet.messageId);
    this.#asks.delete(packet.messageId);
    done?.(Number(packet.granted[0] ?? REFUSED) < REFUSED);
  }

  unsubscribe(filters: readonly string[]): void {
    if (this.#up) this.#mqtt.unsubscribe([...filters], ignored);
  }

  /** QoS 0: a position is old when it would be sent again. */
  publish(topic: string, payload: Uint8Array): void {
    if (!this.#up) return;
    const { buffer, byteOffset, byteLength } = payload;
    this.#mqtt.publish(topic, Buffer.from(buffer, byteOffset, byteLength), { qos: 0 }, ignored);
  }

  /** Ends it for good; no handler is called any more. */
  close(): void {
    this.#closed = true;
    this.#up = false;
    this.#asks.clear();
    this.#mqtt.end(true);
  }
}

/** What fails here shows as a connection that goes down. */
function ignored(): void {}

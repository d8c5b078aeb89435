// The one wrapper of mqtt.js: a connection to one node that comes back by itself. It says when it
// is up and down; who uses it subscribes anew each time, so that every answer is one of this time.
import { connect, isIP } from "node:net";
import { type ConnectionOptions, connect as connectTls } from "node:tls";
import mqtt, { type IClientOptions, type MqttClient, type Packet } from "mqtt";
import { type Dial, Line, type LineHandlers } from "./line.ts";

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
  /** The bytes are the client's again when this returns. */
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

function optionsOf(id: string): IClientOptions {
  const { least, spread } = RECONNECT_MS;
  return {
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
}

const MQTT_PORT = 1883;
const MQTTS_PORT = 8883;

/** How a socket to the node is opened. */
function dialOf({ tls, node }: ClientOptions, { hostname, port }: URL): Dial {
  const host = hostname.replace(/^\[|\]$/g, "") || "localhost";
  if (tls === null) {
    return (onread) => connect({ host, port: Number(port || MQTT_PORT), onread });
  }
  const secure: ConnectionOptions = {
    ...tls,
    host,
    port: Number(port || MQTTS_PORT),
    ...(isIP(host) === 0 ? { servername: host } : {}),
    minVersion: "TLSv1.3",
    rejectUnauthorized: true,
    checkServerIdentity: (_host, certificate) => nodeFault(certificate.subjectaltname, node),
  };
  // Its types leave `onread` out.
  return (onread) => connectTls({ ...secure, onread } as ConnectionOptions);
}

/** A client of mqtt.js that comes back by itself; each connection's line is told. */
function open(
  options: ClientOptions,
  handlers: LineHandlers,
  onLine: (line: Line) => void,
): MqttClient {
  const { id, url } = options;
  const place = URL.canParse(url) ? new URL(url) : null;
  // WebSockets, and what else a plain socket does not know, are the package's own.
  const isPlain = place?.protocol === "mqtt:" && place.username === "";
  if (place === null || !(isPlain || options.tls !== null)) {
    return mqtt.connect(url, optionsOf(id));
  }
  const dial = dialOf(options, place);
  return new mqtt.MqttClient(() => {
    const line = new Line(dial, handlers);
    onLine(line);
    return line;
  }, optionsOf(id));
}

export class Client {
  readonly #mqtt: MqttClient;
  /** By packet id: what waits for its SUBACK. */
  readonly #asks = new Map<number, (granted: boolean) => void>();
  /** Of the present connection; null where mqtt.js has opened it. */
  #line: Line | null = null;
  #up = false;
  #closed = false;
  #reason = "closed";

  constructor(options: ClientOptions, { onUp, onDown, onMessage }: ClientHandlers) {
    const hear = (topic: string, payload: Uint8Array): void => {
      if (!this.#closed) onMessage(topic, payload);
    };
    const fail = (error: Error): void => {
      // Several addresses of one name fail together, without words of their own.
      this.#reason = error.message || "no address of that name answers";
    };
    const client = open(options, { onMessage: hear, onFault: fail }, (line) => {
      this.#line = line;
    });
    this.#mqtt = client;
    client.on("connect", () => {
      if (this.#closed) return;
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
      fail(error);
      this.#line?.distrust();
    });
    client.on("packetreceive", (packet) => {
      this.#line?.taken();
      this.#answer(packet);
    });
    client.on("message", hear);
  }

  /**
   * One SUBSCRIBE; `done` with its SUBACK, before anything that came after that is told: whether
   * the first filter was granted. Never after the connection has gone.
   */
  subscribe(filters: readonly string[], done: (granted: boolean) => void): void {
    if (!this.#up) return;
    this.#line?.listen(filters);
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
    if (!this.#up) return;
    this.#line?.unlisten(filters);
    this.#mqtt.unsubscribe([...filters], ignored);
  }

  /** QoS 0: a position is old when it would be sent again. */
  publish(topic: string, payload: Uint8Array): void {
    if (!this.#up || this.#line?.send(topic, payload) === true) return;
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

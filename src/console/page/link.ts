// The page's line to the node's broker: MQTT on a WebSocket, as operator with the secret or as
// reader without. The one module that knows mqtt.js.
import { type MqttClient, mqtt } from "./mqtt-client.js";

/** CONNACK codes 4 and 5 (MQTT 3.1.1): user name or password wrong; not authorised. */
const REFUSED_LOGIN: readonly number[] = [4, 5];

export type Line = "connecting" | "connected" | "lost";

export interface LinkEvents {
  onLine(line: Line): void;
  onMessage(topic: string, payload: Uint8Array): void;
  /** The node does not know the secret; the link goes on as a reader. */
  onLoginRefused(): void;
}

export class Link {
  readonly #events: LinkEvents;
  readonly #address: string;
  readonly #filters: readonly string[];
  #client: MqttClient | null = null;
  #secret: string | null;
  /** Logged in over the network as somebody who may act. */
  readonly #mayAct: boolean;

  /** `origin`: of the console, this page's own by default. */
  constructor(
    filters: readonly string[],
    { secret, mayAct }: { readonly secret: string | null; readonly mayAct: boolean },
    events: LinkEvents,
    origin: string = location.origin,
  ) {
    this.#address = `${origin.replace(/^http/, "ws")}/mqtt`;
    this.#filters = filters;
    this.#secret = secret;
    this.#mayAct = mayAct;
    this.#events = events;
  }

  /** True while commands can be sent. */
  get operator(): boolean {
    return this.#mayAct || this.#secret !== null;
  }

  open(): void {
    this.#events.onLine("connecting");
    const login = this.#secret === null ? {} : { username: "operator", password: this.#secret };
    const client = mqtt.connect(this.#address, {
      clientId: `console-${randomHex(8)}`,
      protocolVersion: 4,
      clean: true,
      keepalive: 10,
      reconnectPeriod: 1_000,
      connectTimeout: 5_000,
      timerVariant: "native",
      ...login,
    });
    this.#client = client;
    client.on("connect", () => {
      client.subscribe(this.#filters, { qos: 0 });
      this.#events.onLine("connected");
    });
    client.on("close", () => {
      if (this.#client === client) this.#events.onLine("lost");
    });
    client.on("error", (error) => {
      if (REFUSED_LOGIN.includes(error.code ?? 0) && this.#client === client) this.#asReader();
    });
    client.on("message", (topic, payload) => this.#events.onMessage(topic, payload));
  }

  publish(topic: string, payload: string): void {
    this.#client?.publish(topic, payload, { qos: 1 });
  }

  #asReader(): void {
    const refused = this.#client;
    this.#client = null;
    refused?.end(true);
    if (this.#secret === null) return;
    this.#secret = null;
    this.#events.onLoginRefused();
    this.open();
  }
}

/** Random hex digits, two for each byte. */
export function randomHex(bytes: number): string {
  const values = crypto.getRandomValues(new Uint8Array(bytes));
  return Array.from(values, (value) => value.toString(16).padStart(2, "0")).join("");
}

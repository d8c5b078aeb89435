// mqtt.js clients for the broker's tests: connected, recording what they get, ended by the test.
import mqtt, { type IClientOptions, type IConnackPacket, type MqttClient } from "mqtt";
import type { Test } from "tap";
import { SECRET } from "./support.ts";

export interface Message {
  readonly topic: string;
  readonly payload: Buffer;
  readonly retain: boolean;
  readonly dup: boolean;
  readonly qos: number;
}

export interface Client {
  readonly mqtt: MqttClient;
  readonly messages: Message[];
  readonly sessionPresent: boolean;
  /** Messages of one topic, in order. */
  of(topic: string): Message[];
  /** Subscribes to one filter; the granted QoS, 128 for refused. */
  subscribe(filter: string, qos?: 0 | 1 | 2): Promise<number>;
}

/** Connects once, without a second try; rejects with the CONNACK's error. */
export async function connectClient(
  t: Pick<Test, "teardown">,
  url: string,
  options: IClientOptions = {},
): Promise<Client> {
  const client = mqtt.connect(url, {
    reconnectPeriod: 0,
    connectTimeout: 10_000,
    manualConnect: true,
    ...options,
  });
  const messages: Message[] = [];
  client.on("message", (topic, payload, { retain, dup, qos }) => {
    messages.push({ topic, payload, retain, dup, qos });
  });
  t.teardown(() => client.end(true));
  const connack = await new Promise<IConnackPacket>((resolve, reject) => {
    client.once("connect", resolve);
    client.once("error", reject);
    client.once("close", () => reject(new Error("closed")));
    client.connect();
  });
  client.on("error", () => undefined);
  return {
    mqtt: client,
    messages,
    sessionPresent: connack.sessionPresent,
    of: (topic) => messages.filter((message) => message.topic === topic),
    subscribe: (filter, qos = 0) =>
      new Promise((resolve) => {
        client.subscribe(filter, { qos }, (_error, _granted, packet) => {
          resolve(Number(packet?.granted[0] ?? 128));
        });
      }),
  };
}

/** The operator's login. */
export const OPERATOR: IClientOptions = { username: "operator", password: SECRET };

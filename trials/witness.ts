// Somebody at the broker of a guest who believes what he is told and remembers it: rows of the log,
// answers to commands, acknowledgements of messages for a session that is kept.
import { randomBytes } from "node:crypto";
import mqtt, { type MqttClient } from "mqtt";
import { digestOf } from "../src/sim/chaos/node-watch.ts";
import { decodeEvents } from "../src/wire/events.ts";
import { topicsOf } from "../src/wire/topics.ts";
import { until } from "./host.ts";
import type { Reached } from "./machine.ts";

const COMMAND_MS = 300;
const MESSAGE_MS = 100;
const COMMAND_LIFE_MS = 55_000;
const CONNECT_MS = 60_000;
const QUEUE_MS = 30_000;
/** Granted to everybody by the demo's site file. */
const TOPIC = "demo/trial";
const NODE = topicsOf({ region: "demo", zone: "old-town", id: "junction-1" });
const PHASES = [2, 4, 6, 8] as const;

export class Witness {
  /** Rows that were told as committed, by place. */
  readonly rows = new Map<number, string>();
  /** Commands that were answered since the last start. */
  readonly answered = new Set<string>();
  /** Messages that were acknowledged for the kept session and not delivered yet. */
  readonly waiting = new Set<number>();
  rowsTold = 0;
  answers = 0;
  acknowledged = 0;
  #number = 0;
  #client: MqttClient | null = null;
  #timers: NodeJS.Timeout[] = [];

  /** The kept session comes back; what it should have got and did not. */
  async collect(broker: Reached, secret: string): Promise<number> {
    const expected = new Set(this.waiting);
    const keeper = client(broker, secret, "trial-keeper", false);
    keeper.on("message", (_, payload) => expected.delete(Number(payload.toString())));
    try {
      if (!(await until(CONNECT_MS, () => keeper.connected))) throw new Error("no connection");
      await keeper.subscribeAsync(TOPIC, { qos: 1 });
      await until(QUEUE_MS, () => expected.size === 0);
    } finally {
      await keeper.endAsync();
    }
    this.waiting.clear();
    return expected.size;
  }

  /** Connects, and begins to ask and to listen. */
  async begin(broker: Reached, secret: string): Promise<void> {
    this.answered.clear();
    const one = client(broker, secret, "trial-witness", true);
    this.#client = one;
    one.on("message", (topic, payload) => this.#take(topic, payload));
    if (!(await until(CONNECT_MS, () => one.connected))) throw new Error("no connection");
    await one.subscribeAsync([NODE.events, `${NODE.prefix}reply/+/json`], { qos: 1 });
    this.#timers = [
      setInterval(() => this.#command(one), COMMAND_MS),
      setInterval(() => this.#message(one), MESSAGE_MS),
    ];
  }

  /** From here on nothing that comes counts. */
  end(): void {
    for (const timer of this.#timers) clearInterval(timer);
    this.#client?.removeAllListeners("message");
    this.#client?.end(true);
    this.#client = null;
  }

  #command(one: MqttClient): void {
    const id = randomBytes(16).toString("hex");
    const issued = Date.now();
    const phase = PHASES[this.#number++ % PHASES.length];
    const body = { id, issued, expires: issued + COMMAND_LIFE_MS, command: "call", phase };
    one.publish(NODE.command(id), JSON.stringify(body), { qos: 1 }, () => undefined);
  }

  #message(one: MqttClient): void {
    const number = ++this.#number;
    one.publish(TOPIC, String(number), { qos: 1 }, (error) => {
      if (error !== null && error !== undefined) return;
      if (this.#client !== one) return;
      this.waiting.add(number);
      this.acknowledged += 1;
    });
  }

  #take(topic: string, payload: Buffer): void {
    if (topic === NODE.events) {
      for (const row of decodeEvents(payload).rows) {
        this.rows.set(row.seq, digestOf(row));
        this.rowsTold += 1;
      }
      return;
    }
    const { id, ok } = JSON.parse(payload.toString());
    if (ok !== true) return;
    this.answered.add(id);
    this.answers += 1;
  }
}

function client(broker: Reached, password: string, clientId: string, clean: boolean): MqttClient {
  const one = mqtt.connect(`mqtt://${broker.host}:${broker.port}`, {
    clientId,
    username: "operator",
    password,
    clean,
    reconnectPeriod: 500,
    resubscribe: false,
  });
  one.on("error", () => undefined);
  return one;
}

// A process that sends the same deltas over MQTT at QoS 1, or hears them: the same bytes, made and
// applied by the same replica, in the one thread of its mqtt.js client. One client a link that
// publishes, one that hears.
import mqtt, { type MqttClient } from "mqtt";
import { leaseNow } from "../../../src/core/state/lease.ts";
import type { Part } from "../../../src/core/state/part.ts";
import { Replica } from "../../../src/core/state/replica.ts";
import { realTimers } from "../../../src/log/timers.ts";
import { decodeEnvelope, encodeEnvelope } from "../../../src/wire/envelope.ts";
import { decodeParts, encodePart } from "../../../src/wire/part.ts";
import { pace, sharedMs } from "./clock.ts";
import { Arrivals, deltaOf } from "./deltas.ts";
import type { FromSide, MqttPlan, ToSide } from "./side-messages.ts";

const TOPIC = "stopline/1/bench";
const RECONNECT_MS = 200;

const tell = (message: FromSide): void => void process.send?.(message);
const lease = (): number => leaseNow({ monoMs: realTimers.monoMs(), wallMs: realTimers.wallMs() });

async function connected({ url, keys }: MqttPlan, clientId: string): Promise<MqttClient> {
  const client = mqtt.connect(url, {
    clientId,
    protocolVersion: 4,
    reconnectPeriod: RECONNECT_MS,
    // The certificate names a node and not a host; it is the bench's own broker.
    ...(keys === null ? {} : { ...keys, checkServerIdentity: () => undefined }),
  });
  let last: unknown = null;
  client.on("error", (error) => {
    if (String(error) !== String(last)) process.stderr.write(`${clientId}: ${error.message}\n`);
    last = error;
  });
  const { promise, resolve } = Promise.withResolvers<MqttClient>();
  client.on("connect", () => {
    (client.stream as unknown as { setNoDelay(on: boolean): void }).setNoDelay(true);
    resolve(client);
  });
  return await promise;
}

/** One link's end that publishes. */
class Publisher {
  readonly replica: Replica;
  readonly #id: string;
  readonly #client: MqttClient;
  #sequence = 0;

  constructor(id: string, client: MqttClient) {
    this.#id = id;
    this.#client = client;
    this.replica = new Replica(0, id);
  }

  begin(): void {
    this.send(this.replica.begin(1, [], lease()));
  }

  send(part: Part): void {
    this.#sequence += 1;
    const bytes = encodeEnvelope({
      kind: "part",
      origin: this.#id,
      incarnation: 1,
      sequence: this.#sequence,
      trace: null,
      payload: encodePart(part, Date.now()),
    });
    this.#client.publish(`${TOPIC}/${this.#id}`, Buffer.from(bytes), { qos: 1 });
  }
}

let emit: (perS: number, count: number) => Promise<void> = async () => {};
let arrivals: Arrivals | null = null;

async function publish(plan: MqttPlan): Promise<void> {
  const links = Array.from({ length: plan.links }, (_, index) => `a${index}`);
  const publishers = await Promise.all(
    links.map(async (id) => new Publisher(id, await connected(plan, `${id}-${process.pid}`))),
  );
  for (const publisher of publishers) publisher.begin();
  let sent = 0;
  emit = async (perS, count) => {
    const atMs = new Float64Array(count);
    const first = sent;
    sent += count;
    await pace(perS, count, (index) => {
      atMs[index] = sharedMs();
      const { link, phase, display } = deltaOf(first + index, plan.links);
      const value = [display, plan.wallMs + first + index];
      const publisher = publishers[link];
      const change = { kind: "set", field: "phase", key: phase, value } as const;
      if (publisher !== undefined) publisher.send(publisher.replica.change([change], lease()));
    });
    tell({ kind: "sent", first, atMs });
  };
  tell({ kind: "linked" });
}

async function hear(plan: MqttPlan): Promise<void> {
  const replica = new Replica(0, "b");
  const seen = new Arrivals(plan.links, plan.wallMs);
  arrivals = seen;
  const client = await connected(plan, `b-${process.pid}`);
  client.on("message", (_topic, bytes) => {
    const { origin, incarnation, payload } = decodeEnvelope(bytes);
    for (const { part } of decodeParts(payload, { origin, incarnation })) {
      replica.join(part, lease());
    }
    const atMs = sharedMs();
    seen.look(Number(origin.slice(1)), replica.registers("phase", origin), atMs);
  });
  await client.subscribeAsync(`${TOPIC}/+`, { qos: 1 });
  tell({ kind: "linked" });
}

process.on("message", (message: ToSide<MqttPlan>) => {
  switch (message.kind) {
    case "setup":
      void (message.plan.role === "publish" ? publish(message.plan) : hear(message.plan));
      break;
    case "emit":
      void emit(message.perS, message.count);
      break;
    case "collect": {
      const none = { numbers: new Float64Array(), atMs: new Float64Array() };
      const applied = arrivals?.collect() ?? none;
      const unknown = { udpBytes: 0, datagrams: 0, threadCpuMs: 0, counts: new Map() };
      tell({ kind: "collected", ...applied, ...unknown });
      break;
    }
  }
});
process.on("disconnect", () => process.exit(0));

// What a whole node costs: the demo's street, cabinet and console running, 100 clients subscribed
// to `spat` and `health`, measured over 60 s after 30 s of warm-up.
import { setTimeout as sleep } from "node:timers/promises";
import mqtt, { type MqttClient } from "mqtt";
import { cpuSeconds, residentMb, startDemo } from "./support/demo-node.ts";
import { report } from "./support/figures.ts";

const CLIENTS = 100;
const WARM_UP_MS = 30_000;
const MEASURED_MS = 60_000;

async function connectClients(
  port: number,
): Promise<{ clients: MqttClient[]; count: () => number }> {
  let messages = 0;
  const clients: MqttClient[] = [];
  for (let index = 0; index < CLIENTS; index += 1) {
    const client = await mqtt.connectAsync(`mqtt://127.0.0.1:${port}`, {
      clientId: `bench-${index}`,
      protocolVersion: 4,
    });
    client.on("message", () => {
      messages += 1;
    });
    await client.subscribeAsync(["stopline/1/+/+/+/spat", "stopline/1/+/+/+/health"]);
    clients.push(client);
  }
  return { clients, count: () => messages };
}

const node = await startDemo();
const { clients, count } = await connectClients(node.mqttPort);
await sleep(WARM_UP_MS);
const [cpuBefore, before, messagesBefore] = [cpuSeconds(node.pid), performance.now(), count()];
let rssMb = 0;
const sampler = setInterval(() => {
  rssMb = Math.max(rssMb, residentMb(node.pid));
}, 1_000);
await sleep(MEASURED_MS);
clearInterval(sampler);
const seconds = (performance.now() - before) / 1000;
const cpuPercent = ((cpuSeconds(node.pid) - cpuBefore) / seconds) * 100;
const messages = (count() - messagesBefore) / seconds;
await Promise.all(clients.map((client) => client.endAsync(true)));
await node.stop();
report("node", [
  { figure: "rss_mb", value: rssMb, unit: "MB", budget: "<= 150" },
  { figure: "cpu_percent", value: cpuPercent, unit: "% of one core", budget: "<= 5" },
  { figure: "messages_per_s", value: messages, unit: "1/s" },
]);

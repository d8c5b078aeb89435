// `kill -9` between each pair of steps from PUBLISH to PUBACK to delivery, in a real process with
// real sockets and files: what was acknowledged is delivered, at least once and in order, to who is
// connected and to who is away, and no session claims more than it has.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import t, { type Test } from "tap";
import { type Client, connectClient } from "./clients.ts";
import { dataFolder } from "./disk.ts";
import { MARK, STEPS, type Step } from "./kill-steps.ts";
import { until } from "./support.ts";

const VICTIM = fileURLToPath(new URL("./kill-node.ts", import.meta.url));

interface Victim {
  readonly child: ChildProcess;
  readonly url: string;
  readonly port: number;
  readonly died: Promise<unknown>;
}

/** tap hands its loaders to children through NODE_OPTIONS; this one must be as in production. */
async function startVictim(t: Test, dir: string, step: Step, port = 0): Promise<Victim> {
  const args = [process.execPath, VICTIM, dir, step, String(port)];
  const script = 'unset NODE_OPTIONS; exec "$@"';
  const child = spawn("sh", ["-c", script, "sh", ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  t.teardown(() => child.kill("SIGKILL"));
  const died = once(child, "exit");
  const [line] = await once(child.stdout ?? child, "data");
  const bound = Number(String(line).trim());
  return { child, url: `mqtt://127.0.0.1:${bound}`, port: bound, died };
}

const HERE = { clientId: "here", clean: false };
const AWAY = { clientId: "away", clean: false };

function textsOf(...clients: readonly Client[]): string[] {
  return clients.flatMap(({ messages }) => messages.map(({ payload }) => payload.toString()));
}

/** Without the repeats, which QoS 1 allows. */
function once1(texts: readonly string[]): string[] {
  return [...new Set(texts)];
}

for (const step of STEPS) {
  t.test(`killed at ${step}`, async (t) => {
    const dir = dataFolder(t);
    const first = await startVictim(t, dir, step);
    const before = await connectClient(t, first.url, HERE);
    await before.subscribe("a/#", 1);
    const away = await connectClient(t, first.url, AWAY);
    await away.subscribe("a/+", 1);
    await away.mqtt.endAsync();
    const publisher = await connectClient(t, first.url);
    await publisher.mqtt.publishAsync("a/b", "before", { qos: 1 });
    let acknowledged = false;
    publisher.mqtt.publish("a/b", MARK, { qos: 1 }, (error) => {
      acknowledged = error === undefined || error === null;
    });
    await first.died;
    await until(() => !publisher.mqtt.connected && !before.mqtt.connected);
    t.equal(first.child.signalCode, "SIGKILL");
    const second = await startVictim(t, dir, "never");
    const [here, back] = await Promise.all([
      connectClient(t, second.url, HERE),
      connectClient(t, second.url, AWAY),
    ]);
    t.ok(here.sessionPresent && back.sessionPresent);
    const late = await connectClient(t, second.url);
    await late.mqtt.publishAsync("a/b", "after", { qos: 1 });
    await until(() => [here, back].every((client) => textsOf(client).includes("after")));
    const all = acknowledged ? ["before", MARK, "after"] : null;
    for (const texts of [once1(textsOf(before, here)), once1(textsOf(back))]) {
      const wanted =
        all ?? (texts.includes(MARK) ? ["before", MARK, "after"] : ["before", "after"]);
      t.strictSame(texts, wanted, acknowledged ? "acknowledged and delivered" : "not acknowledged");
    }
    t.comment(`${step}: ${acknowledged ? "acknowledged" : "not acknowledged"}`);
    second.child.kill("SIGKILL");
  });
}

t.test("killed anywhere, QoS 2 between kept sessions comes exactly once", async (t) => {
  for (const step of [
    "before-commit",
    "after-commit",
    "after-answer",
    "before-delivery",
  ] as const) {
    const dir = dataFolder(t);
    const first = await startVictim(t, dir, step);
    const lasting = { clean: false, reconnectPeriod: 20 };
    const subscriber = await connectClient(t, first.url, { ...lasting, clientId: "s" });
    await subscriber.subscribe("a", 2);
    const publisher = await connectClient(t, first.url, { ...lasting, clientId: "p" });
    const published = publisher.mqtt.publishAsync("a", MARK, { qos: 2 });
    await first.died;
    const second = await startVictim(t, dir, "never", first.port);
    await published;
    await publisher.mqtt.publishAsync("a", "after", { qos: 2 });
    await until(() => textsOf(subscriber).includes("after"));
    t.strictSame(textsOf(subscriber), [MARK, "after"], step);
    await Promise.all([subscriber.mqtt.endAsync(true), publisher.mqtt.endAsync(true)]);
    second.child.kill("SIGKILL");
  }
});

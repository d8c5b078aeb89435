// Somebody else's clients: mosquitto_sub and mosquitto_pub against our broker, as the documents
// tell people to use them.
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import t from "tap";
import { systemTest } from "../support/system.ts";
import { PREFIX, SECRET, startBroker, testView, until } from "./support.ts";

interface Result {
  readonly code: number | null;
  readonly output: string;
  readonly errors: string;
}

/** Runs one of mosquitto's clients to its end. */
async function run(command: string, port: number, args: readonly string[]): Promise<Result> {
  const child = spawn(command, ["-h", "127.0.0.1", "-p", String(port), ...args]);
  let output = "";
  let errors = "";
  child.stdout.on("data", (chunk) => {
    output += chunk;
  });
  child.stderr.on("data", (chunk) => {
    errors += chunk;
  });
  const [code] = (await once(child, "close")) as [number | null];
  return { code, output, errors };
}

systemTest(t, "mosquitto_sub gets SPaT at once and the retained map", async (t) => {
  const { broker, port } = await startBroker(t);
  broker.publishView(testView(3));
  const spat = await run("mosquitto_sub", port, ["-t", `${PREFIX}spat/json`, "-C", "1"]);
  t.equal(spat.code, 0);
  t.match(JSON.parse(spat.output), { version: 1, incarnation: 7, sequence: 3, validForMs: 1_000 });
  const map = await run("mosquitto_sub", port, ["-t", `${PREFIX}map/json`, "-C", "1", "-q", "1"]);
  t.match(JSON.parse(map.output), { node: "junction-1" });
});

systemTest(t, "mosquitto_pub gives a command with the secret, as the documents show", async (t) => {
  const seen: unknown[] = [];
  const { broker, port } = await startBroker(t, {
    onCommand: async ({ id, body }) => {
      seen.push(body);
      return { id, ok: true, reason: null, atMs: 1 };
    },
  });
  broker.publishView(testView(1));
  const id = randomBytes(16).toString("hex");
  const now = Date.now();
  const command = { id, issued: now, expires: now + 30_000, command: "call", phase: 4 };
  const login = ["-u", "operator", "-P", SECRET, "-q", "1", "-t", `${PREFIX}command/${id}`];
  const sent = await run("mosquitto_pub", port, [...login, "-m", JSON.stringify(command)]);
  t.equal(sent.code, 0, sent.errors);
  t.strictSame(seen, [{ kind: "call", phase: 4, pedestrian: false }]);
});

systemTest(t, "refusals reach mosquitto's clients in their own words", async (t) => {
  const { port } = await startBroker(t);
  const wrong = await run("mosquitto_pub", port, ["-u", "operator", "-P", "x", "-t", "x", "-n"]);
  t.not(wrong.code, 0);
  t.match(wrong.errors, /bad user name or password/i);
  const five = await run("mosquitto_sub", port, ["-V", "mqttv5", "-t", "x", "-C", "1"]);
  t.not(five.code, 0);
  t.match(`${five.errors}${five.output}`, /protocol/i);
  const denied = await run("mosquitto_sub", port, ["-t", "not/granted", "-C", "1"]);
  t.match(`${denied.errors}${denied.output}`, /denied/i);
});

systemTest(t, "five thousand messages from a pipe arrive in order at QoS 1 and 2", async (t) => {
  const acl = [{ client: "*", publish: ["x"], subscribe: ["x"], deny: [] }];
  const limits = { packetsPerS: 50_000, packetBurst: 50_000 };
  const { port, broker } = await startBroker(t, { acl, limits });
  for (const qos of ["1", "2"]) {
    const where = ["-h", "127.0.0.1", "-p", String(port), "-t", "x", "-q", qos];
    const reader = spawn("mosquitto_sub", [...where, "-C", "5000"]);
    let output = "";
    reader.stdout.on("data", (chunk) => {
      output += chunk;
    });
    await until(() => broker.counters.subscriptions === 1);
    const lines = Array.from({ length: 5_000 }, (_, index) => `${index}`);
    const writer = spawn("mosquitto_pub", [...where, "-l"]);
    writer.stdin.end(`${lines.join("\n")}\n`);
    await once(reader, "close");
    t.strictSame(output.trimEnd().split("\n"), lines, `QoS ${qos}`);
    await until(() => broker.counters.connections === 0);
  }
});

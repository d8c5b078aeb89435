// The agent at its edge: what it is made with, TLS with a vehicle's certificate, reports, and what
// it does with bytes that are none of ours.
import { once } from "node:events";
import { createServer } from "node:net";
import t, { type Test } from "tap";
import { newPseudonym, VehicleAgent } from "../../src/vehicle/agent.ts";
import { nodeFault } from "../../src/vehicle/client.ts";
import type { Decision } from "../../src/vehicle/machine.ts";
import type { VehicleOptions } from "../../src/vehicle/options.ts";
import { encodeSpat } from "../../src/wire/spat.ts";
import { NAME_PATTERN } from "../../src/wire/topics.ts";
import { CONNACK_OK, packet, publishBytes } from "../broker/bytes.ts";
import { startSecured } from "../broker/secured.ts";
import { startBroker, testView } from "../broker/support.ts";
import { until } from "../cli/support.ts";
import { TestAuthority, tlsFront } from "./tls.ts";
import { spat } from "./true-lamp.ts";

const NODE = { region: "test", zone: "zone", id: "junction-1" };

function options(url: string, change: Partial<VehicleOptions> = {}): VehicleOptions {
  const end = { junction: { ...NODE, url }, by: { phase: 2 } };
  return {
    routes: [{ id: "r", links: [{ id: "l", lengthM: 300, speedMps: 13.9, end }] }],
    ...change,
  };
}

function agentAt(
  t: Test,
  url: string,
  change: Partial<VehicleOptions> = {},
): { agent: VehicleAgent; decisions: Decision[] } {
  const agent = new VehicleAgent(options(url, change));
  const decisions: Decision[] = [];
  agent.on("decision", (decision) => decisions.push(decision));
  t.teardown(() => agent.close());
  return { agent, decisions };
}

/** A broker whose control speaks ten times a second, as a node's does. */
async function speaking(t: Test): Promise<string> {
  const { broker, url } = await startBroker(t);
  let sequence = 0;
  const speak = (): void => {
    sequence += 1;
    broker.publishView(testView(sequence, { monoMs: performance.now() }));
  };
  speak();
  const timer = setInterval(speak, 100);
  t.teardown(() => clearInterval(timer));
  return url;
}

t.test("options that can't be right: one line that says where and what to use", async (t) => {
  const url = "mqtt://127.0.0.1:1883";
  const [route] = options(url).routes;
  const cases: [VehicleOptions, RegExp][] = [
    [options(url, { id: "My Car" }), /^id: "My Car"; use 1 to 32 of a-z/],
    [options("localhost"), /^routes\[0\]\.links\[0\]\.end\.url: "localhost"; use mqtt:/],
    [options(url, { tls: { ca: "", cert: "", key: "" } }), /use mqtts:\/\/HOST:PORT/],
    [options(url, { limits: { minMps: 20 } }), /^limits.minMps: 20; use less than maxMps/],
    [options(url, { limits: { accelMps2: 0 } }), /^limits.accelMps2: 0; use a number above 0/],
    [options(url, { reportEveryMs: 10 }), /^reportEveryMs: 10; use 100 or more/],
    [options(url, { routes: [{ id: "r", links: [] }] }), /^routes\[0\]\.links: \[\]; use one link/],
    [options(url, { routes: [route, route] }), /^routes\[1\]\.id: "r"; use an id of its own/],
  ];
  for (const [wrong, words] of cases) {
    t.throws(() => new VehicleAgent(wrong), { name: "RangeError", message: words });
  }
});

t.test("what is no position is refused, and moves nothing", async (t) => {
  const { agent, decisions } = agentAt(t, "mqtt://127.0.0.1:1");
  agent.position({ atM: 20, speedMps: 10 });
  const cases: [object, RegExp][] = [
    [{ atM: Number.NaN }, /^atM: "NaN"; use a number from 0/],
    [{ atM: -1 }, /^atM: "-1"; use/],
    [{ speedMps: Number.POSITIVE_INFINITY }, /^speedMps: "Infinity"; use a number from 0 to 100/],
    [{ latDeg: 91, lonDeg: 0 }, /^latDeg: "91"; use/],
    [{ headingDeg: -90 }, /^headingDeg: "-90"; use/],
  ];
  for (const [wrong, message] of cases) {
    const position = { atM: 10, speedMps: 10, ...wrong };
    t.throws(() => agent.position(position), { name: "RangeError", message });
  }
  t.equal(decisions.at(-1)?.distanceM, 280);
});

t.test("a loop that asks hears what is believed at that moment", async (t) => {
  const { agent, decisions } = agentAt(t, await speaking(t));
  t.equal(agent.look().light?.doubt, "not-heard");
  t.ok(await until(() => decisions.at(-1)?.light?.light === "green"));
  // No event is handled meanwhile: the thread is kept busy beyond the validity.
  for (const endMs = performance.now() + 1_100; performance.now() < endMs; );
  t.match(agent.look().light, { light: "unknown", doubt: "expired" });
});

t.test("an answer in one piece with its SUBACK times the channel", async (t) => {
  const server = createServer((socket) => {
    socket.on("data", (bytes: Buffer) => {
      if (bytes[0] === 0x10) socket.write(Buffer.from(CONNACK_OK));
      if (bytes[0] !== 0x82) return;
      const topic = "stopline/1/test/zone/junction-1/spat";
      const picture = spat({ monoMs: 5 });
      const id = bytes.subarray(Number(bytes[1]) > 0x7f ? 3 : 2).subarray(0, 2);
      const answer = publishBytes(topic, { payload: [...encodeSpat(picture)] });
      socket.write(Buffer.from([...packet(0x90, ...id, 0, 0, 0), ...answer]));
    });
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const bound = server.address();
  const port = typeof bound === "object" && bound !== null ? bound.port : 0;
  const { agent, decisions } = agentAt(t, `mqtt://127.0.0.1:${port}`);
  t.teardown(() => server.close());
  t.ok(await until(() => agent.counts.taken > 0));
  t.equal(decisions.find(({ cause }) => cause === "spat")?.light?.light, "green");
});

t.test("pseudonyms fit into topics and are not used twice", async (t) => {
  const names = Array.from({ length: 100 }, newPseudonym);
  t.ok(names.every((name) => NAME_PATTERN.test(name)));
  t.equal(new Set(names).size, 100);
});

t.test("closing ends it: no event, no timer, nothing left open", async (t) => {
  const url = await speaking(t);
  const { agent, decisions } = agentAt(t, url);
  t.ok(await until(() => decisions.at(-1)?.light?.light === "green"));
  agent.close();
  const count = decisions.length;
  agent.position({ atM: 10, speedMps: 10 });
  await until(() => false, 700);
  t.equal(decisions.length, count);
});

t.test("a listener that closes the agent is obeyed at once", async (t) => {
  const { agent } = agentAt(t, "mqtt://127.0.0.1:1");
  agent.once("decision", () => agent.close());
  await once(agent, "decision");
  await until(() => false, 100);
  t.equal(agent.listenerCount("decision"), 1);
});

t.test("a node that takes no report is listened to all the same", async (t) => {
  const url = await speaking(t);
  const { agent, decisions } = agentAt(t, url);
  t.ok(await until(() => decisions.at(-1)?.light?.light === "green"));
  agent.position({ atM: 1, speedMps: 10, latDeg: 45, lonDeg: -122 });
  await until(() => agent.counts.reportsRefused > 0, 2_000);
  const before = agent.counts.taken;
  t.ok(await until(() => agent.counts.taken > before + 3));
  t.ok(await until(() => decisions.at(-1)?.light?.light === "green"));
  agent.position({ atM: 2, speedMps: 10, latDeg: 45, lonDeg: -122 });
  await until(() => false, 500);
  t.equal(decisions.at(-1)?.light?.light, "green");
});

t.test("over TLS: with its certificate to the node that it meant", async (t) => {
  const { authority, secure } = await startSecured(t);
  const { certPem: cert, keyPem: key, caPem: ca } = await authority.issue("vehicle", "bus-7");
  const tls = { ca, cert, key };
  const { decisions } = agentAt(t, secure, { tls, id: "bus-7" });
  t.ok(await until(() => decisions.at(-1)?.light?.light === "green"));
  t.throws(() => agentAt(t, secure, { tls }), /^id: nothing; use the vehicle's id in its/);
});

t.test(
  "another node at that address, a vehicle posing as one, a strange CA: no word",
  async (t) => {
    const authority = await TestAuthority.create();
    const tls = await authority.issue("vehicle", "bus-7");
    const plain = await speaking(t);
    const stranger = await TestAuthority.create();
    const wrong: [string, { ca: string; cert: string; key: string }, RegExp][] = [
      ["another node", await authority.issue("node", "junction-2"), /not URI:.*junction-1/],
      ["a vehicle", await authority.issue("vehicle", NODE.id), /vehicle|purpose/],
      ["another CA", await stranger.issue("node", NODE.id), /certificate|signature|issuer/],
    ];
    for (const [who, own, words] of wrong) {
      const { url } = await tlsFront(t, plain, own);
      const { agent, decisions } = agentAt(t, url, { tls, id: "bus-7" });
      const [change] = await once(agent, "connection");
      t.match(change, { up: false, reason: words }, who);
      t.ok(decisions.every(({ light }) => light?.light === "unknown"));
      agent.close();
    }
  },
);

t.test("a second name in the certificate is no identity", async (t) => {
  const own = "URI:stopline://test/zone/node/junction-1";
  t.equal(nodeFault(own, NODE), undefined);
  for (const found of [`${own}, ${own}`, `DNS:a, ${own}`, own.replace("node/", "vehicle/"), ""]) {
    t.ok(nodeFault(found, NODE) instanceof Error, found);
  }
  t.ok(nodeFault(undefined, NODE) instanceof Error);
});

t.test("what is no broker is tried again, and said", async (t) => {
  const server = createServer((socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"));
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  t.teardown(() => server.close());
  const bound = server.address();
  const port = typeof bound === "object" && bound !== null ? bound.port : 0;
  const { agent, decisions } = agentAt(t, `mqtt://127.0.0.1:${port}`);
  let down = 0;
  agent.on("connection", ({ up }) => {
    if (!up) down += 1;
  });
  t.ok(await until(() => down >= 2));
  t.ok(decisions.every(({ light }) => light?.light === "unknown"));
});

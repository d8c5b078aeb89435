// What zones keep from being published and read by other ways than a live subscription, over real
// TLS and MQTT, and who is cut off.
import { randomBytes } from "node:crypto";
import t from "tap";
import { decodeReply, encodeCommand } from "../../src/wire/command.ts";
import { encodeDetectorReport } from "../../src/wire/detector.ts";
import type { EventRow } from "../../src/wire/events.ts";
import { type EventPage, encodeReplayRequest } from "../../src/wire/replay.ts";
import { connectClient } from "./clients.ts";
import { dropped, INSIDE, Mover, OUTSIDE, startWitness, startZones } from "./mover.ts";
import { shows } from "./secured.ts";
import { PREFIX, until } from "./support.ts";

const REPLAYED = { after: null, sinceMs: null, kinds: [], limit: null, live: true };

function alarm(seq: number): EventRow {
  return { seq, at: seq, kind: "alarm", body: null };
}

t.test("a detector that moves counts where it is confirmed to be inside", async (t) => {
  const inputs: unknown[] = [];
  const node = await startZones(
    t,
    { roles: ["sensor"], publish: ["detector"] },
    { onDetector: (input) => inputs.push(input) },
  );
  const loop = await Mover.connect(t, node, { role: "sensor", name: "loop-4" });
  const detect = async (on: boolean) => {
    const bytes = Buffer.from(encodeDetectorReport(on));
    await loop.client.mqtt.publishAsync(`${PREFIX}detector/9`, bytes, { qos: 1 });
  };
  await detect(true);
  await loop.at(INSIDE);
  await detect(true);
  await loop.at(INSIDE);
  await detect(true);
  t.same(
    inputs.filter((input) => (input as { kind: string }).kind === "detector"),
    [{ kind: "detector", detector: 9, on: true }],
  );
  node.forward(1_000);
  await loop.at(OUTSIDE);
  await detect(false);
  t.match(dropped(node), {
    "detector no-position": 1,
    "detector position-only-claimed": 1,
    "detector outside-zone": 1,
  });
  t.equal(inputs.filter((input) => (input as { on?: boolean }).on === false).length, 0);
  t.ok(loop.client.mqtt.connected, "the connection stays");
});

t.test("an operator's command from outside is answered with the reason", async (t) => {
  const node = await startZones(t, { roles: ["operator"], receive: [], publish: ["command"] });
  const anna = await Mover.connect(t, node, { role: "operator", name: "anna" });
  await anna.client.subscribe(`${PREFIX}reply/+`);
  const order = async (): Promise<unknown> => {
    const id = randomBytes(16).toString("hex");
    const now = Math.round(node.clock.wallMs());
    const times = { issuedMs: now, expiresMs: now + 30_000 };
    const body = { kind: "flash" } as const;
    const bytes = encodeCommand({ id, ...times, body });
    await anna.client.mqtt.publishAsync(`${PREFIX}command/${id}`, Buffer.from(bytes), { qos: 1 });
    await until(() => anna.client.of(`${PREFIX}reply/${id}`).length === 1);
    const [answer] = anna.client.of(`${PREFIX}reply/${id}`);
    return answer === undefined ? null : decodeReply(answer.payload).reason;
  };
  t.equal(await order(), "no-position");
  await anna.at(INSIDE);
  t.equal(await order(), "position-only-claimed");
  await anna.at(INSIDE);
  t.equal(await order(), null);
});

t.test("a kept queue is no way around a zone", async (t) => {
  const node = await startZones(t, { roles: ["reader"], receive: ["events"] });
  const desk = await Mover.connect(t, node, { role: "reader", name: "desk", clean: false });
  t.equal(await desk.client.subscribe(`${PREFIX}events`, 1), 1);
  await desk.at(INSIDE);
  node.broker.publishEvents([alarm(1)], 7);
  await until(() => desk.count("events") === 1);
  await desk.client.mqtt.endAsync();
  node.broker.publishEvents([alarm(1)], 7);
  const spats = await startWitness(t, node);
  const again = await Mover.connect(t, node, { role: "reader", name: "desk", clean: false });
  t.ok(again.client.sessionPresent);
  await spats(2);
  t.equal(again.count("events"), 0, "what was stored");
  node.broker.publishEvents([alarm(1)], 7);
  await spats(2);
  t.equal(again.count("events"), 0, "and what is new");
});

t.test("a replay is refused outside, and ends there", async (t) => {
  const page: EventPage = { incarnation: 7, from: 1, to: 0, head: 0, rows: [] };
  const node = await startZones(
    t,
    { roles: ["reader"], receive: ["events"] },
    { readLog: async () => page },
  );
  const desk = await Mover.connect(t, node, { role: "reader", name: "desk" });
  await desk.client.subscribe(`${PREFIX}reply/#`);
  let id = "";
  const ask = async (): Promise<string | null | undefined> => {
    id = randomBytes(16).toString("hex");
    const now = Math.round(node.clock.wallMs());
    const request = { id, issuedMs: now, expiresMs: now + 30_000, ...REPLAYED };
    const bytes = Buffer.from(encodeReplayRequest(request));
    await desk.client.mqtt.publishAsync(`${PREFIX}command/${id}`, bytes, { qos: 1 });
    await until(() => desk.count(`reply/${id}`) === 1);
    const [answer] = desk.client.of(`${PREFIX}reply/${id}`);
    return answer === undefined ? undefined : decodeReply(answer.payload).reason;
  };
  const parts = () => desk.count(`reply/${id}/events`);
  t.equal(await ask(), "no-position");
  await desk.at(INSIDE);
  t.equal(await ask(), null);
  await until(() => parts() === 1);
  node.broker.publishEvents([alarm(1)], 7);
  await until(() => parts() === 2);
  const spats = await startWitness(t, node);
  await desk.at(OUTSIDE);
  node.broker.publishEvents([alarm(2)], 7);
  await spats(3);
  t.equal(parts(), 2, "no row outside");
});

t.test("who publishes what he may not, again and again, is cut off by name", async (t) => {
  const node = await startZones(t, {}, { limits: { refusedPublishes: 3 } });
  const keys = await node.authority.issue("vehicle", "bus-7");
  const name = (suffix: string) => shows(keys, `vehicle:bus-7:${suffix}`);
  const display = await connectClient(t, node.secure, name("display"));
  for (let number = 1; number <= 3; number += 1) {
    const client = await connectClient(t, node.secure, name(`${number}`));
    client.mqtt.publish(`${PREFIX}spat`, "green", { qos: 0 });
    await until(() => !client.mqtt.connected);
  }
  await until(() => !display.mqtt.connected);
  t.equal(node.broker.counters.refused["cut off"], 1, "with all its connections");
  await t.rejects(connectClient(t, node.secure, name("4")), { code: 5 });
  t.equal(node.broker.counters.refused["still cut off"], 1);
  const other = await Mover.connect(t, node, { name: "bus-8" });
  t.ok(other.client.mqtt.connected, "nobody else");
  node.forward(300_000);
  const after = await connectClient(t, node.secure, name("5"));
  t.ok(after.mqtt.connected, "for a while");
});

t.test("publishing from outside is cut off too", async (t) => {
  const node = await startZones(
    t,
    { roles: ["sensor"], publish: ["detector"] },
    { limits: { refusedPublishes: 3 } },
  );
  const loop = await Mover.connect(t, node, { role: "sensor", name: "loop-4" });
  const bytes = Buffer.from(encodeDetectorReport(true));
  for (let number = 1; number <= 3; number += 1) {
    loop.client.mqtt.publish(`${PREFIX}detector/9`, bytes, { qos: 0 });
  }
  await until(() => !loop.client.mqtt.connected);
  t.equal(dropped(node)["detector no-position"], 3);
  t.equal(node.broker.counters.refused["cut off"], 1);
});

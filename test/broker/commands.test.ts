// The command topic: who may, what is refused and why, and that every refusal with an id is
// answered on its reply topic.
import { randomBytes } from "node:crypto";
import t from "tap";
import type { Command } from "../../src/wire/command.ts";
import { commandToJson, decodeReply, encodeCommand } from "../../src/wire/command.ts";
import { type Client, connectClient, OPERATOR } from "./clients.ts";
import { PREFIX, startBroker, testView, until } from "./support.ts";

const LIFE_MS = 30_000;

function flash(extra: Partial<Command> = {}): Command {
  const now = Date.now();
  return {
    id: randomBytes(16).toString("hex"),
    issuedMs: now,
    expiresMs: now + LIFE_MS,
    body: { kind: "flash" },
    author: "operator:console",
    via: "mqtt",
    ...extra,
  };
}

async function setUp(t: Parameters<typeof startBroker>[0], login = OPERATOR) {
  const commands: Command[] = [];
  const running = await startBroker(t, {
    onCommand: async (command) => {
      commands.push(command);
      return { id: command.id, ok: true, reason: null, atMs: 42 };
    },
  });
  running.broker.publishView(testView(1));
  const client = await connectClient(t, running.url, login);
  await client.subscribe(`${PREFIX}reply/+`, 1);
  return { ...running, commands, client };
}

/** Publishes on the id's topic and waits for its (next) reply. */
async function ask(client: Client, id: string, payload: Uint8Array | string, retain = false) {
  const topic = `${PREFIX}reply/${id}`;
  const before = client.of(topic).length;
  const bytes = Buffer.from(payload as string);
  await client.mqtt.publishAsync(`${PREFIX}command/${id}`, bytes, { qos: 1, retain });
  await until(() => client.of(topic).length > before);
  const reply = client.of(topic).at(-1);
  return decodeReply(reply?.payload ?? Buffer.alloc(0));
}

t.test("a command in CBOR and one in JSON are handed on and answered", async (t) => {
  const { broker, client, commands } = await setUp(t);
  const first = flash({ body: { kind: "call", phase: 4, pedestrian: true } });
  t.strictSame(await ask(client, first.id, encodeCommand(first)), {
    id: first.id,
    ok: true,
    reason: null,
    atMs: 42,
  });
  const second = flash({ body: { kind: "return" } });
  t.ok((await ask(client, second.id, JSON.stringify(commandToJson(second)))).ok);
  t.strictSame(commands, [first, second]);
  t.equal(broker.counters.commands.accepted, 2);
});

t.test("the JSON twin of a reply comes when somebody listens to it", async (t) => {
  const { client } = await setUp(t);
  await client.subscribe(`${PREFIX}reply/+/json`, 1);
  const command = flash();
  await ask(client, command.id, encodeCommand(command));
  const topic = `${PREFIX}reply/${command.id}/json`;
  await until(() => client.of(topic).length === 1);
  t.match(JSON.parse(String(client.of(topic)[0]?.payload)), { id: command.id, ok: true, at: 42 });
});

t.test("what is refused, with its reason", async (t) => {
  const { broker, client, commands } = await setUp(t);
  const now = Date.now();
  const good = flash();
  const other = flash();
  const cases: readonly [string, string, Uint8Array | string, RegExp][] = [
    ["malformed CBOR", good.id, Buffer.from([0x85, 1]), /ends too early/],
    ["malformed JSON", good.id, "{", /cannot be parsed/],
    ["an empty payload", good.id, "", /too early/],
    ["a map", good.id, Buffer.from([0xa0]), /a map/],
    ["another id than the topic's", good.id, encodeCommand(other), /differs from the topic/],
    [
      "an expired one",
      good.id,
      encodeCommand({ ...good, issuedMs: now - LIFE_MS, expiresMs: now - 1 }),
      /^expired/,
    ],
    [
      "one from the future",
      good.id,
      encodeCommand({ ...good, issuedMs: now + 60_000, expiresMs: now + 90_000 }),
      /in the future/,
    ],
    [
      "one that lives too long",
      good.id,
      encodeCommand({ ...good, expiresMs: good.issuedMs + 60_001 }),
      /more than 60000/,
    ],
    ["too much", good.id, Buffer.alloc(2_100), /more than 2048/],
  ];
  for (const [name, id, payload, reason] of cases) {
    const reply = await ask(client, id, payload);
    t.match(reply, { id, ok: false, reason }, name);
  }
  t.match(await ask(client, good.id, encodeCommand(good), true), { reason: /never retained/ });
  t.strictSame(commands, []);
  t.equal(broker.counters.commands.refused, cases.length + 1);
  t.equal(broker.counters.retainedMessages, 2, "none of it was retained");
  t.ok((await ask(client, good.id, encodeCommand(good))).ok, "a refusal doesn't use up the id");
});

t.test("an id that is not one gets no reply and is counted", async (t) => {
  const { broker, client, commands } = await setUp(t);
  for (const id of ["1", "A".repeat(32), "g".repeat(32)]) {
    await client.mqtt.publishAsync(`${PREFIX}command/${id}`, "x", { qos: 1 });
  }
  t.equal(broker.counters.commands.refused, 3);
  t.strictSame(commands, []);
});

t.test("a reader is told that it may not", async (t) => {
  const { broker, client, commands } = await setUp(t, {});
  const command = flash();
  const reply = await ask(client, command.id, encodeCommand(command));
  t.match(reply, { ok: false, reason: "only an operator gives commands" });
  t.strictSame(commands, []);
  t.equal(broker.counters.commands.refused, 1);
});

t.test("repeated: the same again gets the same answer, once done", async (t) => {
  const { client, commands } = await setUp(t);
  const command = flash();
  await ask(client, command.id, encodeCommand(command));
  const again = await ask(client, command.id, JSON.stringify(commandToJson(command)));
  t.match(again, { ok: true, atMs: 42 });
  t.equal(commands.length, 1, "one effect per id");
  const changed = encodeCommand({ ...command, body: { kind: "return" } });
  t.match(await ask(client, command.id, changed), { ok: false, reason: /another command/ });
  t.equal(commands.length, 1);
});

t.test("when an author's memory is full new ids are busy, nothing is forgotten", async (t) => {
  const { client, commands } = await setUp(t);
  const first = flash();
  await ask(client, first.id, encodeCommand(first));
  for (let index = 1; index < 200; index++) {
    const command = flash();
    client.mqtt.publish(`${PREFIX}command/${command.id}`, Buffer.from(encodeCommand(command)));
  }
  await until(() => commands.length === 200);
  const late = flash();
  t.match(await ask(client, late.id, encodeCommand(late)), { ok: false, reason: "busy" });
  t.match(await ask(client, first.id, encodeCommand(first)), { ok: true }, "still known");
  t.equal(commands.length, 200);
});

t.test("nobody hears a command, connected or kept", async (t) => {
  const { broker, client, url } = await setUp(t);
  const watcher = await connectClient(t, url, { ...OPERATOR, clientId: "w", clean: false });
  await watcher.subscribe("stopline/#", 1);
  const command = flash();
  await ask(client, command.id, encodeCommand(command));
  await until(() => watcher.of(`${PREFIX}reply/${command.id}`).length === 1);
  t.notOk(watcher.messages.some(({ topic }) => topic.includes("/command/")));
  await until(() => broker.counters.queuedMessages === 0);
  await watcher.mqtt.endAsync();
  const second = flash();
  await ask(client, second.id, encodeCommand(second));
  t.equal(broker.counters.queuedMessages, 2, "only its reply and the twin wait");
});

t.test("QoS 2 on our own topics ends the connection", async (t) => {
  const { broker, client, commands } = await setUp(t);
  client.mqtt.publish(`${PREFIX}command/${flash().id}`, "x", { qos: 2 });
  await new Promise<void>((resolve) => client.mqtt.once("close", () => resolve()));
  t.equal(broker.counters.refused["QoS 2 on our own topics"], 1);
  t.strictSame(commands, []);
});

t.test("without a sure clock only the node's own console gives commands", async (t) => {
  const { broker, client, commands } = await setUp(t);
  broker.publishView(testView(2, { clock: "unsure" }));
  const command = flash();
  const reply = await ask(client, command.id, encodeCommand(command));
  t.match(reply, { ok: false, reason: "the node's clock is unsure" });
  t.strictSame(commands, []);
});

t.test("an error behind a command is answered; its repeat is asked anew", async (t) => {
  let tries = 0;
  const { broker, url } = await startBroker(t, {
    onCommand: async ({ id }) => {
      tries += 1;
      if (tries === 1) throw new Error("the log thread died");
      return { id, ok: true, reason: null, atMs: 1 };
    },
  });
  broker.publishView(testView(1));
  const client = await connectClient(t, url, OPERATOR);
  await client.subscribe(`${PREFIX}reply/+`, 1);
  const command = flash();
  const reply = await ask(client, command.id, encodeCommand(command));
  t.match(reply, { ok: false, reason: "interrupted" });
  t.ok((await ask(client, command.id, encodeCommand(command))).ok);
});

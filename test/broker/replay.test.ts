// The past on request, from the real log thread over real sockets: no gap and no row twice, where
// it joins what is committed meanwhile, where a client goes on after a break, where a log thread
// dies under it.
import { rmSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import t, { type Test } from "tap";
import { plant } from "../../src/core/planted.ts";
import type { NodeEvent } from "../../src/log/events.ts";
import { decodeEvents } from "../../src/wire/events.ts";
import type { EventPage, Place } from "../../src/wire/replay.ts";
import { type Host, startHost } from "../log/host.ts";
import { connectClient, OPERATOR } from "./clients.ts";
import { dataFolder } from "./disk.ts";
import { replay } from "./replay-client.ts";
import { PREFIX, startBroker, testView, until } from "./support.ts";

interface Node {
  readonly host: Host;
  readonly url: string;
  readonly close: () => Promise<void>;
  /** Runs between the reading of a page and its way out. */
  onPage: (page: EventPage) => Promise<void>;
}

async function startNode(t: Test, dir: string, replayRowsPerS = 100_000): Promise<Node> {
  const host = startHost(dir);
  await host.opened();
  const node = {
    host,
    url: "",
    close: async () => undefined,
    onPage: async () => undefined,
  } as Node;
  const { broker, url } = await startBroker(t, {
    acl: [{ client: "blind", publish: [], subscribe: [], deny: [`${PREFIX}reply/+/events`] }],
    limits: { replayRowsPerS, idleCommitMs: 50 },
    readLog: async (query) => {
      const page = await host.door.page(query);
      await node.onPage(page);
      return page;
    },
    disk: {
      load: () => host.door.loadBroker(),
      apply: (batch) => host.door.applyBroker(batch),
    },
  });
  broker.publishView(testView(1));
  host.door.onCommitted = ({ incarnation, rows }) => broker.publishEvents(rows, incarnation);
  let closed = false;
  const close = async (): Promise<void> => {
    if (closed) return;
    closed = true;
    await broker.close();
    await host.stop();
  };
  t.teardown(close);
  return Object.assign(node, { url, close });
}

function alarm(number: number): NodeEvent {
  return { kind: "alarm", body: ["test", number, true] };
}

/** Numbers of the alarms among rows, in order. */
function numbersOf(rows: readonly { kind: string; body: unknown }[]): number[] {
  return rows.filter(({ kind }) => kind === "alarm").map(({ body }) => (body as number[])[1] ?? -1);
}

async function append(host: Host, from: number, to: number): Promise<void> {
  for (let number = from; number < to; number++) host.client.append(alarm(number));
  await host.client.flush(30_000);
}

function countTo(count: number): number[] {
  return Array.from({ length: count }, (_, number) => number);
}

t.test("all of the past, in order, then the end", async (t) => {
  const node = await startNode(t, dataFolder(t));
  await append(node.host, 0, 3_000);
  const client = await connectClient(t, node.url);
  const all = await replay(client);
  await until(() => all.parts.at(-1)?.state === "end");
  t.strictSame(numbersOf(all.rows()), countTo(3_000));
  t.strictSame(all.faults(), []);
  t.equal(all.rows()[0]?.kind, "start");
  t.ok(all.parts.every(({ incarnation }) => incarnation === 1));
});

t.test("only some kinds, so many rows, from a time, from a position", async (t) => {
  const node = await startNode(t, dataFolder(t));
  const at = Date.now() + 1_000_000;
  for (let number = 0; number < 500; number++) {
    node.host.client.append({ ...alarm(number), at: at + number });
    node.host.client.append({ kind: "site", body: [`${number}`, "x"], at: at + number });
  }
  await node.host.client.flush(30_000);
  const client = await connectClient(t, node.url);
  const some = await replay(client, { kinds: ["alarm"], limit: 300 });
  await until(() => some.parts.at(-1)?.state === "end");
  t.strictSame(numbersOf(some.rows()), countTo(300));
  t.equal(some.rows().length, 300);
  const rest = await replay(client, { kinds: ["alarm"], after: some.place() });
  await until(() => rest.parts.at(-1)?.state === "end");
  t.strictSame(numbersOf([...some.rows(), ...rest.rows()]), countTo(500));
  t.strictSame([...some.faults(), ...rest.faults()], []);
  const late = await replay(client, { kinds: ["alarm"], sinceMs: at + 490 });
  await until(() => late.parts.at(-1)?.state === "end");
  t.strictSame(numbersOf(late.rows()), [490, 491, 492, 493, 494, 495, 496, 497, 498, 499]);
  const none = await replay(client, { kinds: ["no-such"] });
  await until(() => none.parts.at(-1)?.state === "end");
  t.strictSame(none.rows(), []);
  t.ok(none.place().seq >= 1_000, "it looked at all of them");
});

/** Rows are committed behind every page that reaches the end of the log, and then live. */
async function seam(t: Test, bug: boolean): Promise<{ numbers: number[]; faults: string[] }> {
  const node = await startNode(t, dataFolder(t));
  let next = 0;
  const more = async (count: number): Promise<void> => {
    // The feed's follower reads pages as well: two of these may run at once.
    const from = next;
    next += count;
    await append(node.host, from, next);
  };
  await more(1_500);
  const client = await connectClient(t, node.url);
  plant(bug ? "replay-gap" : null);
  t.teardown(() => plant(null));
  let rounds = 0;
  node.onPage = async ({ to, head }) => {
    if (to < head || rounds >= 3) return;
    rounds += 1;
    await more(10);
  };
  const all = await replay(client, { live: true });
  await until(() => all.parts.some(({ state }) => state === "live"));
  do await more(25);
  while (numbersOf(all.rows()).at(-1) !== next - 1);
  plant(null);
  return { numbers: numbersOf(all.rows()), faults: all.faults() };
}

t.test("from the past into the present without a gap and without a row twice", async (t) => {
  const { numbers, faults } = await seam(t, false);
  t.strictSame(numbers, countTo(numbers.length));
  t.ok(numbers.length > 1_530);
  t.strictSame(faults, []);
});

t.test("the planted gap at the seam is found", async (t) => {
  // A commit has to fall between a page and the wait for news; not every try has one there.
  let found = false;
  for (let tries = 0; tries < 10 && !found; tries += 1) {
    const { numbers } = await seam(t, true);
    found = numbers.some((number, index) => number !== index);
  }
  t.ok(found);
});

t.test("a client goes on by its position, over restarts of everything", async (t) => {
  const dir = dataFolder(t);
  const rows: { kind: string; body: unknown }[] = [];
  const faults: string[] = [];
  let place: Place | null = null;
  let number = 0;
  for (let start = 0; start < 4; start++) {
    const node = await startNode(t, dir, 2_000);
    await append(node.host, number, number + 1_500);
    number += 1_500;
    const client = await connectClient(t, node.url);
    const part = await replay(client, { after: place, live: true });
    await until(() => part.parts.length > 3 + start);
    if (start === 3) {
      await append(node.host, number, number + 10);
      number += 10;
      await until(() => numbersOf(part.rows()).at(-1) === number - 1);
    } else client.mqtt.stream.destroy();
    await node.close();
    rows.push(...part.rows());
    faults.push(...part.faults());
    place = part.place();
  }
  t.strictSame(numbersOf(rows), countTo(number));
  t.strictSame(faults, []);
});

t.test("a log thread that dies under a replay holds it up, no more", async (t) => {
  const node = await startNode(t, dataFolder(t), 3_000);
  await append(node.host, 0, 4_000);
  const client = await connectClient(t, node.url);
  const all = await replay(client, { live: true });
  await until(() => all.parts.length > 2);
  await node.host.restart();
  await append(node.host, 4_000, 4_100);
  await until(() => numbersOf(all.rows()).at(-1) === 4_099);
  t.strictSame(numbersOf(all.rows()), countTo(4_100));
  t.strictSame(all.faults(), []);
});

t.test("a log that lost its tail: what came instead is told, the rest not twice", async (t) => {
  const dir = dataFolder(t);
  const first = await startNode(t, dir);
  await append(first.host, 0, 100);
  const client = await connectClient(t, first.url);
  const before = await replay(client);
  await until(() => before.parts.at(-1)?.state === "end");
  await first.close();
  const database = new DatabaseSync(`${dir}/events.db`);
  database.exec("DELETE FROM events WHERE seq > 51");
  database.close();
  rmSync(`${dir}/snapshots`, { recursive: true, force: true });
  const second = await startNode(t, dir);
  await append(second.host, 1_000, 1_060);
  const again = await connectClient(t, second.url);
  const after = await replay(again, { after: before.place() });
  await until(() => after.parts.at(-1)?.state === "end");
  t.strictSame(
    numbersOf(after.rows()),
    countTo(60).map((number) => number + 1_000),
  );
  t.equal(after.parts[0]?.from, 52, "behind the last row that both have");
  t.ok((after.parts[0]?.incarnation ?? 0) > 1);
});

t.test("a client that does not read is waited for, and costs nobody anything", async (t) => {
  const node = await startNode(t, dataFolder(t), 1_000_000);
  const text = "x".repeat(2_000);
  for (let number = 0; number < 3_000; number++) {
    node.host.client.append({ kind: "alarm", body: [text, number, true] });
    if (number % 500 === 0) await node.host.client.flush(30_000);
  }
  await node.host.client.flush(30_000);
  const slow = await connectClient(t, node.url);
  const all = await replay(slow, { live: true });
  slow.mqtt.stream.pause();
  const other = await connectClient(t, node.url);
  await other.subscribe(`${PREFIX}events`, 1);
  await append(node.host, 3_000, 3_010);
  await until(() => other.messages.length > 0);
  slow.mqtt.stream.resume();
  await until(() => numbersOf(all.rows()).at(-1) === 3_009);
  t.strictSame(numbersOf(all.rows()), countTo(3_010));
  t.strictSame(all.faults(), []);
});

t.test("who may, and how many at once", async (t) => {
  const node = await startNode(t, dataFolder(t));
  const reader = await connectClient(t, node.url);
  await replay(reader, { live: true });
  await replay(reader, { live: true });
  await t.rejects(replay(reader), { message: "busy" });
  const id = "0123456789abcdef0123456789abcdef";
  const operator = await connectClient(t, node.url, OPERATOR);
  await replay(operator, { id, live: true });
  await operator.mqtt.endAsync();
  const again = await connectClient(t, node.url, OPERATOR);
  t.ok(await replay(again, { id }), "a new connection, a new replay");
  const blind = await connectClient(t, node.url, { clientId: "blind" });
  await t.rejects(replay(blind), { message: "denied topic" });
  const late = { issuedMs: Date.now() - 40_000, expiresMs: Date.now() - 20_000 };
  await t.rejects(replay(again, late), { message: "expired" });
});

t.test("in JSON, and what is wrong with it", async (t) => {
  const node = await startNode(t, dataFolder(t));
  const client = await connectClient(t, node.url);
  await client.subscribe(`${PREFIX}reply/+`, 1);
  const ask = async (extra: object) => {
    const id = Math.random().toString(16).slice(2).padEnd(32, "0").slice(0, 32);
    const [issued, expires] = [Date.now(), Date.now() + 10_000];
    const text = JSON.stringify({ id, issued, expires, command: "replay", ...extra });
    client.mqtt.publish(`${PREFIX}command/${id}`, text, { qos: 1 });
    await until(() => client.of(`${PREFIX}reply/${id}`).length > 0);
    return String(client.of(`${PREFIX}reply/${id}`)[0]?.payload);
  };
  t.match(await ask({}), /subscribe to .* first/);
  await client.subscribe(`${PREFIX}reply/+/events`);
  t.notMatch(await ask({ since: 0, kinds: ["start"], limit: 1 }), /first/);
  t.match(await ask({ limit: 0 }), /limit is not a whole number/);
  t.match(await ask({ after: { incarnation: 1 } }), /seq is not/);
  t.match(await ask({ after: { incarnation: 1, seq: 1 }, since: 1 }), /exclude each other/);
  t.match(await ask({ form: 1 }), /unknown key form/);
});

t.test("the topic events for a kept session, over a crash behind the log's commit", async (t) => {
  const dir = dataFolder(t);
  const Kept = { clientId: "kept", clean: false };
  const first = await startNode(t, dir);
  const before = await connectClient(t, first.url, Kept);
  await before.subscribe(`${PREFIX}events`, 1);
  await append(first.host, 0, 10);
  await until(() => before.messages.length > 0);
  await before.mqtt.endAsync();
  await append(first.host, 10, 20);
  // The log has committed these rows; that the broker would have is never heard of.
  first.host.door.onCommitted = () => undefined;
  await append(first.host, 20, 30);
  await first.close();
  const second = await startNode(t, dir);
  await append(second.host, 30, 40);
  const after = await connectClient(t, second.url, Kept);
  t.ok(after.sessionPresent);
  const numbers = () =>
    numbersOf(
      [...before.messages, ...after.messages].flatMap(({ payload }) => [
        ...decodeEvents(payload).rows,
      ]),
    );
  await until(() => numbers().includes(39));
  t.strictSame([...new Set(numbers())], countTo(40), "in order, none missing");
});

// What is on the disk is what is in memory: for any history of subscriptions, messages, deliveries
// and discards, after any number of commits; and what is owed while an end is not committed.
import assert from "node:assert/strict";
import fc from "fast-check";
import t from "tap";
import { EventFeed } from "../../src/broker/event-feed.ts";
import { Keeper } from "../../src/broker/keeper.ts";
import { DEFAULT_LIMITS } from "../../src/broker/limits.ts";
import type { StoredPacket } from "../../src/broker/session.ts";
import { SessionStore } from "../../src/broker/sessions.ts";
import type { KeptBatch, KeptChange } from "../../src/wire/kept.ts";
import { dataFolder, openDisk, type TestDisk } from "./disk.ts";

const LIMITS = {
  ...DEFAULT_LIMITS,
  commitGroupMs: 0,
  commitsPerS: 1_000_000,
  drainTimeoutMs: 20,
  sessionMessages: 5,
  retainedMessages: 3,
};

type Step =
  | { readonly do: "subscribe" | "unsubscribe"; readonly who: string; readonly topic: string }
  | { readonly do: "publish"; readonly topic: string; readonly qos: number }
  | { readonly do: "send"; readonly who: string; readonly topic: string; readonly id: number }
  | { readonly do: "complete"; readonly who: string; readonly id: number }
  | { readonly do: "retain"; readonly topic: string; readonly text: string }
  | { readonly do: "deliver" | "acknowledge" | "release" | "clean" | "leave"; readonly who: string }
  | { readonly do: "commit" };

const who = fc.constantFrom("a", "b", "c");
const topic = fc.constantFrom("x", "y/1", "y/2", "y/+", "#");
const name = fc.constantFrom("x", "y/1", "y/2");
const id = fc.constantFrom(1, 2);

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant("subscribe" as const), who, topic }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("unsubscribe" as const), who, topic }) },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("publish" as const),
      topic: name,
      qos: fc.constantFrom(1, 2),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant("send" as const), who, topic: name, id }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("complete" as const), who, id }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("retain" as const),
      topic: name,
      text: fc.constantFrom("", "1", "2"),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constantFrom("deliver", "acknowledge", "release", "clean", "leave"),
      who,
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("commit" as const) }) },
);

/** With a look at what it keeps of publishers. */
class OpenStore extends SessionStore {
  isHandshake(id: string, messageId: number): boolean {
    return this.handshakes.has(id, messageId);
  }

  handshakesOf(id: string): string[] {
    return this.handshakes.changes(id).map((change) => JSON.stringify(change));
  }
}

function open(disk: TestDisk): OpenStore {
  const hooks = { isGranted: () => true, onDiscard: () => undefined };
  const store = new OpenStore(LIMITS, hooks, {
    disk,
    now: () => performance.now(),
    wallMs: () => Date.now(),
  });
  void store.setup({ id: "broker", counter: 0 });
  return store;
}

class History {
  readonly store: OpenStore;
  readonly #waiting: Promise<unknown>[] = [];

  constructor(store: OpenStore) {
    this.store = store;
  }

  async take(step: Step): Promise<void> {
    switch (step.do) {
      case "subscribe":
        this.store.open(step.who);
        this.#later(this.store.addSubscriptions({ id: step.who }, [{ topic: step.topic, qos: 2 }]));
        break;
      case "unsubscribe":
        this.#later(this.store.removeSubscriptions({ id: step.who }, [step.topic]));
        break;
      case "publish":
        this.#later(this.store.take({ id: "publisher" }, message(step.topic, step.qos)));
        break;
      case "send": {
        const packet = { ...message(step.topic, 2), messageId: step.id };
        this.#later(this.store.take({ id: step.who }, packet));
        break;
      }
      case "complete":
        await this.#complete(step.who, step.id);
        break;
      case "retain": {
        const { topic, text } = step;
        const flags = { qos: 1, retain: true, dup: false };
        const packet = { cmd: "publish" as const, topic, payload: Buffer.from(text), ...flags };
        if (text === "" || this.store.canRetain(packet)) await this.store.storeRetained(packet);
        break;
      }
      case "commit":
        await this.settle();
        break;
      default:
        await this.#delivery(step);
    }
  }

  async #complete(who: string, id: number): Promise<void> {
    const isOpen = this.store.isHandshake(who, id);
    if (isOpen) this.#later(this.store.incomingDelPacket({ id: who }, { messageId: id }));
  }

  async #delivery(
    step: Extract<Step, { do: "deliver" | "acknowledge" | "release" | "clean" | "leave" }>,
  ) {
    const client = { id: step.who, connackSent: true };
    if (step.do === "clean") this.#later(this.store.cleanSubscriptions(client));
    else if (step.do === "leave") this.store.leave(step.who, performance.now());
    else {
      await this.settle();
      const [first] = await queueOf(this.store, step.who);
      if (first === undefined) return;
      if (step.do === "deliver")
        this.#later(
          this.store.outgoingUpdate(client, { ...first, messageId: first.messageId ?? 1 }),
        );
      if (step.do === "acknowledge") await this.store.outgoingClearMessageId(client, first);
      if (step.do === "release")
        this.#later(this.store.outgoingUpdate(client, { ...first, cmd: "pubrel" }));
    }
  }

  #later(done: Promise<unknown> | null): void {
    if (done !== null) this.#waiting.push(done);
  }

  async settle(): Promise<void> {
    await Promise.all(this.#waiting.splice(0));
  }
}

function message(topic: string, qos: number): StoredPacket {
  const flags = { retain: false, dup: false };
  return { cmd: "publish", topic, payload: Buffer.from(topic), qos, ...flags };
}

async function queueOf(store: SessionStore, id: string): Promise<StoredPacket[]> {
  const packets: StoredPacket[] = [];
  for await (const packet of store.outgoingStream({ id })) packets.push(packet);
  return packets;
}

/** All that can be seen of a store from outside, without what a process counts for itself. */
async function seen(store: OpenStore) {
  const sessions: object[] = [];
  for (const id of ["a", "b", "c"]) {
    const filters = await store.subscriptionsByClient({ id });
    const queue = await queueOf(store, id);
    sessions.push({
      id,
      filters: filters.map(({ topic }) => topic).sort(),
      handshakes: store.handshakesOf(id).sort(),
      queue: queue.map(({ cmd, brokerCounter, topic, messageId }) => [
        cmd,
        brokerCounter,
        topic,
        messageId,
      ]),
    });
  }
  const retained: [string, string][] = [];
  for await (const { topic, payload } of store.createRetainedStream("#")) {
    retained.push([topic, String(payload)]);
  }
  return { sessions, retained: retained.sort() };
}

const subscribed: Step = { do: "subscribe", who: "a", topic: "x" };
const published: Step = { do: "publish", topic: "x", qos: 1 };
const full = Array<Step>(LIMITS.sessionMessages).fill(published);
/** As many messages as a queue may hold: the session is there after a start. */
const FULL_QUEUE: Step[] = [subscribed, { do: "leave", who: "a" }, ...full];
/** Nothing is left to commit while a publisher waits for a subscriber that takes nothing. */
const SLOW_TAKER: Step[] = [subscribed, ...full.slice(2), { do: "commit" }, published];
const cleaned: Step = { do: "clean", who: "a" };
const unsubscribed: Step = { do: "unsubscribe", who: "a", topic: "x" };
/** What the disk has ends, begins and ends again between two commits. */
const ENDED_TWICE: Step[] = [subscribed, { do: "commit" }, cleaned, subscribed, cleaned];
const UNSUBSCRIBED_TWICE: Step[] = [
  { do: "subscribe", who: "a", topic: "y/1" },
  subscribed,
  { do: "commit" },
  unsubscribed,
  subscribed,
  unsubscribed,
];
const send: Step = { do: "send", who: "a", topic: "x", id: 1 };
const complete: Step = { do: "complete", who: "a", id: 1 };
const COMPLETED_TWICE: Step[] = [subscribed, send, { do: "commit" }, complete, send, complete];
const EXAMPLES = [FULL_QUEUE, SLOW_TAKER, ENDED_TWICE, UNSUBSCRIBED_TWICE, COMPLETED_TWICE];

t.test("after any history the disk has what memory has", async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const dir = dataFolder(t);
      const disk = openDisk(dir);
      const history = new History(open(disk));
      await history.store.ready;
      for (const step of steps) await history.take(step);
      await history.settle();
      const before = await seen(history.store);
      await history.store.close(10_000);
      disk.close();
      const again = openDisk(dir);
      const { changes } = await again.load();
      const numbers = (wanted: string) =>
        new Set(
          changes.flatMap((change) =>
            change.kind === wanted && "number" in change ? [change.number] : [],
          ),
        );
      const [messages, queued] = [[...numbers("message")], [...numbers("queue")]];
      assert.deepEqual(messages.sort(), queued.sort(), "no message is left over");
      const store = open(again);
      await store.ready;
      assert.deepEqual(await seen(store), before);
      await store.close(10_000);
      again.close();
    }),
    { numRuns: 150, examples: EXAMPLES.map((steps): [Step[]] => [steps]) },
  );
  t.pass("in each of 150 histories");
});

t.test("while a filter's end is not committed nothing it would get is acknowledged", async (t) => {
  const disk = openDisk(dataFolder(t));
  t.teardown(() => disk.close());
  const store = open(disk);
  await store.ready;
  store.open("a");
  await store.addSubscriptions({ id: "a" }, [{ topic: "x", qos: 1 }]);
  let release = (): void => undefined;
  disk.stalled = new Promise((resolve) => {
    release = resolve;
  });
  const order: string[] = [];
  const gone = store.removeSubscriptions({ id: "a" }, ["x"]).then(() => order.push("gone"));
  const message = (topic: string): StoredPacket => ({
    cmd: "publish",
    topic,
    payload: Buffer.from("1"),
    qos: 1,
    retain: false,
    dup: false,
  });
  t.equal(store.take({ id: "p" }, message("y")), null, "another topic does not wait");
  const taken = store.take({ id: "p" }, message("x"));
  t.ok(taken !== null, "this one does, though nobody gets it");
  const published = taken?.then(() => order.push("published"));
  release();
  await Promise.all([gone, published]);
  t.equal(order.length, 2);
  t.equal(store.take({ id: "p" }, message("x")), null, "and then no more");
  await store.close(1_000);
});

/** A keeper whose batches are in the test's hands. */
function handKeeper() {
  const flights: { batch: KeptBatch; land: (answer: "applied" | "stale" | Error) => void }[] = [];
  const keeper = new Keeper({
    disk: {
      load: async () => ({ changes: [], notices: [] }),
      apply: (batch) =>
        new Promise((resolve, reject) => {
          flights.push({
            batch,
            land: (answer) => {
              if (answer instanceof Error) reject(answer);
              else resolve(answer);
            },
          });
        }),
    },
    limits: { commitGroupMs: 0, commitsPerS: 1_000_000, idleCommitMs: 1_000_000 },
    now: () => performance.now(),
    everything: () => [{ kind: "session", id: "all", leftMs: null }],
  });
  keeper.begin();
  const flight = async (number: number) => {
    while (flights.length <= number) await new Promise((resolve) => setTimeout(resolve, 1));
    return flights[number] ?? { batch: { whole: false, changes: [] }, land: () => undefined };
  };
  return { keeper, flight };
}

function kindsOf({ changes }: KeptBatch): string[] {
  return changes.map(({ kind }) => kind);
}

t.test("one batch at a time, repeated until it is taken, whole when all was lost", async (t) => {
  const { keeper, flight } = handKeeper();
  keeper.note({ kind: "session", id: "s", leftMs: null }, true);
  let durable = 0;
  void keeper.durable()?.then(() => {
    durable += 1;
  });
  const first = await flight(0);
  keeper.note({ kind: "discarded", client: "x", reason: "expired", messages: 1, at: 0 });
  first.land(new Error("disk full"));
  const second = await flight(1);
  t.strictSame(second.batch, first.batch, "the same again");
  t.equal(durable, 0);
  t.equal(keeper.trouble?.reason, "disk full");
  second.land("stale");
  const third = await flight(2);
  t.ok(third.batch.whole);
  t.strictSame(kindsOf(third.batch), ["session", "discarded"]);
  third.land("applied");
  await keeper.close(1_000);
  t.equal(durable, 1);
  t.equal(keeper.trouble, null);
});

t.test("what is made and taken away between two commits is never written", async (t) => {
  const { keeper, flight } = handKeeper();
  const message = { kind: "message", number: 1, topic: "x", payload: Buffer.from("1"), qos: 1 };
  const queued = { kind: "queue", id: "s", number: 1, qos: 1, packet: null, released: false };
  keeper.note(message as KeptChange, true);
  keeper.note(queued as KeptChange, true);
  keeper.note({ kind: "events-to", seq: 1 });
  keeper.note({ ...queued, packet: 7 } as KeptChange);
  keeper.note({ kind: "session", id: "t", leftMs: null }, true);
  keeper.note({ kind: "events-to", seq: 2 });
  void keeper.durable();
  const first = await flight(0);
  t.strictSame(kindsOf(first.batch), ["message", "queue", "session", "events-to"]);
  keeper.note({ kind: "unqueue", id: "s", number: 1 });
  keeper.note({ ...message, number: 2 } as KeptChange, true);
  keeper.note({ kind: "message-gone", number: 2 });
  keeper.note({ kind: "subscribe", id: "u", filter: "x", qos: 1, options: null }, true);
  keeper.note({ kind: "session-gone", id: "u" });
  void keeper.durable();
  first.land("applied");
  const second = await flight(1);
  t.strictSame(kindsOf(second.batch), ["unqueue", "session-gone"]);
  second.land("applied");
  await keeper.close(1_000);
});

t.test("rows that the log has cut meanwhile cost their sessions", async (t) => {
  let lost = 0;
  const published: number[] = [];
  const feed = new EventFeed({
    read: async () => ({
      incarnation: 1,
      from: 20,
      to: 21,
      rows: [20, 21].map((seq) => ({ seq, at: 0, kind: "site", body: [] })),
      head: 21,
    }),
    publish: (_incarnation, rows) => published.push(...rows.map(({ seq }) => seq)),
    onLost: () => {
      lost += 1;
    },
  });
  feed.begin(10);
  await feed.ready;
  while (published.length < 2) await new Promise((resolve) => setTimeout(resolve, 1));
  t.equal(lost, 1);
  t.strictSame(published, [20, 21]);
  feed.stop();
});

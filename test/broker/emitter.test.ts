// Subscribers in parts: each hears in its own turn, and once in a round.
import t from "tap";
import { Emitter, PARTS } from "../../src/broker/emitter.ts";

const TOPIC = "stopline/1/r/z/n/spat";

function setUp(count: number) {
  const emitter = new Emitter();
  const heard: number[] = new Array(count).fill(0);
  const listeners = heard.map((_none, index) => () => {
    heard[index] = (heard[index] ?? 0) + 1;
  });
  for (const listener of listeners) emitter.on(TOPIC, listener);
  const say = (part?: number) => emitter.emit({ topic: TOPIC }, () => undefined, part);
  return { emitter, heard, listeners, say };
}

t.test("parts of equal size, and all of them are all", async (t) => {
  const { heard, say } = setUp(5 * PARTS);
  const sum = () => heard.reduce((all, one) => all + one, 0);
  for (let part = 0; part < PARTS; part += 1) {
    say(part);
    t.equal(sum(), 5 * (part + 1));
  }
  t.ok(
    heard.every((count) => count === 1),
    "everybody once",
  );
  say();
  t.ok(
    heard.every((count) => count === 2),
    "without a part, all at once",
  );
});

t.test("a second subscription leaves a client in its part", async (t) => {
  const { emitter, heard, listeners, say } = setUp(3);
  const [, second] = listeners;
  if (second === undefined) return;
  emitter.on("stopline/1/r/z/n/map", second);
  say(1);
  t.strictSame(heard, [0, 1, 0]);
});

t.test("who has left is in no part", async (t) => {
  const { emitter, heard, listeners, say } = setUp(2);
  const [first] = listeners;
  if (first === undefined) return;
  t.ok(emitter.has(TOPIC, 0));
  emitter.removeListener(TOPIC, first);
  t.notOk(emitter.has(TOPIC, 0));
  t.ok(emitter.has(TOPIC), "others are there");
  say(0);
  t.strictSame(heard, [0, 0]);
});

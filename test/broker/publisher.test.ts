// What the node says by itself, and when: driven by a clock of the test's own, no broker around.
import t from "tap";
import { PARTS } from "../../src/broker/emitter.ts";
import { Publisher } from "../../src/broker/publisher.ts";
import { darkDisplay, LAMP } from "../../src/core/site/lamps.ts";
import { decodeDetectorState } from "../../src/wire/detector.ts";
import { decodeEvents } from "../../src/wire/events.ts";
import { decodeMap } from "../../src/wire/map.ts";
import { decodeSpat } from "../../src/wire/spat.ts";
import { PREFIX, testSite, testView } from "./support.ts";

interface Said {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly retain?: boolean;
  readonly part?: number;
}

/** A publisher that everybody or nobody listens to, on a clock that the test moves. */
function setUp(listening: (topic: string) => boolean = () => true) {
  const said: Said[] = [];
  const clock = { ms: 1_000 };
  const publisher = new Publisher(testSite(), {
    publish: (_kind, message) => said.push(message),
    hasListener: listening,
    now: () => clock.ms,
    wallMs: () => 1_700_000_000_000 + clock.ms,
  });
  const heard = (wanted: (part?: number) => boolean) =>
    said
      .filter(({ topic, part }) => topic === `${PREFIX}spat` && wanted(part))
      .map(({ payload }) => decodeSpat(payload));
  /** What went to all at once. */
  const spats = () => heard((part) => part === undefined);
  /** What the subscribers of one part have heard. */
  const spatsOf = (own: number) => heard((part) => part === undefined || part === own);
  return { publisher, said, clock, spats, spatsOf };
}

/** Views every 100 ms, as control sends them. */
function views({ publisher, clock }: ReturnType<typeof setUp>, count: number, from = 1): void {
  for (let index = 0; index < count; index++) {
    publisher.publishView(testView(from + index));
    clock.ms += 100;
  }
}

t.test("SPaT comes every 500 ms while nothing changes, to one part after the other", async (t) => {
  const run = setUp();
  views(run, 21);
  t.strictSame(
    run.spats().map(({ sequence }) => sequence),
    [1],
  );
  for (let part = 0; part < PARTS; part += 1) {
    const first = 2 + Math.floor(part / 2);
    t.strictSame(
      run.spatsOf(part).map(({ sequence }) => sequence),
      [1, first, first + 5, first + 10, first + 15],
      `part ${part}, always the newest view`,
    );
  }
  t.ok(
    run.said.every(({ retain }) => retain !== true),
    "and is not retained",
  );
});

t.test("a changed lamp, mode, cause or clock goes out at once and moves the beat", async (t) => {
  const run = setUp();
  views(run, 3);
  const sensed = darkDisplay();
  sensed[1] = LAMP.yellow;
  run.publisher.publishView(testView(4, { sensed }));
  t.match(run.spats().at(-1), { sequence: 4 });
  run.publisher.publishView(testView(5, { sensed, mode: "trip", cause: "conflict 2 4" }));
  t.match(run.spats().at(-1), { sequence: 5, mode: "trip", cause: "conflict 2 4" });
  run.publisher.publishView(testView(6, { sensed, mode: "failure-display", cause: "lost" }));
  run.publisher.publishView(testView(7, { sensed, mode: "starting", cause: null }));
  run.publisher.publishView(testView(8, { sensed, mode: "starting", clock: "unsure" }));
  t.equal(run.spats().length, 6);
  const parts = () => run.said.filter(({ part }) => part !== undefined).length;
  const before = parts();
  run.clock.ms += 48;
  run.publisher.publishView(testView(9, { sensed, mode: "starting", clock: "unsure" }));
  t.equal(parts(), before, "nobody's turn for 50 ms");
  run.clock.ms += 2;
  run.publisher.publishView(testView(10, { sensed, mode: "starting", clock: "unsure" }));
  t.equal(parts(), before + 2, "then one part's, in both forms");
  t.equal(run.spats().length, 6);
});

t.test("after a pause of any length each part has one turn", async (t) => {
  const run = setUp();
  views(run, 3);
  const before = run.said.length;
  run.clock.ms += 2_150;
  run.publisher.publishView(testView(9));
  run.publisher.publishView(testView(10));
  const turns = run.said.slice(before).filter(({ topic }) => topic === `${PREFIX}spat`);
  t.strictSame(turns.map(({ part }) => part).sort(), [...Array(PARTS).keys()]);
});

t.test("to a new subscriber at once, of the newest view, or unavailable", async (t) => {
  const run = setUp(() => false);
  const greet = () => {
    const got: Said[] = [];
    const send = (topic: string, payload: Uint8Array) => got.push({ topic, payload });
    run.publisher.greet([`${PREFIX}spat`], send);
    t.equal(got.length, 1);
    return decodeSpat(got[0]?.payload ?? new Uint8Array());
  };
  t.match(greet(), { mode: "unavailable", incarnation: 0 });
  views(run, 3);
  t.match(greet(), { mode: "controlled", sequence: 3 });
  run.clock.ms += 201;
  t.match(greet(), { mode: "unavailable", incarnation: 7, sequence: 3 }, "301 ms of silence");
  t.equal(run.said.length, 0, "nobody else was told");
});

t.test("a new subscriber gets only what its filters match", async (t) => {
  const run = setUp();
  views(run, 1);
  const health = { wallMs: 1, version: "1", uptimeS: 1, state: "ok" as const, parts: [] };
  run.publisher.publishHealth(health);
  const topics = (filter: string) => {
    const got: string[] = [];
    run.publisher.greet([filter], (topic) => got.push(topic.slice(PREFIX.length)));
    return got.sort();
  };
  t.strictSame(topics(`${PREFIX}+/json`), ["health/json", "spat/json"]);
  t.strictSame(topics(`${PREFIX}detector/#`), [
    "detector/1",
    "detector/9",
    "detector/pedestrian-6",
  ]);
  t.strictSame(topics("other/#"), []);
  t.equal(topics("stopline/#").length, 7);
});

t.test("unavailable when the lead says so, and back with the next view", async (t) => {
  const run = setUp();
  views(run, 1);
  run.publisher.unavailable();
  t.match(run.spats().at(-1), { mode: "unavailable", lamps: [] });
  run.publisher.publishView(testView(2));
  t.match(run.spats().at(-1), { mode: "controlled", sequence: 2 });
  t.equal(run.spats().length, 3);
});

t.test("nothing is encoded for nobody", async (t) => {
  const run = setUp(() => false);
  views(run, 20);
  run.publisher.publishEvents([{ seq: 1, at: 1, kind: "x", body: null }]);
  const health = { wallMs: 1, version: "1", uptimeS: 1, state: "ok" as const, parts: [] };
  run.publisher.publishHealth(health);
  t.equal(run.said.length, 0);
});

t.test("detectors on change only, pedestrian ones under a name of their own", async (t) => {
  const run = setUp((topic) => topic.includes("/detector/"));
  views(run, 3);
  t.equal(run.said.length, 3, "each once");
  const pedestrianDetectors = [{ detector: 6, on: true, failed: null }];
  run.publisher.publishView(testView(4, { pedestrianDetectors }));
  t.equal(run.said.length, 4);
  const last = run.said.at(-1);
  t.equal(last?.topic, `${PREFIX}detector/pedestrian-6`);
  t.match(decodeDetectorState(last?.payload ?? new Uint8Array()), {
    incarnation: 7,
    sequence: 4,
    detector: 6,
    on: true,
    failed: null,
  });
});

t.test("health on change and every five seconds", async (t) => {
  const run = setUp((topic) => topic === `${PREFIX}health`);
  const health = { wallMs: 1, version: "1", uptimeS: 1, state: "ok" as const, parts: [] };
  for (let index = 0; index < 11; index++) {
    const parts = [{ name: "log", state: "ok" as const, text: `${index} events` }];
    run.publisher.publishHealth({ ...health, uptimeS: index, parts });
    run.clock.ms += 1_000;
  }
  t.equal(run.said.length, 3);
  const parts = [{ name: "log", state: "ok" as const, text: "the disk is slow" }];
  run.publisher.publishHealth({ ...health, parts });
  run.publisher.publishHealth({ ...health, parts, state: "failed" });
  t.equal(run.said.length, 5);
});

t.test("events in order, in messages of at most 128 rows", async (t) => {
  const run = setUp((topic) => topic === `${PREFIX}events`);
  run.publisher.publishView(testView(1));
  const rows = Array.from({ length: 300 }, (_, index) => ({
    seq: index + 1,
    at: 1_700_000_000_000,
    kind: "code",
    body: [82, 4, null],
  }));
  run.publisher.publishEvents(rows);
  const messages = run.said.map(({ payload }) => decodeEvents(payload));
  t.strictSame(
    messages.map((message) => message.rows.length),
    [128, 128, 44],
  );
  t.strictSame(
    messages.flatMap((message) => message.rows),
    rows,
  );
  t.ok(messages.every(({ incarnation }) => incarnation === 7));
});

t.test("the virtual street's lanes, while somebody draws them", async (t) => {
  const run = setUp((topic) => topic === `${PREFIX}street/json`);
  run.publisher.publishStreet([{ approach: "north", vehicles: [3.5] }]);
  t.match(JSON.parse(String(run.said[0]?.payload)), {
    version: 1,
    lanes: [{ approach: "north", vehicles: [3.5] }],
  });
  const nobody = setUp(() => false);
  nobody.publisher.publishStreet([]);
  t.equal(nobody.said.length, 0);
});

t.test("the map is retained, in both forms", async (t) => {
  const run = setUp();
  run.publisher.start();
  run.publisher.stop();
  const [map, json] = run.said;
  t.match(map, { topic: `${PREFIX}map`, retain: true });
  t.equal(decodeMap(map?.payload ?? new Uint8Array()).node, "junction-1");
  t.match(json, { topic: `${PREFIX}map/json`, retain: true });
});

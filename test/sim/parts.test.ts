// The parts of the simulator by themselves: what a run rests on must be right before it can judge.
import fc from "fast-check";
import t from "tap";
import { BoardClock } from "../../src/sim/clock.ts";
import { FAULT_NAMES } from "../../src/sim/faults/catalogue.ts";
import { otherVersion } from "../../src/sim/faults/links.ts";
import { parseRates, planFaults } from "../../src/sim/faults/plan.ts";
import { shrinkPlan } from "../../src/sim/faults/shrink.ts";
import { invariant, Judge } from "../../src/sim/invariants/invariant.ts";
import { Network } from "../../src/sim/network.ts";
import { Random } from "../../src/sim/random.ts";
import { SimThread } from "../../src/sim/thread.ts";
import { VirtualTime } from "../../src/sim/time.ts";
import { neighbourPairs } from "../../src/sim/topology.ts";
import { Trace } from "../../src/sim/trace.ts";

t.test("streams of one seed: the same by name, whatever others draw", async (t) => {
  const once = new Random(7, "a").fork("b");
  const parent = new Random(7, "a");
  parent.word();
  const again = parent.fork("b");
  t.same(
    Array.from({ length: 20 }, () => once.word()),
    Array.from({ length: 20 }, () => again.word()),
  );
  t.not(new Random(7, "a").word(), new Random(8, "a").word());
  t.not(new Random(7, "a").word(), new Random(7, "b").word());
  const many = Array.from({ length: 4_000 }, () => once.next());
  const mean = many.reduce((sum, value) => sum + value, 0) / many.length;
  t.ok(Math.abs(mean - 0.5) < 0.03, `mean ${mean}`);
});

t.test(
  "events run in the order of time, and those of one moment in one that is drawn",
  async (t) => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 50 })), fc.integer(), (times, seed) => {
        const time = new VirtualTime(new Random(seed, "order"));
        const ran: number[] = [];
        for (const at of times) time.at(at, () => ran.push(time.nowMs));
        time.runUntil(100);
        return ran.length === times.length && ran.every((at, index) => at >= (ran[index - 1] ?? 0));
      }),
    );
    const orders = new Set<string>();
    for (let seed = 0; seed < 200; seed += 1) {
      const time = new VirtualTime(new Random(seed, "order"));
      const ran: string[] = [];
      for (const name of ["a", "b", "c"]) time.at(5, () => ran.push(name));
      time.runUntil(5);
      orders.add(ran.join(""));
    }
    t.equal(orders.size, 6, "each order comes up");
  },
);

function threadAt(time: VirtualTime, pausedUntilMs = 0): SimThread {
  return new SimThread("one", {
    time,
    clock: new BoardClock(time, 1, 0),
    bornMs: 0,
    pausedUntilMs: () => pausedUntilMs,
    onError: (_, error) => {
      throw error;
    },
  });
}

t.test("a thread that waits for its disk keeps its events, in order", async (t) => {
  const time = new VirtualTime(new Random(1, "order"));
  const thread = threadAt(time);
  const ran: string[] = [];
  time.at(10, () => thread.deliver(() => thread.charge(100)));
  for (const at of [20, 30, 40]) time.at(at, () => thread.deliver(() => ran.push(`${at}`)));
  time.runUntil(109);
  t.same(ran, []);
  time.runUntil(110);
  t.same(ran, ["20", "30", "40"]);
});

t.test(
  "what a thread asks for soon comes before its next event, and not after its end",
  async (t) => {
    const time = new VirtualTime(new Random(1, "order"));
    const thread = threadAt(time);
    const ran: string[] = [];
    thread.deliver(() => {
      thread.timers.soon(() => ran.push("soon"));
      ran.push("first");
    });
    const timer = thread.timers.after(5, () => ran.push("cancelled"));
    thread.timers.after(5, () => ran.push("timer"));
    timer.cancel();
    time.runUntil(6);
    thread.timers.after(5, () => ran.push("dead"));
    thread.end();
    time.runUntil(20);
    t.same(ran, ["first", "soon", "timer"]);
  },
);

t.test("the trace hash sees kinds and order of values", async (t) => {
  const hashOf = (feed: (trace: Trace) => void): string => {
    const trace = new Trace();
    feed(trace);
    return trace.digest();
  };
  const values: unknown[] = [1, "1", [1], ["1"], { a: 1 }, [[1]], null, true, new Uint8Array([1])];
  const hashes = new Set(values.map((value) => hashOf((trace) => trace.value(value))));
  t.equal(hashes.size, values.length);
  t.equal(
    hashOf((trace) => trace.bytes(new Uint8Array(100_000))),
    hashOf((trace) => trace.bytes(new Uint8Array(100_000))),
  );
  t.match(
    hashOf(() => undefined),
    /^[0-9a-f]{64}$/,
  );
});

t.test(
  "the reliable lane keeps its order through loss and delay; a long cut ends it",
  async (t) => {
    const time = new VirtualTime(new Random(3, "order"));
    const network = new Network(time, new Random(3, "network"), new Trace());
    network.join("a", "b");
    const heard: number[] = [];
    const links: string[] = [];
    const sender = threadAt(time);
    const end = network.attach("a", sender, {
      message: () => undefined,
      link: (_, up) => links.push(`a ${up}`),
    });
    network.attach("b", threadAt(time), {
      message: (_from, _lane, bytes) => heard.push(bytes[0] ?? -1),
      link: (_, up) => links.push(`b ${up}`),
    });
    time.runUntil(4_000);
    t.same(links.sort(), ["a true", "b true"]);
    const [link] = network.links;
    if (link === undefined) throw new Error("no link");
    Object.assign(link.there.weather, { loss: 0.5, delayMs: 300 });
    for (let at = 0; at < 50; at += 1) end.send("b", "reliable", new Uint8Array([at]));
    time.runUntil(13_000);
    t.same(
      heard,
      Array.from({ length: 50 }, (_, at) => at),
    );
    network.cut(link, "a", true);
    end.send("b", "reliable", new Uint8Array([99]));
    time.runUntil(24_000);
    t.notOk(link.up);
    network.cut(link, "a", false);
    time.runUntil(30_000);
    t.ok(link.up, "and a new one is made");
    t.notOk(heard.includes(99), "what was on the way is lost");
  },
);

t.test("the fast lane loses, doubles and disguises as it is told, and counts it", async (t) => {
  const time = new VirtualTime(new Random(4, "order"));
  const network = new Network(time, new Random(4, "network"), new Trace());
  network.join("a", "b");
  const heard: Uint8Array[] = [];
  const events = {
    message: (_from: string, _lane: unknown, bytes: Uint8Array) => heard.push(bytes),
    link: () => undefined,
  };
  const end = network.attach("a", threadAt(time), events);
  network.attach("b", threadAt(time), events);
  const [link] = network.links;
  if (link === undefined) throw new Error("no link");
  Object.assign(link.there.weather, { loss: 0.4, duplication: 0.4 });
  link.there.weather.disguises.push({ as: "version" });
  for (let at = 0; at < 500; at += 1) end.send("b", "fast", new Uint8Array([0x87, 1, 4]));
  time.runUntil(1_000);
  const { lost, doubled, disguised } = network.counts;
  t.ok(lost > 100 && doubled > 50 && disguised === 500, JSON.stringify(network.counts));
  t.equal(heard.length, 500 - lost + doubled);
  t.ok(heard.every((bytes) => bytes[1] === 2));
});

t.test("of two disguises that overlap none stays", async (t) => {
  const time = new VirtualTime(new Random(4, "order"));
  const network = new Network(time, new Random(4, "network"), new Trace());
  network.join("a", "b");
  const [link] = network.links;
  if (link === undefined) throw new Error("no link");
  const fault = { id: 1, name: "other-version", atMs: 0, forMs: 1, target: 0, amount: 1 } as const;
  for (let seed = 1; seed <= 8; seed += 1) {
    const place = { fault, time, random: new Random(seed, "x"), network, nodes: [] };
    const ends = [1, 2].map(() => otherVersion(link, { ...place, twinOf: () => null }));
    t.equal(link.there.weather.disguises.length + link.back.weather.disguises.length, 2);
    for (const end of ends) end?.();
    t.equal(link.there.weather.disguises.length + link.back.weather.disguises.length, 0);
  }
});

t.test("a plan comes from the seed alone, has every fault, and ends in time", async (t) => {
  const all = parseRates("all");
  if ("problem" in all) throw new Error(all.problem);
  const scope = { nodes: 5, links: 5, untilMs: 3_360_000 };
  const plan = planFaults(new Random(1, "faults"), all.rates, scope);
  t.same(plan, planFaults(new Random(1, "faults"), all.rates, scope));
  t.same([...new Set(plan.map(({ name }) => name))].sort(), [...FAULT_NAMES].sort());
  t.ok(plan.every(({ atMs, forMs }) => atMs + forMs <= scope.untilMs));
  t.match(parseRates("crash=3,loss*2"), { rates: new Map([["crash", 3]]) });
  t.match(parseRates("crush"), { problem: /no fault 'crush'/ });
});

t.test("a plan is made shorter to what is needed", async (t) => {
  const plan = Array.from({ length: 40 }, (_, id) => ({
    id,
    name: "crash" as const,
    atMs: id,
    forMs: 0,
    target: 0,
    amount: 0,
  }));
  let asked = 0;
  const fails = async (part: readonly { id: number }[]): Promise<boolean> => {
    asked += 1;
    const ids = new Set(part.map(({ id }) => id));
    return ids.has(7) && ids.has(31);
  };
  const short = await shrinkPlan(plan, fails, 100);
  t.same(
    short.map(({ id }) => id),
    [7, 31],
  );
  t.ok(asked <= 100);
  t.same(await shrinkPlan(plan, async () => true, 100), [], "no fault is needed");
});

t.test("canary: a judge that is asked a false question says so", async (t) => {
  const never = invariant("never", "it is a canary", () => "it sings");
  const judge = new Judge(["never", "other"], () => 42);
  judge.ask(never, "the mine");
  t.match(judge.violations, [{ invariant: "never", who: "the mine", text: "it sings", atMs: 42 }]);
  t.same(
    [...judge.exercised],
    [
      ["never", 1],
      ["other", 0],
    ],
  );
});

t.test("every node of a zone has a way to every other", async (t) => {
  for (let count = 1; count <= 60; count += 1) {
    const reached = new Set([0]);
    for (let round = 0; round < count; round += 1) {
      for (const [a, b] of neighbourPairs(count)) {
        if (reached.has(a)) reached.add(b);
        if (reached.has(b)) reached.add(a);
      }
    }
    t.equal(reached.size, count, `${count} nodes`);
  }
});

// The fast lane over real sockets: messages pass both ways on loopback, beside a flood of garbage
// from others as without.
import { createSocket } from "node:dgram";
import t, { type Test } from "tap";
import { realTimers, sleep } from "../../../src/log/timers.ts";
import { FastLane } from "../../../src/mesh/lanes/fast-lane.ts";
import { FastSocket, type UdpReason } from "../../../src/mesh/lanes/udp.ts";
import { UdpProxy } from "../../../src/sim/proxy/udp-proxy.ts";
import { Random } from "../../../src/sim/random.ts";
import { envelope, material } from "./two-lanes.ts";

class End {
  readonly id: string;
  readonly lane = new FastLane();
  readonly heard: Uint8Array[] = [];
  readonly counts = new Map<UdpReason, number>();
  usable = false;
  #socket: FastSocket | null = null;

  constructor(id: string) {
    this.id = id;
  }

  get socket(): FastSocket {
    if (this.#socket === null) throw new Error("not bound");
    return this.#socket;
  }

  async bind(): Promise<void> {
    this.#socket = await FastSocket.bind({
      lane: this.lane,
      address: "127.0.0.1",
      port: 0,
      timers: realTimers,
      onMessage: (_, bytes) => this.heard.push(bytes),
      onUsable: (_, usable) => {
        this.usable = usable;
      },
      onHeardAgain: () => {},
      onCount: (reason) => this.counts.set(reason, (this.counts.get(reason) ?? 0) + 1),
    });
  }

  open(other: End): void {
    this.lane.address(other.id, "127.0.0.1", other.socket.port);
    this.lane.opened(other.id, 1, material(1), this.id, realTimers.monoMs());
    this.socket.wake();
  }
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await sleep(realTimers, 5);
}

async function pair(t: Test): Promise<[End, End]> {
  const [a, b] = [new End("a"), new End("b")];
  for (const end of [a, b]) {
    await end.bind();
    t.teardown(() => end.socket.close());
  }
  a.open(b);
  b.open(a);
  await until(() => a.usable && b.usable);
  return [a, b];
}

t.test("messages pass both ways, those of one turn in one datagram", async (t) => {
  const [a, b] = await pair(t);
  const before = a.lane.figures().get("b")?.sent ?? 0;
  for (let n = 1; n <= 10; n += 1) t.ok(a.socket.send("b", envelope("a", n), "control"));
  await until(() => b.heard.length === 10);
  t.same(Buffer.from(b.heard[9] ?? new Uint8Array()), Buffer.from(envelope("a", 10)));
  t.ok((a.lane.figures().get("b")?.sent ?? 0) - before <= 2, "and an acknowledgement at most");
  t.ok(b.socket.send("a", envelope("b", 1), "sensor"));
  await until(() => a.heard.length === 1);
  t.same([...a.counts, ...b.counts], []);
});

t.test(
  "a flood of garbage beside them: every message arrives, repeated as the mesh would",
  async (t) => {
    const [a, b] = await pair(t);
    const random = new Random(1, "garbage");
    const garbage = Array.from({ length: 64 }, (_, n) => random.bytes(n * 20));
    const flood = createSocket("udp4");
    const { port } = b.socket;
    let flooding = true;
    const pour = (): void => {
      if (!flooding) return;
      for (const bytes of garbage) flood.send(bytes, port, "127.0.0.1");
      setImmediate(pour);
    };
    pour();
    const missing = new Map(Array.from({ length: 200 }, (_, n) => [n + 1, envelope("a", n + 1)]));
    let turns = 0;
    const turning = setInterval(() => {
      turns += 1;
    }, 1);
    while (missing.size > 0) {
      for (const bytes of [...missing.values()].slice(0, 20)) a.socket.send("b", bytes, "control");
      await sleep(realTimers, 8);
      const heard = new Set(b.heard.map((bytes) => Buffer.from(bytes).toString("hex")));
      for (const [n, bytes] of missing) {
        if (heard.has(Buffer.from(bytes).toString("hex"))) missing.delete(n);
      }
    }
    flooding = false;
    clearInterval(turning);
    flood.close();
    t.ok((b.counts.get("fast-unknown-key") ?? 0) > 100);
    t.ok((b.counts.get("fast-truncated") ?? 0) > 0);
    t.ok(turns > 0, "timers of the thread run in between");
    t.equal(b.counts.get("fast-bad-seal") ?? 0, 0, "none of it was decrypted");
  },
);

t.test("over a road that loses, doubles and reorders both learn where the other is", async (t) => {
  const [a, b] = [new End("a"), new End("b")];
  for (const end of [a, b]) {
    await end.bind();
    t.teardown(() => end.socket.close());
  }
  const set = { loss: 0.1, duplication: 0.2, reordering: 0.2, jitterMs: 3 };
  const proxy = await UdpProxy.open({
    targetPort: b.socket.port,
    script: { seed: 1, steps: [{ atMs: 0, set }] },
    timers: realTimers,
  });
  t.teardown(() => proxy.close());
  a.lane.address("b", "127.0.0.1", proxy.port);
  for (const [end, other] of [
    [a, "b"],
    [b, "a"],
  ] as const) {
    end.lane.opened(other, 1, material(1), end.id, realTimers.monoMs());
    end.socket.wake();
  }
  await until(() => a.usable && b.usable);
  let said = 0;
  while (a.heard.length < 50 || b.heard.length < 50) {
    said += 1;
    a.socket.send("b", envelope("a", said), "control");
    b.socket.send("a", envelope("b", said), "control");
    await sleep(realTimers, 2);
  }
  for (const { heard } of [a, b]) {
    const texts = heard.map((bytes) => Buffer.from(bytes).toString("hex"));
    t.equal(new Set(texts).size, texts.length, "what is doubled on the way comes once");
  }
  t.ok(proxy.counts.lost > 0 && proxy.counts.doubled > 0);
  t.ok((a.counts.get("fast-replayed") ?? 0) + (b.counts.get("fast-replayed") ?? 0) > 0);
});

t.test("a port that is taken is the system's own error", async (t) => {
  const [a] = await pair(t);
  const options = { lane: new FastLane(), address: "127.0.0.1", timers: realTimers };
  const nothing = {
    onMessage: () => {},
    onUsable: () => {},
    onHeardAgain: () => {},
    onCount: () => {},
  };
  await t.rejects(FastSocket.bind({ ...options, ...nothing, port: a.socket.port }), {
    code: "EADDRINUSE",
  });
});

t.test("the runtime hands on at most 32 datagrams in one turn of the event loop", async (t) => {
  const socket = createSocket("udp4");
  const flood = createSocket("udp4");
  t.teardown(() => {
    socket.close();
    flood.close();
  });
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  const { port } = socket.address();
  let [inTurn, most, all] = [0, 0, 0];
  socket.on("message", () => {
    if (inTurn === 0) {
      setImmediate(() => {
        inTurn = 0;
      });
    }
    inTurn += 1;
    all += 1;
    most = Math.max(most, inTurn);
  });
  while (all < 500) {
    for (let n = 0; n < 100; n += 1) flood.send(new Uint8Array(40), port, "127.0.0.1");
    await sleep(realTimers, 1);
  }
  t.equal(most, 32);
});

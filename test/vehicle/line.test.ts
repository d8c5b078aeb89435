// The line past mqtt.js: whatever comes in whatever pieces is told as mqtt.js alone tells it, in
// the same order; pings, faults and ends stay those of mqtt.js.
import { connect as connectPlain, type Socket } from "node:net";
import { Duplex, duplexPair } from "node:stream";
import { setImmediate as turn } from "node:timers/promises";
import { type ConnectionOptions, connect as connectTls } from "node:tls";
import fc from "fast-check";
import mqtt, { type IClientOptions, type MqttClient } from "mqtt";
import t, { type Test } from "tap";
import { Line } from "../../src/vehicle/line.ts";
import { CONNACK_OK, packet, publishBytes } from "../broker/bytes.ts";
import { startSecured } from "../broker/secured.ts";
import { until } from "../cli/support.ts";

const PICTURE = "stopline/1/test/zone/junction-1/spat";
const OTHER = "stopline/1/test/zone/junction-1/map";
const QUIET: IClientOptions = { clientId: "v", protocolVersion: 4, keepalive: 0 };
const NO_RETURN: IClientOptions = { ...QUIET, reconnectPeriod: 0, resubscribe: false };
const SUBACK = packet(0x90, 0, 1, 0);
const PINGRESP = packet(0xd0);

function picture(...payload: readonly number[]): number[] {
  return publishBytes(PICTURE, { payload });
}

/** All that a client tells, in order. */
function logOf(client: MqttClient, log: string[], faults: string[]): void {
  client.on("message", (topic, payload) => log.push(`${topic} ${payload.toString("hex")}`));
  client.on("packetreceive", ({ cmd }) => {
    if (cmd !== "publish") log.push(cmd);
  });
  client.on("error", (error) => faults.push(error.message));
}

/** mqtt.js alone. */
class Bare {
  readonly log: string[] = [];
  readonly faults: string[] = [];
  readonly #stream = new Duplex({ read: () => undefined, write: (_c, _e, done) => done() });

  constructor() {
    logOf(new mqtt.MqttClient(() => this.#stream, NO_RETURN), this.log, this.faults);
  }

  feed(chunk: Uint8Array): void {
    this.#stream.push(chunk);
  }
}

/** mqtt.js with a line to a socket in memory. */
class Lined {
  readonly log: string[] = [];
  readonly faults: string[] = [];
  /** Messages that the line told. */
  told = 0;
  /** Bytes that came to the other end. */
  sent = Buffer.alloc(0);
  readonly client: MqttClient;
  readonly line: Line;
  feed: (chunk: Uint8Array) => boolean = () => false;

  constructor(options: IClientOptions = NO_RETURN) {
    const lines: Line[] = [];
    this.client = new mqtt.MqttClient(() => {
      const line = this.#open();
      lines.push(line);
      return line;
    }, options);
    logOf(this.client, this.log, this.faults);
    const [line] = lines;
    if (line === undefined) throw new Error("mqtt.js has opened no stream");
    this.line = line;
    this.client.on("packetreceive", () => line.taken());
    this.client.on("error", () => line.distrust());
    line.listen([PICTURE]);
  }

  #open(): Line {
    const [near, far] = duplexPair();
    far.on("data", (chunk: Buffer) => {
      this.sent = Buffer.concat([this.sent, chunk]);
    });
    return new Line(
      ({ buffer, callback }) => {
        this.feed = (chunk) => {
          buffer.set(chunk);
          const more = callback(chunk.length, buffer);
          // What is kept of it must be a copy.
          buffer.fill(0xff, 0, chunk.length);
          return more;
        };
        return Object.assign(near, { setNoDelay: () => near }) as unknown as Socket;
      },
      {
        onMessage: (topic, payload) => {
          this.told += 1;
          this.log.push(`${topic} ${Buffer.from(payload).toString("hex")}`);
        },
        onFault: ({ message }) => this.faults.push(message),
      },
    );
  }
}

/** A line whose client is connected. */
async function connected(options?: IClientOptions): Promise<Lined> {
  const lined = new Lined(options);
  await turn();
  lined.feed(Buffer.from(CONNACK_OK));
  return lined;
}

const payloads = fc.array(fc.nat(255), { maxLength: 400 });
const packets = fc.oneof(
  { weight: 5, arbitrary: payloads.map((payload) => picture(...payload)) },
  payloads.map((payload) => publishBytes(PICTURE, { first: 0x31, payload })),
  payloads.map((payload) => publishBytes(OTHER, { payload })),
  payloads.map((payload) => publishBytes(PICTURE, { first: 0x32, id: [0, 7], payload })),
  fc.constant(SUBACK),
  fc.constant(PINGRESP),
);
/** Each ends what can be understood. */
const faults = fc.constantFrom(
  [],
  publishBytes(PICTURE, { first: 0x36, id: [0, 7] }),
  packet(0x30, 0, 200, 0x61),
  packet(0x30, 0),
  [0x30, 0xff, 0xff, 0xff, 0xff, 0x01],
);

/** A packet, where it is cut, whether a chunk ends with it, and whether a turn passes then. */
const parts = fc.record({
  bytes: packets,
  cut: fc.option(fc.nat(420)),
  ends: fc.boolean(),
  waits: fc.boolean(),
});
type Part = typeof parts extends fc.Arbitrary<infer P> ? P : never;

interface Chunk {
  readonly bytes: number[];
  readonly waits: boolean;
}

function chunksOf(all: readonly Part[], fault: readonly number[]): Chunk[] {
  const chunks: Chunk[] = [];
  let open = [...CONNACK_OK];
  const end = (waits: boolean): void => {
    if (open.length > 0) chunks.push({ bytes: open, waits });
    open = [];
  };
  for (const { bytes, cut, ends, waits } of all) {
    open.push(...bytes.slice(0, cut ?? 0));
    if (cut !== null) end(waits);
    open.push(...bytes.slice(cut ?? 0));
    if (ends) end(waits);
  }
  open.push(...fault);
  end(false);
  return chunks;
}

t.test("any packets in any pieces are told as mqtt.js tells them, in that order", async (t) => {
  let told = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(parts, { maxLength: 12 }), faults, async (all, fault) => {
      const [bare, lined] = [new Bare(), new Lined()];
      for (const { bytes, waits } of chunksOf(all, fault)) {
        bare.feed(Buffer.from(bytes));
        lined.feed(Buffer.from(bytes));
        if (waits) await turn();
      }
      for (let count = 0; count < all.length + 2; count += 1) await turn();
      told += lined.told;
      lined.client.end(true);
      t.strictSame(lined.log, bare.log);
      // The package parses a chunk to its end before it tells the first packet of it.
      t.strictSame(lined.faults, bare.faults);
    }),
    { numRuns: 300 },
  );
  t.ok(told > 100, "and many of them by the line");
});

t.test("whole messages at a boundary pass mqtt.js by, several in one chunk too", async (t) => {
  const lined = await connected();
  lined.feed(Buffer.from([...SUBACK, ...picture(1), ...picture(2), ...picture()]));
  t.strictSame(lined.log, ["connack", "suback", ...["01", "02", ""].map((b) => `${PICTURE} ${b}`)]);
  t.equal(lined.told, 3);
  const long = Buffer.from(picture(...Array.from({ length: 300 }, () => 1)));
  lined.feed(long.subarray(0, 2));
  lined.feed(long.subarray(2, 200));
  t.equal(lined.log.length, 5);
  lined.feed(Buffer.concat([long.subarray(200), Buffer.from(picture(4))]));
  t.strictSame(lined.log.slice(5), [`${PICTURE} ${"01".repeat(300)}`, `${PICTURE} 04`]);
  t.equal(lined.told, 4, "the one in pieces by mqtt.js, the next by the line again");
  lined.line.unlisten([PICTURE]);
  lined.feed(Buffer.from(picture(3)));
  t.equal(lined.log.at(-1), `${PICTURE} 03`);
  t.equal(lined.told, 4);
  lined.client.end(true);
});

t.test("behind what mqtt.js still has in hand a message waits its turn", async (t) => {
  const lined = await connected();
  lined.feed(Buffer.from([...PINGRESP, ...SUBACK, ...picture(1)]));
  t.strictSame(lined.log, ["connack", "pingresp"]);
  await turn();
  t.strictSame(lined.log, ["connack", "pingresp", "suback", `${PICTURE} 01`]);
  t.equal(lined.told, 0);
  lined.client.end(true);
});

t.test("who hears only such messages pings, and without an answer the line ends", async (t) => {
  const ticks: (() => void)[] = [];
  const timerVariant = { set: (tick: () => void) => ticks.push(tick), clear: () => undefined };
  const lined = await connected({ ...NO_RETURN, keepalive: 5, timerVariant });
  const tick = async (): Promise<void> => {
    lined.feed(Buffer.from(picture(1)));
    ticks.at(-1)?.();
    await turn();
  };
  const pings = (): number => lined.sent.toString("hex").split("c000").length - 1;
  for (let round = 1; round <= 3; round += 1) {
    await tick();
    await tick();
    t.equal(pings(), round);
    lined.feed(Buffer.from(PINGRESP));
    t.equal(lined.line.destroyed, false);
  }
  for (let count = 0; count < 3; count += 1) await tick();
  t.strictSame(lined.faults, ["Keepalive timeout"]);
  t.equal(lined.line.destroyed, true);
  t.equal(lined.told, 9);
});

t.test("a report leaves at once, and not before what mqtt.js has begun to write", async (t) => {
  const lined = new Lined();
  t.equal(lined.line.send(OTHER, Buffer.from([9])), false, "CONNECT has not left");
  await turn();
  lined.feed(Buffer.from(CONNACK_OK));
  lined.sent = Buffer.alloc(0);
  t.equal(lined.line.send(OTHER, Buffer.from([9])), true);
  await turn();
  t.strictSame([...lined.sent], publishBytes(OTHER, { payload: [9] }));
  lined.client.subscribe(OTHER);
  t.equal(lined.line.send(OTHER, Buffer.from([9])), false);
  lined.client.end(true);
  t.equal(lined.line.send(OTHER, Buffer.from([9])), false, "closed");
});

t.test("a reader that lags stops the socket, and lets it go on", async (t) => {
  const line: { feed: (chunk: Uint8Array) => boolean } = { feed: () => false };
  const [near] = duplexPair();
  const socket = Object.assign(near, { setNoDelay: () => near }) as unknown as Socket;
  const stream = new Line(
    ({ buffer, callback }) => {
      line.feed = (chunk) => {
        buffer.set(chunk);
        return callback(chunk.length, buffer);
      };
      return socket;
    },
    { onMessage: () => undefined, onFault: () => undefined },
  );
  t.teardown(() => stream.destroy());
  const chunk = Buffer.from(picture(...Array.from({ length: 60_000 }, () => 1)));
  let fed = 0;
  while (line.feed(chunk)) fed += 1;
  t.ok(socket.isPaused());
  let bytes = 0;
  stream.on("data", (more: Buffer) => {
    bytes += more.length;
  });
  t.ok(await until(() => bytes === (fed + 1) * chunk.length));
  t.notOk(socket.isPaused());
  t.ok(line.feed(chunk));
});

/** A client behind a line to a real broker, and how its messages came. */
function atBroker(t: Test, line: () => Line, options: IClientOptions) {
  const ways = { line: 0, package: 0, closed: 0 };
  let present: Line | null = null;
  const client = new mqtt.MqttClient(() => {
    present = line();
    present.listen([PICTURE]);
    return present;
  }, options);
  t.teardown(() => client.end(true));
  client.on("error", () => present?.distrust());
  client.on("close", () => {
    ways.closed += 1;
  });
  client.on("packetreceive", ({ cmd }) => {
    present?.taken();
    if (cmd === "publish") ways.package += 1;
  });
  client.on("connect", () => client.subscribe([PICTURE]));
  return { ways, client };
}

t.test("at a broker over TLS and without, and again after an end", async (t) => {
  const { authority, secure, plain } = await startSecured(t);
  const { certPem: cert, keyPem: key, caPem: ca } = await authority.issue("vehicle", "bus-7");
  const tls = { ca, cert, key, checkServerIdentity: () => undefined };
  for (const url of [secure, plain]) {
    const { port } = new URL(url);
    const isSecure = url === secure;
    const { ways, client } = atBroker(
      t,
      () =>
        new Line(
          (onread) => {
            // A name with several addresses: the first that answers is taken.
            const to = { host: isSecure ? "127.0.0.1" : "localhost", port: Number(port), onread };
            return isSecure ? connectTls({ ...tls, ...to } as ConnectionOptions) : connectPlain(to);
          },
          { onMessage: () => (ways.line += 1), onFault: () => undefined },
        ),
      { ...QUIET, clientId: isSecure ? "vehicle:bus-7" : "v-1", reconnectPeriod: 50 },
    );
    t.ok(await until(() => ways.line >= 5), url);
    (client.stream as Duplex).destroy();
    t.ok(await until(() => ways.closed === 1));
    const before = ways.line;
    t.ok(await until(() => ways.line >= before + 5), "it has come back");
    t.ok(ways.package <= 2, "the first of a subscription at most went another way");
  }
});

t.test("a socket that can't be opened is told and closes", async (t) => {
  const faults: string[] = [];
  const line = new Line((onread) => connectPlain({ host: "127.0.0.1", port: 1, onread }), {
    onMessage: () => undefined,
    onFault: ({ message }) => faults.push(message),
  });
  await new Promise<void>((done) => line.once("close", () => done()));
  t.match(faults, [/ECONNREFUSED/]);
});

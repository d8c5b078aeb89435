// The broker with a log thread in a process of its own that kills itself at a named step of a
// marked message. Arguments: data folder, step, port. Prints the port when it serves.
import { once } from "node:events";
import { createServer } from "node:net";
import { Duplex } from "node:stream";
import { MessageChannel, Worker } from "node:worker_threads";
import { createBroker } from "../../src/broker/broker.ts";
import type { KeptDisk } from "../../src/broker/keeper.ts";
import { LogDoor } from "../../src/log/door.ts";
import type { FromLog, ToLog } from "../../src/log/messages.ts";
import type { KeptBatch } from "../../src/wire/kept.ts";
import { die, isMarked, type Step } from "./kill-steps.ts";
import { SECRET, testSite } from "./support.ts";

const [dir = "", step = "never", port = "0"] = process.argv.slice(2) as [string, Step, string];

function at(here: Step): void {
  if (step === here) die();
}

const log = new Worker(new URL("./kill-log.ts", import.meta.url), {
  workerData: {
    dir,
    version: "0",
    site: "none",
    cause: "test",
    maxBytes: 100_000_000,
    keepMs: 86_400_000,
    resume: null,
    boot: "00",
    step,
  },
});
const door = new LogDoor(async () => null);
const { port1, port2 } = new MessageChannel();
log.on("message", (message: FromLog) => {
  if (message.kind !== "opened") return;
  log.postMessage({ kind: "attach", who: "service", port: port1 } satisfies ToLog, [port1]);
  door.attach(port2);
  broker.wakeDisk();
});

const disk: KeptDisk = {
  load: () => door.loadBroker(),
  async apply(batch: KeptBatch) {
    const marked = batch.changes.some((change) => "payload" in change && isMarked(change.payload));
    if (marked) at("before-batch");
    const answer = await door.applyBroker(batch);
    if (marked) at("after-answer");
    return answer;
  },
};

const broker = await createBroker({
  site: testSite([{ client: "*", publish: ["#"], subscribe: ["#"], deny: [] }]),
  secret: SECRET,
  onCommand: async ({ id }) => ({ id, ok: true, reason: null, atMs: 1 }),
  onDetector: () => undefined,
  onEvent: () => undefined,
  disk,
  limits: { idleCommitMs: 50 },
});

const PUBLISH = 3;
const PUBACK = 4;
let delivered = false;
let marked = false;

/** What a client sends; a marked PUBLISH, or the PUBACK of its delivery, may be the end. */
function received(chunk: Buffer): void {
  const type = (chunk[0] ?? 0) >> 4;
  if (type === PUBLISH && isMarked(chunk)) {
    marked = true;
    at("published");
  }
  if (type === PUBACK && delivered) at("acknowledged");
}

const server = createServer({ noDelay: true }, (socket) => {
  const stream = new Duplex({
    read: () => socket.resume(),
    write(chunk: Buffer, _encoding, done) {
      const type = (chunk[0] ?? 0) >> 4;
      const isPuback = type === PUBACK && marked;
      const isDelivery = type === PUBLISH && isMarked(chunk);
      if (isPuback) at("before-puback");
      if (isDelivery) at("before-delivery");
      delivered ||= isDelivery;
      socket.write(chunk, (error) => {
        if (isPuback) at("after-puback");
        if (isDelivery) at("after-delivery");
        done(error);
      });
    },
  });
  socket.on("data", (chunk: Buffer) => {
    received(chunk);
    if (!stream.push(chunk)) socket.pause();
  });
  socket.on("end", () => stream.push(null));
  socket.on("error", () => stream.destroy());
  socket.on("close", () => stream.destroy());
  stream.on("close", () => socket.destroy());
  broker.handleWebSocket(stream, { role: "reader", via: "mqtt" });
});
server.listen(Number(port), "127.0.0.1");
await once(server, "listening");
const address = server.address();
process.stdout.write(`${typeof address === "object" ? address?.port : ""}\n`);

// A flood of MQTT messages from a process of its own: argv is port, messages per second, seconds.
// Raw packets, so that the generator itself costs little beside the broker. The broker reads a
// client's socket slower beyond 1,000 packets a second, so the flood comes from 25 clients with 800
// each; one more client subscribes to all of it. Prints what was offered and what came back.
import { connect, type Socket } from "node:net";

const [port = 0, perSecond = 0, seconds = 0] = process.argv.slice(2).map(Number);
const CLIENTS = 25;
const SLICE_MS = 10;
/** A client whose socket is not read holds back at this many bytes and counts it. */
const HELD_BYTES = 1_000_000;
const TOPIC = "demo/flood";
const PAYLOAD_BYTES = 32;

function packet(type: number, body: Buffer): Buffer {
  return Buffer.concat([Buffer.from([type, body.length]), body]);
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 255]), bytes]);
}

const message = packet(0x30, Buffer.concat([text(TOPIC), Buffer.alloc(PAYLOAD_BYTES, 65)]));
let offered = 0;
let heldBack = 0;
let closed = 0;
let receivedBytes = 0;

function open(id: string): Socket {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  socket.on("error", () => undefined);
  socket.on("close", () => {
    closed += 1;
  });
  const body = Buffer.concat([text("MQTT"), Buffer.from([4, 2, 0, 0]), text(id)]);
  socket.write(packet(0x10, body));
  return socket;
}

const listener = open("flood-listener");
listener.write(packet(0x82, Buffer.concat([Buffer.from([0, 1]), text(TOPIC), Buffer.from([0])])));
listener.on("data", (chunk: Buffer) => {
  receivedBytes += chunk.length;
});

const startMs = performance.now();
for (let index = 0; index < CLIENTS; index += 1) {
  const socket = open(`flood-${index}`);
  socket.resume();
  let sent = 0;
  // By the clock, not by the count of slices: a late timer makes the next slice larger.
  setInterval(() => {
    const due = Math.floor(((performance.now() - startMs) / 1000) * (perSecond / CLIENTS));
    const count = due - sent;
    sent = due;
    if (count <= 0) return;
    if (socket.writableLength > HELD_BYTES) {
      heldBack += count;
      return;
    }
    socket.write(Buffer.concat(new Array<Buffer>(count).fill(message)));
    offered += count;
  }, SLICE_MS);
}

setTimeout(() => {
  const received = Math.floor(receivedBytes / message.length);
  process.stdout.write(`${JSON.stringify({ offered, heldBack, closed, received })}\n`);
  process.exit(0);
}, seconds * 1000);

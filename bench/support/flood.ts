// A flood of MQTT messages from a process of its own: argv is port, messages per second, seconds.
// Raw packets, so that the generator itself costs little beside the broker.
import { connect } from "node:net";

const [port = 0, perSecond = 0, seconds = 0] = process.argv.slice(2).map(Number);
const SOCKETS = 10;
const SLICE_MS = 10;

function packet(type: number, body: Buffer): Buffer {
  return Buffer.concat([Buffer.from([type, body.length]), body]);
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 255]), bytes]);
}

function connectPacket(id: string): Buffer {
  return packet(0x10, Buffer.concat([text("MQTT"), Buffer.from([4, 2, 0, 60]), text(id)]));
}

const message = packet(0x30, Buffer.concat([text("flood/topic"), Buffer.alloc(32, 65)]));
let sent = 0;
let blocked = 0;

for (let index = 0; index < SOCKETS; index += 1) {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => undefined);
  socket.write(connectPacket(`flood-${index}`));
  const perSlice = Math.round((perSecond * SLICE_MS) / 1000 / SOCKETS);
  const slice = Buffer.concat(new Array<Buffer>(perSlice).fill(message));
  setInterval(() => {
    if (socket.writableLength > 1_000_000) {
      blocked += 1;
      return;
    }
    socket.write(slice);
    sent += perSlice;
  }, SLICE_MS);
}

setTimeout(() => {
  process.stdout.write(`${JSON.stringify({ sent, blocked })}\n`);
  process.exit(0);
}, seconds * 1000);

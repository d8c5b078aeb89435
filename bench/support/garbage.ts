// Datagrams that nobody can believe, as fast as one process sends them: argv is a UDP port. What
// it sent it says over IPC when it is told to end.
import { randomBytes } from "node:crypto";
import { createSocket } from "node:dgram";

const port = Number(process.argv[2]);
const socket = createSocket("udp4").on("error", () => undefined);
/** Short and long ones. */
const datagrams = [48, 200, 1_200].map((length) => randomBytes(length));
const TURN = 64;
let [sent, running] = [0, false];

function pump(): void {
  if (!running) return;
  let left = TURN;
  for (let at = 0; at < TURN; at += 1) {
    const bytes = datagrams[at % datagrams.length] ?? datagrams[0];
    if (bytes === undefined) return;
    // Another key id each time.
    bytes.writeUInt32LE((sent + at) >>> 0, 4);
    socket.send(bytes, port, "127.0.0.1", () => {
      left -= 1;
      sent += 1;
      if (left === 0) setImmediate(pump);
    });
  }
}

process.on("message", (message: { run: boolean }) => {
  process.send?.({ sent });
  sent = 0;
  const was = running;
  running = message.run;
  if (running && !was) pump();
});
process.on("disconnect", () => process.exit(0));

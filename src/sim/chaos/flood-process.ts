// A flood from a process of its own, behind all others: a stranger's machine takes no time from the
// board's processor but by what it sends. argv: `udp PORT SECONDS`, garbage as fast as it goes;
// `idle PORT SECONDS COUNT`, connections that say nothing. Prints what it did.
import { createSocket } from "node:dgram";
import { connect, type Socket } from "node:net";
import { setPriority } from "node:os";
import { Random } from "../random.ts";

setPriority(19);

const [kind = "", portText = "", secondsText = "", countText = "0"] = process.argv.slice(2);
const [port, seconds, count] = [Number(portText), Number(secondsText), Number(countText)];
/** Another address than the neighbours': the node knows those. */
const STRANGER = "127.0.0.9";
const LOOPBACK = "127.0.0.1";
/** Datagrams that the system has not taken yet. */
const MAX_WAITING = 256;
const BATCH = 100;
const BATCH_MS = 20;

const counts = { sent: 0, opened: 0, refused: 0, closed: 0 };

function udp(): void {
  const random = new Random(1, "garbage");
  const garbage = Array.from({ length: 64 }, () => random.bytes(1 + random.below(1_400)));
  const socket = createSocket("udp4");
  let waiting = 0;
  const send = (): void => {
    while (waiting < MAX_WAITING) {
      waiting += 1;
      socket.send(random.pick(garbage), port, LOOPBACK, () => {
        waiting -= 1;
        counts.sent += 1;
      });
    }
    setImmediate(send);
  };
  socket.bind(0, STRANGER, send);
}

function idle(): void {
  const sockets: Socket[] = [];
  const timer = setInterval(() => {
    for (let left = BATCH; left > 0 && sockets.length < count; left -= 1) {
      const socket = connect({ port, host: LOOPBACK, localAddress: STRANGER });
      socket.on("connect", () => {
        counts.opened += 1;
      });
      socket.on("error", () => {
        counts.refused += 1;
      });
      socket.on("close", () => {
        counts.closed += 1;
      });
      sockets.push(socket);
    }
    if (sockets.length >= count) clearInterval(timer);
  }, BATCH_MS);
}

if (kind === "udp") udp();
else idle();

setTimeout(() => {
  process.stdout.write(`${JSON.stringify(counts)}\n`);
  process.exit(0);
}, seconds * 1_000);
process.once("disconnect", () => process.exit(0));

// Ports on loopback for processes that start later. A port that the system hands out by itself may
// be the near end of anybody's connection before its process has started, so these lie below the
// first of those, and each process looks in a place of its own.
import { createSocket } from "node:dgram";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";

const LOOPBACK = "127.0.0.1";
const LOWEST = 20_000;
/** Linux's own default, where its setting can't be read. */
const HANDED_OUT_FROM = 32_768;
const HANDED_OUT = "/proc/sys/net/ipv4/ip_local_port_range";
/** Between the places where two processes begin to look. */
const EACH = 16;

/** The first port that is looked at next; null before the first call. */
let next: number | null = null;

/** Above the last port that may be chosen. */
function endOfRange(): number {
  let first = HANDED_OUT_FROM;
  try {
    first = Number.parseInt(readFileSync(HANDED_OUT, "utf8"), 10);
  } catch {
    // Not Linux: nothing is lost but the certainty.
  }
  return first > LOWEST + EACH ? first : HANDED_OUT_FROM;
}

/** Free for TCP and for UDP at this moment, and not given by this process before. */
export async function freePort(): Promise<number> {
  const span = endOfRange() - LOWEST;
  next ??= (process.pid * EACH) % span;
  for (let tries = 0; tries < span; tries += 1) {
    const port = LOWEST + next;
    next = (next + 1) % span;
    if ((await isFreeForTcp(port)) && (await isFreeForUdp(port))) return port;
  }
  throw new Error(`no port from ${LOWEST} to ${LOWEST + span - 1} is free on ${LOOPBACK}`);
}

async function isFreeForTcp(port: number): Promise<boolean> {
  const server = createServer();
  return await new Promise((resolve) => {
    server.once("error", () => resolve(false));
    server.listen(port, LOOPBACK, () => server.close(() => resolve(true)));
  });
}

async function isFreeForUdp(port: number): Promise<boolean> {
  const socket = createSocket("udp4");
  return await new Promise((resolve) => {
    socket.once("error", () => resolve(false));
    socket.bind(port, LOOPBACK, () => socket.close(() => resolve(true)));
  });
}

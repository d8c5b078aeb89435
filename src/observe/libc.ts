// The few calls of the C library that Node has no words for: a datagram to a Unix socket, and the
// scheduling policy of one thread. This is the only file that loads koffi, and it is itself loaded
// only where a service manager waits for a word (`src/node/supervisor.ts`). Both processors that
// it runs on, x86-64 and ARM64, are little-endian under Linux.
import { getSystemErrorName } from "node:util";
import koffi from "koffi";

const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0o2_000_000;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
const SCHED_RR = 2;
/** Threads and programs started from here on are ordinary again: sched(7). */
const SCHED_RESET_ON_FORK = 0x4000_0000;
/** sun_path of unix(7). */
const PATH_BYTES = 108;

const library = koffi.load("libc.so.6");
const socket: (family: number, type: number, protocol: number) => number = library.func(
  "int socket(int, int, int)",
);
const sendto: (
  fd: number,
  bytes: Uint8Array,
  length: number,
  flags: number,
  address: Uint8Array,
  addressLength: number,
) => number = library.func("long sendto(int, const void *, size_t, int, const void *, uint32_t)");
const setScheduler: (thread: number, policy: number, parameters: Uint8Array) => number =
  library.func("int sched_setscheduler(int, int, const void *)");

/** The name of the newest call's error, such as EAGAIN. */
function errorName(): string {
  return getSystemErrorName(-koffi.errno());
}

/** A sockaddr_un; null where `path` is neither absolute nor abstract (`@name`), or too long. */
export function unixAddress(path: string): Uint8Array | null {
  const abstract = path.startsWith("@");
  if (!abstract && !path.startsWith("/")) return null;
  const bytes = Buffer.from(abstract ? `\0${path.slice(1)}` : `${path}\0`);
  if (bytes.length > PATH_BYTES) return null;
  const family = Buffer.alloc(2);
  family.writeUInt16LE(AF_UNIX);
  return Buffer.concat([family, bytes]);
}

/** A socket for datagrams, closed in programs that are started; throws where there is none. */
export function openDatagramSocket(): number {
  const fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) throw new Error(`no Unix socket: ${errorName()}`);
  return fd;
}

/** One datagram, without waiting: null, or the name of the error (EAGAIN: no room just now). */
export function sendDatagram(fd: number, bytes: Uint8Array, to: Uint8Array): string | null {
  const flags = MSG_DONTWAIT | MSG_NOSIGNAL;
  return sendto(fd, bytes, bytes.length, flags, to, to.length) < 0 ? errorName() : null;
}

/**
 * Real time in turns (SCHED_RR) for the calling thread alone, 1 (weakest) to 99: null, or the name
 * of the error (EPERM: not allowed).
 */
export function takeTurns(priority: number): string | null {
  const parameters = Buffer.alloc(4);
  parameters.writeInt32LE(priority);
  const policy = SCHED_RR | SCHED_RESET_ON_FORK;
  return setScheduler(0, policy, parameters) < 0 ? errorName() : null;
}

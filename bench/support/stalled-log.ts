// The real log thread on a disk that stands still for 500 ms out of every second: while it waits
// the thread does nothing else, as in a write call that does not return.
import "../../src/log/worker.ts";

const EVERY_MS = 1_000;
const STALL_MS = 500;

const never = new Int32Array(new SharedArrayBuffer(4));
setInterval(() => Atomics.wait(never, 0, 0, STALL_MS), EVERY_MS);

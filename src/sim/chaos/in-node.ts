// Loaded into every thread of a node's process under chaos, before its own code: what can't be done
// to it from outside. Its log thread is held as a slow disk holds it while a file says so; one
// planted fault is switched on for tests; and the process ends with the one that started it.
import { existsSync, readFileSync } from "node:fs";
import { isMainThread, threadName } from "node:worker_threads";
import { LANE_BUGS, PLANTED_BUGS, plant } from "../../core/planted.ts";

const EVERY_MS = 500;
const HELD_MS = 400;
const LOOK_MS = 50;
/** Less than what a thread may be silent for. */
const LONGEST_MS = 4_500;

const { STOPLINE_CHAOS_PLANT: bug, STOPLINE_CHAOS_STALL: stall } = process.env;

const planted = [...PLANTED_BUGS, ...LANE_BUGS].find((name) => name === bug);
if (planted !== undefined) plant(planted);

const never = new Int32Array(new SharedArrayBuffer(4));

function hold(path: string): void {
  const slow = readFileSync(path, "utf8") === "slow-disk";
  if (slow) {
    Atomics.wait(never, 0, 0, HELD_MS);
    return;
  }
  for (let ms = 0; ms < LONGEST_MS && existsSync(path); ms += LOOK_MS) {
    Atomics.wait(never, 0, 0, LOOK_MS);
  }
}

if (threadName === "log" && stall !== undefined) {
  setInterval(() => {
    if (existsSync(stall)) hold(stall);
  }, EVERY_MS).unref();
}

if (isMainThread) {
  const parent = process.ppid;
  setInterval(() => {
    if (process.ppid !== parent) process.kill(process.pid, "SIGKILL");
  }, 1_000).unref();
}

// The real service thread with a fault planted in its first life: heap, loop, error or pool.
import { spawnSync } from "node:child_process";
import { existsSync, readFile, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { workerData } from "node:worker_threads";
import "../../../src/node/service-thread.ts";

/** After the start-up's seven seconds and a few of control. */
const FAULT_AFTER_MS = 9_000;

const { dataDir } = workerData as { dataDir: string };
const marker = join(dataDir, "fault-happened");

function fillHeap(): void {
  const kept: unknown[] = [];
  for (;;) kept.push(new Array(10_000).fill(kept.length));
}

/** Reads of pipes that nobody writes to hold every thread of libuv's pool. */
function fillPool(): void {
  for (let index = 0; index < 8; index += 1) {
    const pipe = join(dataDir, `pipe-${index}`);
    spawnSync("mkfifo", [pipe]);
    readFile(pipe, () => undefined);
  }
}

const FAULTS: Readonly<Record<string, () => void>> = {
  heap: fillHeap,
  loop: () => {
    for (;;) Math.random();
  },
  error: () => {
    throw new Error("planted");
  },
  pool: fillPool,
};

if (!existsSync(marker)) {
  setTimeout(() => {
    writeFileSync(marker, "");
    FAULTS[readFileSync(join(dataDir, "fault"), "utf8")]?.();
  }, FAULT_AFTER_MS);
}

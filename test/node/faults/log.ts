// The real log thread that stops turning once, as if the disk held it for good.
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { workerData } from "node:worker_threads";
import "../../../src/log/worker.ts";

const { dir } = workerData as { dir: string };
const marker = join(dir, "fault-happened");

if (!existsSync(marker)) {
  setTimeout(() => {
    writeFileSync(marker, "");
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 60_000);
  }, 9_000);
}

// What the log costs and how soon it is back. Every commit is FULL: on the disk when it returns.
// `--hours N` sets how much of the virtual day is run (the rest is scaled); 24 by default.
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import BetterSqlite3 from "better-sqlite3";
import { LOG_LIMITS, LOG_THREAD, LogClient } from "../src/log/client.ts";
import type { NodeEvent } from "../src/log/events.ts";
import type { FromLog } from "../src/log/messages.ts";
import { openWriter } from "../src/log/open.ts";
import { encodeCbor } from "../src/wire/codec.ts";
import { report } from "./support/figures.ts";
import { measureDay } from "./support/log-day.ts";
import { startRedis } from "./support/redis.ts";

const APPENDED = 300_000;
const REBUILT = 1_000_000;
const AFTER_SNAPSHOT = 10_000;
const GROUP = 2_048;
const RUNS = 5;

const root = mkdtempSync(join(tmpdir(), "stopline-bench-"));
const options = { version: "bench", site: "demo", cause: "bench", maxBytes: 1e10, keepMs: 1e12 };

function folder(name: string): string {
  const dir = join(root, name);
  mkdirSync(dir, { recursive: true });
  return dir;
}

/** What a junction logs: greens, detectors, sensed lamps. */
function event(index: number): NodeEvent {
  const at = 1_700_000_000_000 + index * 50;
  switch (index % 4) {
    case 0:
      return { kind: "code", body: [82, 1 + (index % 40), null], at };
    case 1:
      return { kind: "code", body: [81, 1 + (index % 40), null], at };
    case 2:
      return {
        kind: "code",
        body: [[1, 8, 10, 11][(index >> 2) % 4] ?? 1, 1 + (index % 8), null],
        at,
      };
    default:
      return { kind: "lamps-sensed", body: [1 + (index % 16), "green"], at };
  }
}

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

/** From the control thread's queues to the commit in the log thread, and the answer back. */
async function appendThroughThread(): Promise<number> {
  const dir = folder("thread");
  let worker: Worker | null = null;
  const client = new LogClient({
    post: (message) => {
      worker?.postMessage(message);
      return true;
    },
  });
  worker = new Worker(LOG_THREAD, {
    workerData: client.threadData({ dir, ...options }),
    resourceLimits: LOG_LIMITS,
  });
  worker.on("message", (message: FromLog | "alive") => {
    if (message !== "alive") client.take(message);
  });
  client.append(event(0));
  await client.flush(10_000);
  const before = performance.now();
  for (let index = 0; index < APPENDED; ) {
    for (const end = Math.min(APPENDED, index + 4 * GROUP); index < end; index += 1) {
      client.append(event(index));
    }
    await client.flush(30_000);
  }
  const seconds = (performance.now() - before) / 1000;
  const lost = Object.values(client.dropped).reduce((sum, count) => sum + count, 0);
  if (lost > 0) throw new Error(`${lost} events were dropped under measurement`);
  const exited = once(worker, "exit");
  worker.postMessage({ kind: "stop" });
  await exited;
  return APPENDED / seconds;
}

function appendDirectly(): number {
  const writer = openWriter(folder("direct"), { ...options, nowMs: 0 });
  const before = performance.now();
  for (let index = 0; index < APPENDED; index += GROUP) {
    writer.append(group(index, Math.min(APPENDED, index + GROUP)), 0);
  }
  const seconds = (performance.now() - before) / 1000;
  writer.close();
  return APPENDED / seconds;
}

function group(from: number, to: number): NodeEvent[] {
  return Array.from({ length: to - from }, (_, index) => event(from + index));
}

/** The peer: the same rows and groups into the same engine, without hashes and without state. */
function appendPlain(): number {
  const database = new BetterSqlite3(join(folder("plain"), "plain.db"));
  database.exec("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL");
  database.exec("CREATE TABLE e(seq INTEGER PRIMARY KEY, at INTEGER, kind TEXT, body BLOB) STRICT");
  const insert = database.prepare("INSERT INTO e VALUES (?, ?, ?, ?)");
  const before = performance.now();
  for (let index = 0; index < APPENDED; index += GROUP) {
    database.exec("BEGIN");
    for (let at = index; at < Math.min(APPENDED, index + GROUP); at += 1) {
      const { kind, body, at: wallMs = 0 } = event(at);
      insert.run(at + 1, wallMs, kind, encodeCbor(body));
    }
    database.exec("COMMIT");
  }
  const seconds = (performance.now() - before) / 1000;
  database.close();
  return APPENDED / seconds;
}

/** The peer in a process of its own: the same rows and groups, each group durable. */
async function appendToRedis(): Promise<number> {
  const redis = await startRedis({ durable: true });
  const before = performance.now();
  for (let index = 0; index < APPENDED; index += GROUP) {
    const rows = group(index, Math.min(APPENDED, index + GROUP));
    await redis.send(
      rows.map(({ kind, body, at = 0 }) => {
        return ["XADD", "events", "*", "at", `${at}`, "kind", kind, "body", encodeCbor(body)];
      }),
    );
  }
  const seconds = (performance.now() - before) / 1000;
  await redis.stop();
  return APPENDED / seconds;
}

/** Opening a log without any snapshot: every hash checked, every row decoded into state. */
function rebuild(dir: string): number {
  const writer = openWriter(dir, { ...options, nowMs: 0 });
  for (let index = 0; index < REBUILT; index += GROUP) {
    writer.append(group(index, Math.min(REBUILT, index + GROUP)), 0);
  }
  writer.close();
  const times: number[] = [];
  for (let run = 0; run < 3; run += 1) times.push(timedOpening(dir, () => undefined));
  return median(times) / 1000;
}

function timedOpening(dir: string, then: (writer: ReturnType<typeof openWriter>) => void): number {
  const before = performance.now();
  const writer = openWriter(dir, { ...options, nowMs: 0 });
  const ms = performance.now() - before;
  then(writer);
  writer.close();
  return ms;
}

/** Opening with a snapshot and 10,000 rows after it. */
function restart(dir: string): number {
  const times: number[] = [];
  const prepare = (writer: ReturnType<typeof openWriter>): void => {
    writer.snapshot(0);
    writer.append(group(0, AFTER_SNAPSHOT), 0);
  };
  timedOpening(dir, prepare);
  for (let run = 0; run < RUNS; run += 1) times.push(timedOpening(dir, prepare));
  return median(times);
}

function hoursAsked(): number {
  const at = process.argv.indexOf("--hours");
  const hours = at < 0 ? 24 : Number(process.argv[at + 1]);
  if (!(hours > 0 && hours <= 24)) throw new Error("--hours is a number from 0 to 24");
  return hours;
}

try {
  const hours = hoursAsked();
  const perS = await appendThroughThread();
  const direct = appendDirectly();
  const plain = appendPlain();
  const redis = await appendToRedis();
  const big = folder("big");
  const rebuildS = rebuild(big);
  const restartMs = restart(big);
  process.stderr.write(`log: ${hours} h of the demo's street in virtual time\n`);
  const day = measureDay(folder("day"), hours);
  report("log", [
    { figure: "append_per_s", value: perS, unit: "1/s", budget: ">= 50000" },
    { figure: "append_per_s_direct", value: direct, unit: "1/s" },
    { figure: "append_per_s_better_sqlite3", value: plain, unit: "1/s" },
    { figure: "append_per_s_redis", value: redis, unit: "1/s" },
    { figure: "rebuild_1e6_s", value: rebuildS, unit: "s", budget: "<= 2.5" },
    { figure: "restart_ms", value: restartMs, unit: "ms", budget: "<= 50" },
    { figure: "commits_per_s", value: day.commitsPerS, unit: "1/s", budget: "<= 2" },
    { figure: "bytes_written_per_day", value: day.bytesPerDay, unit: "B", budget: "<= 2e9" },
    { figure: "rows_per_day", value: day.rowsPerDay, unit: "rows" },
    { figure: "file_bytes_per_day", value: day.fileBytesPerDay, unit: "B" },
  ]);
} finally {
  rmSync(root, { recursive: true, force: true });
}

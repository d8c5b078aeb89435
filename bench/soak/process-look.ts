// What the kernel and the node itself say of a running node, once.
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

export interface Look {
  /** By figure; see `figureNames`. */
  readonly figures: ReadonlyMap<string, number>;
}

const MB = 1_048_576;

function status(pid: number): Map<string, number> {
  const text = readFileSync(`/proc/${pid}/status`, "utf8");
  const lines = [...text.matchAll(/^(\w+):\s+(\d+)/gm)];
  return new Map(lines.map(([, name = "", value = ""]) => [name, Number(value)]));
}

function folderBytes(dir: string): number {
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, { parentPath, name }) => {
      // A file may go while the folder is read.
      const found = statSync(join(parentPath, name), { throwIfNoEntry: false });
      return sum + (found?.size ?? 0);
    }, 0);
}

/** Series of the node's own metrics by name and labels as they stand in the text. */
function series(text: string): Map<string, number> {
  const lines = [...text.matchAll(/^(\w+(?:\{[^}]*\})?) (\S+)$/gm)];
  return new Map(lines.map(([, name = "", value = ""]) => [name, Number(value)]));
}

function heapMb(metrics: ReadonlyMap<string, number>, thread: string): number {
  return (metrics.get(`stopline_heap_bytes{thread="${thread}"}`) ?? 0) / MB;
}

export function writtenBytes(metrics: ReadonlyMap<string, number>): number {
  return [...metrics]
    .filter(([name]) => name.startsWith("stopline_written_bytes_total"))
    .reduce((sum, [, value]) => sum + value, 0);
}

export interface Looked {
  readonly pid: number;
  readonly dataDir: string;
  readonly origin: string;
}

/** After a reload the console is away for a moment; on a busy machine for some seconds. */
const PATIENCE_MS = 60_000;
const RETRY_MS = 500;

async function metricsText(origin: string): Promise<string> {
  for (const endMs = performance.now() + PATIENCE_MS; ; await sleep(RETRY_MS)) {
    try {
      const answer = await fetch(new URL("/metrics", origin));
      if (answer.ok) return await answer.text();
    } catch (error) {
      if (performance.now() > endMs) throw error;
    }
  }
}

/** Throws where the node does not answer for long. */
export async function look({ pid, dataDir, origin }: Looked): Promise<Look> {
  const metrics = series(await metricsText(origin));
  const kernel = status(pid);
  const figures = new Map([
    ["rss_mb", (kernel.get("VmRSS") ?? 0) / 1024],
    ["anonymous_mb", (kernel.get("RssAnon") ?? 0) / 1024],
    ["threads", kernel.get("Threads") ?? 0],
    ["fds", readdirSync(`/proc/${pid}/fd`).length],
    ["heap_control_mb", heapMb(metrics, "control")],
    ["heap_service_mb", heapMb(metrics, "service")],
    ["heap_log_mb", heapMb(metrics, "log")],
    ["heap_mesh_mb", heapMb(metrics, "mesh")],
    ["sessions", metrics.get("stopline_broker_sessions") ?? 0],
    ["queued", metrics.get("stopline_broker_queued_messages") ?? 0],
    ["data_mb", folderBytes(dataDir) / 1e6],
    ["written_mb", writtenBytes(metrics) / 1e6],
    ["greens", metrics.get("stopline_greens_total") ?? 0],
    ["trips", metrics.get("stopline_trips_total") ?? 0],
  ]);
  return { figures };
}

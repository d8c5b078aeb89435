// What the log thread counts of its writing, for health and metrics.
import { getHeapStatistics } from "node:v8";
import type { WorkerFigures } from "../log/messages.ts";
import { totalOf, WRITE_SOURCES } from "../log/written.ts";
import type { Figure } from "../observe/metrics.ts";
import { WRITE_BUDGET_BYTES } from "../observe/wear.ts";

/** A rate from less than this says more of the start than of the day. */
const TELLING_MS = 3_600_000;

/** Of the thread that asks. */
export function heapBytes(): number {
  return getHeapStatistics().used_heap_size;
}

export function heapFigure(thread: string, value: number): Figure {
  return { name: "stopline_heap_bytes", help: "Heap in use", value, labels: { thread } };
}

export function wearFigures(worker: WorkerFigures | undefined): Figure[] {
  if (worker === undefined) return [];
  const figures = [heapFigure("log", worker.heapBytes)];
  const { written, rate } = worker;
  for (const source of written === null ? [] : WRITE_SOURCES) {
    figures.push({
      name: "stopline_written_bytes_total",
      help: "Bytes written to the disk by what for",
      value: written?.[source] ?? 0,
      labels: { source },
    });
  }
  if (rate !== null) {
    const help = "Bytes that the node writes in a day, from the last days";
    figures.push({ name: "stopline_written_per_day_bytes", help, value: rate.totalPerDay });
  }
  return figures;
}

/** What is to be said of a node that wears its card too fast, or null. */
export function wearComplaint(worker: WorkerFigures | undefined): string | null {
  const rate = worker?.rate ?? null;
  if (rate === null || rate.coveredMs < TELLING_MS) return null;
  const total = totalOf(rate.perDay);
  if (total <= WRITE_BUDGET_BYTES) return null;
  const [now, most] = [total, WRITE_BUDGET_BYTES].map((bytes) => (bytes / 1e9).toFixed(1));
  return `${now} GB a day are written, more than ${most}: see stopline doctor wear`;
}

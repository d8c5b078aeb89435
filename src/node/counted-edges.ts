// A traced edge on its way to the sensor delta that counts it: the control thread says which row it
// wrote, the mesh thread finds that row among the committed ones. Counts wait for the log's commit,
// so this lies between `step` and `delta` of the trace.
import type { LogRow } from "../log/events.ts";
import type { TraceContext } from "../wire/trace.ts";

/** A row of this edge is on its way to the log. */
export interface TracedEdge {
  readonly detector: number;
  /** Wall time of its row, ms. */
  readonly at: number;
  /** Of the step that it caused. */
  readonly trace: TraceContext;
}

/** "Detector on" of the high-resolution enumeration: what counts a vehicle. */
export const DETECTOR_ON = 82;
/** More wait only where the disk does; then the oldest goes. */
const MAX_WAITING = 64;
/** A row that has not come by then was dropped: the log commits each second. */
const FORGET_MS = 60_000;

export class CountedEdges {
  #waiting: TracedEdge[] = [];

  add(edge: TracedEdge): void {
    this.#waiting.push(edge);
    if (this.#waiting.length > MAX_WAITING) this.#waiting.shift();
  }

  /**
   * The trace that goes on with the delta of these committed rows, null where none does. Of several
   * traced edges among them the newest goes on; the others end with their step.
   */
  take(rows: readonly LogRow[]): TraceContext | null {
    if (this.#waiting.length === 0) return null;
    const found = this.#waiting.filter((edge) => rows.some((row) => isOf(row, edge)));
    const lastMs = rows.at(-1)?.at ?? 0;
    this.#waiting = this.#waiting.filter(
      (edge) => !found.includes(edge) && edge.at > lastMs - FORGET_MS,
    );
    return found.at(-1)?.trace ?? null;
  }
}

function isOf({ kind, at, body }: LogRow, edge: TracedEdge): boolean {
  return kind === "code" && body[0] === DETECTOR_ON && body[1] === edge.detector && at === edge.at;
}

// Hands the control thread a plain site model, read and checked by a short-lived thread. Whatever
// is in the file, that thread ends: with its answer, its memory, or its time.
import { Worker } from "node:worker_threads";
import type { SiteModel } from "../core/site/model.ts";

export type SiteRead =
  | { readonly ok: true; readonly site: SiteModel; readonly text: string; readonly hash: string }
  | { readonly ok: false; readonly problems: readonly string[] };

/** Eight phases need a quarter of it; a hostile MiB of YAML would take half a gigabyte. */
const HEAP_MB = 64;
/**
 * A site file is read in a fifth of a second on a desktop, in two on a slow board; on one that is
 * busy with its own start from a slow card in many more, and a right file is not refused for that.
 */
const PATIENCE_MS = 60_000;

/** Bounds of the reading thread; tests make them small. */
export interface ReadBounds {
  readonly heapMb: number;
  readonly patienceMs: number;
  /** Another thread entry. */
  readonly entry: URL;
}

const BOUNDS: ReadBounds = {
  heapMb: HEAP_MB,
  patienceMs: PATIENCE_MS,
  entry: new URL("./site-thread.ts", import.meta.url),
};

/** The site model of a file, or every problem of it with its line. Never throws. */
export async function readSite(file: string, bounds: Partial<ReadBounds> = {}): Promise<SiteRead> {
  const { heapMb, patienceMs, entry } = { ...BOUNDS, ...bounds };
  const worker = new Worker(entry, {
    name: "site",
    workerData: file,
    resourceLimits: { maxOldGenerationSizeMb: heapMb, maxYoungGenerationSizeMb: 8 },
  });
  const refusal = (text: string): SiteRead => ({ ok: false, problems: [`${file}: ${text}`] });
  let timer: NodeJS.Timeout | undefined;
  const read = await new Promise<SiteRead>((resolve) => {
    worker.once("message", (result: SiteRead) => resolve(result));
    worker.once("error", (error: unknown) => resolve(refusal(failureWords(error, heapMb))));
    worker.once("exit", (code) => resolve(refusal(`cannot be read: exit code ${code}`)));
    timer = setTimeout(() => {
      const text = `took longer than ${patienceMs / 1000} s to read; use a shorter file`;
      resolve(refusal(text));
    }, patienceMs);
  });
  clearTimeout(timer);
  await worker.terminate();
  return read;
}

function failureWords(error: unknown, heapMb: number): string {
  const failure = error as NodeJS.ErrnoException;
  if (failure.code === "ERR_WORKER_OUT_OF_MEMORY") {
    return `needs more than ${heapMb} MB of memory to be read; use a shorter file`;
  }
  return `cannot be read: ${failure instanceof Error ? failure.message : String(error)}`;
}

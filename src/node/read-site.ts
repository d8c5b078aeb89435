// Hands the control thread a plain site model, read and checked by a short-lived thread.
import { Worker } from "node:worker_threads";
import type { SiteModel } from "../core/site/model.ts";

export type SiteRead =
  | { readonly ok: true; readonly site: SiteModel; readonly text: string; readonly hash: string }
  | { readonly ok: false; readonly problems: readonly string[] };

/** The site model of a file, or every problem of it with its line. */
export async function readSite(file: string): Promise<SiteRead> {
  const worker = new Worker(new URL("./site-thread.ts", import.meta.url), { workerData: file });
  return await new Promise<SiteRead>((resolve) => {
    worker.once("message", (result: SiteRead) => resolve(result));
    worker.once("error", (error) => {
      const text = error instanceof Error ? error.message : String(error);
      resolve({ ok: false, problems: [`${file}: cannot be read: ${text}`] });
    });
  });
}

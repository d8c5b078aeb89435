// The clock floor: the latest moment that is known to be past. A wall clock below it is wrong.
import { statSync } from "node:fs";
import { join } from "node:path";

const PACKAGE = new URL("../../package.json", import.meta.url);

function changedMs(path: string | URL): number {
  try {
    return statSync(path).mtimeMs;
  } catch {
    return 0;
  }
}

/**
 * Wall time in ms: the latest of the program's and the log's file times. The log's is that of its
 * newest commit, so that no event can be younger.
 */
export function clockFloorMs(dataDir: string): number {
  const log = ["events.db", "events.db-wal"].map((name) => changedMs(join(dataDir, name)));
  return Math.max(changedMs(PACKAGE), ...log);
}

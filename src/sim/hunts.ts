// How each planted bug is looked for: a short run in which the faults that bring it to light are
// frequent, and the number of seeds within which it has to be found.
import type { PlantedBug } from "../core/planted.ts";

export interface Hunt {
  readonly nodes: number;
  readonly steps: number;
  readonly faults: string;
  /** Seeds 1 to this; one of them finds it. */
  readonly seeds: number;
}

function hunt(nodes: number, steps: number, faults: string, seeds: number): Hunt {
  return { nodes, steps, faults, seeds };
}

export const HUNTS: Readonly<Record<PlantedBug, Hunt>> = {
  "sync-skipped": hunt(2, 6_000, "unsynced-lost=60", 5),
  "acknowledged-before-commit": hunt(3, 6_000, "unsynced-lost=60,crash=60", 5),
  "dot-reused": hunt(2, 6_000, "crash=30", 5),
  "incarnation-from-image": hunt(3, 9_600, "old-image=20", 5),
  "dedup-forgotten": hunt(2, 6_000, "crash=60", 5),
  "context-dropped": hunt(3, 6_000, "none", 5),
  "lease-by-wall-clock": hunt(2, 6_000, "clock-step=30", 5),
  "retention-past-snapshot": hunt(4, 18_000, "none", 5),
  "snapshot-wrong-position": hunt(3, 12_000, "crash=30", 5),
  "drop-uncounted": hunt(2, 9_600, "flooded-log=20", 5),
  "hlc-not-persisted": hunt(2, 12_000, "clock-step=60,crash=60", 5),
  "replay-gap": hunt(2, 6_000, "restart=20", 5),
  "interlock-off": hunt(1, 3_000, "none", 2),
};

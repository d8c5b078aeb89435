// How each planted bug is looked for: a short run in which the faults that bring it to light are
// frequent, and the number of seeds within which it has to be found.
import type { PlantedBug } from "../core/planted.ts";
import { oneEffectPerCommand } from "./invariants/commands.ts";
import { hostAsksNothingUnlawful } from "./invariants/lamps.ts";
import {
  droppedIsCounted,
  durableEventLives,
  foldEqualsState,
  rebuildable,
} from "./invariants/log.ts";
import { trafficBounded } from "./invariants/network.ts";
import { replayHasNoSeam } from "./invariants/replay.ts";
import {
  custodyHolds,
  hybridClockRises,
  leasesEnd,
  noDotTwice,
  sameDotsSameState,
} from "./invariants/state.ts";

export interface Hunt {
  readonly nodes: number;
  readonly steps: number;
  readonly faults: string;
  /** Tried from here on, so many; one of them finds it. */
  readonly first: number;
  readonly seeds: number;
  /** The invariant that it breaks. */
  readonly finds: string;
}

type Setting = Pick<Hunt, "nodes" | "steps" | "faults">;

function hunt(finds: string, first: number, setting: Setting): Hunt {
  return { ...setting, first, seeds: 4, finds };
}

function setting(nodes: number, steps: number, faults: string): Setting {
  return { nodes, steps, faults };
}

export const HUNTS: Readonly<Record<PlantedBug, Hunt>> = {
  "sync-skipped": hunt(durableEventLives.name, 1, setting(2, 6_000, "unsynced-lost=60")),
  "acknowledged-before-commit": hunt(
    custodyHolds.name,
    1,
    setting(3, 6_000, "unsynced-lost=60,crash=60"),
  ),
  "dot-reused": hunt(noDotTwice.name, 1, setting(2, 6_000, "crash=30")),
  "incarnation-from-image": hunt(noDotTwice.name, 2, setting(3, 9_600, "old-image=20")),
  "dedup-forgotten": hunt(oneEffectPerCommand.name, 2, setting(2, 6_000, "crash=60")),
  "context-dropped": hunt(sameDotsSameState.name, 1, setting(4, 9_600, "none")),
  "lease-by-wall-clock": hunt(leasesEnd.name, 1, setting(2, 6_000, "clock-step=30")),
  "retention-past-snapshot": hunt(rebuildable.name, 2, setting(4, 18_000, "none")),
  "snapshot-wrong-position": hunt(foldEqualsState.name, 1, setting(2, 6_000, "restart=40")),
  "drop-uncounted": hunt(droppedIsCounted.name, 1, setting(2, 9_600, "flooded-log=20")),
  "hlc-not-persisted": hunt(hybridClockRises.name, 1, setting(2, 12_000, "clock-step=60,crash=60")),
  "replay-gap": hunt(replayHasNoSeam.name, 1, setting(2, 6_000, "restart=20")),
  "answer-asks": hunt(trafficBounded.name, 1, setting(2, 3_000, "none")),
  "interlock-off": hunt(hostAsksNothingUnlawful.name, 1, setting(1, 3_000, "none")),
};

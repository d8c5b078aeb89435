// Every invariant there is, in the order of the report.
import { oneEffectPerCommand, sameAnswer } from "./commands.ts";
import * as lamps from "./lamps.ts";
import * as log from "./log.ts";
import { trafficBounded } from "./network.ts";
import { replayHasNoSeam } from "./replay.ts";
import * as state from "./state.ts";

export const INVARIANTS = [
  lamps.noConflictingDisplay,
  lamps.noShortenedYellow,
  lamps.noShortenedClearance,
  lamps.noShortenedMinimum,
  lamps.lampsGoOn,
  lamps.junctionsRecover,
  lamps.hostAsksNothingUnlawful,
  lamps.noLatchWithoutFault,
  log.durableEventLives,
  log.acknowledgedIsCommitted,
  log.chainVerifies,
  log.foldEqualsState,
  log.droppedIsCounted,
  log.withinBounds,
  log.rebuildable,
  log.noThreadDies,
  oneEffectPerCommand,
  sameAnswer,
  state.sameDotsSameState,
  state.countersNeverStepBack,
  state.noDotTwice,
  state.noHonestLiar,
  state.removedStaysRemoved,
  state.custodyHolds,
  state.historyComesBack,
  state.hybridClockRises,
  state.leasesEnd,
  state.revokedStaysSo,
  replayHasNoSeam,
  state.lagRecovers,
  trafficBounded,
] as const;

// What must hold in a corridor of real processes whatever is done to it: the simulator's invariants
// as far as they can be asked from outside, and a few that only real processes have.
import { oneEffectPerCommand, sameAnswer } from "../invariants/commands.ts";
import { type Invariant, invariant } from "../invariants/invariant.ts";
import * as lamps from "../invariants/lamps.ts";
import * as log from "../invariants/log.ts";
import { replayHasNoSeam } from "../invariants/replay.ts";
import * as state from "../invariants/state.ts";

export const linksHold: Invariant<[string, string, boolean]> = invariant(
  "links to neighbours hold through a flood",
  "whoever can reach a port could otherwise part two junctions from each other",
  (flood, neighbour, up) => (up ? null : `the link to ${neighbour} is down during a ${flood}`),
);

export const lampsLeftAlone: Invariant<[string, boolean]> = invariant(
  "a flood leaves the lamps alone",
  "whoever can reach a port could otherwise put a junction into its failure display",
  (flood, failing) => (failing ? `the failure display stands during a ${flood}` : null),
);

export const linksComeBack: Invariant<[string, boolean, number]> = invariant(
  "links are back once faults stop",
  "two junctions that stay apart after a cut need somebody to drive there",
  (neighbour, up, afterMs) =>
    up ? null : `no link to ${neighbour} ${Math.round(afterMs / 1000)} s after the last fault`,
);

export const healthComesBack: Invariant<[string, number]> = invariant(
  "broker and health are back once faults stop",
  "a node that runs its lamps and answers nobody can't be looked after",
  (trouble, afterMs) =>
    trouble === "" ? null : `${trouble} ${Math.round(afterMs / 1000)} s after the last fault`,
);

export const processLives: Invariant<[string | null]> = invariant(
  "a process ends when it is told to",
  "a crash that the restart hides comes again at the worst moment",
  (how) => how,
);

/** Every promise of a run, in the order of the report. */
export const PROMISES = [
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
  log.droppedIsCounted,
  log.withinBounds,
  log.noThreadDies,
  oneEffectPerCommand,
  sameAnswer,
  state.sameDotsSameState,
  state.countersNeverStepBack,
  state.noDotTwice,
  state.noHonestLiar,
  state.custodyHolds,
  state.revokedStaysSo,
  state.lagRecovers,
  replayHasNoSeam,
  linksHold,
  lampsLeftAlone,
  linksComeBack,
  healthComesBack,
  processLives,
] as const;

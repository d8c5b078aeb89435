// Faults that can be switched on in the shipped modules, to show that the simulator would find them
// if somebody made them. Nothing but the simulator and its tests switches one on.

/** Each stands at the place in the product where such a mistake would be made. */
export const PLANTED_BUGS = [
  "sync-skipped",
  "acknowledged-before-commit",
  "dot-reused",
  "incarnation-from-image",
  "dedup-forgotten",
  "context-dropped",
  "lease-by-wall-clock",
  "retention-past-snapshot",
  "snapshot-wrong-position",
  "drop-uncounted",
  "hlc-not-persisted",
  "replay-gap",
  "answer-asks",
  "interlock-off",
] as const;

export type PlantedBug = (typeof PLANTED_BUGS)[number];

let planted: PlantedBug | null = null;

/** Switches one fault on, or all off. */
export function plant(bug: PlantedBug | null): void {
  planted = bug;
}

export function isPlanted(bug: PlantedBug): boolean {
  return planted === bug;
}

// What a replay promises to who follows the log.
import type { EventPage, Place } from "../../wire/replay.ts";
import { type Invariant, invariant } from "./invariant.ts";

/** `cut`: the rows that follow on the place are no longer kept. */
export const replayHasNoSeam: Invariant<[Place | null, EventPage, boolean]> = invariant(
  "a replay has neither gap nor duplicate",
  "who rebuilds something from events must not have to guess",
  (place, { incarnation, from, to, rows }, cut) => {
    const name = `rows ${from} to ${to} of incarnation ${incarnation}`;
    if (rows.length !== to - from + 1) return `${name}: ${rows.length} of them came`;
    const [first, last] = [rows[0], rows.at(-1)];
    if (first === undefined || last === undefined) return null;
    if (first.seq !== from || last.seq !== to) return `${name}: ${first.seq} to ${last.seq} came`;
    if (place === null) return null;
    if (from > place.seq + 1 && !cut) return `${name} came after row ${place.seq}`;
    const again = from <= place.seq && incarnation === place.incarnation;
    return again ? `${name} came after row ${place.seq} of the same incarnation` : null;
  },
);

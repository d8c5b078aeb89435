// What commands promise to who gives them.
import { type Invariant, invariant } from "./invariant.ts";

/** One command id at one node, as seen from outside. */
export interface CommandStory {
  readonly id: string;
  /** How often control was asked to do it. */
  effects: number;
  /** How often in the process that runs now. */
  effectsNow: number;
  /** True once an answer has come out. */
  answered: boolean;
  /** Effects that came after an answer. */
  effectsAfterAnswer: number;
}

export const oneEffectPerCommand: Invariant<[CommandStory]> = invariant(
  "one effect per command id",
  "who gets no answer asks again, and must be able to without fear",
  ({ id, effectsNow, effectsAfterAnswer }) => {
    if (effectsAfterAnswer > 0) return `command ${id} was done again after its answer`;
    return effectsNow > 1 ? `command ${id} was done ${effectsNow} times by one process` : null;
  },
);

/** Answers to one id never differ in what they say. */
export const sameAnswer: Invariant<[string, string, string]> = invariant(
  "one answer per command id",
  "two answers to one question are none",
  (id, first, now) => (first === now ? null : `command ${id}: first ${first}, now ${now}`),
);

// Kinds of values that several parts of the site file's shape have.
import * as z from "zod";

/** Seconds to 0.1 between two bounds, both included. */
export function seconds(least: number, most: number, says: string) {
  return z.number().min(least).max(most).multipleOf(0.1).describe(`${says}, seconds to 0.1`);
}

export function whole(least: number, most: number, says: string) {
  return z.int().min(least).max(most).describe(says);
}

export function number(least: number, most: number, says: string) {
  return z.number().min(least).max(most).describe(says);
}

/** Names travel in topics, so their alphabet is a topic's (DESIGN section 9). */
const NAME = /^[a-z0-9][a-z0-9-]{0,31}$/;
export const name = (says: string) =>
  z.string().regex(NAME).describe(`${says}: up to 32 of a-z, 0-9 and -`);

// No control characters: names are printed on terminals, cards and logs.
export const line = (most: number, says: string) =>
  z
    .string()
    .min(1)
    .max(most)
    .regex(/^[^\p{Cc}\p{Cf}\u2028\u2029]+$/u)
    .describe(says);

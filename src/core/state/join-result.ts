// What became of a part that was joined; most answers are shared constants, for joins are frequent.

/**
 * - `joined`: applied, and nothing before it is missing; `ahead`: applied, but something is.
 * - `duplicate`: all of its dots were there.
 * - `gap`: too far ahead, or not to be judged while dots are missing; ask for the interval or
 *   whole.
 * - `old-incarnation`: superseded.
 * - `needs-whole`: of an incarnation that is unknown here.
 * - `superseded`: somebody has dots of ours that we never made here; what they remember is taken,
 *   and this origin must `raise` its incarnation above theirs.
 * - `refused`: it breaks its declaration; nothing was applied, and `reason` begins with a word.
 */
export type JoinKind =
  | "joined"
  | "ahead"
  | "duplicate"
  | "gap"
  | "old-incarnation"
  | "needs-whole"
  | "superseded"
  | "refused";

export interface JoinResult {
  readonly kind: JoinKind;
  readonly reason: string | null;
}

function result(kind: JoinKind, reason: string | null): JoinResult {
  return { kind, reason };
}

export const JOINED = result("joined", null);
export const AHEAD = result("ahead", null);
export const DUPLICATE = result("duplicate", null);
export const GAP = result("gap", null);
export const OLD_INCARNATION = result("old-incarnation", null);
export const NEEDS_WHOLE = result("needs-whole", null);

/** `reason` begins with a word by which refusals may be counted. */
export function refused(reason: string): JoinResult {
  return result("refused", reason);
}

export function superseded(reason: string): JoinResult {
  return result("superseded", reason);
}

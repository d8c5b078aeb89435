// How much of an origin's changes somebody has: the incarnation and, in it, the highest dot up to
// which none is missing. A higher incarnation covers all dots of the lower ones.

export interface Version {
  readonly incarnation: number;
  readonly counter: number;
}

/** Negative when `a` is older, 0 when equal, positive when newer. */
export function compareVersions(a: Version, b: Version): number {
  return a.incarnation - b.incarnation || a.counter - b.counter;
}

// Random numbers from a seed: the same seed gives the same street, on any machine.

/**
 * A generator of numbers from 0 to just under 1 (mulberry32, public domain). Each `stream` of one
 * seed is a sequence of its own, so that one approach's traffic doesn't depend on another's.
 */
export function createRandom(seed: number, stream = 0): () => number {
  let state = (Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(stream + 1, 0xc2b2ae35)) >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Times between arrivals of a Poisson process with `perHour` arrivals, in ms; never for 0. */
export function arrivalGaps(random: () => number, perHour: number): () => number {
  if (perHour <= 0) return () => Number.POSITIVE_INFINITY;
  const meanMs = 3_600_000 / perHour;
  return () => -Math.log(1 - random()) * meanMs;
}

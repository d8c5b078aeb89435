// Which nodes are neighbours: a grid of streets, as wide as it is long.

export function neighbourPairs(count: number): (readonly [number, number])[] {
  const width = Math.max(1, Math.ceil(Math.sqrt(count)));
  const pairs: (readonly [number, number])[] = [];
  for (let at = 0; at < count; at += 1) {
    if ((at + 1) % width !== 0 && at + 1 < count) pairs.push([at, at + 1]);
    if (at + width < count) pairs.push([at, at + width]);
  }
  return pairs;
}

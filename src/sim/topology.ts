// Which nodes are neighbours: a grid of streets, as wide as it is long, and the roads of that grid.
import type { NeighbourSite, SiteModel } from "../core/site/model.ts";

/** Roads of the grid are so long, the longest twice the shortest. */
const LENGTH_M = { least: 250, step: 50, kinds: 6 } as const;
const SPEED_MPS = 12.5;
/** Nobody dials it: bytes go over the virtual network. */
const NO_PLACE = { address: "127.0.0.1", fastPort: 1, reliablePort: 1 } as const;

export function neighbourPairs(count: number): (readonly [number, number])[] {
  const width = Math.max(1, Math.ceil(Math.sqrt(count)));
  const pairs: (readonly [number, number])[] = [];
  for (let at = 0; at < count; at += 1) {
    if ((at + 1) % width !== 0 && at + 1 < count) pairs.push([at, at + 1]);
    if (at + width < count) pairs.push([at, at + width]);
  }
  return pairs;
}

/** The sites with the roads of the grid; each leads from one approach to one of the other. */
export function withRoads(sites: readonly SiteModel[]): SiteModel[] {
  const neighbours = sites.map((): NeighbourSite[] => []);
  const add = (at: number, to: number, lengthM: number): void => {
    const [site, other, mine] = [sites[at], sites[to], neighbours[at]];
    const approach = site?.approaches[mine?.length ?? 0]?.id;
    if (other === undefined || approach === undefined) return;
    const road = { approach, lengthM, speedMps: SPEED_MPS };
    mine?.push({ ...NO_PLACE, id: other.node.id, road });
  };
  for (const [index, [a, b]] of neighbourPairs(sites.length).entries()) {
    const lengthM = LENGTH_M.least + LENGTH_M.step * (index % LENGTH_M.kinds);
    add(a, b, lengthM);
    add(b, a, lengthM);
  }
  return sites.map((site, index) => ({ ...site, neighbours: neighbours[index] ?? [] }));
}

// Simulated junctions as neighbours on a street: whole nodes that announce, hear and, when a link
// is cut, go on by themselves; and the roads of the grid that they stand in.
import t from "tap";
import { QUIET_WATCH, type SimNode } from "../../src/sim/node.ts";
import { makeSites, nodeNames } from "../../src/sim/sites.ts";
import { neighbourPairs, withRoads } from "../../src/sim/topology.ts";
import { STEP_MS, World } from "../../src/sim/world.ts";

async function run(world: World, seconds: number): Promise<void> {
  for (let step = 0; step < (seconds * 1_000) / STEP_MS; step += 1) await world.step();
}

function pictureOf(node: SimNode | undefined) {
  return node?.service?.view?.corridor;
}

t.test("each road of the grid has two ends, on approaches of their own", async (t) => {
  const sites = withRoads(makeSites(nodeNames(9)));
  const ends = new Map(sites.map(({ node, neighbours }) => [node.id, neighbours]));
  let roads = 0;
  for (const { node, neighbours, approaches } of sites) {
    const used = neighbours.map(({ road }) => road?.approach);
    t.equal(new Set(used).size, used.length, node.id);
    for (const { id, road } of neighbours) {
      roads += 1;
      t.ok(approaches.some((approach) => approach.id === road?.approach));
      const back = ends.get(id)?.find((entry) => entry.id === node.id);
      t.equal(back?.road?.lengthM ?? road?.lengthM, road?.lengthM, `${node.id} and ${id}`);
    }
  }
  t.ok(roads > neighbourPairs(9).length, `${roads} ends`);
});

t.test("neighbours announce who leaves, and who leaves arrives", async (t) => {
  const world = await World.create({ seed: 3, nodes: 2 }, QUIET_WATCH);
  const arrived: string[] = [];
  const [first, second] = world.nodes;
  if (first === undefined || second === undefined) throw new Error("two nodes");
  const enter = second.cabinet.enter.bind(second.cabinet);
  second.cabinet.enter = (vehicle) => {
    arrived.push(vehicle.id);
    enter(vehicle);
  };
  await run(world, 180);
  t.ok(arrived.length > 0, `${arrived.length} drove over`);
  t.ok(arrived.every((id) => id.startsWith(first.id)));
  const [told] = pictureOf(first)?.neighbours ?? [];
  t.ok((told?.announced ?? 0) > 0, `${told?.announced} announced`);
  const [heard] = second.mesh?.mesh.corridor() ?? [];
  t.match(heard, { neighbour: first.id, up: true, agrees: true, why: null });
  t.ok(heard?.departures?.tenths.some((count) => count > 0));
  const ageMs = second.clock.wall(world.time.nowMs) - (heard?.departures?.toWallMs ?? 0);
  t.ok(ageMs < 3_000, `the newest is ${ageMs} ms old`);
});

t.test("silence of two minutes is local-only, and speech ends it", async (t) => {
  const world = await World.create({ seed: 3, nodes: 2 }, QUIET_WATCH);
  const [first] = world.nodes;
  const [link] = world.network.links;
  if (first === undefined || link === undefined) throw new Error("two nodes and a link");
  await run(world, 60);
  t.equal(pictureOf(first)?.mode, "coordinated");
  for (const from of [link.a, link.b]) world.network.cut(link, from, true);
  await run(world, 115);
  t.equal(pictureOf(first)?.mode, "coordinated", "not yet");
  await run(world, 15);
  t.equal(pictureOf(first)?.mode, "local-only");
  t.type(pictureOf(first)?.cause, "string");
  for (const from of [link.a, link.b]) world.network.cut(link, from, false);
  await run(world, 20);
  t.equal(pictureOf(first)?.mode, "coordinated");
});

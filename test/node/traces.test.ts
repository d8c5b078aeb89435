// One trace through two real nodes: processes of their own, linked by their certificates, and a
// collector that both send to. Which span came from which is read from the parents, so that the
// order holds whatever the two nodes' clocks say.
import t, { type Test } from "tap";
import { REGION, ZONE } from "../../src/cli/corridor-site.ts";
import { VehicleAgent } from "../../src/vehicle/agent.ts";
import type { Span } from "../../src/wire/trace.ts";
import { until } from "../cli/support.ts";
import { type Received, startCollector } from "../observe/collector.ts";
import { testAuthority } from "../trust/keys.ts";
import { corridor } from "./corridor-rig.ts";

const CHAIN = ["detect", "step", "delta", "mesh", "apply", "decide"];
const PATIENCE_MS = 45_000;

/** The spans from the root to this one. */
function ancestry(span: Received, all: ReadonlyMap<string, Received>): Received[] {
  const parent = all.get(span.parentId);
  return parent === undefined ? [span] : [...ancestry(parent, all), span];
}

function chains(spans: readonly Received[], last: string): Received[][] {
  const all = new Map(spans.map((span) => [span.spanId, span]));
  return spans.filter(({ name }) => name === last).map((span) => ancestry(span, all));
}

/** A call that waits has a second step; the chain is the same. */
function names(chain: readonly Received[]): string[] {
  const found = chain.map(({ name }) => name);
  return found.filter((name, at) => name !== "step" || found[at - 1] !== "step");
}

function isWhole(chain: readonly Received[]): boolean {
  return names(chain).join(" ") === CHAIN.join(" ");
}

/** What the delta of a chain tells of. */
function isOf(chain: readonly Received[], change: string): boolean {
  return chain.some(({ name, attributes }) => name === "delta" && attributes.change === change);
}

/** One trace through two nodes, each of which has its part of it in order. */
function checkChain(t: Test, chain: readonly Received[]): void {
  t.equal(new Set(chain.map(({ traceId }) => traceId)).size, 1, "one trace");
  const begun = chain.findIndex(({ name }) => name === "apply");
  const [here, there] = [chain.slice(0, begun), chain.slice(begun)];
  t.equal(new Set(here.map(({ from }) => from)).size, 1, "what is before the link is of one node");
  t.equal(new Set(there.map(({ from }) => from)).size, 1, "what is behind it of one other");
  t.not(here[0]?.from, there[0]?.from);
  for (const part of [here, there]) {
    for (const [at, { startNs, endNs }] of part.entries()) {
      t.ok(endNs >= startNs);
      // By one clock a span begins no earlier than its parent; wall clocks have whole ms.
      t.ok(startNs + 2_000_000n >= (part[at - 1]?.startNs ?? 0n));
    }
  }
}

t.test("from a detector's edge to the neighbour's decision, and to a vehicle's", async (t) => {
  const collector = await startCollector(t);
  const traces = `traces: { endpoint: '${collector.endpoint}', sample: 1 }\n`;
  const authority = await testAuthority(t, { region: REGION, zone: ZONE });
  const { start } = await corridor(t, authority, 2, (_number, site) => `${site}${traces}`);
  const nodes = [start(1), start(2)];
  for (const node of nodes) t.ok(await node.opened(), node.err);

  const driven: Span[] = [];
  const url = nodes[0]?.place("mqtt") ?? "";
  const junction = { region: REGION, zone: ZONE, id: "junction-1", url };
  const end = { junction, by: { phase: 2 } };
  const agent = new VehicleAgent({
    routes: [{ id: "r", links: [{ id: "l", lengthM: 900, speedMps: 13.9, end }] }],
    onSpan: (span) => driven.push(span),
  });
  t.teardown(() => agent.close());

  for (const change of ["departures", "counted"]) {
    const reached = () =>
      chains(collector.spans, "decide").find((one) => isWhole(one) && isOf(one, change));
    t.ok(await until(() => reached() !== undefined, PATIENCE_MS), `${change}: ${nodes[0]?.err}`);
    checkChain(t, reached() ?? []);
  }

  const heard = () => {
    const sent = chains(collector.spans, "broker");
    return driven.find(({ parentId }) => sent.some((one) => one.at(-1)?.spanId === parentId));
  };
  t.ok(await until(() => heard() !== undefined, PATIENCE_MS), `${driven.length} in the vehicle`);
  const last = heard();
  const way = chains(collector.spans, "broker").find(
    (one) => one.at(-1)?.spanId === last?.parentId,
  );
  t.equal(way?.at(-1)?.traceId, last?.traceId);
  t.equal(last?.name, "decide");
  t.ok(
    way?.some(({ name }) => name === "step"),
    "its lights came of a step of the controller",
  );
  t.same(collector.strange, []);
});

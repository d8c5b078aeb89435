// Lanes of several nodes over loopback, with keys made for the test: what one sends and the other
// hears, and what each refuses.
import type { Test } from "tap";
import { freePort } from "../../../src/cli/free-ports.ts";
import type { NeighbourSite } from "../../../src/core/site/model.ts";
import { Lanes } from "../../../src/mesh/lanes/lanes.ts";
import type { Lane } from "../../../src/mesh/mesh-types.ts";
import { readKeyFolder } from "../../../src/trust/key-folder.ts";
import type { TestAuthority } from "../../trust/keys.ts";

export interface LaneNode {
  readonly id: string;
  readonly lanes: Lanes;
  readonly messages: { readonly from: string; readonly lane: Lane; readonly text: string }[];
  /** Neighbours that it is linked to. */
  readonly linked: Set<string>;
  readonly notices: string[];
  readonly clock: { sure: boolean; aheadMs: number };
  /** Told when a link ends. */
  onDown: () => void;
}

export interface LaneNodes {
  readonly nodes: ReadonlyMap<string, LaneNode>;
  node(id: string): LaneNode;
  readonly ports: ReadonlyMap<string, number>;
}

/** What differs from a well-behaved node. */
export interface Oddity {
  /** Its key folder, instead of one of its own. */
  readonly keyFolder?: string;
}

/** Polls until it holds; a test that waits for ever runs into tap's own time-out. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 10));
}

/** Opens the lanes of every node; neighbours as listed. */
export async function openLanes(
  t: Test,
  authority: TestAuthority,
  links: Readonly<Record<string, readonly string[]>>,
  odd: Readonly<Record<string, Oddity>> = {},
): Promise<LaneNodes> {
  const ports = new Map<string, number>();
  for (const id of Object.entries(links).flat(2)) ports.set(id, await freePort());
  const nodes = new Map<string, LaneNode>();
  for (const [id, others] of Object.entries(links)) {
    const keyFolder = odd[id]?.keyFolder ?? (await authority.keyFolder(id));
    const neighbours = others.map((other) => neighbourAt(other, ports.get(other) ?? 0));
    const reliablePort = ports.get(id) ?? 0;
    nodes.set(id, makeNode(authority, { id, reliablePort, neighbours, keyFolder }));
  }
  for (const { lanes } of nodes.values()) {
    t.same(await lanes.open(), []);
    t.teardown(() => lanes.close());
  }
  return {
    nodes,
    ports,
    node(id) {
      const found = nodes.get(id);
      if (found === undefined) throw new Error(`no node ${id}`);
      return found;
    },
  };
}

function neighbourAt(id: string, reliablePort: number): NeighbourSite {
  return { id, address: "127.0.0.1", reliablePort, fastPort: reliablePort, road: null };
}

interface NodePlan {
  readonly id: string;
  readonly reliablePort: number;
  readonly neighbours: readonly NeighbourSite[];
  readonly keyFolder: string;
}

function makeNode({ place }: TestAuthority, plan: NodePlan): LaneNode {
  const { id, reliablePort, neighbours, keyFolder } = plan;
  const messages: { from: string; lane: Lane; text: string }[] = [];
  const [linked, notices] = [new Set<string>(), [] as string[]];
  const clock = { sure: true, aheadMs: 0 };
  const lanes = new Lanes({
    own: { ...place, id },
    place: { address: "127.0.0.1", reliablePort, fastPort: reliablePort },
    neighbours,
    folder: readKeyFolder(keyFolder),
    onMessage: (from, lane, bytes) => {
      messages.push({ from, lane, text: Buffer.from(bytes).toString() });
    },
    onLink: (neighbour, up) => {
      if (up) linked.add(neighbour);
      else {
        linked.delete(neighbour);
        node.onDown();
      }
    },
    onHeardAgain: () => undefined,
    onNotice: (text) => notices.push(text),
    now: () => ({ wallMs: Date.now() + clock.aheadMs, sure: clock.sure }),
  });
  const node: LaneNode = { id, lanes, messages, linked, notices, clock, onDown: () => undefined };
  return node;
}

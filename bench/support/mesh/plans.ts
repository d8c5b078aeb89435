// Who is linked to whom: pairs of nodes, one of each pair in either process, or one node with
// several neighbours.
import type { LinkPlace } from "../../../src/core/site/model.ts";
import type { LanesMesh } from "../../../src/node/mesh-messages.ts";
import { PLACE, type RunKeys } from "./keys.ts";
import type { LanePlan } from "./side-messages.ts";

interface Member {
  readonly id: string;
  readonly place: LinkPlace;
  readonly keyFolder: string;
}

export interface LinksWish {
  /** In front of the ids, which are `a0`, `a1` ... and `b0`, `b1` ... */
  readonly name: string;
  readonly senders: number;
  /** As many, or several for one sender. */
  readonly hearers: number;
  readonly addresses: readonly [string, string];
  readonly port: (address: string) => Promise<number>;
}

async function membersOf(keys: RunKeys, wish: LinksWish, end: 0 | 1): Promise<Member[]> {
  const members: Member[] = [];
  const address = wish.addresses[end];
  for (let index = 0; index < (end === 0 ? wish.senders : wish.hearers); index += 1) {
    const id = `${wish.name}-${end === 0 ? "a" : "b"}${index}`;
    const port = await wish.port(address);
    const place = { address, fastPort: port, reliablePort: port };
    members.push({ id, place, keyFolder: await keys.folder(id) });
  }
  return members;
}

function nodeOf({ id, place, keyFolder }: Member, others: readonly Member[]): LanesMesh {
  return {
    way: "lanes",
    node: { ...PLACE, id },
    keyFolder,
    links: place,
    neighbours: others.map((other) => ({ id: other.id, ...other.place, road: null })),
  };
}

/** Plans of the process that sends and of the one that hears. */
export async function lanePlans(keys: RunKeys, wish: LinksWish): Promise<[LanePlan, LanePlan]> {
  const a = await membersOf(keys, wish, 0);
  const b = await membersOf(keys, wish, 1);
  const others = (all: readonly Member[], index: number, end: readonly Member[]): Member[] =>
    all.filter((_, other) => other % wish.senders === index % wish.senders || end.length === 1);
  const shared = { links: wish.senders, wallMs: Date.now() };
  return [
    { nodes: a.map((one, index) => nodeOf(one, others(b, index, a))), ...shared },
    { nodes: b.map((one, index) => nodeOf(one, others(a, index, b))), ...shared },
  ];
}

// What the code of a fault is given. It breaks something and answers with how to mend it; null says
// that there was nothing to break just now: then it does not count.
import type { SimCabinet } from "../cabinet.ts";
import type { Link, Network } from "../network.ts";
import type { SimNode } from "../node.ts";
import type { Random } from "../random.ts";
import type { VirtualTime } from "../time.ts";
import type { PlannedFault } from "./plan.ts";

export interface FaultPlace {
  readonly fault: PlannedFault;
  readonly time: VirtualTime;
  /** This fault's own chance. */
  readonly random: Random;
  readonly network: Network;
  readonly nodes: readonly SimNode[];
  /** A second board of that node's name, without power and with an empty card; or null. */
  readonly twinOf: (node: SimNode) => SimNode | null;
}

export type NodeFault = (node: SimNode, place: FaultPlace) => (() => void) | null;
export type LinkFault = (link: Link, place: FaultPlace) => (() => void) | null;
export type CabinetFault = (cabinet: SimCabinet, place: FaultPlace) => (() => void) | null;

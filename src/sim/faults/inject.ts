// Brings the planned faults about, each at its time, and mends them after theirs.
import type { Network } from "../network.ts";
import type { SimNode } from "../node.ts";
import type { Random } from "../random.ts";
import type { VirtualTime } from "../time.ts";
import type { Trace } from "../trace.ts";
import * as boards from "./boards.ts";
import * as cabinets from "./cabinets.ts";
import { FAULT_NAMES, FAULTS, type FaultName } from "./catalogue.ts";
import { copiedCard } from "./copied-card.ts";
import type { CabinetFault, FaultPlace, LinkFault, NodeFault } from "./fault.ts";
import * as links from "./links.ts";
import { describeFault, type PlannedFault } from "./plan.ts";

const OF_LINKS: Readonly<Partial<Record<FaultName, LinkFault>>> = {
  delay: links.delay,
  loss: links.loss,
  duplication: links.duplication,
  reordering: links.reordering,
  corruption: links.corruption,
  "other-version": links.otherVersion,
  "one-way": links.oneWay,
  flapping: links.flapping,
};

const OF_NODES: Readonly<Partial<Record<FaultName, NodeFault>>> = {
  partition: links.partition,
  crash: boards.crash,
  pause: boards.pause,
  restart: boards.restart,
  "unsynced-lost": boards.unsyncedLost,
  "torn-page": boards.tornPage,
  "bit-rot": boards.bitRot,
  "old-image": boards.oldImage,
  "new-card": boards.newCard,
  "copied-card": copiedCard,
  "flooded-log": boards.floodedLog,
  "disk-full": boards.diskFull,
  "disk-stalled": boards.diskStalled,
  "disk-read-only": boards.diskReadOnly,
  "clock-drift": boards.clockDrift,
  "clock-step": boards.clockStep,
  "clock-freeze": boards.clockFreeze,
};

const OF_CABINETS: Readonly<Partial<Record<FaultName, CabinetFault>>> = {
  "stuck-relay": cabinets.stuckRelay,
  "unplugged-cabinet": cabinets.unpluggedCabinet,
  "microcontroller-reset": cabinets.microcontrollerReset,
  "stuck-detector": cabinets.stuckDetector,
  "chattering-detector": cabinets.chatteringDetector,
};

export interface InjectorPlace {
  readonly time: VirtualTime;
  readonly trace: Trace;
  readonly random: Random;
  readonly network: Network;
  readonly nodes: readonly SimNode[];
  readonly twinOf: FaultPlace["twinOf"];
}

export class Injector {
  /** How often each fault came about. */
  readonly fired = new Map<FaultName, number>();
  readonly #place: InjectorPlace;

  constructor(place: InjectorPlace, plan: readonly PlannedFault[]) {
    this.#place = place;
    for (const name of FAULT_NAMES) this.fired.set(name, 0);
    for (const fault of plan) place.time.at(fault.atMs, () => this.#begin(fault));
  }

  /** One line for people. */
  describe(fault: PlannedFault): string {
    return describeFault(fault, this.#targetName(fault));
  }

  #targetName({ name, target }: PlannedFault): string {
    const { nodes, network } = this.#place;
    if (FAULTS[name].of === "node") return nodes[target]?.id ?? `node ${target}`;
    const link = network.links[target];
    return link === undefined ? `link ${target}` : `${link.a} to ${link.b}`;
  }

  #begin(fault: PlannedFault): void {
    const { time, trace } = this.#place;
    const mend = this.#apply(fault);
    const text = this.describe(fault);
    if (mend === null) {
      trace.line(time.nowMs, "fault", `${text}: nothing to break`);
      return;
    }
    this.fired.set(fault.name, (this.fired.get(fault.name) ?? 0) + 1);
    trace.line(time.nowMs, "fault", text);
    time.after(fault.forMs, () => {
      if (fault.forMs > 0) trace.line(time.nowMs, "fault", `#${fault.id} ${fault.name} is over`);
      mend();
    });
  }

  #apply(fault: PlannedFault): (() => void) | null {
    const { time, network, nodes } = this.#place;
    const random = this.#place.random.fork(String(fault.id));
    const { twinOf } = this.#place;
    const place = { fault, time, random, network, nodes, twinOf };
    const ofLink = OF_LINKS[fault.name];
    if (ofLink !== undefined) {
      const link = network.links[fault.target];
      return link === undefined ? null : ofLink(link, place);
    }
    const node = nodes[fault.target];
    if (node === undefined) return null;
    const ofNode = OF_NODES[fault.name];
    if (ofNode !== undefined) return ofNode(node, place);
    return OF_CABINETS[fault.name]?.(node.cabinet, place) ?? null;
  }
}

// What goes wrong with a board: its process, its power, its disk, its clock.
import type { SimNode } from "../node.ts";
import type { FaultPlace, NodeFault } from "./fault.ts";

/** Changes of the disk that still happen before a machine stops inside its work. */
const MAX_CHANGES = 16;
const STALL_MS = [800, 4_000] as const;
/** Between two reports of a detector gone mad: a full queue within the shortest flood. */
const FLOOD_MS = [2, 4] as const;
const WORST_DRIFT = 5e-4;

type Fall = "crash" | "power" | "torn";

/**
 * The board stops somewhere in its next work on the disk and starts again after the fault's time.
 */
function falls(fall: Fall): NodeFault {
  return (node, { random }) => {
    if (!node.up) return null;
    const changes = random.below(MAX_CHANGES);
    node.fall({ kind: fall === "crash" ? "crash" : "power", torn: fall === "torn", changes });
    return () => node.rise();
  };
}

export const crash = falls("crash");
export const unsyncedLost = falls("power");
export const tornPage = falls("torn");

export const pause: NodeFault = (node, { fault, time }) => {
  if (node.process === null || !node.up) return null;
  node.process.pause(time.nowMs + fault.forMs);
  return () => undefined;
};

export const restart: NodeFault = (node) => {
  if (!node.up) return null;
  node.stopInOrder();
  return () => node.rise();
};

export const bitRot: NodeFault = (node) => {
  if (!node.up) return null;
  const flipped = node.disk.rot((path) => path.includes(".db") && !path.includes("lock"));
  if (flipped === null) return null;
  node.rotten = true;
  node.damages += 1;
  node.fall({ kind: "crash", torn: false, changes: 0 });
  return () => node.rise();
};

export const oldImage: NodeFault = (node) => {
  if (!node.up) return null;
  const image = node.disk.copy();
  return () => {
    if (node.up) node.swapCard(image);
  };
};

export const newCard: NodeFault = (node) => {
  if (!node.up) return null;
  node.swapCard(new Map());
  return () => undefined;
};

export const floodedLog: NodeFault = (node, { time, random }) => {
  const { faults } = node.disk;
  const { detector } = node.site.detectors[0] ?? {};
  if (!node.up || faults.readOnly || detector === undefined) return null;
  faults.readOnly = true;
  let over = false;
  let on = false;
  const flood = (): void => {
    if (over) return;
    on = !on;
    node.service?.report(detector, on);
    time.after(random.between(...FLOOD_MS), flood);
  };
  flood();
  return () => {
    over = true;
    faults.readOnly = false;
  };
};

function diskFault(
  begin: (node: SimNode, place: FaultPlace) => void,
  end: (node: SimNode) => void,
) {
  const fault: NodeFault = (node, place) => {
    const { faults } = node.disk;
    if (!node.up || faults.full || faults.readOnly || faults.stallMs > 0) return null;
    begin(node, place);
    return () => end(node);
  };
  return fault;
}

export const diskFull = diskFault(
  ({ disk }) => {
    disk.faults.full = true;
  },
  ({ disk }) => {
    disk.faults.full = false;
  },
);

export const diskReadOnly = diskFault(
  ({ disk }) => {
    disk.faults.readOnly = true;
  },
  ({ disk }) => {
    disk.faults.readOnly = false;
  },
);

export const diskStalled = diskFault(
  ({ disk }, { random }) => {
    disk.faults.stallMs = random.between(...STALL_MS);
  },
  ({ disk }) => {
    disk.faults.stallMs = 0;
  },
);

export const clockDrift: NodeFault = ({ clock }, { fault }) => {
  const { rate } = clock;
  clock.drift(1 + (fault.amount - 0.5) * 2 * WORST_DRIFT);
  return () => {
    clock.drift(rate);
    clock.set();
  };
};

export const clockStep: NodeFault = ({ clock }, { random }) => {
  const hours = random.chance(0.2) ? random.between(2, 40) : 0;
  const ms = hours * 3_600_000 + random.between(600, 90_000);
  clock.step(random.chance(0.5) ? ms : -ms);
  return () => clock.set();
};

export const clockFreeze: NodeFault = ({ clock }) => {
  clock.freeze();
  return () => clock.set();
};

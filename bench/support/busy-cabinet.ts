// The virtual cabinet in a thread of its own, with detectors that change far more often than any
// street makes them: each of the first twelve inputs every 300 ms, spread evenly, 40 edges a
// second.
import { setPriority } from "node:os";
import { workerData } from "node:worker_threads";
import { VirtualCabinet } from "../../src/cabinet/virtual.ts";
import { serveVirtualCabinet } from "../../src/cabinet/virtual-port.ts";
import type { StreetData } from "../../src/cli/street-thread.ts";

const INPUTS = 12;
const HOLD_MS = 300;

// A microcontroller is not held up by what else a board has to do.
try {
  setPriority(-10);
} catch {
  // Only root may ask for it.
}

const { site, cable } = workerData as StreetData;
const cabinet = new VirtualCabinet({ site });

serveVirtualCabinet(cabinet, cable, {
  nowMs: () => performance.now(),
  onAdvance: (toMs) => {
    for (let input = 1; input <= INPUTS; input += 1) {
      const ownMs = toMs + (input * HOLD_MS) / INPUTS;
      cabinet.setInput(input, Math.floor(ownMs / HOLD_MS) % 2 === 1);
    }
  },
});

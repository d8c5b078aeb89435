// A host process as the node runs it: the serial port's code and the link's, on the device that is
// its one argument. It shows all red until the cabinet is in control, then the main street green,
// and prints its modes. Its clock is the paced board's, which its parent sends.
import { writeSync } from "node:fs";
import { allRedOf, CabinetLink } from "../../../src/cabinet/link.ts";
import type { LinkInput } from "../../../src/cabinet/link-types.ts";
import {
  compileRecord,
  describeRecordDifference,
  recordChecksum,
} from "../../../src/cabinet/record.ts";
import { openTty } from "../../../src/cabinet/tty.ts";
import { JUNCTION, show } from "../../interlock/junction.ts";

const TICK_MS = 50;
const record = compileRecord(JUNCTION);
const link = new CabinetLink({
  record,
  checksum: recordChecksum(record),
  describeDifference: describeRecordDifference,
  allRed: allRedOf(JUNCTION.channels),
  nonce: process.pid,
});
const port = openTty({ path: process.argv[2] ?? "", baud: 500_000 });
let red = true;
let nowMs = 0;
let nextTickMs = 0;

function input(event: LinkInput): void {
  const dropped = link.step(event, nowMs).filter((effect) => {
    if (effect.kind === "mode") {
      red = effect.mode !== "controlled";
      writeSync(1, `${effect.mode}\n`);
    }
    return effect.kind === "write" && !port.write(effect.bytes);
  });
  for (const _ of dropped) input({ kind: "dropped" });
}

port.onOpen = () => input({ kind: "opened" });
port.onClose = (reason) => input({ kind: "closed", reason });
port.onBytes = (bytes) => input({ kind: "bytes", bytes });
process.on("message", (boardMs) => {
  nowMs = Number(boardMs);
  if (nowMs < nextTickMs) return;
  nextTickMs = nowMs + TICK_MS;
  input({ kind: "display", display: show(red ? "RRRR RR" : "GRGR RR") });
  input({ kind: "tick" });
});
process.on("disconnect", () => process.exit(0));

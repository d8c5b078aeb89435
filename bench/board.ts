// What looking after the board costs: the running node's own look, twice a minute, beside the same
// questions put to systeminformation. Processor time of all threads and of the processes that are
// started for it, as a part of one core.
import { tmpdir } from "node:os";
import { cpuTemperature, fsSize, mem } from "systeminformation";
import { BOARD_MS } from "../src/node/board-watch.ts";
import { readBoard } from "../src/observe/board.ts";
import { NO_THRIFT, stepThrift } from "../src/observe/thrift.ts";
import { report } from "./support/figures.ts";

/** The first look of each loads modules and looks for what the machine has. */
const WARM_UP = 3;
const LOOKS = 200;
const PEER_LOOKS = 20;

function cpuMs({ userCPUTime, systemCPUTime }: NodeJS.ResourceUsage): number {
  return (userCPUTime + systemCPUTime) / 1_000;
}

/** Processor time of the children that have ended, ms: fields 16 and 17 of stat, in 10 ms. */
async function childrenMs(): Promise<number> {
  const { readFile } = await import("node:fs/promises");
  const stat = await readFile("/proc/self/stat", "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[13]) + Number(fields[14])) * 10;
}

interface Cost {
  readonly cpuMs: number;
  readonly wallMs: number;
}

/** Of one look, the mean of many. */
async function costOf(looks: number, look: () => Promise<unknown>): Promise<Cost> {
  for (let index = 0; index < WARM_UP; index += 1) await look();
  const [own, children, before] = [process.resourceUsage(), await childrenMs(), performance.now()];
  for (let index = 0; index < looks; index += 1) await look();
  const wallMs = (performance.now() - before) / looks;
  const used = cpuMs(process.resourceUsage()) - cpuMs(own) + (await childrenMs()) - children;
  return { cpuMs: used / looks, wallMs };
}

let thrift = NO_THRIFT;
const own = await costOf(LOOKS, async () => {
  thrift = stepThrift(thrift, await readBoard(tmpdir()), performance.now());
});
const peer = await costOf(PEER_LOOKS, () => Promise.all([mem(), cpuTemperature(), fsSize()]));
const percent = ({ cpuMs }: Cost): number => (cpuMs / BOARD_MS) * 100;
report("board", [
  { figure: "cpu_percent", value: percent(own), unit: "% of one core", budget: "< 0.5" },
  { figure: "look_ms", value: own.wallMs, unit: "ms" },
  { figure: "cpu_percent_systeminformation", value: percent(peer), unit: "% of one core" },
  { figure: "look_ms_systeminformation", value: peer.wallMs, unit: "ms" },
]);

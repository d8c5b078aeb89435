// What `stopline doctor` looks at without a site file: the program's surroundings.
import { spawnSync } from "node:child_process";
import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  fsyncSync,
  openSync,
  rmSync,
  type StatsFs,
  statfsSync,
  writeSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import { clockFloorMs } from "../node/clock-floor.ts";
import { boardComplaints, readBoard } from "../observe/board.ts";
import { machineLine, readMachine } from "../observe/machine.ts";
import { type Finding, textOf } from "./finding.ts";

const NEEDED_NODE = 24;
const DAY_MS = 86_400_000;
const PROBES = 5;
const PROBE_BYTES = 4_096;
/** A commit waits for the disk; a worn card takes seconds, a good one 5 ms. */
const SLOW_SYNC_MS = 100;

/**
 * SQLite maps pages of this size of an index file into memory and makes room for one by a single
 * byte. Where blocks are smaller the rest is a hole, and touching it on a full disk ends the
 * process by SIGBUS: seen in 5 of some 25 runs of `test/node/card.test.ts` with blocks of 1,024
 * bytes, in none of 24 with 4,096.
 */
const MAPPED_PAGE_BYTES = 4_096;

/** `statfs` types whose promise to keep what was synced does not reach a disk of this board. */
const WEAK_FILE_SYSTEMS: ReadonlyMap<number, string> = new Map([
  [0x01_02_19_94, "in memory: a power cut takes the log"],
  [0x85_84_58_f6, "in memory: a power cut takes the log"],
  [0x69_69, "NFS: the log needs a local disk"],
  [0xff_53_4d_42, "CIFS: the log needs a local disk"],
  [0x4d_44, "FAT: a power cut can spoil it; use ext4"],
]);

function nodeFinding(): Finding {
  const major = Number(process.versions.node.split(".")[0]);
  const says = `Node ${process.versions.node} on ${process.platform} ${process.arch}`;
  if (major >= NEEDED_NODE) return { state: "ok", what: "node", says };
  const way = `; needs ${NEEDED_NODE}: start it by scripts/stopline, which brings its own`;
  return { state: "fail", what: "node", says: says + way };
}

/** What the kernel's clock discipline says, whichever program feeds it; null when not known. */
function synchronised(): boolean | null {
  const args = ["show", "--property=NTPSynchronized", "--value"];
  const asked = spawnSync("timedatectl", args, { encoding: "utf8", timeout: 3_000 });
  if (asked.status === 0) return asked.stdout.trim() === "yes";
  return existsSync("/run/systemd/timesync/synchronized") ? true : null;
}

/** Neither the program's own files nor the log's can be younger than the true time. */
export function clockFinding(nowMs: number, floorMs: number, inStep: boolean | null): Finding {
  const what = "clock";
  if (nowMs < floorMs - DAY_MS) {
    const [now, floor] = [nowMs, floorMs].map((ms) => new Date(ms).toISOString().slice(0, 16));
    const says = `it is said to be ${now}, but it was ${floor} before`;
    return { state: "fail", what, says: `${says}; set the time or connect a time server` };
  }
  if (inStep === true) return { state: "ok", what, says: "kept in step by a time server" };
  const heard = inStep === null ? "nothing tells whether" : "the system says that not";
  const says = `${heard} a time server keeps it; without one, commands from elsewhere are refused`;
  return { state: "warn", what, says };
}

/** The folder itself, or the nearest one above it that exists. */
function nearestFolder(path: string): string {
  const full = resolve(path);
  return existsSync(full) ? full : nearestFolder(dirname(full));
}

/** Median time of a small write with its sync, ms. */
function syncMs(dir: string): number {
  const path = join(dir, `.doctor-${process.pid}`);
  const fd = openSync(path, "wx", 0o600);
  try {
    const times = Array.from({ length: PROBES }, () => {
      const before = performance.now();
      writeSync(fd, Buffer.alloc(PROBE_BYTES));
      fsyncSync(fd);
      return performance.now() - before;
    });
    return times.sort((a, b) => a - b)[Math.floor(PROBES / 2)] ?? 0;
  } finally {
    closeSync(fd);
    rmSync(path, { force: true });
  }
}

/** May the data folder be written, how fast, and does its disk keep what it took? */
export function diskFinding(
  dataDir: string,
  statOf: (dir: string) => StatsFs = statfsSync,
): Finding {
  const what = "disk";
  try {
    const dir = nearestFolder(dataDir);
    accessSync(dir, constants.W_OK);
    const ms = syncMs(dir);
    const { bavail, bsize, type } = statOf(dir);
    const free = `${dataDir}: ${((bavail * bsize) / 1e9).toFixed(1)} GB free`;
    if (bsize < MAPPED_PAGE_BYTES) {
      const says = `${free}, in blocks of ${bsize} bytes: once it is full the node may die`;
      return { state: "fail", what, says: `${says}; make it anew with mke2fs -b 4096` };
    }
    const weak = WEAK_FILE_SYSTEMS.get(type);
    if (weak !== undefined) return { state: "warn", what, says: `${free}, ${weak}` };
    const says = `${free}, a commit takes ${ms.toFixed(1)} ms`;
    if (ms < SLOW_SYNC_MS) return { state: "ok", what, says };
    return { state: "warn", what, says: `${says}; is the card worn, or not made for this?` };
  } catch (error) {
    const says = `${dataDir} can't be written (${textOf(error)}); name another by --data DIR`;
    return { state: "fail", what, says };
  }
}

async function machineFinding(): Promise<Finding> {
  const says = await readMachine().then(machineLine, (error) => `unknown (${textOf(error)})`);
  return { state: "ok", what: "board", says };
}

async function boardFindings(dataDir: string): Promise<Finding[]> {
  const board = await readBoard(nearestFolder(dataDir));
  const complaints = boardComplaints(board).map(
    (says): Finding => ({ state: "warn", what: "board", says }),
  );
  if (complaints.length > 0 || board.temperatureC === null) return complaints;
  return [{ state: "ok", what: "board", says: `${Math.round(board.temperatureC)} °C` }];
}

/** A finding for each of Node, machine, clock and disk. */
export async function surroundings(dataDir: string): Promise<Finding[]> {
  return [
    nodeFinding(),
    await machineFinding(),
    ...(await boardFindings(dataDir)),
    clockFinding(Date.now(), clockFloorMs(dataDir), synchronised()),
    diskFinding(dataDir),
  ];
}

// What the board itself says of its health: memory, load, temperature, throttling, disk. The one
// file that imports systeminformation; it forks tools, so it runs in the service thread only.
import { cpuTemperature, currentLoad, fsSize, mem } from "systeminformation";

export interface BoardHealth {
  readonly memoryFreeBytes: number;
  readonly memoryTotalBytes: number;
  readonly loadPercent: number;
  /** Null where the board has no sensor. */
  readonly temperatureC: number | null;
  /** Of the file system that holds the data folder; null when it can't be told. */
  readonly diskFreeBytes: number | null;
}

/** Reads the board once; takes some tens of milliseconds. */
export async function readBoard(dataDir: string): Promise<BoardHealth> {
  const [memory, load, temperature, disks] = await Promise.all([
    mem(),
    currentLoad(),
    cpuTemperature(),
    fsSize(),
  ]);
  const holding = disks
    .filter((disk) => dataDir.startsWith(disk.mount))
    .sort((a, b) => b.mount.length - a.mount.length)[0];
  return {
    memoryFreeBytes: memory.available,
    memoryTotalBytes: memory.total,
    loadPercent: load.currentLoad,
    temperatureC: temperature.main ?? null,
    diskFreeBytes: holding?.available ?? null,
  };
}

/** Below this a log of a few days no longer fits (about 2 GB a day at most, DESIGN section 10). */
const DISK_LOW_BYTES = 500e6;
/** A Pi throttles its clock from 80 °C on. */
const HOT_C = 80;

/** What is wrong with the board, in plain words; empty when nothing is. */
export function boardComplaints(board: BoardHealth): string[] {
  const complaints: string[] = [];
  const { diskFreeBytes, temperatureC } = board;
  if (diskFreeBytes !== null && diskFreeBytes < DISK_LOW_BYTES) {
    complaints.push(`only ${Math.round(diskFreeBytes / 1e6)} MB left on the data disk`);
  }
  if (temperatureC !== null && temperatureC >= HOT_C) {
    complaints.push(`the board is at ${Math.round(temperatureC)} °C and may slow down`);
  }
  if (board.memoryFreeBytes < 64e6) complaints.push("less than 64 MB of memory are free");
  return complaints;
}

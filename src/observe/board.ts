// What the board itself says of its health: memory, temperature, disk. Read from the kernel's own
// files, so that a look every half minute costs no process and no package; `doctor` looks closer.
import { readFileSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { freemem, totalmem } from "node:os";

export interface BoardHealth {
  readonly memoryFreeBytes: number;
  readonly memoryTotalBytes: number;
  /** Null where the board has no sensor. */
  readonly temperatureC: number | null;
  /** Of the file system that holds the data folder; null when it can't be told. */
  readonly diskFreeBytes: number | null;
}

/** Bytes the kernel could hand out, caches included; `freemem` leaves those out. */
function availableBytes(): number {
  try {
    const text = readFileSync("/proc/meminfo", "utf8");
    const kilobytes = /^MemAvailable:\s+(\d+)/m.exec(text)?.[1];
    return kilobytes === undefined ? freemem() : Number(kilobytes) * 1024;
  } catch {
    return freemem();
  }
}

/** The processor's sensor; on a Pi, zone 0 is the SoC. Millidegrees. */
function temperatureC(): number | null {
  try {
    return Number(readFileSync("/sys/class/thermal/thermal_zone0/temp", "utf8")) / 1000;
  } catch {
    return null;
  }
}

/** Reads the board once. */
export async function readBoard(dataDir: string): Promise<BoardHealth> {
  const disk = await statfs(dataDir).catch(() => null);
  return {
    memoryFreeBytes: availableBytes(),
    memoryTotalBytes: totalmem(),
    temperatureC: temperatureC(),
    diskFreeBytes: disk === null ? null : disk.bavail * disk.bsize,
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

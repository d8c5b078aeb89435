// What the board itself says of its health: memory, temperature, supply, disk. Read from the
// kernel's own files: a look starts no process and takes well under a millisecond (bench `board`,
// which has systeminformation beside it); `doctor` looks closer.
import { readdirSync, readFileSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { totalmem } from "node:os";
import { join } from "node:path";
import type { BoardReading } from "./thrift.ts";

export interface BoardHealth extends BoardReading {
  readonly memoryTotalBytes: number;
  /** The supply was too weak at some time since the board was switched on. */
  readonly wasUnderVoltage: boolean;
}

/**
 * Bytes the kernel could hand out, caches included; null where it doesn't say. What is merely free
 * is little on a sound board too, and would be taken for trouble.
 */
function availableBytes(): number | null {
  const text = textIn("/proc/meminfo") ?? "";
  const kilobytes = /^MemAvailable:\s+(\d+)/m.exec(text)?.[1];
  return kilobytes === undefined ? null : Number(kilobytes) * 1024;
}

function textIn(path: string): string | null {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return null;
  }
}

function foldersIn(path: string, start: string): string[] {
  try {
    const names = readdirSync(path).filter((name) => name.startsWith(start));
    return names.map((name) => join(path, name));
  } catch {
    return [];
  }
}

/** The hottest of the kernel's zones; on a Pi zone 0 is the SoC. Millidegrees there. */
function temperatureC(sys: string): number | null {
  const degrees = foldersIn(join(sys, "class/thermal"), "thermal_zone")
    .map((zone) => Number(textIn(join(zone, "temp")) ?? Number.NaN) / 1000)
    // A sensor that is off says 0 or nonsense.
    .filter((value) => value > -40 && value < 150 && value !== 0);
  return degrees.length === 0 ? null : Math.max(...degrees);
}

/** Bits of a Pi's firmware word: now, and since the start 16 places above. */
const FIRMWARE = { underVoltage: 1 << 0, capped: 1 << 1, throttled: 1 << 2, soft: 1 << 3 } as const;
const SINCE_START = 16;

interface Supply {
  readonly isUnderVoltage: boolean;
  readonly wasUnderVoltage: boolean;
  readonly isThrottled: boolean;
}

/** A Pi with its makers' kernel tells all of it in one word. */
function firmwareSupply(sys: string): Supply | null {
  const text = textIn(join(sys, "devices/platform/soc/soc:firmware/get_throttled"));
  if (text === null || !/^(0x)?[0-9a-f]+$/i.test(text)) return null;
  const word = Number.parseInt(text, 16);
  const slowed = FIRMWARE.capped | FIRMWARE.throttled | FIRMWARE.soft;
  return {
    isUnderVoltage: (word & FIRMWARE.underVoltage) !== 0,
    wasUnderVoltage: (word & (FIRMWARE.underVoltage << SINCE_START)) !== 0,
    isThrottled: (word & slowed) !== 0,
  };
}

/** The kernel's own drivers: `rpi_volt` watches the supply, the thermal core slows processors. */
function kernelSupply(sys: string): Supply {
  const weak = foldersIn(join(sys, "class/hwmon"), "hwmon").some(
    (monitor) =>
      textIn(join(monitor, "name")) === "rpi_volt" &&
      textIn(join(monitor, "in0_lcrit_alarm")) === "1",
  );
  const slowed = foldersIn(join(sys, "class/thermal"), "cooling_device").some(
    (device) =>
      /cpufreq|processor/i.test(textIn(join(device, "type")) ?? "") &&
      Number(textIn(join(device, "cur_state")) ?? 0) > 0,
  );
  return { isUnderVoltage: weak, wasUnderVoltage: weak, isThrottled: slowed };
}

/** Reads the board once; `sys` is for tests. */
export async function readBoard(dataDir: string, sys = "/sys"): Promise<BoardHealth> {
  const disk = await statfs(dataDir).catch(() => null);
  return {
    memoryFreeBytes: availableBytes(),
    memoryTotalBytes: totalmem(),
    temperatureC: temperatureC(sys),
    diskFreeBytes: disk === null ? null : disk.bavail * disk.bsize,
    ...(firmwareSupply(sys) ?? kernelSupply(sys)),
  };
}

/** Below this a log of a few days no longer fits (about 2 GB a day at most, DESIGN section 10). */
const DISK_LOW_BYTES = 500e6;
/** A Pi throttles its clock from 80 °C on. */
const HOT_C = 80;

/** What is wrong with the board and the way out, in plain words; empty when nothing is. */
export function boardComplaints(board: BoardHealth): string[] {
  const complaints: string[] = [];
  const { diskFreeBytes, temperatureC: degrees } = board;
  if (diskFreeBytes !== null && diskFreeBytes < DISK_LOW_BYTES) {
    const left = `only ${Math.round(diskFreeBytes / 1e6)} MB left on the data disk`;
    complaints.push(`${left}: remove what is not the node's, or lower log.maxBytes`);
  }
  if (degrees !== null && degrees >= HOT_C) {
    const hot = `the board is at ${Math.round(degrees)} °C and slows down`;
    complaints.push(`${hot}: give the cabinet air or the board a heat sink`);
  }
  if (board.isThrottled && (degrees === null || degrees < HOT_C)) {
    complaints.push("the processor is slowed down by its firmware: look at supply and heat");
  }
  if (board.isUnderVoltage) {
    complaints.push("the supply's voltage is too low: take a stronger supply or a shorter cable");
  } else if (board.wasUnderVoltage) {
    complaints.push("the supply's voltage was too low since the start: look at supply and cable");
  }
  if (board.memoryFreeBytes !== null && board.memoryFreeBytes < 64e6) {
    complaints.push("less than 64 MB of memory are free: end what else runs on this board");
  }
  return complaints;
}

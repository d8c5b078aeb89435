// The disk under a folder, as the kernel's own files describe it.
import { existsSync, readdirSync, readFileSync, realpathSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";

export interface BlockDevice {
  /** As in /sys/block, such as `mmcblk0`. */
  readonly name: string;
  readonly sizeBytes: number;
  /** Handed to the device since the kernel started, by anybody; discarded blocks not counted. */
  readonly writtenBytes: number;
  /** What the device says of its own wear, in its maker's words; null where it says nothing. */
  readonly wear: string | null;
}

/** Sectors of these files are 512 bytes, whatever the device has (kernel, `block/stat`). */
const SECTOR_BYTES = 512;
/** Place of "write sectors" in `stat`. */
const WRITTEN_SECTORS = 6;
/** Steps of an eMMC's estimate: 1 is 0 to 10 % used, 11 is beyond its life (JESD84-B50). */
const LIFE_STEP_PERCENT = 10;

function text(path: string): string | null {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return null;
  }
}

/** `0x01 0x02`: the estimates for the two kinds of cells of an eMMC. */
function emmcWear(dir: string): string | null {
  const steps = (text(join(dir, "device/life_time")) ?? "").split(/\s+/).map(Number);
  const worst = Math.max(0, ...steps.filter((step) => step >= 1 && step <= 11));
  if (worst === 0) return null;
  return worst === 11 ? "beyond its rated life" : `up to ${worst * LIFE_STEP_PERCENT} % used`;
}

/** A mapped device (encrypted, logical volume) on one disk counts as that disk. */
function below(dir: string): string {
  const slaves = join(dir, "slaves");
  const names = existsSync(slaves) ? readdirSync(slaves) : [];
  const [only] = names;
  if (only === undefined || names.length > 1) return dir;
  return below(whole(realpathSync(join(slaves, only))));
}

/** Of a partition, the disk that it is on. */
function whole(dir: string): string {
  return existsSync(join(dir, "partition")) ? dirname(dir) : dir;
}

function numbersOf(folder: string): string {
  const { dev } = statSync(folder);
  // As makedev(3) packs them: 12 bits major over 8 bits minor, the rest of minor above.
  const major = Math.floor(dev / 256) & 0xfff;
  const minor = (dev & 0xff) | (Math.floor(dev / 4096) & 0xfff00);
  return `${major}:${minor}`;
}

/** Null where no single disk lies under the folder (memory, network, a union of several). */
export function blockDeviceOf(folder: string, sys = "/sys"): BlockDevice | null {
  try {
    const dir = below(whole(realpathSync(join(sys, "dev/block", numbersOf(folder)))));
    const sectors = text(join(dir, "stat"))?.split(/\s+/)[WRITTEN_SECTORS];
    const size = text(join(dir, "size"));
    if (sectors === undefined || size === null) return null;
    return {
      name: basename(dir),
      sizeBytes: Number(size) * SECTOR_BYTES,
      writtenBytes: Number(sectors) * SECTOR_BYTES,
      wear: emmcWear(dir),
    };
  } catch {
    return null;
  }
}

// How a benchmark says its figures: a table for people, or with --json one line per figure on
// stdout and nothing else. What machine it was goes to stderr.
import { readFileSync, statfsSync } from "node:fs";
import { arch, cpus, hostname, release, tmpdir } from "node:os";

export interface Measured {
  readonly figure: string;
  readonly value: number;
  readonly unit: string;
  /** As words, such as `<= 2`; a benchmark never fails on it. */
  readonly budget?: string;
}

/** Magic numbers of statfs(2) for the file systems that a bench is likely to run on. */
const FILE_SYSTEMS: Readonly<Record<number, string>> = {
  61267: "ext4",
  16914836: "tmpfs",
  1481003842: "xfs",
  2435016766: "btrfs",
  2035054128: "overlayfs",
};

function fileSystemOf(path: string): string {
  const { type } = statfsSync(path);
  return FILE_SYSTEMS[type] ?? `file system 0x${type.toString(16)}`;
}

function schedulerClass(): string {
  const policy = /^policy\s*:\s*(\d+)/m.exec(readFileSync("/proc/self/sched", "utf8"))?.[1];
  return policy === undefined || policy === "0" ? "SCHED_OTHER" : `scheduler policy ${policy}`;
}

/** One line: machine, processor, kernel, scheduler class, disk under `dir`, Node. */
export function machineLine(dir = tmpdir()): string {
  const list = cpus();
  let scheduler = "SCHED_OTHER";
  try {
    scheduler = schedulerClass();
  } catch {
    // Not every kernel has /proc/self/sched; ordinary time sharing is what a bench runs under.
  }
  return [
    `${hostname()}: ${list.length} x ${list[0]?.model.trim() ?? "processor"} (${arch()})`,
    `Linux ${release()}, ${scheduler}`,
    `${dir} on ${fileSystemOf(dir)}`,
    `Node ${process.version}`,
  ].join("; ");
}

/** The value as a person wants to read it. */
function rounded(value: number): number {
  return Number(value.toPrecision(4));
}

/** Prints all figures of one bench; throws when one of them was not measured. */
export function report(bench: string, figures: readonly Measured[]): void {
  process.stderr.write(`${machineLine()}\n`);
  const unmeasured = figures.filter(({ value }) => !Number.isFinite(value));
  if (unmeasured.length > 0) {
    throw new Error(`not measured: ${unmeasured.map(({ figure }) => figure).join(", ")}`);
  }
  const asJson = process.argv.includes("--json");
  for (const { figure, value, unit, budget } of figures) {
    const cell = String(rounded(value)).padStart(12);
    const line = asJson
      ? JSON.stringify({ bench, figure, value: rounded(value), unit })
      : [bench, figure.padEnd(36), cell, unit.padEnd(14), budget ?? ""].join("  ");
    process.stdout.write(`${line.trimEnd()}\n`);
  }
}

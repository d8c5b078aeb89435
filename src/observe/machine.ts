// What kind of machine this is, for `stopline doctor`. Asking starts processes and reads half of
// /sys, which the running node never does. The one file that imports systeminformation.
import { cpu, mem, osInfo, system } from "systeminformation";

export interface Machine {
  /** As its maker calls it; empty where nothing says. */
  readonly model: string;
  readonly processor: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly system: string;
}

function words(...parts: readonly (string | undefined)[]): string {
  return parts.filter((part) => part !== undefined && part !== "" && part !== "-").join(" ");
}

/** Looks once; takes some 200 ms. What the machine does not say stays empty. */
export async function readMachine(): Promise<Machine> {
  const [board, processor, memory, os] = await Promise.all([system(), cpu(), mem(), osInfo()]);
  return {
    model: words(board.manufacturer, board.model),
    processor: words(processor.manufacturer, processor.brand),
    cores: processor.cores,
    memoryBytes: memory.total,
    system: words(os.distro, os.release, os.arch),
  };
}

/** `Raspberry Pi 5 Model B, 4 × Cortex-A76, 4.0 GB, Debian GNU/Linux 13 arm64`. */
export function machineLine(machine: Machine): string {
  const { model, processor, cores, memoryBytes, system: name } = machine;
  const parts = [model, `${cores} × ${processor}`, `${(memoryBytes / 1e9).toFixed(1)} GB`, name];
  return parts.filter((part) => part !== "").join(", ");
}

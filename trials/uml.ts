// The kernel as a process (user-mode Linux): the same kernel version, file system and systemd at
// nearly the machine's own speed, where no processor can be lent to a guest. It has no USB and one
// processor.
import type { ChildProcess } from "node:child_process";
import { closeSync, existsSync, openSync, statSync } from "node:fs";
import type { Socket } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { GuestShell } from "./guest-shell.ts";
import { kept, outcome, output } from "./host.ts";
import { Machine, type MachineOptions, type Reached } from "./machine.ts";

export const UML_PROGRAM = "/usr/bin/linux.uml";
const MEMORY_MB = 1024;
/** Tells the guest to look for one. */
export const NETWORK_DISK_WORD = "trial.network-disk";
const SOURCE = fileURLToPath(new URL("./uml-registers.c", import.meta.url));

export interface UmlOptions extends MachineOptions {
  /** Where the preloaded library is kept. */
  readonly cache: string;
}

/** Of a guest and of this end of its wire; inside a network namespace of the trial's own. */
export function guestAddress(number: number): string {
  return `10.0.${2 + number}.15`;
}

function hostAddress(number: number): string {
  return `10.0.${2 + number}.2/24`;
}

function library(cache: string): string {
  const path = join(cache, "uml-registers.so");
  if (!existsSync(path) || statSync(path).mtimeMs < statSync(SOURCE).mtimeMs) {
    output("gcc", ["-O2", "-shared", "-fPIC", "-o", path, SOURCE]);
  }
  return path;
}

export class UmlMachine extends Machine {
  readonly #number: number;

  private constructor(child: ChildProcess, folder: string, number: number) {
    super(child, folder);
    this.#number = number;
  }

  /** Switches a machine on. */
  static start({ folder, root, disks, number, cache, networkDisk }: UmlOptions): UmlMachine {
    const wire = `trial${number}`;
    if (outcome("ip", ["link", "show", wire]).code !== 0) {
      output("ip", ["tuntap", "add", "dev", wire, "mode", "tap"]);
      output("ip", ["address", "add", hostAddress(number), "dev", wire]);
      // The guest's end takes no frames longer than its own.
      output("ip", ["link", "set", wire, "gso_max_segs", "1", "up"]);
    }
    const mac = `52:54:00:12:34:${(56 + number).toString()}`;
    const words = [
      `mem=${MEMORY_MB}M`,
      `ubda=${join(folder, "changes")},${root}`,
      ...disks.map((disk, index) => `ubd${"bcdefg"[index]}=${disk}`),
      "root=/dev/ubda",
      "rw",
      `vec0:transport=tap,ifname=${wire},depth=64,gro=0,mac=${mac}`,
      "con=null",
      "con0=null,fd:1",
      "ssl=null",
      "ssl0=fd:3",
      `umid=trial-${process.pid}-${number}`,
      `uml_dir=${folder}`,
      "panic=-1",
      "quiet",
      ...(networkDisk ? [NETWORK_DISK_WORD] : []),
    ];
    const log = openSync(join(folder, "console.log"), "w");
    // A process-id namespace of its own: when its first process dies, all of it is gone.
    const unshare = ["--pid", "--fork", "--kill-child", "--mount-proc"];
    const program = ["env", `LD_PRELOAD=${library(cache)}`, "TMPDIR=/dev/shm", UML_PROGRAM];
    const child = kept("nice", ["-n", "15", "unshare", ...unshare, ...program, ...words], {
      stdio: ["ignore", log, log, "pipe"],
    });
    closeSync(log);
    return new UmlMachine(child, folder, number);
  }

  reach(port: number): Reached {
    return { host: guestAddress(this.#number), port };
  }

  protected openShell(): Promise<GuestShell> {
    return Promise.resolve(new GuestShell(this.child.stdio[3] as Socket));
  }
}

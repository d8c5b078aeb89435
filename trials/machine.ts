// A virtual machine that runs: its root shell, its console's last words, its plug.
import type { ChildProcess } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { GuestShell } from "./guest-shell.ts";
import { killed, sleep, until } from "./host.ts";

/** An emulated one may have to share two processors with a test run. */
const SHELL_PATIENCE_MS = 400_000;

export interface MachineOptions {
  /** Of this machine alone: sockets, the root's changes, the console's text. */
  readonly folder: string;
  /** The root's disk; what is written to it is forgotten. */
  readonly root: string;
  /** Disks behind it, in their order. */
  readonly disks: readonly string[];
  /** One more is served by an NBD server on our side. */
  readonly networkDisk: boolean;
  /** Ports of the guest that have to be reached from here. */
  readonly ports: readonly number[];
  /** Counted from 0 where several run side by side. */
  readonly number: number;
}

/** Where an NBD server listens. */
export const DISK_PORT = 10_809;

/** Where a port of the guest is reached. */
export interface Reached {
  readonly host: string;
  readonly port: number;
}

export abstract class Machine {
  protected readonly child: ChildProcess;
  protected readonly folder: string;
  #shell: GuestShell | null = null;

  protected constructor(child: ChildProcess, folder: string) {
    this.child = child;
    this.folder = folder;
  }

  abstract reach(port: number): Reached;
  protected abstract openShell(): Promise<GuestShell>;

  /** The root shell of the guest, once it is there. */
  async shell(): Promise<GuestShell> {
    if (this.#shell !== null) return this.#shell;
    const shell = await this.openShell();
    const late = sleep(SHELL_PATIENCE_MS).then(() => {
      throw new Error("no shell came");
    });
    late.catch(() => undefined);
    try {
      await Promise.race([shell.ready, late]);
    } catch (cause) {
      throw new Error(`the guest did not come up\n${this.lastWords()}`, { cause });
    }
    this.#shell = shell;
    return shell;
  }

  /** The end of its console, and what the emulator said. */
  lastWords(lines = 40): string {
    const path = join(this.folder, "console.log");
    const text = existsSync(path) ? readFileSync(path, "utf8") : "";
    return text.split("\n").slice(-lines).join("\n");
  }

  /** Power off at once, as when the plug is pulled. */
  async cut(): Promise<void> {
    this.#shell?.close();
    await killed(this.child);
  }

  /** Asks the guest to go down in order; false when it had to be cut. */
  async powerOff(patienceMs: number): Promise<boolean> {
    const shell = await this.shell();
    void shell.run("systemctl --no-block poweroff");
    const off = await until(patienceMs, () => this.child.exitCode !== null);
    if (!off) await this.cut();
    return off;
  }
}

// A disk that keeps what was flushed and forgets the rest when its power goes: nbdkit's cache holds
// writes back until a flush, and dies first.
import type { ChildProcess } from "node:child_process";
import { connect } from "node:net";
import { kept, killed, until } from "./host.ts";
import { DISK_PORT } from "./machine.ts";

const START_MS = 30_000;

async function answers(): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = connect(DISK_PORT, "127.0.0.1");
    socket.once("connect", () => resolve(true));
    socket.once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}

export class CuttableDisk {
  readonly #server: ChildProcess;

  private constructor(server: ChildProcess) {
    this.#server = server;
  }

  /** Serves `image` as such a disk, to one machine at a time. */
  static async open(image: string): Promise<CuttableDisk> {
    const place = ["--foreground", "--exit-with-parent", "--port", String(DISK_PORT)];
    const disk = ["--filter=cache", "file", image, "cache=writeback"];
    const server = kept("nbdkit", [...place, ...disk]);
    if (!(await until(START_MS, answers, 50))) throw new Error("nbdkit does not answer");
    return new CuttableDisk(server);
  }

  /** Power off: what was not flushed is gone. */
  async cut(): Promise<void> {
    await killed(this.#server);
  }
}

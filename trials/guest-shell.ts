// A root shell in a guest, over a virtio port or a serial line: one line asks, one line answers. It
// is added to a copy of the root for trials, never to a product's.
import { connect, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { sleep } from "./host.ts";

/** Name of the virtio port. */
export const SHELL_PORT = "stopline.trial";

/** In the guest: reads `number base64`, answers `number code base64`. */
export const SHELL_SCRIPT = `#!/bin/bash
port=/dev/virtio-ports/${SHELL_PORT}
if grep -q 'User Mode Linux' /proc/cpuinfo; then port=/dev/ttyS0; fi
until [ -e "$port" ]; do sleep 0.1; done
exec <>"$port" >&0
if [ -t 0 ]; then stty raw -echo; fi
echo "0 0 "
while read -r number text; do
  out=$(base64 -d <<<"$text" | setsid bash 2>&1 | base64 -w 0; exit "\${PIPESTATUS[1]}")
  echo "$number $? $out"
done
`;

export const SHELL_UNIT = `[Unit]
Description=Root shell for trials
DefaultDependencies=no
After=systemd-udevd.service

[Service]
ExecStart=/usr/local/sbin/trial-shell
Restart=always
KillSignal=SIGHUP
TimeoutStopSec=2
OOMScoreAdjust=-1000

[Install]
WantedBy=sysinit.target
`;

export interface ShellAnswer {
  readonly code: number;
  readonly text: string;
}

export class GuestShell {
  readonly #socket: Socket;
  readonly #waiting = new Map<number, (answer: ShellAnswer | null) => void>();
  readonly #ready = Promise.withResolvers<void>();
  #number = 0;

  constructor(socket: Socket) {
    this.#socket = socket;
    createInterface({ input: socket }).on("line", (line) => this.#take(line));
    socket.on("error", () => undefined);
    socket.on("close", () => this.#end());
    this.#ready.promise.catch(() => undefined);
  }

  /** Connects to the emulator's end; it comes to be a moment after the emulator's start. */
  static async open(path: string): Promise<GuestShell> {
    for (let tries = 100; ; tries -= 1) {
      const socket = connect(path);
      const opened = await new Promise<boolean>((resolve) => {
        socket.once("connect", () => resolve(true));
        socket.once("error", () => resolve(false));
      });
      if (opened) return new GuestShell(socket);
      if (tries === 0) throw new Error(`nobody listens at ${path}`);
      await sleep(50);
    }
  }

  /** Resolves when the guest has got so far; rejects when it ends before. */
  get ready(): Promise<void> {
    return this.#ready.promise;
  }

  /** Runs a bash script as root; null when the guest ended before it answered. */
  async run(script: string): Promise<ShellAnswer | null> {
    const number = ++this.#number;
    const answer = new Promise<ShellAnswer | null>((resolve) => {
      this.#waiting.set(number, resolve);
    });
    this.#socket.write(`${number} ${Buffer.from(script).toString("base64")}\n`);
    return await answer;
  }

  /** Its words when it ends well; an error otherwise. */
  async text(script: string): Promise<string> {
    const answer = await this.run(script);
    if (answer === null) throw new Error(`the guest ended during: ${script}`);
    if (answer.code !== 0) throw new Error(`${script}: exit code ${answer.code}\n${answer.text}`);
    return answer.text.trimEnd();
  }

  close(): void {
    this.#socket.destroy();
  }

  #take(line: string): void {
    const [number, code, text = ""] = line.split(" ");
    if (number === "0") this.#ready.resolve();
    const waiting = this.#waiting.get(Number(number));
    this.#waiting.delete(Number(number));
    waiting?.({ code: Number(code), text: Buffer.from(text, "base64").toString() });
  }

  #end(): void {
    for (const waiting of this.#waiting.values()) waiting(null);
    this.#waiting.clear();
    this.#ready.reject(new Error("the guest ended before its shell was there"));
  }
}

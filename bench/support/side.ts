// A process that a bench talks to over IPC: what it is told, and its next message of some kind.
import { type ChildProcess, spawn } from "node:child_process";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";

interface Message {
  readonly kind: string;
}

export interface SideOptions {
  /** A command in front of it. */
  readonly within?: readonly string[];
  readonly args?: readonly string[];
  /** Of the runtime, in front of the script. */
  readonly flags?: readonly string[];
}

export class Side<To extends Message, From extends Message> {
  readonly #child: ChildProcess;
  readonly #name: string;

  constructor(script: URL, { within = [], args = [], flags = [] }: SideOptions = {}) {
    const path = fileURLToPath(script);
    const [program = "", ...words] = [...within, process.execPath, ...flags, path, ...args];
    this.#name = basename(path, ".ts");
    this.#child = spawn(program, words, {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
      serialization: "advanced",
    });
    this.#child.setMaxListeners(0);
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  tell(message: To): void {
    this.#child.send(message);
  }

  /** Its next message of that kind; throws when it ends instead, or after `withinMs`. */
  async hear<K extends From["kind"]>(
    kind: K,
    withinMs: number,
  ): Promise<Extract<From, { kind: K }>> {
    const { promise, resolve, reject } = Promise.withResolvers<Extract<From, { kind: K }>>();
    const listen = (message: unknown): void => {
      if ((message as From).kind === kind) resolve(message as Extract<From, { kind: K }>);
    };
    const ended = (code: number | null): void => reject(new Error(`${this.#name} ended: ${code}`));
    const late = setTimeout(() => reject(new Error(`${this.#name}: no ${kind}`)), withinMs);
    this.#child.on("message", listen);
    this.#child.once("exit", ended);
    try {
      return await promise;
    } finally {
      clearTimeout(late);
      this.#child.off("message", listen);
      this.#child.off("exit", ended);
    }
  }

  stop(): void {
    this.#child.kill("SIGKILL");
  }
}

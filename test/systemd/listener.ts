// A service manager for tests: the compiled `manager.c` on a socket of its own, and what it heard.
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Test } from "tap";
import { until } from "../cli/support.ts";

const SOURCE = fileURLToPath(new URL("./manager.c", import.meta.url));

export interface Heard {
  readonly pid: number;
  readonly lines: readonly string[];
  /** On the listener's own clock, ms. */
  readonly atMs: number;
}

export class Listener {
  readonly heard: Heard[] = [];
  readonly path: string;
  readonly #child: ChildProcess;
  #rest = "";
  #open = false;

  private constructor(t: Test, program: string, path: string) {
    this.path = path;
    this.#child = spawn(program, [path], { stdio: ["ignore", "pipe", "inherit"] });
    this.#child.stdout?.on("data", (chunk: Buffer) => this.#take(chunk.toString()));
    t.teardown(() => this.#child.kill("SIGKILL"));
  }

  /** Compiles the program and waits until the socket is there; `abstract` has no file. */
  static async open(t: Test, abstract = false): Promise<Listener> {
    const dir = mkdtempSync(join(tmpdir(), "stopline-manager-"));
    t.teardown(() => rmSync(dir, { recursive: true, force: true }));
    const program = join(dir, "manager");
    const { status, stderr } = spawnSync("gcc", ["-O1", "-o", program, SOURCE]);
    if (status !== 0) throw new Error(`gcc: ${stderr.toString()}`);
    const path = join(dir, "notify");
    const listener = new Listener(t, program, abstract ? `@${path}` : path);
    if (!(await until(() => listener.#open))) throw new Error("no socket");
    return listener;
  }

  #take(text: string): void {
    const lines = `${this.#rest}${text}`.split("\n");
    this.#rest = lines.pop() ?? "";
    for (const line of lines) {
      const [, pid, words] = /^(\d+) (.*)$/.exec(line) ?? [];
      if (pid === undefined || words === undefined) this.#open = true;
      else this.heard.push({ pid: Number(pid), lines: words.split("|"), atMs: performance.now() });
    }
  }

  /** Reads nothing from when it has stopped until `resume`. */
  async pause(): Promise<void> {
    this.#child.kill("SIGSTOP");
    const stat = `/proc/${this.#child.pid}/stat`;
    await until(() => readFileSync(stat, "utf8").includes(") T "));
  }

  resume(): void {
    this.#child.kill("SIGCONT");
  }

  /** Every line so far. */
  lines(): string[] {
    return this.heard.flatMap(({ lines }) => lines);
  }

  /** Waits for a line that has been said, or is. */
  async hears(line: string | RegExp): Promise<boolean> {
    const is = (one: string) => (typeof line === "string" ? one === line : line.test(one));
    return await until(() => this.lines().some(is));
  }

  /** Waits for a line that is said after the first `count` datagrams. */
  async hearsAfter(count: number, line: string | RegExp): Promise<boolean> {
    const is = (one: string) => (typeof line === "string" ? one === line : line.test(one));
    return await until(() => this.heard.slice(count).some(({ lines }) => lines.some(is)));
  }
}

// One node of a corridor under chaos: its process started, killed, paused and ended, and where it
// listens after each start.
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";

const PRELOAD = new URL("./in-node.ts", import.meta.url).href;

export interface NodePlace {
  readonly number: number;
  readonly id: string;
  /** Folder with `site.yaml`. */
  readonly place: string;
  readonly data: string;
  readonly fastPort: number;
  readonly reliablePort: number;
}

export interface Listening {
  readonly mqtt: string;
  /** Without the secret. */
  readonly console: string;
  readonly secret: string;
}

export interface NodeProcessOptions {
  readonly place: NodePlace;
  /** The program, before its words. */
  readonly program: string;
  readonly planted: string | null;
  /** A new process of it has said where it listens. */
  readonly onListening: (node: NodeProcess) => void;
  readonly onEnded: (node: NodeProcess, expected: boolean, how: string) => void;
}

/** It is ended by a parent, by a signal; this is so that it sums up. */
const CHILD_FOR = "24h";

export class NodeProcess {
  readonly place: NodePlace;
  readonly #options: NodeProcessOptions;
  #child: ChildProcess | null = null;
  #exited: Promise<void> = Promise.resolve();
  #ending = false;
  listening: Listening | null = null;
  paused = false;
  /** How often it was started. */
  starts = 0;
  /** Its last line, once it has ended in order. */
  summary: string | null = null;

  constructor(options: NodeProcessOptions) {
    this.#options = options;
    this.place = options.place;
    process.once("exit", () => this.#child?.kill("SIGKILL"));
  }

  get id(): string {
    return this.place.id;
  }

  get pid(): number | null {
    return this.#child?.pid ?? null;
  }

  get up(): boolean {
    return this.#child !== null && !this.paused;
  }

  /** While this file is there its log thread is held. */
  get stallFile(): string {
    return join(this.place.place, "stall");
  }

  start(): void {
    const { place, data } = this.place;
    const notes = openSync(join(place, "node.log"), "a");
    const args = [this.#options.program, "run", join(place, "site.yaml")];
    this.starts += 1;
    this.#ending = false;
    this.paused = false;
    this.listening = null;
    const child = spawn(process.execPath, [...args, "--data", data, "--for", CHILD_FOR], {
      stdio: ["ignore", "pipe", notes],
      detached: true,
      env: this.#environment(),
    });
    closeSync(notes);
    this.#child = child;
    this.#listen(child);
  }

  #environment(): NodeJS.ProcessEnv {
    const env = { ...process.env };
    env.NODE_OPTIONS = `--import=${PRELOAD}`;
    env.STOPLINE_CHAOS_STALL = this.stallFile;
    const { planted } = this.#options;
    if (planted !== null) env.STOPLINE_CHAOS_PLANT = planted;
    return env;
  }

  #listen(child: ChildProcess): void {
    let mqtt = "";
    if (child.stdout === null) throw new Error("a node without a voice");
    createInterface({ input: child.stdout }).on("line", (line) => {
      const [word = "", rest = ""] = line.split(/\s+/);
      if (line.startsWith("{")) this.summary = line;
      else if (word === "mqtt" && mqtt === "") mqtt = rest;
      else if (word === "console") {
        const [console = "", secret = ""] = rest.split("/#secret=");
        this.listening = { mqtt, console, secret };
        this.#options.onListening(this);
      }
    });
    this.#exited = new Promise((resolve) => {
      child.once("close", (code, signal) => {
        this.#child = null;
        this.listening = null;
        this.#options.onEnded(this, this.#ending, String(signal ?? code));
        resolve();
      });
    });
  }

  async kill(): Promise<void> {
    this.#ending = true;
    this.#child?.kill("SIGKILL");
    await this.#exited;
  }

  pause(): void {
    this.paused = true;
    this.#child?.kill("SIGSTOP");
  }

  resume(): void {
    this.#child?.kill("SIGCONT");
    this.paused = false;
  }

  holdLog(how: "slow-disk" | "stalled-disk" | null): void {
    if (how === null) rmSync(this.stallFile, { force: true });
    else writeFileSync(this.stallFile, how);
  }

  /** Ends it in order; false when it had to be killed. */
  async stop(patienceMs: number): Promise<boolean> {
    if (this.#child === null) return true;
    this.#ending = true;
    this.resume();
    this.#child.kill("SIGTERM");
    const late = new Promise<false>((resolve) => {
      setTimeout(() => resolve(false), patienceMs).unref();
    });
    const ended = await Promise.race([this.#exited.then(() => true), late]);
    if (!ended) await this.kill();
    return ended;
  }

  /** What it wrote to stderr, its last lines. */
  lastWords(lines: number): string[] {
    const text = readFileSync(join(this.place.place, "node.log"), "utf8");
    return text.trimEnd().split("\n").slice(-lines);
  }
}

// Real processes of the command line, for tests: started as a person or systemd starts them, read
// by what they print, ended by their own handles.
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { Test } from "tap";
import type { LogRow } from "../../src/log/events.ts";
import { LogReader } from "../../src/log/read.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const PROGRAM = join(ROOT, "src/cli/stopline.ts");
/** Longer than anything here takes on a busy machine; a test that needs it has failed. */
const PATIENCE_MS = 90_000;
const LOOK_MS = 50;

/** A folder that goes with the test. */
export function folder(t: Test): string {
  const dir = mkdtempSync(join(tmpdir(), "stopline-cli-"));
  t.teardown(() => rmSync(dir, { recursive: true, force: true, maxRetries: 5 }));
  return dir;
}

export interface SitePlaces {
  readonly mqtt?: number;
  readonly console?: number;
  readonly device?: string;
}

/** The three-leg example, whose first greens let nobody walk, on free ports. */
export function siteText({ mqtt = 0, console = 0, device = "virtual" }: SitePlaces = {}): string {
  return readFileSync(join(ROOT, "config/three-leg.yaml"), "utf8")
    .replace("port: 1883", `port: ${mqtt}`)
    .replace("127.0.0.1:8080", `127.0.0.1:${console}`)
    .replace("device: virtual", `device: ${device}`);
}

/** Writes a site file into `dir`; its path. */
export function writeSite(dir: string, text: string): string {
  const path = join(dir, "site.yaml");
  writeFileSync(path, text);
  return path;
}

/** True as soon as `done` is; false when it never was. */
export async function until(
  done: () => boolean | Promise<boolean>,
  patienceMs = PATIENCE_MS,
): Promise<boolean> {
  for (const endMs = performance.now() + patienceMs; performance.now() < endMs; ) {
    if (await done()) return true;
    await sleep(LOOK_MS);
  }
  return await done();
}

/** A terminal with the program in it; killed, the program loses its terminal. */
export function openTerminal(t: Test, args: readonly string[]): ChildProcess {
  const words = [process.execPath, PROGRAM, ...args].map((word) => `'${word}'`).join(" ");
  const shell = 'unset NODE_OPTIONS JOURNAL_STREAM; exec script --quiet --command "$1" /dev/null';
  const child = spawn("sh", ["-c", shell, "sh", words], { cwd: ROOT, stdio: "ignore" });
  t.teardown(() => child.kill("SIGKILL"));
  return child;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export class Stopline {
  out = "";
  err = "";
  /** Both streams in the order in which their bytes arrived. */
  all = "";
  readonly exit: Promise<Exit>;
  private readonly child: ChildProcess;
  private ended = false;

  /** `before` are words that start the program, such as `nice`. */
  constructor(t: Test, args: readonly string[], before: readonly string[] = []) {
    // tap hands its loaders to children through NODE_OPTIONS; these run as in production.
    const script = 'unset NODE_OPTIONS JOURNAL_STREAM; exec "$@"';
    const words = [...before, process.execPath, PROGRAM, ...args];
    this.child = spawn("sh", ["-c", script, "sh", ...words], {
      cwd: ROOT,
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.child.stdout?.on("data", (chunk: Buffer) => {
      this.out += chunk.toString();
      this.all += chunk.toString();
    });
    this.child.stderr?.on("data", (chunk: Buffer) => {
      this.err += chunk.toString();
      this.all += chunk.toString();
    });
    const leash = setTimeout(() => this.kill("SIGKILL"), PATIENCE_MS);
    this.exit = new Promise((resolve) => {
      this.child.once("close", (code, signal) => {
        clearTimeout(leash);
        this.ended = true;
        resolve({ code, signal });
      });
    });
    t.teardown(async () => {
      if (!this.ended) this.kill("SIGKILL");
      await this.exit;
    });
  }

  /** Its process; -1 where it never began. */
  get pid(): number {
    return this.child.pid ?? -1;
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** The address behind a label of the first lines, as programs read it; null before that. */
  place(label: "mqtt" | "console" | "data"): string | null {
    return new RegExp(`^\\s*${label}\\s+(\\S+)$`, "m").exec(this.out)?.[1] ?? null;
  }

  /** Waits for the first lines. */
  async opened(): Promise<boolean> {
    return await until(() => this.ended || this.place("data") !== null);
  }

  /** Waits for words on either stream. */
  async says(words: string | RegExp): Promise<boolean> {
    const there = () =>
      typeof words === "string" ? this.all.includes(words) : words.test(this.all);
    await until(() => this.ended || there());
    return there();
  }

  /** The console's address without its secret. */
  origin(): string {
    return new URL(this.place("console") ?? "").origin;
  }

  secret(): string {
    return new URL(this.place("console") ?? "").hash.replace("#secret=", "");
  }

  async get(path: string): Promise<{ status: number; text: string }> {
    const response = await fetch(`${this.origin()}${path}`);
    return { status: response.status, text: await response.text() };
  }

  /** Notices of the node: what pino wrote as JSON. */
  notices(): string[] {
    return this.err
      .split("\n")
      .filter((line) => line.startsWith("{"))
      .map((line) => String((JSON.parse(line) as { msg: string }).msg));
  }
}

/** Runs a command to its end. */
export async function runToEnd(
  t: Test,
  args: readonly string[],
): Promise<Exit & { readonly out: string; readonly err: string; readonly all: string }> {
  const child = new Stopline(t, args);
  const exit = await child.exit;
  return { ...exit, out: child.out, err: child.err, all: child.all };
}

/** All rows of a data folder, also beside its running node. */
export function rowsOf(dir: string): LogRow[] {
  const reader = new LogReader(dir);
  try {
    return [...reader.pages({ from: 0, kind: null })].flat();
  } finally {
    reader.close();
  }
}

export function namesIn(dir: string): string[] {
  return readdirSync(dir).sort();
}

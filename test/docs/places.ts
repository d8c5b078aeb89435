// Where the commands of a page are run: a fresh clone, a network that leads nowhere, a board in an
// emulator. Each takes one script and says how it ended.
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Block } from "./blocks.ts";

export const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const STAND_INS = fileURLToPath(new URL("./stand-ins", import.meta.url));
const KILL_AFTER_MS = 5_000;

export interface Ended {
  /** Null when it took longer than it may. */
  readonly code: number | null;
  readonly words: string;
}

export interface Ground {
  run(block: Block): Promise<Ended>;
  close(): Promise<void>;
}

/** Everything that it started is ended with it. */
function endGroup({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  try {
    if (pid !== undefined) process.kill(-pid, signal);
  } catch {
    // It has ended by itself.
  }
}

async function ended(command: string[], block: Block, env: NodeJS.ProcessEnv, cwd: string) {
  const [program = "", ...words] = command;
  const child = spawn(program, words, {
    cwd,
    env,
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const parts: string[] = [];
  child.stdout.on("data", (part: Buffer) => parts.push(part.toString()));
  child.stderr.on("data", (part: Buffer) => parts.push(part.toString()));
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    endGroup(child, "SIGTERM");
    setTimeout(() => endGroup(child, "SIGKILL"), KILL_AFTER_MS).unref();
  }, block.seconds * 1_000);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (status) => resolve(status));
  });
  clearTimeout(timer);
  endGroup(child, "SIGKILL");
  return { code: late ? null : code, words: parts.join("") };
}

/** Programs that go before the system's: `stopline`, `sudo` where one is root, stand-ins. */
function before(folder: string, clone: string, standIns: readonly string[]): string {
  const bin = join(folder, `bin-${["", ...standIns].join("-")}`);
  if (existsSync(bin)) return bin;
  mkdirSync(bin);
  const write = (name: string, text: string): void =>
    writeFileSync(join(bin, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  write("stopline", `exec "${join(clone, "scripts/stopline")}" "$@"`);
  if (process.getuid?.() === 0) write("sudo", 'exec "$@"');
  for (const name of standIns) symlinkSync(join(STAND_INS, name), join(bin, name));
  return bin;
}

/** A clone of what is committed here, with the packages that are installed here. */
export function cloneGround(inNet: boolean): Ground {
  const folder = mkdtempSync(join(tmpdir(), "stopline-docs-"));
  const clone = join(folder, "stopline");
  const made = spawnSync("git", ["clone", "-q", ROOT, clone], { encoding: "utf8" });
  if (made.status !== 0) throw new Error(`git clone: ${made.stderr}`);
  spawnSync("cp", ["-al", join(ROOT, "node_modules"), join(clone, "node_modules")]);
  const home = join(folder, "home");
  mkdirSync(home);
  const net = "ip link add eth0 type veth peer name eth0-end && ip link set eth0 up && ";
  return {
    run: async ({ script, standIns, ...rest }) => {
      const path = `${before(folder, clone, standIns)}:${process.env.PATH ?? ""}`;
      const shell = ["bash", "-euo", "pipefail", "-c", script];
      const alone = ["unshare", "-n", "bash", "-c", `${net}exec "$@"`, "net", ...shell];
      // biome-ignore lint/style/useNamingConvention: the system's names
      const env = { ...process.env, PATH: path, HOME: home };
      return await ended(inNet ? alone : shell, { script, standIns, ...rest }, env, clone);
    },
    close: async () => rmSync(folder, { recursive: true, force: true }),
  };
}

// Compiles the firmware's host programs into a throw-away folder and runs them.
import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const FIRMWARE = fileURLToPath(new URL("../../firmware-bridge/", import.meta.url));
export const CORE = join(FIRMWARE, "core");
export const HOST = join(FIRMWARE, "host");

export interface Ran {
  readonly code: number | null;
  readonly output: string;
}

/** Runs a program to its end; null code when it was killed after `timeoutMs`. */
export function run(
  command: string,
  args: readonly string[],
  options: { readonly cwd?: string; readonly timeoutMs?: number } = {},
): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: Object.fromEntries(
        Object.entries(process.env).filter(([name]) => name !== "NODE_OPTIONS"),
      ),
      timeout: options.timeoutMs ?? 240_000,
      killSignal: "SIGKILL",
    });
    let output = "";
    child.stdout.on("data", (data: Buffer) => {
      output += data.toString();
    });
    child.stderr.on("data", (data: Buffer) => {
      output += data.toString();
    });
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, output }));
  });
}

/** The C files of a folder, with their paths, in order. */
export function sources(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith(".c"))
    .sort()
    .map((name) => join(folder, name));
}

/** A folder that is gone with the test. */
export function workFolder(t: { teardown(end: () => void): void }): string {
  const folder = mkdtempSync(join(tmpdir(), "stopline-firmware-"));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Compiles with warnings as errors; throws with the compiler's words. */
export async function compile(out: string, files: string[], flags: string[]): Promise<void> {
  const args = ["-std=c11", "-Wall", "-Wextra", "-Werror", `-I${HOST}`, ...flags, "-o", out];
  const done = await run("gcc", [...args, ...files]);
  if (done.code !== 0) throw new Error(`gcc failed:\n${done.output}`);
}

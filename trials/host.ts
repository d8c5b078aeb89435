// Programs of this machine: run to their end, or kept as children that never outlive this process.
import { type ChildProcess, type SpawnOptions, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const MAX_OUTPUT_BYTES = 256 * 1024 * 1024;
const children = new Set<ChildProcess>();
const folders = new Set<string>();

/** Output of a program that ended well; otherwise an error with its words. */
export function output(command: string, args: readonly string[]): string {
  const done = spawnSync(command, args, { encoding: "utf8", maxBuffer: MAX_OUTPUT_BYTES });
  if (done.error !== undefined) throw done.error;
  if (done.status === 0) return done.stdout;
  const how = done.signal ?? `exit code ${done.status}`;
  throw new Error(`${command} ${args.join(" ")}: ${how}\n${done.stderr.trim()}`);
}

/** How a program ended, whatever it says. */
export function outcome(
  command: string,
  args: readonly string[],
): { readonly code: number; readonly text: string } {
  const done = spawnSync(command, args, { encoding: "utf8", maxBuffer: MAX_OUTPUT_BYTES });
  if (done.error !== undefined) throw done.error;
  return { code: done.status ?? 1, text: `${done.stdout}${done.stderr}` };
}

/** Runs a program with its words on our stderr; an error when it ends badly. */
export async function performed(
  command: string,
  args: readonly string[],
  options: SpawnOptions = {},
): Promise<void> {
  const child = kept(command, args, { ...options, stdio: ["ignore", 2, 2] });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", resolve);
  });
  if (code !== 0) throw new Error(`${command} ${args.join(" ")}: exit code ${code}`);
}

/** Starts a program that ends with this process at the latest. */
export function kept(
  command: string,
  args: readonly string[],
  options: SpawnOptions = {},
): ChildProcess {
  const child = spawn(command, args, options);
  children.add(child);
  child.once("exit", () => children.delete(child));
  return child;
}

/** Kills one child and waits for its end. */
export async function killed(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  child.kill("SIGKILL");
  await gone;
}

/** A folder of this run, removed at its end. */
export function scratch(): string {
  const path = mkdtempSync(join(tmpdir(), "stopline-trial-"));
  folders.add(path);
  return path;
}

function cleanUp(): void {
  for (const child of children) child.kill("SIGKILL");
  for (const path of folders) rmSync(path, { recursive: true, force: true });
}

process.once("exit", cleanUp);
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.once(signal, () => process.exit(1));
}

/** Words for a person; stdout stays free for results. */
export function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

export async function sleep(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}

/** Waits until `holds` answers true; false when it did not within `patienceMs`. */
export async function until(
  patienceMs: number,
  holds: () => boolean | Promise<boolean>,
  everyMs = 200,
): Promise<boolean> {
  const endMs = performance.now() + patienceMs;
  while (!(await holds())) {
    if (performance.now() > endMs) return false;
    await sleep(everyMs);
  }
  return true;
}

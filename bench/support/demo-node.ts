// A node under measurement: the demo in a process of its own, with what it printed and what the
// kernel says it costs.
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const ENTRY = new URL("../../src/cli/stopline.ts", import.meta.url).pathname;

/** Kernel clock ticks per second; 100 on every Linux of our kinds (getconf CLK_TCK). */
const CLOCK_TICKS = 100;

export interface DemoNode {
  readonly pid: number;
  readonly mqttPort: number;
  /** With the secret in its fragment. */
  readonly consoleUrl: string;
  readonly startedWallMs: number;
  readonly stop: () => Promise<number | null>;
}

/** CPU seconds that a process and its threads have used. */
export function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / CLOCK_TICKS;
}

/** Resident memory of a process in MB. */
export function residentMb(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024;
}

function wordAfter(text: string, label: string): string | null {
  return new RegExp(`^\\s*${label}\\s+(\\S+)$`, "m").exec(text)?.[1] ?? null;
}

async function printed(child: ChildProcess, ms: number): Promise<{ mqtt: string; page: string }> {
  let text = "";
  return await new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no address after ${ms} ms:\n${text}`)), ms);
    child.stdout?.on("data", (chunk: Buffer) => {
      text += chunk.toString();
      const [mqtt, page] = [wordAfter(text, "mqtt"), wordAfter(text, "console")];
      if (mqtt === null || page === null) return;
      clearTimeout(timer);
      resolve({ mqtt, page });
    });
    child.once("exit", (code) => reject(new Error(`the node ended with ${code}:\n${text}`)));
  });
}

/** Starts the demo on free ports in a data folder of its own, removed at `stop`. */
export async function startDemo(extra: readonly string[] = []): Promise<DemoNode> {
  const dataDir = mkdtempSync(join(tmpdir(), "stopline-bench-"));
  const startedWallMs = performance.timeOrigin + performance.now();
  const child = spawn(process.execPath, [ENTRY, "demo", "--data", dataDir, ...extra], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = new Promise<number | null>((resolve) => child.once("exit", resolve));
  const { mqtt, page } = await printed(child, 20_000);
  return {
    pid: child.pid ?? 0,
    mqttPort: Number(new URL(mqtt).port),
    consoleUrl: page,
    startedWallMs,
    stop: async () => {
      child.kill("SIGTERM");
      const code = await exited;
      rmSync(dataDir, { recursive: true, force: true });
      return code;
    },
  };
}

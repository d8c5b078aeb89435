// Runs `stopline replay` and `stopline events` as a user would, and hands over what they printed.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Evidence } from "./checks.ts";
import { readCard, readCodes, readLamps } from "./evidence.ts";

const ENTRY = new URL("../../src/cli/stopline.ts", import.meta.url).pathname;
const MAX_BUFFER = 256 * 1024 * 1024;

export interface ReplayPlan {
  /** Text of the site file that the node runs. */
  readonly site: string;
  /** Text of the recording that the node is fed. */
  readonly recording: string;
}

export interface ReplayResult {
  readonly indiana: string;
  readonly lamps: string;
  readonly tookMs: number;
}

function stopline(args: readonly string[]): string {
  const node = `exec "${process.execPath}" "${ENTRY}" "$@"`;
  const result = spawnSync("sh", ["-c", `unset NODE_OPTIONS; ${node}`, "stopline", ...args], {
    encoding: "utf8",
    maxBuffer: MAX_BUFFER,
  });
  if (result.status === 0) return result.stdout;
  throw new Error(`stopline ${args[0]} ended with ${result.status}: ${result.stderr}`);
}

/** One replay in a folder of its own, which is removed again. */
export function runReplay(plan: ReplayPlan): ReplayResult {
  const dir = mkdtempSync(join(tmpdir(), "stopline-replay-"));
  try {
    const [csv, yaml, out] = [join(dir, "in.csv"), join(dir, "site.yaml"), join(dir, "data")];
    writeFileSync(csv, plan.recording);
    writeFileSync(yaml, plan.site);
    const before = performance.now();
    stopline(["replay", csv, "--site", yaml, "--out", out]);
    const tookMs = performance.now() - before;
    const events = ["events", "--data", out];
    return {
      indiana: stopline([...events, "--format", "indiana"]),
      lamps: stopline([...events, "--kind", "lamps-sensed", "--format", "csv"]),
      tookMs,
    };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

export interface Bounds {
  readonly leastGreens: number;
  readonly longestWaitMs: number;
}

/** What the checker looks at: the true site file and recording, whatever the node was given. */
export function evidenceOf(truth: ReplayPlan, result: ReplayResult, bounds: Bounds): Evidence {
  return {
    card: readCard(truth.site),
    recording: readCodes(truth.recording),
    exported: readCodes(result.indiana),
    lamps: readLamps(result.lamps),
    ...bounds,
  };
}

export function readText(path: string | URL): string {
  return readFileSync(path, "utf8");
}

// A node on this machine: what its composition is given here comes from the simulator there.
import { mkdirSync, readFileSync } from "node:fs";
import { setPriority } from "node:os";
import type { CabinetPort } from "../cabinet/port.ts";
import { consoleSecret } from "../console/secret.ts";
import { clockFloorMs } from "./clock-floor.ts";
import { realHost } from "./host.ts";
import type { MeshSetup } from "./mesh-messages.ts";
import { RunningNode } from "./node.ts";
import { readSite, type SiteRead } from "./read-site.ts";

/** Half way to the strongest; on Linux it counts for the calling thread alone. */
const NICENESS = -10;

export interface StartOptions {
  readonly read: SiteRead;
  readonly file: string;
  readonly dataDir: string;
  readonly freePorts: boolean;
  /** Null where there is no site to drive. */
  readonly port: CabinetPort | null;
  /** Other thread entries, for tests that break them on purpose. */
  readonly entries?: { readonly service?: URL; readonly log?: URL };
  /** Neighbours instead of those of the site file. */
  readonly mesh?: MeshSetup | null;
}

/**
 * This thread before all others of the process, where the system lets it (root, or a unit with
 * LimitNICE): a flood that keeps both cores busy must not delay a lamp. Threads inherit it, so each
 * worker takes it back for itself.
 */
function goFirst(): void {
  try {
    setPriority(NICENESS);
  } catch {
    // An ordinary user shares the processor evenly.
  }
}

function packageVersion(): string {
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  return String((JSON.parse(text) as { version: string }).version);
}

/** Starts a node; resolves when its service thread has opened what it could. */
export async function startNode({ file, ...options }: StartOptions): Promise<RunningNode> {
  mkdirSync(options.dataDir, { recursive: true });
  goFirst();
  const node = new RunningNode({
    ...options,
    mesh: options.mesh ?? null,
    host: realHost,
    readAgain: () => readSite(file),
    version: packageVersion(),
    secret: consoleSecret(options.dataDir),
    clockFloorMs: clockFloorMs(options.dataDir),
  });
  await node.start();
  return node;
}

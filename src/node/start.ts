// A node on this machine: what its composition is given here comes from the simulator there.
import { mkdirSync } from "node:fs";
import type { CabinetPort } from "../cabinet/port.ts";
import { consoleSecret, passingSecret } from "../console/secret.ts";
import { packageVersion } from "../observe/version.ts";
import { clockFloorMs } from "./clock-floor.ts";
import { realHost } from "./host.ts";
import type { MeshSetup } from "./mesh-messages.ts";
import { CONTROL_NICENESS, collectAlone, takeNiceness } from "./niceness.ts";
import { RunningNode } from "./node.ts";
import { readSite, type SiteRead } from "./read-site.ts";
import { supervisorOf } from "./supervisor.ts";

export interface StartOptions {
  readonly read: SiteRead;
  readonly file: string;
  readonly dataDir: string;
  readonly freePorts: boolean;
  /**
   * Told instead of a throw when the data folder can't be made or written: the node then runs its
   * lamps all the same, and its log tries again and again.
   */
  readonly onUnusableFolder?: (error: unknown) => void;
  /** Null where there is no site to drive. */
  readonly port: CabinetPort | null;
  /** Other thread entries, for tests that break them on purpose. */
  readonly entries?: { readonly service?: URL; readonly log?: URL };
  /** Neighbours instead of those of the site file. */
  readonly mesh?: MeshSetup | null;
}

/** Makes the folder where it is not there; the secret that it holds from now on. */
function secretOf(dataDir: string, onUnusable: StartOptions["onUnusableFolder"]): string {
  try {
    mkdirSync(dataDir, { recursive: true });
    return consoleSecret(dataDir);
  } catch (error) {
    if (onUnusable === undefined) throw error;
    onUnusable(error);
    return passingSecret();
  }
}

/** Starts a node; resolves when its service thread has opened what it could. */
export async function startNode({ file, ...options }: StartOptions): Promise<RunningNode> {
  const { dataDir, onUnusableFolder } = options;
  const secret = secretOf(dataDir, onUnusableFolder);
  takeNiceness(CONTROL_NICENESS);
  collectAlone();
  const problems = options.read.ok ? [] : options.read.problems;
  const supervisor = await supervisorOf(process.env, problems);
  const node = new RunningNode({
    ...options,
    mesh: options.mesh ?? null,
    host: realHost,
    supervisor,
    readAgain: () => readSite(file),
    version: packageVersion(),
    secret,
    clockFloorMs: clockFloorMs(dataDir),
  });
  await node.start();
  return node;
}

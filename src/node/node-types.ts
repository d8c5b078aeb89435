// What a node is made from, and what it says of itself.
import type { CabinetPort } from "../cabinet/port.ts";
import type { ControlMode } from "../core/site/view.ts";
import type { Host } from "./host.ts";
import type { MeshSetup } from "./mesh-messages.ts";
import type { LoopPicture } from "./messages.ts";
import type { SiteRead } from "./read-site.ts";
import type { Supervisor } from "./supervisor.ts";
import type { ThreadDeath } from "./thread.ts";

export interface NodeOptions {
  readonly host: Host;
  readonly read: SiteRead;
  /** Reads the site file anew, for a reload. */
  readonly readAgain: () => Promise<SiteRead>;
  readonly dataDir: string;
  /** Of the program. */
  readonly version: string;
  /** The console's secret. */
  readonly secret: string;
  /** Wall time in ms that is known to be past. */
  readonly clockFloorMs: number;
  readonly freePorts: boolean;
  /** Null where there is no site to drive. */
  readonly port: CabinetPort | null;
  /** Absent or null where no service manager listens. */
  readonly supervisor?: Supervisor | null;
  /** Other thread entries, for tests that break them on purpose. */
  readonly entries?: { readonly service?: URL; readonly log?: URL };
  /** Neighbours instead of those of the site file. */
  readonly mesh: MeshSetup | null;
}

export interface Opened {
  readonly consoleUrl: string | null;
  readonly mqtt: readonly string[];
  readonly problems: readonly string[];
}

/** What a node says when it ends. */
export interface Ended {
  readonly greens: number;
  readonly events: number;
  readonly trips: number;
  readonly callsBeyondBound: number;
  /** Neighbours that it was linked to when it was told to stop; null where it has none. */
  readonly links: number | null;
  /** Platoons of neighbours that had green when they came. */
  readonly platoons: number;
  /** Threads that died or were not running at the end. */
  readonly deadThreads: number;
  /** False when a thread sits in a call that does not return: the process can't exit by itself. */
  readonly threadsEnded: boolean;
}

export interface NodePicture extends LoopPicture {
  readonly mode: ControlMode;
  readonly stops: number;
  readonly trips: number;
  readonly deaths: readonly ThreadDeath[];
  /** Names of the threads that run. */
  readonly running: readonly string[];
}

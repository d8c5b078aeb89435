// What a session store is given to keep things with, and what it hands to Aedes.
import type { KeptDisk } from "./keeper.ts";

/** An entry of `subscriptionsByTopic`. */
export interface Subscriber {
  readonly clientId: string;
  readonly topic: string;
  readonly qos: number;
}

export interface Keeping {
  readonly disk: KeptDisk | null;
  /** Monotonic and wall clock, ms. */
  readonly now: () => number;
  readonly wallMs: () => number;
  /** The topic of the log's rows. */
  readonly eventsTopic?: string;
}

export const IN_MEMORY: Keeping = {
  disk: null,
  now: () => performance.now(),
  wallMs: () => Date.now(),
};

// What a node runs on: time, threads and the channels between them; the disk is its log thread's.
// The real one is this process; the simulator runs many nodes in one thread, in virtual time.
import {
  MessageChannel,
  type ResourceLimits,
  type Transferable,
  Worker,
} from "node:worker_threads";
import { type ChannelPort, transferable } from "../log/channel.ts";
import { realTimers, type Timers } from "../log/timers.ts";
import { heapBytes } from "./wear-figures.ts";

export type ThreadName = "log" | "service" | "mesh";

export interface SpawnPlan {
  readonly name: ThreadName;
  readonly url: URL;
  readonly data: unknown;
  /** Ports in `data`, which belong to the new thread. */
  readonly transfer: readonly ChannelPort[];
  readonly limits: ResourceLimits;
}

/** What is heard of a worker; `exit` comes once and last. */
export interface WorkerEvents {
  readonly message: (message: unknown) => void;
  readonly error: (error: unknown) => void;
  readonly exit: (code: number) => void;
}

export interface WorkerLike {
  post(message: unknown, transfer: readonly ChannelPort[]): void;
  /** Ends it whatever it does; `exit` follows, unless it sits in a call that does not return. */
  terminate(): void;
}

export interface Host {
  readonly timers: Timers;
  spawn(plan: SpawnPlan, events: WorkerEvents): WorkerLike;
  channel(): readonly [ChannelPort, ChannelPort];
  /** The asking thread's heap in use; a simulated one has none of its own. */
  heapBytes(): number;
}

export const realHost: Host = {
  timers: realTimers,
  spawn({ name, url, data, transfer, limits }, events) {
    const worker = new Worker(url, {
      name,
      workerData: data,
      transferList: transferable(transfer) as Transferable[],
      resourceLimits: limits,
    });
    worker.on("message", events.message);
    worker.on("error", events.error);
    worker.on("exit", events.exit);
    return {
      post: (message, ports) => worker.postMessage(message, transferable(ports)),
      terminate: () => {
        void worker.terminate();
      },
    };
  },
  channel() {
    const { port1, port2 } = new MessageChannel();
    return [port1, port2];
  },
  heapBytes,
};

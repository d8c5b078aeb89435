// One end of a channel between two threads: what the log needs of a `MessagePort`, which fits it.
import { MessagePort, type Transferable } from "node:worker_threads";

export interface ChannelPort {
  postMessage(value: unknown): void;
  on(event: "message", listen: (value: unknown) => void): unknown;
  close(): void;
}

/** A port of this process as what may be transferred to a thread. */
export function transferable(ports: readonly ChannelPort[]): Transferable[] {
  return ports.filter((port) => port instanceof MessagePort);
}

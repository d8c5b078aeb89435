// The virtual cabinet lives in a worker of its own; its bytes cross a MessagePort. This file has
// both ends: the port that the control thread uses, and what the worker runs around the cabinet.
import { type MessagePort, receiveMessageOnPort } from "node:worker_threads";
import type { CabinetPort } from "./port.ts";

/** How often the worker wakes; the cabinet itself still runs every millisecond in between. */
export const WAKE_MS = 10;

/** What crosses the port: bytes either way, and a cable pulled or put back by a test. */
type PortMessage = Uint8Array | "open" | "closed";

/** The control thread's end. The worker opens it by its first message. */
export class VirtualCabinetPort implements CabinetPort {
  onBytes: ((bytes: Uint8Array) => void) | null = null;
  onOpen: (() => void) | null = null;
  onClose: ((reason: string) => void) | null = null;
  private readonly port: MessagePort;
  private open = false;

  constructor(port: MessagePort) {
    this.port = port;
    port.on("message", (message: PortMessage) => this.receive(message));
    port.on("close", () => this.receive("closed"));
  }

  write(bytes: Uint8Array): boolean {
    if (!this.open) return false;
    this.port.postMessage(bytes);
    return true;
  }

  close(): void {
    this.onClose = null;
    this.port.close();
  }

  private receive(message: PortMessage): void {
    if (message instanceof Uint8Array) {
      this.onBytes?.(message);
    } else if (message === "open") {
      this.open = true;
      this.onOpen?.();
    } else if (this.open) {
      this.open = false;
      this.onClose?.("the virtual cabinet has ended");
    }
  }
}

/** What the worker's loop needs of a virtual cabinet. */
export interface ServedCabinet {
  onBytes: ((bytes: Uint8Array, atMs: number) => void) | null;
  receive(bytes: Uint8Array): void;
  advance(toMs: number): void;
}

export interface ServeOptions {
  /** The worker's monotonic clock in ms; `performance.now` outside tests. */
  readonly nowMs: () => number;
  /** Called before each advance, for the street that drives the inputs. */
  readonly onAdvance?: (toMs: number) => void;
}

/**
 * Runs the cabinet behind the port on wall time from now on: it wakes every WAKE_MS and lets the
 * cabinet catch up with the clock. Returns a function that ends it.
 */
export function serveVirtualCabinet(
  cabinet: ServedCabinet,
  port: MessagePort,
  options: ServeOptions,
): () => void {
  const startMs = options.nowMs();
  let pending: Uint8Array[] = [];
  cabinet.onBytes = (bytes) => pending.push(bytes.slice());
  port.on("message", (message: PortMessage) => {
    if (message instanceof Uint8Array) cabinet.receive(message);
  });
  const wake = (): void => {
    const toMs = options.nowMs() - startMs;
    // After a late wake the timer comes before the messages: what arrived meanwhile goes in first.
    for (let next = receiveMessageOnPort(port); next; next = receiveMessageOnPort(port)) {
      if (next.message instanceof Uint8Array) cabinet.receive(next.message);
    }
    options.onAdvance?.(toMs);
    cabinet.advance(toMs);
    for (const bytes of pending) port.postMessage(bytes);
    pending = [];
  };
  const timer = setInterval(wake, WAKE_MS);
  const end = (): void => clearInterval(timer);
  port.once("close", end);
  port.postMessage("open");
  return end;
}

// One worker thread under watch: started, told apart from a dead one by its own sign of life, and
// started anew with back-off when it dies. The old one has always exited before the new one starts,
// so that a writer stuck in the disk is waited for and never doubled.
import type { ResourceLimits } from "node:worker_threads";
import type { ChannelPort } from "../log/channel.ts";
import { type TimerHandle, within } from "../log/timers.ts";
import type { Host, ThreadName, WorkerLike } from "./host.ts";

/** Back-off before a restart: doubles from the first to the last (DESIGN section 4). */
const FIRST_BACKOFF_MS = 1_000;
const LAST_BACKOFF_MS = 60_000;
/** A thread that lived this long starts again with the first back-off. */
const STABLE_MS = 60_000;
/** Signs of life come every 500 ms; a loop that gives none for ten of them is endless. */
const SILENT_MS = 5_000;
/** A new thread loads its modules before its first sign of life. */
const STARTING_MS = 20_000;

/**
 * Control looks every 50 ms. When it comes later than this the whole process stood still (stopped,
 * or its machine asleep), and no thread could give a sign meanwhile.
 */
const STOOD_STILL_MS = 1_000;

/** How a thread ends, in words for the log and the console. */
export interface ThreadDeath {
  readonly thread: string;
  readonly cause: string;
  readonly restartInMs: number;
}

export interface ThreadPlan {
  readonly host: Host;
  readonly name: ThreadName;
  readonly url: URL;
  /** Made afresh for every start; the ports in `transfer` belong to the new thread. */
  readonly data: () => { readonly data: unknown; readonly transfer: readonly ChannelPort[] };
  /** Asked at every start. */
  readonly limits: () => ResourceLimits;
  readonly onMessage: (message: unknown) => void;
  readonly onDeath: (death: ThreadDeath) => void;
}

/** The message by which a thread shows that its event loop turns. */
export const ALIVE = "alive";

/** How often a thread gives it. */
export const ALIVE_MS = 500;

export class Thread {
  readonly #plan: ThreadPlan;
  #worker: WorkerLike | null = null;
  #backoffMs = FIRST_BACKOFF_MS;
  #startedMs = 0;
  #lastSignMs = 0;
  #watchedMs = 0;
  #seen = false;
  #cause: string | null = null;
  #stopping = false;
  #renewing = false;
  #restart: TimerHandle | null = null;
  #onExited: (() => void) | null = null;

  constructor(plan: ThreadPlan) {
    this.#plan = plan;
  }

  get name(): ThreadName {
    return this.#plan.name;
  }

  /** True while a worker runs, whether or not it has given a sign of life. */
  get running(): boolean {
    return this.#worker !== null;
  }

  /** Why the last worker died, or null. */
  get lastCause(): string | null {
    return this.#cause;
  }

  start(nowMs: number): void {
    const { host, name, url, limits } = this.#plan;
    let cause: string | null = null;
    let ended = false;
    this.#cause = null;
    this.#worker = host.spawn(
      { name, url, limits: limits(), ...this.#plan.data() },
      {
        // What was under way from a worker that is gone says nothing of the next one.
        message: (message) => {
          if (!ended) this.#onMessage(message);
        },
        error: (error) => {
          cause = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
        },
        exit: (code) => {
          ended = true;
          this.#onExit(cause ?? this.#cause ?? `exit code ${code}`);
        },
      },
    );
    this.#startedMs = nowMs;
    this.#watchedMs = nowMs;
    this.#lastSignMs = nowMs;
    this.#seen = false;
  }

  /** Sends a message, or drops it while no worker runs. */
  post(message: unknown, transfer: readonly ChannelPort[] = []): boolean {
    if (this.#worker === null) return false;
    this.#worker.post(message, transfer);
    return true;
  }

  /** Ends a worker whose event loop has stopped turning; called from the control loop. */
  watch(nowMs: number): void {
    const sinceMs = nowMs - this.#watchedMs;
    this.#watchedMs = nowMs;
    if (sinceMs > STOOD_STILL_MS) this.#lastSignMs = nowMs;
    const allowedMs = this.#seen ? SILENT_MS : STARTING_MS;
    if (this.#worker === null || nowMs - this.#lastSignMs <= allowedMs) return;
    this.#cause = `no sign of life for ${Math.round((nowMs - this.#lastSignMs) / 1000)} s`;
    this.#lastSignMs = nowMs;
    this.#worker.terminate();
  }

  /** Ends the worker in order and starts it with fresh data; not a death. */
  renew(): void {
    this.#renewing = true;
    this.#worker?.post({ kind: "stop" }, []);
  }

  /**
   * Asks the worker to end by itself and ends it when it has not within `graceMs`. False when even
   * that did not help: it sits in a call that does not return, such as a read of a dead disk.
   */
  async stop(graceMs: number): Promise<boolean> {
    this.#stopping = true;
    this.#restart?.cancel();
    const worker = this.#worker;
    if (worker === null) return true;
    const { timers } = this.#plan.host;
    const exited = new Promise<void>((resolve) => {
      this.#onExited = resolve;
    });
    worker.post({ kind: "stop" }, []);
    if (await within(timers, exited, graceMs)) return true;
    worker.terminate();
    return await within(timers, exited, graceMs);
  }

  #onMessage(message: unknown): void {
    this.#lastSignMs = this.#plan.host.timers.monoMs();
    this.#seen = true;
    if (message !== ALIVE) this.#plan.onMessage(message);
  }

  #onExit(cause: string): void {
    const { timers } = this.#plan.host;
    this.#worker = null;
    this.#onExited?.();
    if (this.#stopping) return;
    if (this.#renewing) {
      this.#renewing = false;
      this.start(timers.monoMs());
      return;
    }
    this.#cause = cause;
    const livedMs = timers.monoMs() - this.#startedMs;
    if (livedMs >= STABLE_MS) this.#backoffMs = FIRST_BACKOFF_MS;
    const restartInMs = this.#backoffMs;
    this.#backoffMs = Math.min(LAST_BACKOFF_MS, restartInMs * 2);
    this.#plan.onDeath({ thread: this.#plan.name, cause, restartInMs });
    this.#restart = timers.after(restartInMs, () => this.start(timers.monoMs()));
  }
}

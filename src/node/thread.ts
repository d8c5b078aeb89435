// One worker thread under watch: started, told apart from a dead one by its own sign of life, and
// started anew with back-off when it dies. The old one has always exited before the new one starts,
// so that a writer stuck in the disk is waited for and never doubled.
import {
  type MessagePort,
  type ResourceLimits,
  type Transferable,
  Worker,
} from "node:worker_threads";

/** Back-off before a restart: doubles from the first to the last (DESIGN section 4). */
const FIRST_BACKOFF_MS = 1_000;
const LAST_BACKOFF_MS = 60_000;
/** A thread that lived this long starts again with the first back-off. */
const STABLE_MS = 60_000;
/** Signs of life come every 500 ms; a loop that gives none for ten of them is endless. */
const SILENT_MS = 5_000;
/** A new thread loads its modules before its first sign of life. */
const STARTING_MS = 20_000;

/** How a thread ends, in words for the log and the console. */
export interface ThreadDeath {
  readonly thread: string;
  readonly cause: string;
  readonly restartInMs: number;
}

export interface ThreadPlan {
  readonly name: string;
  readonly url: URL;
  /** Made afresh for every start; the ports in `transfer` belong to the new thread. */
  readonly data: () => { readonly data: unknown; readonly transfer: readonly MessagePort[] };
  readonly limits: ResourceLimits;
  readonly onMessage: (message: unknown) => void;
  readonly onDeath: (death: ThreadDeath) => void;
}

/** The message by which a thread shows that its event loop turns. */
export const ALIVE = "alive";

/** How often a thread gives it. */
export const ALIVE_MS = 500;

export class Thread {
  readonly #plan: ThreadPlan;
  #worker: Worker | null = null;
  #backoffMs = FIRST_BACKOFF_MS;
  #startedMs = 0;
  #lastSignMs = 0;
  #seen = false;
  #cause: string | null = null;
  #stopping = false;
  #renewing = false;
  #restart: NodeJS.Timeout | null = null;

  constructor(plan: ThreadPlan) {
    this.#plan = plan;
  }

  get name(): string {
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
    const { data, transfer } = this.#plan.data();
    const worker = new Worker(this.#plan.url, {
      name: this.#plan.name,
      workerData: data,
      transferList: [...transfer] as Transferable[],
      resourceLimits: this.#plan.limits,
    });
    this.#worker = worker;
    this.#startedMs = nowMs;
    this.#lastSignMs = nowMs;
    this.#seen = false;
    let cause: string | null = null;
    worker.on("message", (message) => this.#onMessage(message));
    worker.on("error", (error) => {
      cause = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    });
    worker.on("exit", (code) => this.#onExit(cause ?? this.#cause ?? `exit code ${code}`));
    this.#cause = null;
  }

  /** Sends a message, or drops it while no worker runs. */
  post(message: unknown, transfer: readonly MessagePort[] = []): boolean {
    if (this.#worker === null) return false;
    this.#worker.postMessage(message, [...transfer] as Transferable[]);
    return true;
  }

  /** Ends a worker whose event loop has stopped turning; called from the control loop. */
  watch(nowMs: number): void {
    const allowedMs = this.#seen ? SILENT_MS : STARTING_MS;
    if (this.#worker === null || nowMs - this.#lastSignMs <= allowedMs) return;
    this.#cause = `no sign of life for ${Math.round((nowMs - this.#lastSignMs) / 1000)} s`;
    this.#lastSignMs = nowMs;
    void this.#worker.terminate();
  }

  /** Ends the worker in order and starts it with fresh data; not a death. */
  renew(): void {
    this.#renewing = true;
    this.#worker?.postMessage({ kind: "stop" });
  }

  /**
   * Asks the worker to end by itself and ends it when it has not within `graceMs`. False when even
   * that did not help: it sits in a call that does not return, such as a read of a dead disk.
   */
  async stop(graceMs: number): Promise<boolean> {
    this.#stopping = true;
    if (this.#restart !== null) clearTimeout(this.#restart);
    const worker = this.#worker;
    if (worker === null) return true;
    const exited = new Promise<true>((resolve) => worker.once("exit", () => resolve(true)));
    worker.postMessage({ kind: "stop" });
    if (await within(exited, graceMs)) return true;
    void worker.terminate();
    return await within(exited, graceMs);
  }

  #onMessage(message: unknown): void {
    this.#lastSignMs = performance.now();
    this.#seen = true;
    if (message !== ALIVE) this.#plan.onMessage(message);
  }

  #onExit(cause: string): void {
    this.#worker = null;
    if (this.#stopping) return;
    if (this.#renewing) {
      this.#renewing = false;
      this.start(performance.now());
      return;
    }
    this.#cause = cause;
    const livedMs = performance.now() - this.#startedMs;
    if (livedMs >= STABLE_MS) this.#backoffMs = FIRST_BACKOFF_MS;
    const restartInMs = this.#backoffMs;
    this.#backoffMs = Math.min(LAST_BACKOFF_MS, restartInMs * 2);
    this.#plan.onDeath({ thread: this.#plan.name, cause, restartInMs });
    this.#restart = setTimeout(() => this.start(performance.now()), restartInMs);
  }
}

/** True when `event` comes within `ms`. */
async function within(event: Promise<true>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  const came = await Promise.race([event, late]);
  clearTimeout(timer);
  return came;
}

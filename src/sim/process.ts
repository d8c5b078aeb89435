// One life of a node's process: threads, channels and timers on the board's clock, until it is
// killed. After that nothing of it runs any more, whatever was under way.
import type { Host, SpawnPlan, ThreadName, WorkerEvents, WorkerLike } from "../node/host.ts";
import { ALIVE, ALIVE_MS } from "../node/thread.ts";
import { OneWay, simChannel, type Wire } from "./channel.ts";
import type { BoardClock } from "./clock.ts";
import type { Random } from "./random.ts";
import { SimThread, type ThreadPlace } from "./thread.ts";
import type { VirtualTime } from "./time.ts";

/** A worker's modules are loaded in some milliseconds. */
const LOADING_MS = [2, 40] as const;

/** What the code of a worker thread is given, and what it gives back. */
export interface WorkerPlace {
  readonly thread: SimThread;
  readonly data: unknown;
  readonly tell: (message: unknown) => void;
  readonly exit: () => void;
}

export type WorkerCode = (place: WorkerPlace) => (message: unknown) => void;

export interface ProcessOptions {
  readonly time: VirtualTime;
  readonly clock: BoardClock;
  readonly random: Random;
  readonly workers: Readonly<Partial<Record<ThreadName, WorkerCode>>>;
  readonly onMessage: (value: unknown) => void;
  /** What the main thread hands to a worker, as it does so. */
  readonly onPost: (name: ThreadName, message: unknown) => void;
  /** What a thread did not catch; the thread has ended. */
  readonly onError: (thread: string, error: unknown) => void;
}

export class SimProcess {
  readonly host: Host;
  readonly main: SimThread;
  readonly #options: ProcessOptions;
  readonly #place: ThreadPlace;
  readonly #wire: Wire;
  readonly #threads: SimThread[] = [];
  readonly #onDeath = new Map<SimThread, (error: unknown) => void>();
  #pausedUntilMs = 0;

  constructor(options: ProcessOptions) {
    const { time, clock, random, onMessage } = options;
    this.#options = options;
    this.#wire = { time, random: random.fork("hops"), onMessage };
    this.#place = {
      time,
      clock,
      bornMs: clock.counted(time.nowMs),
      pausedUntilMs: () => this.#pausedUntilMs,
      onError: (thread, error) => this.#onError(thread, error),
    };
    this.main = this.#thread("control");
    this.host = {
      timers: this.main.timers,
      spawn: (plan, events) => this.#spawn(plan, events),
      channel: () => simChannel(this.#wire),
      heapBytes: () => 0,
    };
  }

  get dead(): boolean {
    return this.main.dead;
  }

  /** Stops every thread until the true time `untilMs`. */
  pause(untilMs: number): void {
    this.#pausedUntilMs = Math.max(this.#pausedUntilMs, untilMs);
  }

  /** The end, without a word: `kill -9`, or no power. */
  kill(): void {
    for (const thread of this.#threads) thread.end();
  }

  /** Events that wait for its threads. */
  get waiting(): number {
    return this.#threads.reduce((sum, { waiting }) => sum + waiting, 0);
  }

  /** The newest thread of a name that lives. */
  thread(name: ThreadName): SimThread | null {
    return this.#threads.findLast((thread) => thread.name === name && !thread.dead) ?? null;
  }

  #thread(name: string): SimThread {
    const thread = new SimThread(name, this.#place);
    this.#threads.push(thread);
    return thread;
  }

  #onError(thread: SimThread, error: unknown): void {
    this.#options.onError(thread.name, error);
    if (thread === this.main) this.kill();
    else this.#onDeath.get(thread)?.(error);
  }

  #spawn({ name, data }: SpawnPlan, events: WorkerEvents): WorkerLike {
    const code = this.#options.workers[name];
    if (code === undefined) throw new Error(`no code for the thread ${name}`);
    const thread = this.#thread(name);
    const [down, up] = [new OneWay(this.#wire), new OneWay(this.#wire)];
    let ended = false;
    const exit = (number: number): void => {
      if (ended) return;
      ended = true;
      const atMs = thread.nowMs;
      thread.end();
      thread.release();
      this.#options.time.at(atMs + 1, () => this.main.deliver(() => events.exit(number)));
    };
    this.#onDeath.set(thread, (error) => {
      this.main.deliver(() => events.error(error));
      exit(1);
    });
    up.receive(this.main, events.message);
    const begin = (): void => {
      const tell = (message: unknown): void => up.send(message);
      const take = code({ thread, data, tell, exit: () => exit(0) });
      down.receive(thread, take);
      tell(ALIVE);
      thread.timers.every(ALIVE_MS, () => tell(ALIVE));
    };
    const loadingMs = this.#wire.random.between(...LOADING_MS);
    this.#options.time.after(loadingMs, () => thread.deliver(begin));
    const post = (message: unknown): void => {
      this.#options.onPost(name, message);
      down.send(message);
    };
    return { post, terminate: () => exit(1) };
  }
}

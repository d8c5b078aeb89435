// One thread of a simulated process: its events come one after the other, and while it is stopped
// or sits in a call of the disk they wait in a queue. Its timers run on the board's clock.
import type { TimerHandle, Timers } from "../log/timers.ts";
import type { BoardClock } from "./clock.ts";
import type { SimEvent, VirtualTime } from "./time.ts";

export interface ThreadPlace {
  readonly time: VirtualTime;
  readonly clock: BoardClock;
  /** What the quartz had counted when the process began. */
  readonly bornMs: number;
  /** True time until which the whole process is stopped. */
  readonly pausedUntilMs: () => number;
  /** Called with what nobody has caught. */
  readonly onError: (thread: SimThread, error: unknown) => void;
}

let running: SimThread | null = null;

/** The thread whose code runs at present. */
export function runningThread(): SimThread | null {
  return running;
}

export class SimThread {
  readonly name: string;
  readonly timers: Timers;
  /** Called after each of its events. */
  after: () => void = () => undefined;
  /** Called when it ends while its process lives on: what the system then closes for it. */
  release: () => void = () => undefined;
  /** True when nothing that it says leaves it any more. */
  isMute: () => boolean = () => false;
  readonly #place: ThreadPlace;
  readonly #waiting: (() => void)[] = [];
  readonly #soon: (() => void)[] = [];
  #wake: SimEvent | null = null;
  #busyUntilMs = 0;
  #dead = false;

  constructor(name: string, place: ThreadPlace) {
    this.name = name;
    this.#place = place;
    this.timers = this.#makeTimers();
  }

  get dead(): boolean {
    return this.#dead;
  }

  /** True time at which what it says now is heard: later than now while it waits for its disk. */
  get nowMs(): number {
    return Math.max(this.#place.time.nowMs, this.#busyUntilMs);
  }

  /** Events that wait for it. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** It sits in a call for so long. */
  charge(ms: number): void {
    this.#busyUntilMs = this.nowMs + ms;
  }

  end(): void {
    this.#dead = true;
    this.#waiting.length = 0;
    this.#soon.length = 0;
  }

  /** An event for this thread, now or as soon as it is free. */
  deliver(run: () => void): void {
    if (this.#dead) return;
    if (this.#waiting.length > 0 || this.#freeAtMs() > this.#place.time.nowMs) {
      this.#waiting.push(run);
      this.#wakeLater();
      return;
    }
    this.#run(run);
  }

  #freeAtMs(): number {
    return Math.max(this.#busyUntilMs, this.#place.pausedUntilMs());
  }

  #wakeLater(): void {
    this.#wake ??= this.#place.time.at(this.#freeAtMs(), () => {
      this.#wake = null;
      this.#catchUp();
    });
  }

  #catchUp(): void {
    while (this.#waiting.length > 0 && !this.#dead) {
      if (this.#freeAtMs() > this.#place.time.nowMs) {
        this.#wakeLater();
        return;
      }
      const run = this.#waiting.shift();
      if (run !== undefined) this.#run(run);
    }
  }

  #run(run: () => void): void {
    const before = running;
    running = this;
    try {
      run();
      for (let next = this.#soon.shift(); next !== undefined; next = this.#soon.shift()) next();
    } catch (error) {
      if (!this.isMute()) this.#place.onError(this, error);
    } finally {
      running = before;
    }
    this.after();
  }

  #makeTimers(): Timers {
    const { time, clock, bornMs } = this.#place;
    const once = (ms: number, run: () => void): SimEvent => {
      const event = time.at(this.nowMs + ms / clock.rate, () => {
        if (!this.#dead) this.deliver(run);
      });
      return event;
    };
    return {
      monoMs: () => clock.counted(this.nowMs) - bornMs,
      wallMs: () => clock.wall(this.nowMs),
      after: (ms, run) => handleOf((fire) => once(ms, fire), run),
      every: (ms, run) => everyOf((fire) => once(ms, fire), run),
      soon: (run) => {
        if (running === this) this.#soon.push(run);
        else time.after(0, () => this.deliver(run));
      },
    };
  }
}

type Schedule = (run: () => void) => SimEvent;

function handleOf(schedule: Schedule, run: () => void): TimerHandle {
  let cancelled = false;
  const event = schedule(() => {
    if (!cancelled) run();
  });
  return {
    cancel: () => {
      cancelled = true;
      event.run = null;
    },
  };
}

function everyOf(schedule: Schedule, run: () => void): TimerHandle {
  let event: SimEvent | null = null;
  let cancelled = false;
  const fire = (): void => {
    if (cancelled) return;
    event = schedule(fire);
    run();
  };
  event = schedule(fire);
  return {
    cancel: () => {
      cancelled = true;
      if (event !== null) event.run = null;
    },
  };
}

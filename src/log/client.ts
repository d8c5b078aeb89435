// The control thread's side of the log. `append` puts an event into a bounded queue and returns;
// one batch at a time is on its way to the log thread. Batches go once a second, and at once when
// an event must be durable before anybody hears of its effect. A disk that takes nothing fills the
// queues, and nothing else.
import type { ResourceLimits } from "node:worker_threads";
import { type EventClass, KINDS, type NodeEvent } from "./events.ts";
import type { AppendMessage, FromLog, LogData, LogFigures, ToLog } from "./messages.ts";
import { CLASS_BOUNDS, type ClassBound, type DropCounts, EventQueues } from "./queue.ts";
import { realTimers, type TimerHandle, type Timers, within } from "./timers.ts";

/** Rows of one commit at most. */
const BATCH_EVENTS = 2_048;
/** Events wait this long for a group. */
export const GROUP_MS = 1_000;

/** Entry of the log thread. */
export const LOG_THREAD = new URL("./worker.ts", import.meta.url);

/** Heap of the log thread, MB; the page cache of the engine comes on top (2 MB). */
export const LOG_LIMITS: ResourceLimits = {
  maxOldGenerationSizeMb: 64,
  maxYoungGenerationSizeMb: 2,
};

export interface LogClientOptions {
  /** Hands a message to the log thread; false while none runs. Never blocks. */
  readonly post: (message: ToLog) => boolean;
  readonly timers?: Timers;
  readonly bounds?: Readonly<Record<EventClass, ClassBound>>;
  /** Called whenever the folder was opened: at the start, after trouble, by a new thread. */
  readonly onOpened?: (opened: Extract<FromLog, { kind: "opened" }>) => void;
  /** Called when a higher incarnation stands in the log. */
  readonly onRaised?: (incarnation: number) => void;
  /** Called when the log can't be written (with the reason) and when it can again (null). */
  readonly onTrouble?: (reason: string | null, fatal: boolean) => void;
  /** Called with lines that a person should read. */
  readonly onNotice?: (text: string) => void;
}

export class LogClient {
  readonly #options: LogClientOptions;
  readonly #queues: EventQueues;
  readonly #timers: Timers;
  #batch = 0;
  #flying: AppendMessage | null = null;
  /** On its way, or waiting for a log thread. */
  #raise: Extract<ToLog, { kind: "raise" }> | null = null;
  #open = false;
  #incarnation: number | null = null;
  #trusted = false;
  #boot = "";
  #newestAt = 0;
  #seq = 0;
  #reason: string | null = null;
  #figures: LogFigures | null = null;
  #appended = 0;
  #stored = 0;
  #urgent = false;
  #timer: TimerHandle | null = null;
  readonly #idle: (() => void)[] = [];

  constructor(options: LogClientOptions) {
    this.#options = options;
    this.#queues = new EventQueues(options.bounds ?? CLASS_BOUNDS);
    this.#timers = options.timers ?? realTimers;
  }

  /** Takes an event; never waits, never throws for a disk's sake. */
  append(event: NodeEvent): void {
    this.#appended += 1;
    this.#queues.put(event.at === undefined ? { ...event, at: this.#timers.wallMs() } : event);
    if (KINDS[event.kind].durable) this.#sendSoon();
    this.#timer ??= this.#timers.after(GROUP_MS, () => this.#onTimer());
  }

  /**
   * What others know of this node is known: it goes on under `incarnation`, or the present one
   * where that is higher, and counts as trustworthy.
   */
  raise(incarnation: number, cause: string): void {
    this.#raise = { kind: "raise", incarnation, cause };
    if (this.#open) this.#options.post(this.#raise);
  }

  /** `LogData` for the next log thread: it goes on with this process's incarnation. */
  threadData(data: Omit<LogData, "resume">): LogData {
    return { ...data, resume: this.#incarnation };
  }

  /** A message of the log thread. */
  take(message: FromLog): void {
    switch (message.kind) {
      case "opened":
        this.#onOpened(message);
        break;
      case "committed":
        this.#onCommitted(message);
        break;
      case "raised":
        this.#incarnation = message.incarnation;
        this.#trusted = true;
        this.#raise = null;
        this.#options.onRaised?.(message.incarnation);
        break;
      case "trouble":
        this.#reason = message.reason;
        this.#options.onTrouble?.(message.reason, message.fatal);
        break;
      case "notice":
        this.#options.onNotice?.(message.text);
        break;
      case "figures":
        this.#figures = message.figures;
        break;
    }
  }

  /** The log thread is gone; what was on its way is sent again to the next one. */
  threadDied(): void {
    this.#open = false;
    this.#reason = "the log thread is being started anew";
    if (this.#flying !== null) this.#flying = { ...this.#flying, repeated: true };
  }

  /** Resolves when all that was appended is durable, or after `patienceMs`; true when durable. */
  async flush(patienceMs: number): Promise<boolean> {
    if (!this.#isIdle()) {
      const idle = new Promise<void>((resolve) => this.#idle.push(resolve));
      this.#urgent = true;
      this.#send();
      await within(this.#timers, idle, patienceMs);
    }
    this.#timer?.cancel();
    this.#timer = null;
    return this.#isIdle();
  }

  /** Incarnation of this start; null until the log is open. */
  get incarnation(): number | null {
    return this.#incarnation;
  }

  /** True once the incarnation is known to be higher than any that others saw of this node. */
  get trusted(): boolean {
    return this.#trusted;
  }

  /** Random mark of this start of the process, 16 hex digits; empty until the log is open. */
  get boot(): string {
    return this.#boot;
  }

  /** Wall time of the newest row before this start, 0 for none: the clock's floor. */
  get newestAt(): number {
    return this.#newestAt;
  }

  /** Why the log can't be written, or null. */
  get trouble(): string | null {
    return this.#reason;
  }

  /** What the log thread last said of itself. */
  get figures(): LogFigures | null {
    return this.#figures;
  }

  /** Events taken since the start. */
  get appended(): number {
    return this.#appended;
  }

  /** Rows of this client that are durable, gap rows among them. */
  get stored(): number {
    return this.#stored;
  }

  /** Events lost since the start, by class. */
  get dropped(): DropCounts {
    return this.#queues.dropped;
  }

  /** Events and bytes that wait for the disk. */
  get waiting(): { readonly events: number; readonly bytes: number } {
    return { events: this.#queues.length, bytes: this.#queues.bytes };
  }

  #isIdle(): boolean {
    return this.#flying === null && this.#queues.length === 0;
  }

  #onTimer(): void {
    this.#timer = null;
    this.#send();
  }

  /** After the step that this event belongs to, so that all of it is one commit. */
  #sendSoon(): void {
    if (this.#urgent) return;
    this.#urgent = true;
    this.#timers.soon(() => this.#send());
  }

  #send(): void {
    if (!this.#open || this.#flying !== null) return;
    const events = this.#queues.take(BATCH_EVENTS, this.#timers.wallMs(), "the queue was full");
    if (events.length === 0) return;
    this.#urgent = false;
    this.#batch += 1;
    const { length } = this.#queues;
    this.#flying = {
      kind: "append",
      batch: this.#batch,
      events,
      after: this.#seq,
      repeated: false,
    };
    this.#urgent = length > 0;
    this.#options.post(this.#flying);
  }

  #onOpened(message: Extract<FromLog, { kind: "opened" }>): void {
    const first = this.#incarnation === null;
    this.#open = true;
    this.#reason = null;
    this.#incarnation = message.incarnation;
    this.#trusted = message.trusted;
    this.#boot = message.boot;
    if (first) {
      this.#newestAt = message.newestAt;
      this.#seq = message.seq;
    }
    if (this.#raise !== null) this.#options.post(this.#raise);
    this.#options.onOpened?.(message);
    if (this.#flying === null) this.#send();
    else if (this.#flying.repeated) this.#options.post(this.#flying);
  }

  #onCommitted({ batch, seq }: Extract<FromLog, { kind: "committed" }>): void {
    if (this.#flying?.batch !== batch) return;
    this.#stored += this.#flying.events.length;
    this.#flying = null;
    this.#seq = seq;
    if (this.#urgent) this.#send();
    if (!this.#isIdle()) return;
    for (const resolve of this.#idle.splice(0)) resolve();
  }
}

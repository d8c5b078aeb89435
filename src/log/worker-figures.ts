// What a log thread on a real machine counts of itself: bytes written, kept by the day, its heap.
import { getHeapStatistics } from "node:v8";
import { blockDeviceOf } from "./block-device.ts";
import type { CopyPlace } from "./copies.ts";
import type { FromLog, WorkerFigures } from "./messages.ts";
import { realStorage } from "./real-storage.ts";
import type { Storage } from "./storage.ts";
import { realTimers } from "./timers.ts";
import { SAVE_EVERY_MS, WearDiary, type WearReading } from "./wear-diary.ts";
import { meteredStorage, WriteMeter } from "./write-meter.ts";
import { NOTHING_WRITTEN, wearRate } from "./written.ts";

export class WorkerCounts {
  readonly storage: Storage;
  readonly #dir: string;
  readonly #copiesHere: boolean;
  readonly #meter = new WriteMeter();
  #diary: WearDiary | null = null;
  readonly #startedMs = realTimers.monoMs();
  #savedMs = this.#startedMs;

  /** Copies into a folder count, those into a bucket don't. */
  constructor(dir: string, copy: CopyPlace | null) {
    this.#dir = dir;
    this.#copiesHere = copy !== null && !/^https?:/.test(copy.to);
    this.storage = meteredStorage(realStorage, this.#meter);
  }

  /** The message as it goes out: figures with what this thread counts. */
  completed(message: FromLog): FromLog {
    if (message.kind !== "figures") return message;
    const { copies } = message.figures;
    if (this.#copiesHere && copies !== null) this.#meter.copied(copies.bytes);
    return { ...message, figures: { ...message.figures, worker: this.#figures() } };
  }

  #figures(): WorkerFigures {
    const reading = this.#reading();
    if (reading !== null) this.#note(reading);
    return {
      written: reading?.written ?? null,
      rate: wearRate(this.#diary?.days ?? []),
      heapBytes: getHeapStatistics().used_heap_size,
    };
  }

  #reading(): WearReading | null {
    const written = this.#meter.read();
    if (written === null) return null;
    const diskBytes = blockDeviceOf(this.#dir)?.writtenBytes ?? null;
    return { monoMs: realTimers.monoMs(), wallMs: realTimers.wallMs(), written, diskBytes };
  }

  /** The folder is there and ours by the time of the first figures. */
  #note(reading: WearReading): void {
    const begin = { ...reading, monoMs: this.#startedMs, written: NOTHING_WRITTEN };
    this.#diary ??= new WearDiary(this.#dir, begin);
    this.#diary.note(reading);
    if (reading.monoMs - this.#savedMs >= SAVE_EVERY_MS) this.#save();
  }

  /** The last figures of this thread, kept. */
  close(): void {
    const reading = this.#diary === null ? null : this.#reading();
    if (reading === null) return;
    this.#note(reading);
    this.#save();
  }

  /** A disk that refuses is the log's trouble; the days wait in memory. */
  #save(): void {
    this.#savedMs = realTimers.monoMs();
    try {
      this.#diary?.save();
    } catch {
      // Tried again with the next saving.
    }
  }
}

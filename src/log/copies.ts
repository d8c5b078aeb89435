// Copies of snapshots outside this machine: in a folder, such as a mounted share, or in an
// S3-compatible bucket. They are made beside the log and never hold it up: a few wait, the oldest
// gives way and is counted, a place that can't be reached is tried again with growing patience.
import { mkdir, open, readFile, rename, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { realTimers, type TimerHandle, type Timers } from "./timers.ts";

/** Where copies go, as the site file says it. */
export interface CopyPlace {
  /** An absolute path, or `https://host/bucket/prefix`. */
  readonly to: string;
  /** File with the bucket's keys; null for a folder. */
  readonly credentials: string | null;
  /** Name of this node in the place. */
  readonly node: string;
}

export interface CopyFigures {
  readonly copied: number;
  /** Of those that were copied. */
  readonly bytes: number;
  /** Tries that failed. */
  readonly failed: number;
  /** Copies that gave way to newer ones before they could be made. */
  readonly dropped: number;
  readonly waiting: number;
  /** Why the last try failed, or null since one has succeeded. */
  readonly trouble: string | null;
}

/** A place for copies. */
export interface CopyTarget {
  /** Whole or not at all; throws with the reason, also when `signal` ends it. */
  put(path: string, bytes: Uint8Array, signal: AbortSignal): Promise<void>;
}

const MAX_WAITING = 3;
const PATIENCE_MS = 30_000;
const FIRST_RETRY_MS = 1_000;
const LAST_RETRY_MS = 300_000;

interface Copy {
  readonly path: string;
  readonly bytes: Uint8Array;
}

/** Name of a snapshot's copy. Positions have leading zeros, so that names sort by them. */
export function copyPath(node: string, incarnation: number, seq: number): string {
  return `${node}/${incarnation}/${String(seq).padStart(16, "0")}.snap`;
}

export class SnapshotCopies {
  readonly #node: string;
  readonly #target: () => Promise<CopyTarget>;
  readonly #timers: Timers;
  readonly #waiting: Copy[] = [];
  #opened: CopyTarget | null = null;
  #busy = false;
  #paused = false;
  #retry: TimerHandle | null = null;
  readonly #closing = new AbortController();
  #retryMs = FIRST_RETRY_MS;
  #copied = 0;
  #bytes = 0;
  #failed = 0;
  #dropped = 0;
  #trouble: string | null = null;

  /** `target` opens the place when the first copy is due, and again after it has failed. */
  constructor(node: string, target: () => Promise<CopyTarget>, timers: Timers = realTimers) {
    this.#node = node;
    this.#target = target;
    this.#timers = timers;
  }

  /** Takes a snapshot's file; returns at once. */
  offer(incarnation: number, seq: number, bytes: Uint8Array): void {
    if (this.#waiting.length >= MAX_WAITING) {
      // The first one may be under way; the one behind it has waited longest.
      this.#waiting.splice(this.#busy ? 1 : 0, 1);
      this.#dropped += 1;
    }
    this.#waiting.push({ path: copyPath(this.#node, incarnation, seq), bytes });
    if (!this.#busy) void this.#work();
  }

  /** The newest few wait until it goes on; one that is under way is finished. */
  pause(paused: boolean): void {
    this.#paused = paused;
    if (!paused && !this.#busy) void this.#work();
  }

  /** Gives up what waits or is under way: the next start begins with the newest snapshot. */
  close(): void {
    this.#waiting.length = 0;
    this.#retry?.cancel();
    this.#closing.abort();
  }

  get figures(): CopyFigures {
    return {
      copied: this.#copied,
      bytes: this.#bytes,
      failed: this.#failed,
      dropped: this.#dropped,
      waiting: this.#waiting.length,
      trouble: this.#trouble,
    };
  }

  /** Makes one copy, then the next; a failed one waits its turn. Never throws. */
  async #work(): Promise<void> {
    this.#busy = true;
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      if (this.#paused) break;
      if (!(await this.#try(next))) return;
      this.#waiting.shift();
    }
    this.#busy = false;
  }

  async #try({ path, bytes }: Copy): Promise<boolean> {
    try {
      this.#opened ??= await this.#target();
      const signal = AbortSignal.any([this.#closing.signal, AbortSignal.timeout(PATIENCE_MS)]);
      await this.#opened.put(path, bytes, signal);
      this.#copied += 1;
      this.#bytes += bytes.length;
      this.#trouble = null;
      this.#retryMs = FIRST_RETRY_MS;
      return true;
    } catch (error) {
      this.#opened = null;
      this.#failed += 1;
      this.#trouble = error instanceof Error ? error.message : String(error);
      if (this.#closing.signal.aborted) return false;
      this.#retry = this.#timers.after(this.#retryMs, () => void this.#work());
      this.#retryMs = Math.min(LAST_RETRY_MS, this.#retryMs * 2);
      return false;
    }
  }
}

/** The place that a site file names; refused in words where it can't be used. */
export async function openTarget(place: CopyPlace): Promise<CopyTarget> {
  if (!/^https?:/.test(place.to)) return new FolderTarget(place.to);
  if (place.credentials === null) throw new Error("log.copyCredentials is missing");
  const access = await readCredentials(place.credentials);
  const { Bucket } = await import("./bucket.ts");
  return new Bucket(place.to, access);
}

class FolderTarget implements CopyTarget {
  readonly #dir: string;

  constructor(dir: string) {
    this.#dir = dir;
  }

  /** Written beside, synced, renamed: a reader sees all or nothing. */
  async put(path: string, bytes: Uint8Array): Promise<void> {
    // A share that is not mounted must not fill the disk under its mount point.
    await stat(this.#dir);
    const file = join(this.#dir, path);
    await mkdir(dirname(file), { recursive: true });
    const beside = await open(`${file}.tmp`, "w", 0o640);
    try {
      await beside.writeFile(bytes);
      await beside.sync();
    } finally {
      await beside.close();
    }
    await rename(`${file}.tmp`, file);
  }
}

const FOR_OTHERS = 0o077;

/** Keys of a bucket: `{"accessKeyId": "…", "secretAccessKey": "…", "region": "…"}`. */
async function readCredentials(path: string) {
  const { mode } = await stat(path);
  if ((mode & FOR_OTHERS) !== 0) {
    throw new Error(`${path} can be read by others; use chmod 600`);
  }
  const read: unknown = JSON.parse(await readFile(path, "utf8"));
  const fields = typeof read === "object" && read !== null ? (read as Record<string, unknown>) : {};
  const { accessKeyId, secretAccessKey, region = "us-east-1" } = fields;
  const texts = [accessKeyId, secretAccessKey, region];
  if (!texts.every((value) => typeof value === "string" && value !== "")) {
    throw new Error(`${path} does not hold accessKeyId and secretAccessKey`);
  }
  const [id, secret, where] = texts.map(String);
  return { accessKeyId: id ?? "", secretAccessKey: secret ?? "", region: where ?? "" };
}

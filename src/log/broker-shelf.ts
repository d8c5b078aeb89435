// The broker's store as the log thread keeps it: opened when somebody asks while the folder is
// held, closed with the log's own file, set aside and made anew when it is damaged. Its failures
// are answers, never the log's trouble.
import { join } from "node:path";
import type { KeptAnswer, KeptBatch, KeptContents } from "../wire/kept.ts";
import { BrokerStore } from "./broker-store.ts";
import { SqlError } from "./driver.ts";
import type { NodeEvent } from "./events.ts";
import { StoreError } from "./migrations.ts";
import { type Storage, setAside } from "./storage.ts";

/** Name of the store in the data folder. */
export const BROKER_FILE = "broker.db";

export interface ShelfOptions {
  readonly storage: Storage;
  readonly dir: string;
  /** Appends rows to the log; false when that failed. */
  readonly append: (events: readonly NodeEvent[]) => boolean;
  /** A line for a person. */
  readonly onNotice: (text: string) => void;
}

/** A store that can't be read so often in a row is given up: nobody gets QoS 1 before it is. */
const MAX_FAILED_LOADS = 5;

export class BrokerShelf {
  readonly #options: ShelfOptions;
  readonly #path: string;
  #store: BrokerStore | null = null;
  readonly #notices: string[] = [];
  #failedLoads = 0;

  constructor(options: ShelfOptions) {
    this.#options = options;
    this.#path = join(options.dir, BROKER_FILE);
  }

  /** Everything that is kept; a damaged store gives nothing, and says so. */
  load(): KeptContents {
    this.#failedLoads += 1;
    const changes = this.#use((store) => store.load());
    this.#failedLoads = 0;
    this.#tell();
    return { changes, notices: this.#notices.splice(0) };
  }

  /** One commit; the ends of sessions in it then stand in the log, at least once. */
  apply(batch: KeptBatch): KeptAnswer {
    const answer = this.#use((store) => store.apply(batch));
    if (batch.changes.some(({ kind }) => kind === "discarded")) this.#tell();
    return answer;
  }

  close(): void {
    const store = this.#store;
    this.#store = null;
    try {
      store?.close();
    } catch {
      // A file that can't be closed cleanly is recovered by the next opening.
    }
  }

  /** Any error closes the file: only a new opening shows what is in it. */
  #use<T>(work: (store: BrokerStore) => T): T {
    try {
      return work(this.#open());
    } catch (error) {
      this.close();
      const isHopeless = this.#failedLoads >= MAX_FAILED_LOADS && isUnreadable(error);
      const why = isHopeless ? "unreadable" : whyUnusable(error);
      if (why === null) throw error;
      this.#clear(why, error instanceof Error ? error.message : String(error));
      return work(this.#open());
    }
  }

  #open(): BrokerStore {
    this.#store ??= new BrokerStore(this.#options.storage, this.#path);
    return this.#store;
  }

  #clear(why: StoreError["why"] | "unreadable", detail: string): void {
    const aside = setAside(this.#options.storage.files, this.#path, why);
    const text = `what the broker kept can't be used and is set aside as ${aside}: ${detail}`;
    this.#notices.push(text);
    this.#options.onNotice(text);
    this.#options.append([{ kind: "fault", body: ["broker store", true, text] }]);
  }

  #tell(): void {
    const discarded = this.#store?.discarded() ?? [];
    const last = discarded.at(-1);
    if (last === undefined) return;
    const events = discarded.map(({ client, reason, messages, at }) => ({
      kind: "session" as const,
      body: [client, reason, messages],
      at,
    }));
    if (this.#options.append(events)) this.#use((store) => store.forgetDiscarded(last.number));
  }
}

/** The disk can't give what it holds; a full or busy one is another matter. */
function isUnreadable(error: unknown): boolean {
  return error instanceof SqlError && /^SQLITE_(IOERR|CANTOPEN)/.test(error.code);
}

/** How a file that is to be set aside is called, or null for a disk that only refuses. */
function whyUnusable(error: unknown): StoreError["why"] | null {
  if (error instanceof StoreError) return error.why;
  const damaged = error instanceof SqlError && /^SQLITE_(CORRUPT|NOTADB|ERROR)/.test(error.code);
  return damaged ? "damaged" : null;
}

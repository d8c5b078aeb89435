// The files beside the log that its thread also writes: what the broker keeps over a restart, the
// cache's copy, the rows of other nodes. What fails in one of them is no trouble of the log.
import { BrokerShelf } from "./broker-shelf.ts";
import { SqliteCacheStore } from "./cache-store.ts";
import { CustodyDesk } from "./custody-desk.ts";
import type { KeepQuestion } from "./custody-messages.ts";
import type { NodeEvent } from "./events.ts";
import type { Answer, BrokerQuestion, CacheQuestion, Question } from "./messages.ts";
import type { Author } from "./snapshot-file.ts";
import type { Storage } from "./storage.ts";
import type { Timers } from "./timers.ts";

export interface SideFilesOptions {
  readonly storage: Storage;
  readonly dir: string;
  readonly maxBytes: number;
  readonly author: Author | null;
  readonly timers: Timers;
  /** Appends to the log; false while that can't be written. */
  readonly append: (events: readonly NodeEvent[]) => boolean;
  readonly onNotice: (text: string) => void;
}

/** What is asked of them, as against the log itself. */
export type SideQuestion = BrokerQuestion | CacheQuestion | KeepQuestion;

const KINDS: Readonly<Record<SideQuestion["kind"], true>> = {
  "broker-load": true,
  "broker-apply": true,
  "cache-load": true,
  "cache-put": true,
  "custody-put": true,
  "custody-position": true,
  "custody-rows": true,
};

export function isSideQuestion(question: Question): question is SideQuestion {
  return Object.hasOwn(KINDS, question.kind);
}

export class SideFiles {
  readonly custody: CustodyDesk;
  readonly #options: SideFilesOptions;
  readonly #shelf: BrokerShelf;
  readonly #cache: SqliteCacheStore;

  constructor(options: SideFilesOptions) {
    const { storage, dir, append, onNotice } = options;
    this.#options = options;
    this.custody = new CustodyDesk(options);
    this.#cache = new SqliteCacheStore(storage, dir);
    this.#shelf = new BrokerShelf({ storage, dir, append, onNotice });
  }

  /** Answers a question; what fails is an answer too. */
  answer(question: SideQuestion): Answer {
    try {
      return this.#workOn(question);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      return { kind: "failed", token: question.token, reason };
    }
  }

  #workOn(question: SideQuestion): Answer {
    const { token } = question;
    switch (question.kind) {
      case "broker-load":
        return { kind: "broker-kept", token, contents: this.#shelf.load() };
      case "broker-apply":
        return { kind: "broker-applied", token, answer: this.#shelf.apply(question.batch) };
      case "cache-load": {
        const copies = this.#cache.load();
        this.#tellOfCache();
        return { kind: "cache-copies", token, copies };
      }
      case "cache-put":
        this.#cache.put(question.changes, question.keep, this.#options.timers.monoMs());
        this.#tellOfCache();
        return { kind: "cache-taken", token };
      default:
        return this.custody.answerKept(question);
    }
  }

  /** Commits what the cache has gathered. */
  writeCache(): void {
    this.#cache.tick(this.#options.timers.monoMs());
    this.#tellOfCache();
  }

  #tellOfCache(): void {
    for (const text of this.#cache.takeNotices()) this.#options.onNotice(text);
  }

  /** Closes them all; the next question opens its file anew. */
  close(): void {
    this.#shelf.close();
    this.custody.close();
    this.#cache.close(this.#options.timers.monoMs());
  }
}

// The log thread: owns the writer, opens it anew when the disk refused, answers the service
// thread. One batch of the control thread is in its hands at a time and is tried until it is
// committed: how much may wait, and what is given up, the sender decides.
import { WireError } from "../wire/codec.ts";
import type { Command } from "../wire/command.ts";
import { BEHIND_EVERY_MS } from "./cache-store.ts";
import { isResumable, type Verdict } from "./commands.ts";
import type { SnapshotCopies } from "./copies.ts";
import type { OwnCustodyQuestion } from "./custody-messages.ts";
import type { LogRow, NodeEvent } from "./events.ts";
import { FolderError } from "./lock.ts";
import type {
  Answer,
  AppendMessage,
  FromLog,
  LogData,
  LogFigures,
  LogQuestion,
  LogReaderName,
  Question,
  ToLog,
} from "./messages.ts";
import { isDamage, openWriter, refuseGone } from "./open.ts";
import { RecoveryError } from "./own-recovery.ts";
import { realStorage } from "./real-storage.ts";
import { isSideQuestion, SideFiles } from "./side-files.ts";
import type { Author } from "./snapshot-file.ts";
import type { Storage } from "./storage.ts";
import { Subscriber } from "./subscriber.ts";
import { realTimers, type TimerHandle, type Timers } from "./timers.ts";
import type { LogWriter } from "./writer.ts";

const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 10_000;
const FIGURES_MS = 5_000;
const RETAIN_MS = 60_000;

export interface LogThreadOptions {
  readonly data: LogData;
  readonly tell: (message: FromLog) => void;
  /** Called after `stop`, when the file is closed. */
  readonly onStopped: () => void;
  readonly open?: typeof openWriter;
  readonly storage?: Storage;
  readonly timers?: Timers;
  /** Called now and then while an opening takes long. */
  readonly onProgress?: () => void;
  /** Signs snapshots and checkpoints; null where the node has no keys yet. */
  readonly author?: Author | null;
  /** Makes copies of snapshots elsewhere. */
  readonly copies?: SnapshotCopies | null;
}

export class LogThread {
  readonly #options: LogThreadOptions;
  #writer: LogWriter | null = null;
  #incarnation: number | null;
  #batch: AppendMessage | null = null;
  readonly #readers = new Map<LogReaderName, Subscriber>();
  #retryMs = FIRST_RETRY_MS;
  #trouble: string | null = null;
  /** The engine found the file itself wrong: the next opening looks at all of it. */
  #suspect = false;
  #troubledSince = 0;
  #commitMaxMs = 0;
  #retry: TimerHandle | null = null;
  readonly #housekeeping: TimerHandle[] = [];
  readonly #timers: Timers;
  readonly #side: SideFiles;

  constructor(options: LogThreadOptions) {
    this.#options = options;
    this.#incarnation = options.data.resume;
    this.#timers = options.timers ?? realTimers;
    this.#side = new SideFiles({
      ...options.data,
      storage: options.storage ?? realStorage,
      author: options.author ?? null,
      timers: this.#timers,
      append: (events) => this.#appendRows(events),
      onNotice: (text) => options.tell({ kind: "notice", text }),
    });
  }

  start(): void {
    this.#open();
    this.#housekeeping.push(
      this.#timers.every(FIGURES_MS, () => this.#tellFigures()),
      this.#timers.every(RETAIN_MS, () => this.#keepHouse(true)),
      this.#timers.every(BEHIND_EVERY_MS, () => this.#writeCache()),
    );
  }

  take(message: ToLog): void {
    switch (message.kind) {
      case "append":
        this.#batch = message;
        this.#commitBatch();
        break;
      case "attach":
        this.#attach(message);
        break;
      case "raise":
        this.#raise(message);
        break;
      case "copies":
        this.#options.copies?.pause(message.paused);
        break;
      case "stop":
        this.#stop();
        break;
    }
  }

  #open(): void {
    const { data, tell, open = openWriter, storage = realStorage } = this.#options;
    const { onProgress, author = null } = this.#options;
    try {
      const resume = this.#incarnation;
      const nowMs = this.#timers.wallMs();
      const suspect = this.#suspect;
      const options = { ...data, author, resume, nowMs, onProgress, suspect };
      const writer = open(data.dir, options, storage);
      this.#suspect = false;
      this.#writer = writer;
      writer.onCommitted = (rows, hash) => this.#pass(rows, hash);
      this.#copySnapshots(writer);
      this.#incarnation = writer.incarnation;
      this.#retryMs = FIRST_RETRY_MS;
      this.#settle();
      tell(openedMessage(writer));
      this.#tellFigures();
      this.#resumeCommands();
      if (this.#batch !== null) this.#commitBatch();
    } catch (error) {
      this.#complain(error);
    }
  }

  #copySnapshots(writer: LogWriter): void {
    const { copies } = this.#options;
    if (copies === null || copies === undefined) return;
    writer.onSnapshot = (...snapshot) => copies.offer(...snapshot);
    writer.tellNewestSnapshot(writer.onSnapshot);
  }

  #raise({ incarnation, cause }: Extract<ToLog, { kind: "raise" }>): void {
    const writer = this.#writer;
    // A sender that hears of no success sends it again to the log that opens next.
    if (writer === null) return;
    if (this.#guard(() => writer.raise(incarnation, cause, this.#timers.wallMs())) === null) return;
    this.#incarnation = writer.incarnation;
    this.#options.tell({ kind: "raised", incarnation: writer.incarnation });
  }

  /** The disk works again: a gap row is the sender's business, how long it took is ours. */
  #settle(): void {
    if (this.#trouble === null) return;
    const ms = Math.round(this.#timers.monoMs() - this.#troubledSince);
    const text = `written again after ${ms} ms: ${this.#trouble}`;
    this.#trouble = null;
    this.#writer?.append([{ kind: "fault", body: ["log", false, text] }], this.#timers.wallMs());
    this.#options.tell({ kind: "trouble", reason: null, fatal: false });
  }

  #complain(error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    this.#suspect ||= isDamage(error);
    if (this.#trouble === null) this.#troubledSince = this.#timers.monoMs();
    if (reason !== this.#trouble) {
      this.#trouble = reason;
      this.#options.tell({ kind: "trouble", reason, fatal: error instanceof FolderError });
    }
    this.#closeWriter();
    this.#retry = this.#timers.after(this.#retryMs, () => this.#open());
    this.#retryMs = Math.min(LAST_RETRY_MS, this.#retryMs * 2);
  }

  #closeWriter(): void {
    const writer = this.#writer;
    // Without the log the folder may be another's: nothing in it is open.
    if (writer !== null) this.#side.close();
    this.#writer = null;
    try {
      writer?.close();
    } catch {
      // A file that can't be closed cleanly is recovered by the next opening.
    }
  }

  #commitBatch(): void {
    const [writer, batch] = [this.#writer, this.#batch];
    if (writer === null || batch === null) return;
    const suspicious = batch.repeated || this.#troubledSince > 0;
    if (suspicious && writer.contains(batch.after, batch.events)) {
      this.#batch = null;
      this.#options.tell({ kind: "committed", batch: batch.batch, seq: writer.head.seq });
      return;
    }
    const rows = this.#guard(() => writer.append(batch.events, this.#timers.wallMs()));
    if (rows === null) return;
    this.#batch = null;
    this.#troubledSince = 0;
    this.#options.tell({ kind: "committed", batch: batch.batch, seq: writer.head.seq });
    this.#keepHouse(false);
  }

  /** Runs one commit; a failure closes the file, to be opened anew. */
  #guard<T>(work: () => T): T | null {
    const before = this.#timers.monoMs();
    try {
      const result = work();
      this.#commitMaxMs = Math.max(this.#commitMaxMs, this.#timers.monoMs() - before);
      return result;
    } catch (error) {
      this.#complain(error);
      return null;
    }
  }

  #keepHouse(retain: boolean): void {
    const writer = this.#writer;
    if (writer === null) return;
    const before = writer.notices.length;
    this.#guard(() => {
      const made = writer.snapshotIfDue(this.#timers.wallMs());
      if (retain || made) writer.retain(this.#timers.wallMs());
      if (retain) writer.scrub();
    });
    for (const text of writer.notices.slice(before)) this.#options.tell({ kind: "notice", text });
  }

  #tellFigures(): void {
    const writer = this.#writer;
    if (writer === null) return;
    // A file that nobody can reach any more takes rows all the same.
    const { data, storage = realStorage } = this.#options;
    if (this.#guard(() => refuseGone(storage, data.dir)) === null) return;
    const figures: LogFigures = {
      ...writer.figures(),
      commitMaxMs: this.#commitMaxMs,
      copies: this.#options.copies?.figures ?? null,
      custody: this.#side.custody.figures(),
    };
    this.#options.tell({ kind: "figures", figures });
  }

  #attach({ who, port }: Extract<ToLog, { kind: "attach" }>): void {
    this.#readers.get(who)?.close();
    const answer = (question: Question, from: Subscriber): void => this.#answer(question, from);
    this.#readers.set(who, new Subscriber(port, answer));
    if (who === "service") this.#resumeCommands();
  }

  /** Commands that a crash left without an answer: to be carried out now, or never. */
  #resumeCommands(): void {
    const [writer, service] = [this.#writer, this.#readers.get("service")];
    if (writer === null || service === undefined) return;
    const now = this.#timers.wallMs();
    const unfinished = writer.commands.unfinished();
    const commands = unfinished.filter((command) => isResumable(command, now));
    const lost = unfinished.filter((command) => !isResumable(command, now));
    if (lost.length > 0) this.#interrupt(writer, lost, now);
    if (commands.length > 0) service.say({ kind: "resume", commands });
  }

  #interrupt(writer: LogWriter, lost: readonly Command[], now: number): void {
    this.#guard(() =>
      writer.transaction(now, (add) => {
        for (const { author, id } of lost) {
          const reply = { id, ok: false, reason: "interrupted", atMs: now };
          writer.commands.finish(author, reply, add);
        }
      }),
    );
  }

  #pass(rows: readonly LogRow[], hash: string): void {
    const incarnation = this.#writer?.incarnation ?? 0;
    for (const reader of this.#readers.values()) reader.pass({ incarnation, rows, hash });
  }

  #answer(message: Question, from: Subscriber): void {
    const { token } = message;
    const writer = this.#writer;
    if (writer === null) {
      const reason = `the log can't be used: ${this.#trouble ?? "it is opening"}`;
      from.say({ kind: "failed", token, reason });
      return;
    }
    if (isSideQuestion(message)) {
      from.say(this.#side.answer(message));
      return;
    }
    if (isOwnCustody(message)) {
      this.#answerCustody(writer, message, from);
      return;
    }
    const answer = this.#guard(() => this.#workOn(writer, message));
    if (answer !== null) from.say(answer);
    else from.say({ kind: "failed", token, reason: `the log failed: ${this.#trouble}` });
  }

  #answerCustody(writer: LogWriter, question: OwnCustodyQuestion, from: Subscriber): void {
    const { token } = question;
    let wrong: string | null = null;
    const done = this.#guard(() => {
      try {
        this.#side.custody.answerOwn(writer, question, (answer) => from.say(answer));
      } catch (error) {
        // What came back does not chain: its sender's fault, and no trouble of the disk.
        if (!(error instanceof RecoveryError) && !(error instanceof WireError)) throw error;
        wrong = error.message;
      }
      return true;
    });
    if (done === null) wrong = `the log failed: ${this.#trouble}`;
    if (wrong !== null) from.say({ kind: "failed", token, reason: wrong });
  }

  #writeCache(): void {
    if (this.#writer !== null) this.#side.writeCache();
  }

  #appendRows(events: readonly NodeEvent[]): boolean {
    const writer = this.#writer;
    if (writer === null) return false;
    const rows = this.#guard(() => writer.append(events, this.#timers.wallMs()));
    return rows !== null;
  }

  #workOn(writer: LogWriter, question: LogQuestion): Answer {
    const { token } = question;
    switch (question.kind) {
      case "query":
        return { kind: "rows", token, rows: writer.query(question.query) };
      case "page":
        return { kind: "page", token, page: writer.page(question.query) };
      case "accept":
        return { kind: "verdict", token, verdict: this.#accept(writer, question.command) };
      case "finish": {
        const { result } = writer.transaction(this.#timers.wallMs(), (add) =>
          writer.commands.finish(question.author, question.reply, add),
        );
        return { kind: "finished", token, reply: result };
      }
    }
  }

  #accept(writer: LogWriter, command: Command): Verdict {
    const known = writer.commands.judge(command);
    if (known !== null) return known;
    const now = this.#timers.wallMs();
    const { result } = writer.transaction(now, (add: (event: NodeEvent) => void) =>
      writer.commands.accept(command, now, add),
    );
    return result;
  }

  #stop(): void {
    for (const timer of this.#housekeeping) timer.cancel();
    const writer = this.#writer;
    if (writer !== null) this.#guard(() => writer.snapshot(this.#timers.wallMs()));
    this.#retry?.cancel();
    this.#side.custody.stop();
    this.#options.copies?.close();
    this.#closeWriter();
    for (const reader of this.#readers.values()) reader.close();
    this.#options.onStopped();
  }
}

const OWN: ReadonlySet<string> = new Set([
  "own-state",
  "own-rows",
  "custody-acknowledged",
  "recover",
  "replicated",
] satisfies OwnCustodyQuestion["kind"][]);

function isOwnCustody(question: Question): question is OwnCustodyQuestion {
  return OWN.has(question.kind);
}

function openedMessage(writer: LogWriter): FromLog {
  const { incarnation, boot, trusted, head, continues, openedAfter, notices } = writer;
  const { seq, hash } = head;
  const about = { incarnation, boot, trusted, seq, hash, continues };
  return { kind: "opened", ...about, newestAt: openedAfter, notices };
}

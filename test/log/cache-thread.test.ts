// The cache's copy through the log thread, as the mesh thread asks for it: taken at once, written
// behind in its own time, there for the next start, and not touched while the log is not open.
import t from "tap";
import type { ChannelPort } from "../../src/log/channel.ts";
import type { LogData, Question, TellService } from "../../src/log/messages.ts";
import { LogThread } from "../../src/log/thread.ts";
import type { Timers } from "../../src/log/timers.ts";
import { folder, OPTIONS } from "./support.ts";

/** A clock that stands still until it is moved. */
class HandClock implements Timers {
  #nowMs = 0;
  readonly #due: { atMs: number; everyMs: number | null; run: () => void }[] = [];

  monoMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return 1_790_000_000_000 + this.#nowMs;
  }

  after(ms: number, run: () => void) {
    return this.#add(ms, null, run);
  }

  every(ms: number, run: () => void) {
    return this.#add(ms, ms, run);
  }

  soon(run: () => void): void {
    this.#add(0, null, run);
  }

  pass(ms: number): void {
    const untilMs = this.#nowMs + ms;
    for (;;) {
      const next = this.#due.toSorted((a, b) => a.atMs - b.atMs)[0];
      if (next === undefined || next.atMs > untilMs) break;
      this.#nowMs = next.atMs;
      if (next.everyMs === null) this.#due.splice(this.#due.indexOf(next), 1);
      else next.atMs += next.everyMs;
      next.run();
    }
    this.#nowMs = untilMs;
  }

  #add(ms: number, everyMs: number | null, run: () => void) {
    const entry = { atMs: this.#nowMs + ms, everyMs, run };
    this.#due.push(entry);
    return { cancel: () => void this.#due.splice(this.#due.indexOf(entry), 1) };
  }
}

/** The mesh thread's end: what it asks is answered before the call returns. */
class Asker {
  readonly port: ChannelPort;
  #listen: (value: unknown) => void = () => undefined;
  #answers: TellService[] = [];
  #token = 0;

  constructor() {
    this.port = {
      postMessage: (value) => void this.#answers.push(value as TellService),
      on: (_event, listen) => {
        this.#listen = listen;
      },
      close: () => undefined,
    };
  }

  ask(question: Question): TellService | undefined {
    this.#answers = [];
    this.#listen(question);
    return this.#answers[0];
  }

  put(key: string, text: string, keep: "through" | "behind"): string | undefined {
    const changes = [{ key, bytes: new Uint8Array(Buffer.from(text)), atMs: 7 }];
    this.#token += 1;
    return this.ask({ kind: "cache-put", token: this.#token, changes, keep })?.kind;
  }

  keys(): string[] {
    const answer = this.ask({ kind: "cache-load", token: 0 });
    if (answer?.kind !== "cache-copies") throw new Error(`answered ${answer?.kind}`);
    return answer.copies.map(({ key }) => key).sort();
  }
}

function start(dir: string) {
  const timers = new HandClock();
  const data: LogData = { ...OPTIONS, dir, resume: null };
  const thread = new LogThread({
    data,
    timers,
    tell: () => undefined,
    onStopped: () => undefined,
  });
  const asker = new Asker();
  thread.take({ kind: "attach", who: "mesh", port: asker.port });
  const closed = asker.put("a/plan", "60 s", "through");
  thread.start();
  return { timers, thread, asker, closed };
}

t.test("behind is written in its own time, through at once, and both outlive a stop", async (t) => {
  const dir = folder(t);
  const { timers, thread, asker, closed } = start(dir);
  t.equal(closed, "failed", "no file is touched before the folder is the log's");
  t.equal(asker.put("a/phase", "green", "behind"), "cache-taken");
  t.same(asker.keys(), ["a/phase"], "the first one need not wait");
  asker.put("a/phase", "red", "behind");
  asker.put("b/phase", "red", "behind");
  t.same(asker.keys(), ["a/phase"]);
  timers.pass(5_000);
  t.same(asker.keys(), ["a/phase", "b/phase"]);
  asker.put("c/phase", "red", "behind");
  asker.put("c/plan", "90 s", "through");
  t.same(asker.keys(), ["a/phase", "b/phase", "c/phase", "c/plan"]);
  asker.put("d/phase", "red", "behind");
  thread.take({ kind: "stop" });

  const next = start(dir);
  t.same(next.asker.keys(), ["a/phase", "b/phase", "c/phase", "c/plan", "d/phase"]);
  next.thread.take({ kind: "stop" });
});

// Cut again during the start that follows a cut.
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { ForgetfulDisk, type Random } from "./disk.ts";
import { hear, type Judgement, judge, scribbleIndex, type Told } from "./judge.ts";
import { type Operation, readRecord, recordingIn, runRecorded } from "./record.ts";

/** Second cuts of each start. */
const CUTS_EACH = 4;
/** Starts of one process. */
const BATCH = 16;

interface Start {
  readonly name: string;
  readonly told: Told;
}

/** Gathers what cuts left, lets a process start on a batch of them, cuts that one. */
export class Again {
  readonly #dir: string;
  readonly #recorder: string;
  readonly #random: Random;
  #starts: Start[] = [];
  /** What second cuts left, in the order in which they were made. */
  readonly judgements: Judgement[] = [];

  constructor(dir: string, recorder: string, random: Random) {
    this.#dir = dir;
    this.#recorder = recorder;
    this.#random = random;
  }

  /** Takes what a cut left of the disk; `told` is copied. */
  take(disk: ForgetfulDisk, told: Told): void {
    const name = `start-${this.#starts.length}`;
    const dir = join(this.#root, name);
    mkdirSync(dir, { recursive: true });
    disk.cut(this.#random, dir);
    scribbleIndex(this.#random, join(dir, "data"));
    this.#starts.push({ name, told: structuredClone(told) });
    if (this.#starts.length === BATCH) this.finish();
  }

  /** Starts and cuts those gathered so far. */
  finish(): void {
    if (this.#starts.length === 0) return;
    const dir = join(this.#dir, "again");
    const recording = recordingIn(dir, this.#recorder, this.#root);
    const disk = ForgetfulDisk.from(this.#root);
    const names = this.#starts.map(({ name }) => name);
    const ran = runRecorded(recording, "recover.ts", [this.#root, ...names]);
    if (ran.signal !== "SIGKILL") throw new Error(`a start failed: ${ran.status}`);
    const operations = readRecord(recording.file);
    let at = 0;
    for (const start of this.#starts) at = this.#cutStart(disk, operations, { ...start, at });
    const differences = disk.differences(this.#root);
    if (differences.length > 0) throw new Error(`not followed: ${differences.join("; ")}`);
    rmSync(dir, { recursive: true });
    this.#starts = [];
  }

  get #root(): string {
    return join(this.#dir, "again", "root");
  }

  /** Follows one start to its end, with some cuts on the way; gives where it ended. */
  #cutStart(
    disk: ForgetfulDisk,
    operations: readonly Operation[],
    { name, told, at: from }: Start & { readonly at: number },
  ): number {
    const end = JSON.stringify(["end", name]);
    const length = operations
      .slice(from)
      .findIndex((operation) => operation.kind === "mark" && operation.text === end);
    const cuts = Array.from({ length: CUTS_EACH }, () => Math.floor(this.#random() * length));
    for (let index = 0; index <= length; index += 1) {
      const operation = operations[from + index];
      if (operation === undefined) throw new Error(`${name} has no end`);
      disk.apply(operation);
      if (operation.kind === "mark" && operation.text.startsWith('["opened"')) {
        hear(told, operation.text);
      }
      for (const _ of cuts.filter((cut) => cut === index)) this.#judge(disk, name, told);
    }
    return from + length + 1;
  }

  #judge(disk: ForgetfulDisk, name: string, told: Told): void {
    const dir = join(this.#dir, "second");
    try {
      disk.cut(this.#random, dir, name);
      scribbleIndex(this.#random, join(dir, "data"));
      this.judgements.push(judge(join(dir, "data"), told));
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  }
}

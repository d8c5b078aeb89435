// Record, cut, open, judge: the whole of one rig.
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createRandom } from "../../../src/sim/street/random.ts";
import { Again } from "./again.ts";
import { ForgetfulDisk } from "./disk.ts";
import {
  hear,
  isWhole,
  type Judgement,
  judge,
  nothingTold,
  scribbleIndex,
  type Told,
} from "./judge.ts";
import { buildRecorder, type Operation, readRecord, recordingIn, runRecorded } from "./record.ts";

/** Lives of the victim: one killed, one that ends in order, one killed again. */
const LIVES = 3;

/** Each so many-th cut is followed by a start that is cut as well. */
const AGAIN_EACH = 10;

export interface CutOptions {
  readonly cuts: number;
  readonly seed: number;
  /** FULL is the product; the others are the controls. */
  readonly synchronous: "FULL" | "NORMAL" | "OFF";
  /** A record that was kept, instead of a new one: no two victims are alike. */
  readonly record?: string;
  /** Where the record goes when something failed. */
  readonly keep?: string;
}

export interface Outcome extends CutOptions {
  readonly operations: number;
  readonly syncs: number;
  /** Cuts after which something told durable was missing. */
  readonly losing: number;
  /** Cuts that left a log which had to be rescued, or did not open. */
  readonly damaging: number;
  /** The most that was told durable before a cut. */
  readonly told: number;
  readonly failures: readonly (Judgement & { readonly at: number })[];
  /** Cuts during the start after a cut, and what did not hold after them. */
  readonly again: number;
  readonly againFailures: readonly Judgement[];
}

/** A folder of its own for `work`, gone afterwards. */
export function withFolder<T>(work: (dir: string) => T): T {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), "stopline-cuts-")));
  try {
    return work(dir);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** The victim's lives; its record holds all that a replay needs, or this throws. */
export function recordVictim(dir: string, recorder: string, synchronous: string): Operation[] {
  const root = join(dir, "root");
  mkdirSync(root);
  const recording = recordingIn(dir, recorder, root);
  for (let life = 0; life < LIVES; life += 1) {
    const told = toldAtEnd(life === 0 ? [] : readRecord(recording.file));
    const args = [join(root, "data"), synchronous, String(life), String(told.events)];
    const ran = runRecorded(recording, "victim.ts", args);
    const wanted = life === 1 ? ran.status === 0 : ran.signal === "SIGKILL";
    if (!wanted) throw new Error(`the victim ended by itself: ${ran.status} ${ran.stdout}`);
  }
  const operations = readRecord(recording.file);
  const whole = new ForgetfulDisk();
  for (const operation of operations) whole.apply(operation);
  const differences = whole.differences(root);
  if (differences.length > 0) throw new Error(`the record is not whole: ${differences.join("; ")}`);
  return operations;
}

function toldAtEnd(operations: readonly Operation[]): Told {
  const told = nothingTold();
  for (const operation of operations) if (operation.kind === "mark") hear(told, operation.text);
  return told;
}

/** Operations after which the power goes, spread over all of them, rising. */
export function cutPoints(random: () => number, cuts: number, operations: number): number[] {
  return Array.from({ length: cuts }, (_, index) =>
    Math.floor(((index + random()) * operations) / cuts),
  );
}

export function runCuts(options: CutOptions): Outcome {
  return withFolder((dir) => {
    const { record, synchronous, keep } = options;
    const recorder = buildRecorder(dir);
    const operations =
      record === undefined ? recordVictim(dir, recorder, synchronous) : readRecord(record);
    const outcome = cutAndJudge(options, dir, { recorder, operations });
    if (keep !== undefined && outcome.failures.length + outcome.againFailures.length > 0) {
      cpSync(record ?? recordingIn(dir, "", "").file, keep);
    }
    return outcome;
  });
}

interface Recorded {
  readonly recorder: string;
  readonly operations: readonly Operation[];
}

function cutAndJudge(
  options: CutOptions,
  dir: string,
  { recorder, operations }: Recorded,
): Outcome {
  const random = createRandom(options.seed);
  const again = new Again(dir, recorder, random);
  const disk = new ForgetfulDisk();
  const told = nothingTold();
  const failures: (Judgement & { at: number })[] = [];
  let done = 0;
  for (const [index, at] of cutPoints(random, options.cuts, operations.length).entries()) {
    for (; done < at; done += 1) step(disk, told, operations[done]);
    const judgement = judgeCut(disk, { random, dir: join(dir, "cut"), told });
    if (!isWhole(judgement)) failures.push({ ...judgement, at });
    if (options.synchronous === "FULL" && index % AGAIN_EACH === 0) again.take(disk, told);
  }
  again.finish();
  return {
    ...options,
    operations: operations.length,
    syncs: operations.filter((operation) => operation.kind === "sync").length,
    losing: failures.filter((failure) => failure.lost.length > 0).length,
    damaging: failures.filter((failure) => failure.damaged.length > 0).length,
    told: told.events,
    failures,
    again: again.judgements.length,
    againFailures: again.judgements.filter((judgement) => !isWhole(judgement)),
  };
}

function step(disk: ForgetfulDisk, told: Told, operation: Operation | undefined): void {
  if (operation === undefined) return;
  disk.apply(operation);
  if (operation.kind === "mark") hear(told, operation.text);
}

interface Cut {
  readonly random: () => number;
  readonly dir: string;
  readonly told: Told;
}

function judgeCut(disk: ForgetfulDisk, { random, dir, told }: Cut): Judgement {
  try {
    disk.cut(random, dir);
    const data = join(dir, "data");
    scribbleIndex(random, data);
    return judge(data, told);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

export function summaryOf(outcome: Outcome): string {
  const { cuts, seed, synchronous, operations, syncs, losing, damaging, told } = outcome;
  const { again, againFailures } = outcome;
  return (
    `synchronous ${synchronous}: ${cuts} cuts of ${operations} operations (${syncs} syncs, ` +
    `${told} events told durable), seed ${seed}: ${losing} lost something told durable, ` +
    `${damaging} left damage; cut again during ${again} starts: ${againFailures.length} failed`
  );
}

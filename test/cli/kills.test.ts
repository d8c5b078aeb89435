// `kill -9` of a whole node at random moments, from its first breath on, again and again in one
// data folder: the incarnation rises with every start, no counter steps back, nothing that was
// committed changes, and the chain holds.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import t, { type Test } from "tap";
import { LogState } from "../../src/log/fold.ts";
import { LOG_FILE } from "../../src/log/open.ts";
import { LogReader } from "../../src/log/read.ts";
import { hashAt } from "../../src/log/rows.ts";
import { SnapshotFolder } from "../../src/log/snapshots.ts";
import { verifyLog } from "../../src/log/verify.ts";
import { createRandom } from "../../src/sim/street/random.ts";
import { folder, rowsOf, Stopline, siteText, until, writeSite } from "./support.ts";

const KILLS = 12;
/** Some kills come before the log is open, most while the street drives. */
const LONGEST_MS = 3_000;
const seed = Number(process.env.STOPLINE_TEST_SEED ?? Date.now() % 1_000_000);

interface Seen {
  readonly head: { readonly seq: number; readonly hash: string | null };
  readonly starts: readonly (readonly unknown[])[];
  /** Everything that only ever grows, by name. */
  readonly counters: ReadonlyMap<string, number>;
  readonly problems: readonly string[];
  readonly hashBefore: string | null;
}

function countersOf(state: LogState): Map<string, number> {
  const counters = new Map<string, number>([["done", state.done + state.refused]]);
  for (const [kind, count] of state.rows) counters.set(`rows ${kind}`, count);
  for (const [phase, { greens }] of state.phases) counters.set(`greens ${phase}`, greens);
  for (const [channel, { count }] of state.detectors) counters.set(`detector ${channel}`, count);
  return counters;
}

/** What lies in the folder, read as `stopline events` does; `before` is where the head was. */
function look(data: string, before: number): Seen {
  const reader = new LogReader(data);
  try {
    const rows = [...reader.pages({ from: 0, kind: null })].flat();
    const state = new LogState();
    for (const row of rows) state.apply(row.at, row.kind, row.body);
    const seq = rows.at(-1)?.seq ?? 0;
    return {
      head: { seq, hash: hashAt(reader.database, seq) },
      starts: rows.filter((row) => row.kind === "start").map((row) => row.body),
      counters: countersOf(state),
      problems: verifyLog(new SnapshotFolder(data), reader.database).problems,
      hashBefore: hashAt(reader.database, before),
    };
  } finally {
    reader.close();
  }
}

interface Run {
  readonly site: string;
  readonly data: string;
  readonly afterMs: number;
  /** Begins to count the time when this many starts are in the log: on a slow machine too. */
  readonly starts: number;
  /** Until detectors and phases have written codes. */
  readonly busy: boolean;
}

async function runAndKill(t: Test, { site, data, ...run }: Run): Promise<void> {
  const { afterMs, starts, busy } = run;
  const node = new Stopline(t, ["run", site, "--data", data]);
  if (starts > 0) t.ok(await until(() => countIn(data, "start") >= starts), "the log is open");
  if (busy) t.ok(await until(() => countIn(data, "code") > 20), "the street drives");
  await sleep(afterMs);
  node.kill("SIGKILL");
  t.equal((await node.exit).signal, "SIGKILL", node.err);
}

function countIn(data: string, kind: string): number {
  if (!existsSync(join(data, LOG_FILE))) return 0;
  return rowsOf(data).filter((row) => row.kind === kind).length;
}

t.test("kill -9 at any moment: nothing steps back", async (t) => {
  t.comment(`seed ${seed}`);
  const random = createRandom(seed);
  const dir = folder(t);
  const site = writeSite(dir, siteText());
  const data = join(dir, "data");
  let before: Seen | null = null;
  for (let kill = 0; kill < KILLS; kill += 1) {
    const afterMs = random() ** 2 * LONGEST_MS;
    const starts = kill % 2 === 0 ? 0 : (before?.starts.length ?? 0) + 1;
    await runAndKill(t, { site, data, afterMs, starts, busy: kill === KILLS / 2 });
    if (!existsSync(join(data, LOG_FILE))) continue;
    const seen = look(data, before?.head.seq ?? 0);
    t.same(seen.problems, [], `kill ${kill}`);
    if (before !== null) {
      t.equal(seen.hashBefore, before.head.hash, "what was committed is as it was");
      for (const [name, count] of before.counters) {
        t.ok((seen.counters.get(name) ?? 0) >= count, `${name} does not step back`);
      }
    }
    before = seen;
  }
  const starts = before?.starts ?? [];
  const incarnations = starts.map(([incarnation]) => Number(incarnation));
  t.ok(incarnations.length >= KILLS / 2, `${incarnations.length} starts came as far as the log`);
  t.same(
    incarnations,
    incarnations.map((_, index) => index + 1),
    "one incarnation a start, rising by one",
  );
  t.equal(new Set(starts.map((body) => body[6])).size, starts.length, "each with its own boot id");
});

// Incarnations: one a start, marked by a boot id, raised when others knew a higher one, and held
// for trustworthy only where nothing that was here is gone. The shared part of the fold.
import { renameSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import t from "tap";
import { decodeState, LogState } from "../../src/log/fold.ts";
import { countsBeyond, countsOf } from "../../src/log/fold-counts.ts";
import { LOG_FILE } from "../../src/log/open.ts";
import { LogReader } from "../../src/log/read.ts";
import { SnapshotFolder } from "../../src/log/snapshots.ts";
import { verifyLog } from "../../src/log/verify.ts";
import { type CborValue, decodeCbor, encodeCbor } from "../../src/wire/codec.ts";
import { startHost } from "./host.ts";
import { edges, folder, NOON_MS, withWriter } from "./support.ts";

function problemsOf(dir: string): readonly string[] {
  const reader = new LogReader(dir);
  try {
    return verifyLog(new SnapshotFolder(dir), reader.database).problems;
  } finally {
    reader.close();
  }
}

t.test("each start has its own boot id; a restarted thread keeps the process's", async (t) => {
  const dir = folder(t);
  const boots = [1, 2].map(() => withWriter(dir, (writer) => writer.boot));
  t.match(boots[0], /^[0-9a-f]{16}$/);
  t.not(boots[0], boots[1]);
  const given = withWriter(dir, (writer) => writer.boot, { boot: "00112233445566aa" });
  t.equal(given, "00112233445566aa");
  withWriter(
    dir,
    (writer) => {
      t.same([writer.incarnation, writer.boot], [3, given]);
      t.equal(writer.state.boot, given, "it stands in the start row");
    },
    { resume: 3 },
  );
});

t.test("only a folder that still has all it had is trusted", async (t) => {
  const dir = folder(t);
  withWriter(dir, (writer) => t.equal(writer.trusted, false, "a new folder"));
  withWriter(dir, (writer) => {
    t.equal(writer.trusted, false, "nobody has confirmed it yet");
    t.same(writer.raise(2, "alone in its zone", NOON_MS), [], "no row for the present one");
    t.equal(writer.trusted, true);
  });
  withWriter(dir, (writer) => {
    t.equal(writer.trusted, true);
    t.same(writer.continues.seq, 2);
  });
  renameSync(join(dir, LOG_FILE), join(dir, "elsewhere"));
  withWriter(dir, (writer) => t.equal(writer.trusted, false, "the log is gone"));
});

t.test(
  "a higher incarnation is a start row of its own, durable, under the same boot id",
  async (t) => {
    const dir = folder(t);
    withWriter(dir, (writer) => {
      writer.append(edges(5), NOON_MS);
      const { seq, hash } = writer.head;
      const [row] = writer.raise(9, "a neighbour saw 8", NOON_MS);
      t.same(row?.body, [9, "0.1.0", "5ebc", "a neighbour saw 8", seq, hash, writer.boot]);
      t.same([writer.incarnation, writer.state.incarnation, writer.trusted], [9, 9, true]);
      t.same(writer.raise(4, "an old answer", NOON_MS), []);
      t.equal(writer.incarnation, 9, "never back");
    });
    withWriter(dir, (writer) => t.equal(writer.incarnation, 10));
    t.same(problemsOf(dir), []);
  },
);

t.test("the control thread hears of it, also when the log thread dies on the way", async (t) => {
  const dir = folder(t);
  const raised: number[] = [];
  const host = startHost(dir, { onRaised: (incarnation) => void raised.push(incarnation) });
  host.client.raise(7, "asked before the log was open");
  await host.opened();
  await host.restart();
  await host.opened();
  while (raised.length === 0) await host.door.query({ from: null, kinds: ["start"], limit: 1 });
  // A thread that died between its row of 7 and the word of it left 7 behind as another's: then the
  // next one begins with 8.
  const incarnation = host.client.incarnation ?? 0;
  t.ok([7, 8].includes(incarnation), `raised to ${incarnation}`);
  t.same([host.client.trusted, raised.at(-1)], [true, incarnation]);
  t.equal(await host.client.flush(60_000), true);
  await host.stop();
  withWriter(dir, (writer) => t.equal(writer.incarnation, incarnation + 1));
});

t.test("the later stamp of a wish wins in whatever order its rows come", async (t) => {
  const wish = fc.record({
    direction: fc.integer({ min: 1, max: 3 }),
    wallMs: fc.integer({ min: 0, max: 5 }),
    count: fc.integer({ min: 0, max: 5 }),
  });
  fc.assert(
    fc.property(
      fc.uniqueArray(wish, { selector: ({ wallMs, count }) => wallMs * 10 + count }),
      (wishes) => {
        const states = [wishes, wishes.toReversed()].map((order) => {
          const state = new LogState();
          for (const { direction, wallMs, count } of order) {
            state.apply(NOON_MS, "wish", [direction, `${wallMs}.${count}`, wallMs, count]);
          }
          return state.encode();
        });
        t.same(states[0], states[1]);
        const back = decodeState(states[0] ?? new Uint8Array());
        t.same(back.encode(), states[0]);
        const highest = Math.max(0, ...wishes.map(({ wallMs }) => wallMs));
        t.equal(back.shared.clock.wallMs, highest);
      },
    ),
    { numRuns: 50 },
  );
});

t.test("an acknowledgement lives as long as its fault, over a restart too", async (t) => {
  const dir = folder(t);
  withWriter(dir, (writer) => {
    writer.append(
      [
        { kind: "fault", body: ["lamp 3", true, "dark"] },
        { kind: "acknowledge", body: ["fault lamp 3", "operator"] },
      ],
      NOON_MS,
    );
  });
  withWriter(dir, (writer) => {
    t.equal(writer.state.shared.acknowledgements.get("fault lamp 3")?.author, "operator");
    writer.append([{ kind: "fault", body: ["lamp 3", false, "lit"] }], NOON_MS);
    t.equal(writer.state.shared.acknowledgements.size, 0);
  });
});

/** Rows of a life: what a node counts of it is to be the same however it comes to know of them. */
const LIFE: readonly (readonly [string, readonly CborValue[]])[] = [
  ["code", [1, 2, null]],
  ["code", [21, 2, null]],
  ["code", [82, 5, null]],
  ["code", [81, 5, null]],
  ["code", [82, 5, null]],
  ["code", [90, 1, null]],
  ["command-result", ["id", "operator", true, null]],
  ["command-result", ["id", "operator", false, "no"]],
  ["gap", ["codes", 17, "the queue was full"]],
  ["wish", [1, "b", 5_000, 0]],
];

t.test("rows and states that came back count as if they had been here", async (t) => {
  const whole = new LogState();
  for (const [kind, body] of LIFE) whole.apply(NOON_MS, kind, body);
  const byRow = new LogState();
  for (const [index, [kind, body]] of LIFE.entries()) {
    byRow.apply(NOON_MS, "recovered", [4, index + 1, NOON_MS, kind, encodeCbor(body), "00"]);
  }
  const byState = new LogState();
  const counts = countsBeyond(countsOf(whole), new Map());
  byState.apply(NOON_MS, "recovered-state", [4, LIFE.length, "00", counts, whole.shared.encode()]);
  const own = new Set(["rows recovered", "rows recovered-state"]);
  const rising = (state: LogState) =>
    [...countsOf(state)].filter(([name]) => !own.has(name)).sort();
  t.same(rising(byRow), rising(whole));
  t.same(rising(byState), rising(whole));
  t.same(
    [byRow.shared.recovered, byState.shared.recovered],
    [new Map([[4, 10]]), new Map([[4, 10]])],
  );
  t.equal(byState.shared.wishes.get(1)?.value, "b");
  t.equal(byRow.detectors.get(5)?.on, false, "what stood then does not stand now");
  t.same(decodeState(byRow.encode()).encode(), byRow.encode());
  const twice = new LogState();
  twice.apply(NOON_MS, "recovered", [
    6,
    1,
    NOON_MS,
    "recovered",
    encodeCbor([4, 3, NOON_MS, "code", encodeCbor([82, 5, null]), "00"]),
    "00",
  ]);
  t.equal(twice.detectors.get(5)?.count, 1, "also what had come back once before");
});

t.test("a row that came back and can't be read counts as a row and ends nothing", async (t) => {
  const state = new LogState();
  for (const body of [[], [1, 2, 3, "code", new Uint8Array([0xff]), "00"], [1, 2, 3, "code", 5]]) {
    state.apply(NOON_MS, "recovered", body);
    state.apply(NOON_MS, "recovered-state", [1, 1, "", [["nothing of ours", 3]], null]);
  }
  t.equal(state.detectors.size + state.phases.size, 0);
  t.equal(state.rows.get("recovered"), 3);
});

t.test("a state of the version before is read on, its counts kept", async (t) => {
  const state = new LogState();
  for (const event of edges(50)) state.apply(NOON_MS, event.kind, event.body);
  const fields = decodeCbor(state.encode()) as CborValue[];
  const old = decodeState(encodeCbor([1, ...fields.slice(1, 14)]));
  t.same(old.encode(), state.encode());
  t.throws(() => decodeState(encodeCbor([1, ...fields.slice(1)])), /array of 14/);
  t.throws(() => decodeState(encodeCbor([3, ...fields.slice(1)])), /version 3/);
});

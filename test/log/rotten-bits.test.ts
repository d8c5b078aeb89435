// Bits that rot anywhere in the log's files: whatever they hit, the node has a log again after a
// few openings, and what it then has holds. On the simulator's disk, since a real one rots too
// seldom.
import t from "tap";
import { openWriter } from "../../src/log/open.ts";
import { SnapshotFolder } from "../../src/log/snapshots.ts";
import { verifyLog } from "../../src/log/verify.ts";
import type { LogWriter } from "../../src/log/writer.ts";
import { createVirtualDisk, type VirtualDisk } from "../../src/sim/disk/disk.ts";
import { createRandom } from "../../src/sim/street/random.ts";
import { command, edges, NOON_MS, OPTIONS } from "./support.ts";

const DIR = "/data";
const CARDS = 120;
/** One opening that meets the damage, one that looks for it, and what is left after. */
const OPENINGS = 4;

function open(disk: VirtualDisk, suspect: boolean): LogWriter {
  const limits = { snapshotRows: 300, maxBytes: 300_000, suspect };
  return openWriter(DIR, { ...OPTIONS, ...limits }, disk.storage);
}

function fill(disk: VirtualDisk, random: () => number): void {
  const writer = open(disk, false);
  for (let groups = 2 + Math.floor(random() * 60); groups > 0; groups -= 1) {
    writer.append(edges(50), NOON_MS);
    writer.snapshotIfDue(NOON_MS);
    writer.retain(NOON_MS);
    writer.transaction(NOON_MS, (add) => {
      writer.commands.accept(command(groups), NOON_MS, add);
    });
  }
  if (random() < 0.5) writer.close();
}

/** All that a node asks of its log; each part throws where it meets damage. */
function use(writer: LogWriter): void {
  writer.append(edges(50), NOON_MS);
  writer.query({ from: null, kinds: [], limit: 5_000 });
  writer.snapshot(NOON_MS);
  writer.retain(NOON_MS);
  writer.commands.unfinished();
  for (let id = 1; id < 60; id += 7) writer.commands.judge(command(id));
  const later = NOON_MS + 200_000;
  writer.transaction(later, (add) => writer.commands.accept(command(1_000), later, add));
  writer.append(edges(500), NOON_MS);
}

/** Opens until all of it works; gives what was said, or null when it never did. */
function recover(disk: VirtualDisk): string[] | null {
  const notices: string[] = [];
  let suspect = false;
  for (let opening = 0; opening < OPENINGS; opening += 1) {
    disk.start();
    const writer = open(disk, suspect);
    notices.push(...writer.notices);
    try {
      use(writer);
      writer.close();
      return notices;
    } catch {
      suspect = true;
    }
  }
  return null;
}

function problems(disk: VirtualDisk): readonly string[] {
  const database = disk.storage.driver.open(`${DIR}/events.db`, "read");
  const found = verifyLog(new SnapshotFolder(DIR, disk.storage.files), database).problems;
  database.close();
  return found;
}

t.test("bits rot anywhere: a log that works again, and says so", async (t) => {
  let damaged = 0;
  for (let seed = 0; seed < CARDS; seed += 1) {
    const random = createRandom(seed, 5);
    const disk = await createVirtualDisk({ random: createRandom(seed), nowMs: () => NOON_MS });
    fill(disk, random);
    disk.crash();
    for (let bits = 1 + Math.floor(random() * 4); bits > 0; bits -= 1) {
      disk.rot((path) => path.includes("events.db") || random() < 0.2);
    }
    const notices = recover(disk);
    if (notices === null) t.fail(`card ${seed}: the log never worked again`);
    if (notices?.some((text) => /damaged|ends at row/.test(text))) {
      damaged += 1;
      const found = problems(disk);
      if (found.length > 0) t.same(found, [], `card ${seed}`);
    }
    disk.dispose();
  }
  t.ok(damaged > CARDS / 3, `${damaged} of ${CARDS} cards were found damaged`);
});

t.test(
  "a write-ahead log played short: starts that a snapshot remembers come not twice",
  async (t) => {
    const disk = await createVirtualDisk({ random: createRandom(1), nowMs: () => NOON_MS });
    for (let start = 1; start <= 4; start += 1) {
      const writer = open(disk, false);
      t.equal(writer.incarnation, start);
      writer.append(edges(20), NOON_MS);
      writer.snapshot(NOON_MS);
      disk.start();
    }
    const { files } = disk.storage;
    const path = `${DIR}/events.db-wal`;
    const log = Buffer.from(files.read(path));
    const frame = 32 + 24 + 4_096;
    // In the second commit: the engine finds the first one good, and ends there without a word.
    log[32 + 2 * frame] = (log[32 + 2 * frame] ?? 0) ^ 1;
    files.writeAtomic(path, log);
    const writer = open(disk, false);
    t.ok(writer.head.seq < 84, `${writer.head.seq} rows are left`);
    t.match(writer.notices.join("\n"), /ends at row \d+, before a snapshot of row 84/);
    t.equal(writer.incarnation, 5);
    t.equal(writer.trusted, false, "others are asked before anything is shared");
    t.match(writer.query({ from: null, kinds: ["gap"], limit: 1 })[0]?.body, ["log", /^\d+$/]);
    writer.close();
    t.same(problems(disk), []);
    disk.dispose();
  },
);

// A workload of hash-chained group commits on a virtual disk, stopped at any change of it, and what
// is left afterwards.
import { createHash } from "node:crypto";
import { type Database, integerOf, SqlError, textOf } from "../../src/log/driver.ts";
import { createVirtualDisk, type VirtualDisk } from "../../src/sim/disk/disk.ts";
import { createRandom } from "../../src/sim/street/random.ts";

export type Synchronous = "FULL" | "NORMAL" | "OFF";

export interface Outcome {
  /** Rows that were committed before the power failed, and that are there. */
  readonly acknowledged: number;
  readonly found: number;
  /** What is wrong with the file, or null. */
  readonly damage: string | null;
  readonly cutInside: boolean;
}

const PATH = "/data/chain.db";
const GROUPS = 200;
/** Changes that a workload makes on average, so that a cut falls anywhere in it. */
const CHANGES = 2_600;

function next(hash: string, body: string): string {
  return createHash("sha256").update(hash).update(body).digest("hex");
}

function open(disk: VirtualDisk, synchronous: Synchronous): Database {
  const database = disk.storage.driver.open(PATH, "create");
  // Few pages between checkpoints: cuts are to fall into those as well.
  for (const [name, value] of [
    ["journal_mode", "WAL"],
    ["synchronous", synchronous],
    ["wal_autocheckpoint", 12],
  ] as const) {
    database.exec(`PRAGMA ${name}=${value}`);
  }
  return database;
}

/** Commits groups until the disk stops; gives the last row that was acknowledged. */
function work(disk: VirtualDisk, random: () => number, synchronous: Synchronous): number {
  let acknowledged = 0;
  try {
    const database = open(disk, synchronous);
    database.exec("CREATE TABLE chain (seq INTEGER PRIMARY KEY, body TEXT, hash TEXT) STRICT");
    const insert = database.prepare("INSERT INTO chain VALUES (?, ?, ?)");
    let [seq, hash] = [0, ""];
    for (let group = 0; group < GROUPS; group += 1) {
      database.exec("BEGIN IMMEDIATE");
      for (let rows = 1 + Math.floor(random() * 12); rows > 0; rows -= 1) {
        const body = "x".repeat(Math.floor(random() * 200)) + seq;
        seq += 1;
        hash = next(hash, body);
        insert.run(seq, body, hash);
      }
      database.exec("COMMIT");
      acknowledged = seq;
    }
  } catch (error) {
    if (!(error instanceof SqlError) || !disk.isOff) throw error;
  }
  return acknowledged;
}

/** Reads all back; a `SqlError` and a broken chain are damage. */
function inspect(disk: VirtualDisk, synchronous: Synchronous): Pick<Outcome, "found" | "damage"> {
  let found = 0;
  try {
    const database = open(disk, synchronous);
    // Errors of reading come as rows of this answer.
    const check = textOf(database.prepare("PRAGMA integrity_check").get());
    if (check !== "ok") return { found, damage: check };
    let hash = "";
    const table = database.prepare("SELECT count(*) FROM sqlite_schema").get();
    if (integerOf(table) === 0) return { found, damage: null };
    for (const row of database.prepare("SELECT seq, body, hash FROM chain ORDER BY seq").all()) {
      hash = next(hash, textOf(row, 1));
      if (integerOf(row) !== found + 1) return { found, damage: `row ${found + 1} is missing` };
      if (textOf(row, 2) !== hash) return { found, damage: `row ${found + 1} does not chain` };
      found += 1;
    }
    database.close();
    return { found, damage: null };
  } catch (error) {
    if (!(error instanceof SqlError)) throw error;
    return { found, damage: error.code };
  }
}

/** One workload from a seed. `again`: the power fails once more while the file recovers. */
export async function cutWorkload(
  seed: number,
  synchronous: Synchronous,
  again = false,
): Promise<Outcome> {
  const random = createRandom(seed, 1);
  const disk = await createVirtualDisk({ random: createRandom(seed) });
  disk.storage.files.makeDir("/data");
  disk.stopAfter(Math.floor(random() * CHANGES), "power", random() < 0.3);
  const acknowledged = work(disk, random, synchronous);
  const cutInside = disk.isOff;
  if (!cutInside) disk.cut();
  disk.start();
  if (again) {
    disk.stopAfter(Math.floor(random() * 12), "power");
    inspect(disk, synchronous);
    if (!disk.isOff) disk.cut();
    disk.start();
  }
  const outcome = inspect(disk, synchronous);
  disk.dispose();
  return { acknowledged, cutInside, ...outcome };
}

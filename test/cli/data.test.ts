// The data folder under whole nodes: databases that are not ours or are damaged, two nodes on one
// folder, and `kill -9`.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import t, { type Test } from "tap";
import { sqliteDriver } from "../../src/log/sqlite.ts";
import { folder, namesIn, rowsOf, Stopline, siteText, until, writeSite } from "./support.ts";

t.jobs = 4;

interface Row {
  readonly seq: number;
  readonly at: number;
  readonly kind: string;
  readonly body: unknown;
}

function start(t: Test, dir: string): Stopline {
  return new Stopline(t, ["run", writeSite(dir, siteText()), "--data", join(dir, "data")]);
}

/** Runs a node until its lamps are in start-up, then stops it in order. */
async function oneRun(t: Test, dir: string): Promise<Stopline> {
  const node = start(t, dir);
  t.ok(await node.says("Start-up"), "the node runs");
  node.kill("SIGTERM");
  t.same(await node.exit, { code: 0, signal: null });
  return node;
}

function newerSchema(path: string): void {
  const database = sqliteDriver.open(path, "write");
  database.exec("PRAGMA user_version = 99");
  database.close();
}

function damage(path: string): void {
  const bytes = readFileSync(path);
  bytes.fill(0xa5, 100, 4_000);
  writeFileSync(path, bytes);
}

const SPOILT = [
  { name: "foreign", spoil: (path: string) => writeFileSync(path, "a letter\n".repeat(100)) },
  { name: "newer", spoil: newerSchema },
  { name: "damaged", spoil: damage },
] as const;

for (const { name, spoil } of SPOILT) {
  t.test(`a ${name} database is named and set aside, and the node runs`, async (t) => {
    const dir = folder(t);
    const data = join(dir, "data");
    await oneRun(t, dir);
    const path = join(data, "events.db");
    spoil(path);
    const bytes = readFileSync(path);
    const node = await oneRun(t, dir);
    const lines = node.notices().filter((line) => line.startsWith(`${path}: `));
    t.equal(lines.length, 1, node.err);
    t.match(lines[0], /; set aside as /);
    if (name === "newer") t.match(lines[0], /schema 99, newer than \d+/);
    const aside = join(data, `events.db.${name}-1`);
    t.ok(existsSync(aside), namesIn(data).join(" "));
    t.ok(bytes.equals(readFileSync(aside)), "as it was");
    const starts = rowsOf(data).filter(({ kind }) => kind === "start");
    t.equal(starts.at(-1)?.body[0], 2, "the incarnation rises all the same");
  });
}

t.test("two nodes on one folder: the second says so and drives on without a log", async (t) => {
  const dir = folder(t);
  const first = start(t, dir);
  t.ok(await first.says("Start-up"));
  const second = start(t, dir);
  t.ok(await second.says("is in use by another stopline"));
  t.match(second.err, /use another --data folder/);
  second.kill("SIGTERM");
  t.same(await second.exit, { code: 0, signal: null });
  first.kill("SIGTERM");
  t.same(await first.exit, { code: 0, signal: null });
  const starts = rowsOf(join(dir, "data")).filter(({ kind }) => kind === "start");
  t.equal(starts.length, 1);
});

/** Rows that the node has shown as committed. */
async function shown(node: Stopline): Promise<Row[]> {
  const { text } = await node.get("/api/events?from=0&limit=2000");
  return (JSON.parse(text) as { events: Row[] }).events;
}

t.test("kill -9: all that was shown is there, and it starts by itself", async (t) => {
  const dir = folder(t);
  const data = join(dir, "data");
  let before: Row[] = [];
  for (const [run, waitMs] of [150, 900, 400].entries()) {
    const node = start(t, dir);
    t.ok(await node.opened());
    t.ok(
      await until(async () => (await shown(node).catch(() => [])).length > before.length + 2),
      "new rows are shown",
    );
    await sleep(waitMs);
    const seen = await shown(node);
    node.kill("SIGKILL");
    t.equal((await node.exit).signal, "SIGKILL");
    const rows = rowsOf(data);
    t.ok(rows.length >= seen.length, `${seen.length} shown, ${rows.length} stored`);
    const stored = rows.slice(0, seen.length);
    t.same(
      stored.map(({ seq, at, kind }) => [seq, at, kind]),
      seen.map(({ seq, at, kind }) => [seq, at, kind]),
    );
    const starts = rows.filter(({ kind }) => kind === "start");
    t.same(
      starts.map(({ body }) => body[0]),
      Array.from({ length: run + 1 }, (_, index) => index + 1),
      "each start has the next incarnation",
    );
    before = seen;
  }
});

// `stopline events` and `stopline snapshot` as real processes.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import BetterSqlite3 from "better-sqlite3";
import t from "tap";
import { edges, folder, NOON_MS, withWriter } from "../log/support.ts";

const CLI = fileURLToPath(new URL("../../src/cli/stopline.ts", import.meta.url));
const CLEAN = 'unset NODE_OPTIONS; exec "$@"';

function stopline(...args: string[]): { status: number | null; out: string; err: string } {
  const { status, stdout, stderr } = spawnSync(
    "sh",
    ["-c", CLEAN, "sh", process.execPath, CLI, ...args],
    {
      encoding: "utf8",
    },
  );
  return { status, out: stdout, err: stderr };
}

/** A folder with a few rows of several kinds, one of them of a future program. */
function sample(t: Parameters<typeof folder>[0]): string {
  const dir = folder(t);
  withWriter(dir, (writer) => {
    writer.append(
      [
        { kind: "code", body: [1, 2, null], at: NOON_MS + 100 },
        { kind: "lamps-sensed", body: [2, "green"], at: NOON_MS + 150 },
        { kind: "alarm", body: ['odd, "quoted"\ntext', 3, true], at: NOON_MS + 200 },
        { kind: "code", body: [8, 2, "gap-out"], at: NOON_MS + 9_000 },
        { kind: "weather" as "alarm", body: ["rain", [1, 2]], at: NOON_MS + 9_100 },
      ],
      NOON_MS,
    );
    writer.snapshot(NOON_MS);
  });
  return dir;
}

t.test("indiana: the enumeration's three columns, nothing else", async (t) => {
  const { status, out, err } = stopline("events", "--data", sample(t), "--format", "indiana");
  t.equal(status, 0, err);
  t.equal(
    out,
    "timestamp,event,parameter\n2024-04-15T12:00:00.100Z,1,2\n2024-04-15T12:00:09.000Z,8,2\n",
  );
});

t.test("csv: a table for sensed lamps, named columns for a kind, bodies for all", async (t) => {
  const dir = sample(t);
  const csv = (...more: string[]): string =>
    stopline("events", "--data", dir, "--format", "csv", ...more).out;
  t.equal(csv("--kind", "lamps-sensed"), "time,channel,colour\n2024-04-15T12:00:00.150Z,2,green\n");
  t.equal(
    csv("--kind", "code", "--from", "3"),
    "seq,time,kind,code,parameter,reason\n5,2024-04-15T12:00:09.000Z,code,8,2,gap-out\n",
  );
  t.match(csv("--kind", "alarm"), '"odd, ""quoted""\ntext",3,true\n');
  t.match(csv(), /^seq,time,kind,body\n1,2024-04-15T12:00:00.000Z,start,/);
});

t.test("json: one object a line, fields by name, unknown kinds kept", async (t) => {
  const lines = stopline("events", "--data", sample(t)).out.trimEnd().split("\n");
  const rows = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  t.same(
    rows.map((row) => row.seq),
    [1, 2, 3, 4, 5, 6],
  );
  t.match(rows[0], { kind: "start", incarnation: 1, continues: 0 });
  t.match(rows[4], { code: 8, parameter: 2, reason: "gap-out" });
  t.same(rows[5]?.body, ["rain", [1, 2]]);
});

t.test("works beside a running writer", async (t) => {
  const dir = folder(t);
  withWriter(dir, (writer) => {
    writer.append(edges(10), NOON_MS);
    t.equal(stopline("events", "--data", dir, "--format", "indiana").out.split("\n").length, 12);
    writer.append(edges(10, 10), NOON_MS);
    t.equal(stopline("events", "--data", dir, "--format", "indiana").out.split("\n").length, 22);
  });
});

t.test("mistakes get one line and exit 1, and nothing on stdout", async (t) => {
  const dir = sample(t);
  const empty = folder(t);
  const foreign = folder(t);
  writeFileSync(join(foreign, "events.db"), "x".repeat(200));
  const cases: readonly (readonly [string[], RegExp])[] = [
    [[], /--data is missing/],
    [["--data", "/nowhere/at/all"], /does not exist/],
    [["--data", empty], /holds no event log/],
    [["--data", foreign], /not an SQLite database/],
    [["--data", dir, "--from", "x"], /--from x is not a row number/],
    [["--data", dir, "--format", "xml"], /--format xml is none of json, csv, indiana/],
    [["--data", dir, "--format", "indiana", "--kind", "lamps"], /kind code only/],
    [["--data", dir, "--colour"], /--colour/],
    [["--data", dir, "more"], /'more' is too much/],
  ];
  for (const [args, text] of cases) {
    const { status, out, err } = stopline("events", ...args);
    t.equal(status, 1, args.join(" "));
    t.equal(out, "");
    t.match(err, text);
    t.equal(err.trimEnd().split("\n").length, 1, err);
  }
});

t.test("a reader that goes away ends it quietly", async (t) => {
  const dir = folder(t);
  withWriter(dir, (writer) => {
    for (let group = 0; group < 20; group += 1) writer.append(edges(1_000, group * 1_000), NOON_MS);
  });
  const child = spawn(
    "sh",
    [
      "-c",
      `unset NODE_OPTIONS; "$@" | head -1`,
      "sh",
      process.execPath,
      CLI,
      "events",
      "--data",
      dir,
    ],
    {
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  let [out, err] = ["", ""];
  child.stdout.on("data", (chunk: Buffer) => {
    out += chunk;
  });
  child.stderr.on("data", (chunk: Buffer) => {
    err += chunk;
  });
  await once(child, "close");
  t.match(out, /^\{"seq":1,.*\}\n$/);
  t.equal(err, "");
});

t.test("snapshot list and verify", async (t) => {
  const dir = sample(t);
  t.match(
    stopline("snapshot", "list", "--data", dir).out,
    /^ +6 {2}2024-04-15T12:00:09.100Z {2}incarnation 1/,
  );
  t.equal(stopline("snapshot", "verify", "--data", dir).out, "ok: 6 rows, 1 to 6; 1 snapshots\n");
  const database = new BetterSqlite3(join(dir, "events.db"));
  database.exec("UPDATE events SET at = at + 1 WHERE seq = 4");
  database.close();
  const bad = stopline("snapshot", "verify", "--data", dir);
  t.equal(bad.status, 1);
  t.match(bad.err, /the hash of row 4 does not fit/);
  t.match(stopline("snapshot", "mend", "--data", dir), { status: 1, err: /list\|verify/ });
});

t.test(
  "snapshot restore and diff: two folders that went apart, and one in the other's place",
  async (t) => {
    const [left, right] = [sample(t), sample(t)];
    const file = join(left, "snapshots", `${"6".padStart(16, "0")}.snap`);
    t.match(stopline("snapshot", "diff", left, file), { status: 0, out: "no difference\n" });
    withWriter(right, (writer) => {
      writer.append([{ kind: "code", body: [82, 7, null] }], NOON_MS + 9_500);
      writer.snapshot(NOON_MS);
    });
    const apart = stopline("snapshot", "diff", left, right);
    t.equal(apart.status, 1);
    t.match(apart.out, /^incarnation: 1 \| 2$/m);
    t.match(apart.out, /^detector 7 count: absent \| 1$/m);
    t.match(apart.out, /^rows of kind code: 2 \| 3$/m);
    t.notMatch(apart.out, /^rows of kind alarm/m, "what is the same is left out");
    const { status, out, err } = stopline("snapshot", "restore", file, "--data", right);
    t.equal(status, 0, err);
    t.match(out, /begins with row 6 of incarnation 1/);
    t.match(out, /set aside: .*events\.db\.replaced-1\n/);
    t.match(
      stopline("snapshot", "verify", "--data", right).out,
      /^ok: 2 rows, 7 to 8; 1 snapshots/,
    );
    withWriter(right, (writer) => {
      t.same([writer.incarnation, writer.trusted], [4, false]);
      t.equal(writer.state.rows.get("code"), 2);
      const used = stopline("snapshot", "restore", file, "--data", right);
      t.match(used, { status: 1, err: /in use by another stopline/ });
    });
    for (const words of [
      ["diff", left],
      ["restore", "--data", left],
      ["diff", left, "/nowhere"],
    ]) {
      t.equal(stopline("snapshot", ...words).status, 1, words.join(" "));
    }
    writeFileSync(file, "no snapshot");
    t.match(stopline("snapshot", "restore", file, "--data", left), { err: /too short/ });
  },
);

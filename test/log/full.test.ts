// A disk that is full while the node runs: memory stays bounded, the log says so, and it goes on
// with a gap record when there is room again.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import t from "tap";
import { CustodyDesk } from "../../src/log/custody-desk.ts";
import type { HistoryPosition } from "../../src/log/custody-types.ts";
import { openWriter } from "../../src/log/open.ts";
import { LogReader } from "../../src/log/read.ts";
import { SnapshotFolder } from "../../src/log/snapshots.ts";
import { realTimers } from "../../src/log/timers.ts";
import { verifyLog } from "../../src/log/verify.ts";
import { createVirtualDisk } from "../../src/sim/disk/disk.ts";
import { createRandom } from "../../src/sim/street/random.ts";
import { edges, folder, NOON_MS, OPTIONS, withWriter } from "./support.ts";

const NODE = fileURLToPath(new URL("./full-disk.ts", import.meta.url));

t.test("full while running: bounded, said, and resumed with a gap record", async (t) => {
  const dir = folder(t);
  // 256 kB for any one file; the signal for going beyond it is ignored, so that writes fail.
  const script = "unset NODE_OPTIONS; trap '' XFSZ; ulimit -S -f 512; exec \"$@\"";
  const child = spawn("sh", ["-c", script, "sh", process.execPath, NODE, dir], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const closed = once(child, "close");
  const lines: string[] = [];
  let freed = false;
  for await (const line of createInterface({ input: child.stdout })) {
    lines.push(line);
    if (line.startsWith("waiting") && !freed) {
      freed = true;
      const free = spawnSync("prlimit", ["--fsize=unlimited", "--pid", String(child.pid)]);
      t.equal(free.status, 0, String(free.stderr));
    }
    if (line === "well" && freed) child.stdin.end();
  }
  const [code] = await closed;
  t.equal(code, 0, lines.join("\n"));
  t.match(lines[0], /^trouble .*SQLITE_(FULL|IOERR)/);
  const waiting = lines.filter((line) => line.startsWith("waiting"));
  t.ok(
    waiting.every((line) => Number(line.split(" ")[1]) <= 100),
    "the queue keeps its bound",
  );
  const [, put = 0, dropped = 0] = (lines.at(-1) ?? "").split(" ").map(Number);
  t.ok(dropped > 0);
  const reader = new LogReader(dir);
  const rows = [...reader.pages({ from: 0, kind: null })].flat();
  t.same(verifyLog(new SnapshotFolder(dir), reader.database).problems, []);
  reader.close();
  const numbers = rows.filter((row) => row.kind === "code").map((row) => Number(row.body[1]));
  const gaps = rows.filter((row) => row.kind === "gap").map((row) => Number(row.body[1]));
  t.equal(
    gaps.reduce((sum, count) => sum + count, 0),
    dropped,
    "what was dropped is in the log",
  );
  t.equal(numbers.length, put - dropped);
  t.ok(
    numbers.every((number, index) => index === 0 || number > (numbers[index - 1] ?? 0)),
    "in order, none twice",
  );
  t.equal(rows.filter((row) => row.kind === "fault" && row.body[1] === false).length, 1);
});

t.test("custody on a full disk: nothing is acknowledged that is not kept", async (t) => {
  const disk = await createVirtualDisk({ random: createRandom(1), nowMs: () => NOON_MS });
  t.teardown(() => disk.dispose());
  const desk = new CustodyDesk({
    storage: disk.storage,
    dir: "/data",
    maxBytes: OPTIONS.maxBytes,
    author: null,
    timers: realTimers,
    onNotice: (text) => t.fail(text),
  });
  disk.storage.files.makeDir("/data");
  withWriter(folder(t), (writer) => {
    let kept = 0;
    let refused = 0;
    for (let round = 0; round < 30; round += 1) {
      writer.append(edges(20, round * 20), NOON_MS);
      disk.faults.full = round % 10 > 4;
      const held = heldBy(desk, "north");
      t.equal(held?.seq ?? 0, kept, "what was acknowledged, and no more");
      const { rows } = writer.ownRows(held, { rows: 500, bytes: 100_000 });
      const { incarnation, boot } = writer;
      const put = { origin: "north", incarnation, boot, rows, lapsed: false };
      try {
        const answer = desk.answerKept({ kind: "custody-put", token: round, put });
        t.match(answer, { result: { refused: null } });
        kept = rows.at(-1)?.seq ?? kept;
      } catch (error) {
        t.match(error, { code: /SQLITE_(FULL|IOERR)/ });
        refused += 1;
      }
    }
    t.equal(refused, 15, "as often as the disk was full");
    disk.faults.full = false;
    t.ok(kept > 400, `${kept} rows kept`);
  });
  desk.close();
});

function heldBy(desk: CustodyDesk, origin: string): HistoryPosition | null {
  const answer = desk.answerKept({ kind: "custody-position", token: 0, origin });
  return answer.kind === "custody-position" ? (answer.held?.head ?? null) : null;
}

t.test("a folder that can't be written is refused in words", async (t) => {
  const dir = folder(t);
  chmodSync(dir, 0o500);
  t.teardown(() => chmodSync(dir, 0o700));
  if (process.getuid?.() === 0) {
    t.pass("root writes anywhere");
    return;
  }
  t.throws(() => openWriter(dir, OPTIONS), { name: "FolderError", message: /can't be written/ });
});

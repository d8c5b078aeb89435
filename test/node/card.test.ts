// A real node on a real card: an ext4 file system of its own that gets full, turns read-only as the
// kernel does it after an error, stops to answer, or is not there any more. The lamps go on, health
// says what is wrong, and what can come back does. Mounts need root; else the tests are skipped.
import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { folder, Stopline, siteText, until, writeSite } from "../cli/support.ts";

t.jobs = 4;

const CARD_MB = 24;
/** `EXT4_IOC_SHUTDOWN` without another write: from now on everything is an I/O error. */
const SHUT_DOWN = `
my $how = pack("L", 2);
open(F, "<", $ARGV[0]) or die;
ioctl(F, 0x8004587d, $how) or die "$!";
`;

/** Words that start a program where `card` is mounted at `data`, for it alone. */
function onCard(card: string, data: string): string[] {
  // Below the card lies what an image has: a folder that nobody can write.
  const script =
    'mount -t tmpfs -o size=64k,ro none "$2" && ' +
    'mount -o loop,errors=remount-ro "$1" "$2" && shift 2 && exec "$@"';
  const own = ["unshare", "--mount", "--propagation", "private"];
  return [...own, "sh", "-c", script, "sh", card, data];
}

function makeCard(dir: string): { card: string; data: string } {
  const [card, data] = [join(dir, "card.img"), join(dir, "data")];
  mkdirSync(data);
  spawnSync("truncate", ["-s", `${CARD_MB}M`, card]);
  // Blocks as on the board's image; `doctor` says why not smaller ones.
  spawnSync("mke2fs", ["-q", "-t", "ext4", "-b", "4096", "-m", "0", card]);
  return { card, data };
}

/** Why there can be no card here, or false. */
function hindrance(): string | false {
  const dir = t.testdir();
  const { card, data } = makeCard(dir);
  const [command = "", ...args] = onCard(card, data);
  const tried = spawnSync(command, [...args, "true"], { encoding: "utf8" });
  return tried.status === 0 ? false : `no mounts: ${tried.error?.message ?? tried.stderr}`;
}

const skip = hindrance();

interface Rig {
  readonly node: Stopline;
  readonly data: string;
  /** Runs a command where the node sees its card; what it said on failure, else "". */
  readonly run: (...words: string[]) => string;
}

async function start(t: Test): Promise<Rig> {
  const dir = folder(t);
  const { card, data } = makeCard(dir);
  const args = ["run", writeSite(dir, siteText()), "--data", data];
  const node = new Stopline(t, args, onCard(card, data));
  t.ok(await node.says("Start-up"), node.err);
  t.ok(await until(async () => (await log(node)).state === "ok"), "the log is written");
  const run = (...words: string[]): string => {
    const own = ["--target", String(node.pid), "--mount", "--"];
    const { status, stderr } = spawnSync("nsenter", [...own, ...words], { encoding: "utf8" });
    return status === 0 ? "" : stderr;
  };
  return { node, data, run };
}

interface LogHealth {
  readonly state: string;
  readonly text: string;
}

async function log(node: Stopline): Promise<LogHealth> {
  const { parts } = JSON.parse((await node.get("/api/health")).text) as {
    parts: ({ name: string } & LogHealth)[];
  };
  return parts.find(({ name }) => name === "log") ?? { state: "none", text: "" };
}

async function greens(node: Stopline): Promise<number> {
  const { text } = await node.get("/metrics");
  const found = text.matchAll(/^stopline_phase_greens_total\{[^}]*\} (\d+)$/gm);
  return [...found].reduce((sum, [, count]) => sum + Number(count), 0);
}

/** Health says it, and greens go on coming. */
async function goesOn(t: Test, { node }: Rig, words: RegExp): Promise<void> {
  const isSaid = async (): Promise<boolean> => {
    const { state, text } = await log(node);
    return state === "failed" && words.test(text);
  };
  t.ok(await until(isSaid), `${words}: ${JSON.stringify(await log(node))}`);
  const before = await greens(node);
  t.ok(await until(async () => (await greens(node)) >= before + 2), "two more greens");
  // On a full disk SQLite still writes, now and then, into room that its files have already.
  t.ok(await until(isSaid), "and it goes on saying so");
  t.equal((await node.get("/healthz")).status, 200, "the junction is driven");
}

async function comesBack(t: Test, { node }: Rig): Promise<void> {
  const isBack = async (): Promise<boolean> => (await log(node)).state !== "failed";
  t.ok(await until(isBack), JSON.stringify(await log(node)));
  t.ok(await node.says(/log: works again/));
  node.kill("SIGTERM");
  t.same(await node.exit, { code: 0, signal: null });
}

t.test("full", { skip }, async (t) => {
  const rig = await start(t);
  const filler = join(rig.data, "filler");
  rig.run("dd", "if=/dev/zero", `of=${filler}`, "bs=64k");
  rig.run("dd", "if=/dev/zero", `of=${filler}2`, "bs=512");
  await goesOn(t, rig, /Not written at present: .*(SQLITE_FULL|ENOSPC)/);
  t.equal(rig.run("rm", filler, `${filler}2`), "");
  await comesBack(t, rig);
});

t.test("read-only, as the kernel leaves it after an error", { skip }, async (t) => {
  const rig = await start(t);
  const trigger =
    'echo 1 >"/sys/fs/ext4/$(basename "$(findmnt -no SOURCE "$1")")/trigger_fs_error"';
  t.equal(rig.run("sh", "-c", trigger, "sh", rig.data), "");
  await goesOn(t, rig, /Not written at present: .*(READONLY|EROFS|IOERR|CANTOPEN)/);
});

t.test("dead: every access is an error", { skip }, async (t) => {
  const rig = await start(t);
  t.equal(rig.run("perl", "-e", SHUT_DOWN, rig.data), "");
  await goesOn(t, rig, /Not written at present: .*(IOERR|EIO|READONLY|CANTOPEN)/);
});

t.test(
  "gone: the folder is there and empty, and nothing begins in its place",
  { skip },
  async (t) => {
    const rig = await start(t);
    t.equal(rig.run("umount", "--lazy", rig.data), "");
    await goesOn(t, rig, /Not written at present: .*events\.db is gone, was its disk taken out/);
    t.equal(rig.run("test", "!", "-e", join(rig.data, "events.db")), "");
  },
);

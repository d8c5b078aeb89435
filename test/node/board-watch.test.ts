// A board that is unwell, and what the service thread then leaves out; the lamps go on.
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import t from "tap";
import { BoardWatch } from "../../src/node/board-watch.ts";
import type { BoardHealth } from "../../src/observe/board.ts";
import type { Health } from "../../src/wire/health.ts";
import { folder, Stopline, siteText, until, writeSite } from "../cli/support.ts";
import { systemTest } from "../support/system.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const WELL: BoardHealth = {
  temperatureC: 45,
  memoryFreeBytes: 600e6,
  memoryTotalBytes: 1e9,
  diskFreeBytes: 20e9,
  isUnderVoltage: false,
  wasUnderVoltage: false,
  isThrottled: false,
};

function watched() {
  const said: string[] = [];
  const copies: boolean[] = [];
  let [board, nowMs] = [WELL, 0];
  const watch = new BoardWatch({
    dataDir: ".",
    say: (text) => said.push(text),
    onCopies: (paused) => copies.push(paused),
    read: async () => board,
    nowMs: () => nowMs,
  });
  const look = async (change: Partial<BoardHealth>, minutes = 1): Promise<void> => {
    board = { ...WELL, ...change };
    nowMs += minutes * 60_000;
    await watch.look();
  };
  return { watch, said, copies, look };
}

t.test("what is left out is counted, and said once", async (t) => {
  const { watch, said, copies, look } = watched();
  t.equal(watch.part(), null, "nothing is known yet");
  await look({});
  t.ok(watch.takesSpans(3));
  t.ok(watch.takesDrawing());
  t.match(watch.part(), { state: "ok", text: "20.0 GB free on the data disk, 45 °C." });
  await look({ temperatureC: 85 });
  await look({ temperatureC: 85 });
  t.equal(said.length, 1, said.join("\n"));
  t.match(said[0], /goes without more \(level 3 of 3\): .*sampled; 85 °C/);
  t.notOk(watch.takesSpans(3));
  const drawn = Array.from({ length: 10 }, () => watch.takesDrawing()).filter((taken) => taken);
  t.equal(drawn.length, 2);
  t.ok(watch.samplesReports());
  t.same(watch.dropped(), [
    { class: "span", reason: "board", count: 3 },
    { class: "drawing", reason: "board", count: 8 },
  ]);
  t.match(watch.part(), { state: "degraded", text: /level 3 of 3: .*lamps are not touched/ });
  const before = performance.now();
  await watch.pace();
  t.ok(performance.now() - before > 200);
  t.same(copies, [true]);
  for (let step = 0; step < 5; step += 1) await look({}, 5);
  t.equal(watch.level, 0);
  t.same(copies, [true, false]);
  t.match(said.at(-1), "well again");
});

t.test("a board that can't be read says so and changes nothing", async (t) => {
  const said: string[] = [];
  const read = () => Promise.reject(new Error("no such file"));
  const options = {
    dataDir: ".",
    say: (text: string) => said.push(text),
    onCopies: () => undefined,
  };
  const watch = new BoardWatch({ ...options, read });
  await watch.look();
  t.match(said, [/can't be read: Error: no such file/]);
  t.equal(watch.level, 0);
});

/** Files of ours that a module loads, itself or through others; types alone are not loaded. */
function filesOf(entry: string): Set<string> {
  const seen = new Set<string>();
  for (const waiting = [entry]; waiting.length > 0; ) {
    const name = waiting.pop() ?? "";
    if (seen.has(name)) continue;
    seen.add(name);
    const text = readFileSync(join(ROOT, name), "utf8");
    for (const [, target = ""] of text.matchAll(/^import (?!type)[^;]*?from "(\.[^"]+)"/gm)) {
      waiting.push(normalize(join(dirname(name), target)));
    }
  }
  return seen;
}

t.test("nothing on the way to a lamp knows of it", async (t) => {
  const way = [...filesOf("src/node/live-control.ts"), ...filesOf("src/log/queue.ts")];
  t.ok(way.includes("src/core/interlock/interlock.ts"), "the interlock is on that way");
  t.same(
    way.filter((name) => /thrift|board/.test(name)),
    [],
  );
});

/** Mounts where no other process sees them: as root, or in a user namespace; null for neither. */
function ownMounts(): string[] | null {
  for (const user of [[], ["--user", "--map-root-user"]]) {
    const way = ["unshare", ...user, "--mount", "--propagation", "private"];
    if (spawnSync("sh", ["-c", 'exec "$@" true', "sh", ...way]).status === 0) return way;
  }
  return null;
}

systemTest(t, "on a disk of 64 MB its lamps go on as ever, at the last level", async (t) => {
  const mounts = ownMounts();
  if (mounts === null) {
    t.comment("this user may not mount anything");
    return;
  }
  const dir = folder(t);
  const [file, data] = [writeSite(dir, siteText()), join(dir, "data")];
  mkdirSync(data);
  const mounted = 'mount -t tmpfs -o size=64m none "$0" && exec "$@"';
  const through = [...mounts, "sh", "-c", mounted, data];
  const node = new Stopline(t, ["run", file, "--data", data], through);
  t.ok(await node.opened(), node.err);
  const worst = async () => /^stopline_board_level 3$/m.test((await node.get("/metrics")).text);
  t.ok(await until(worst), "level 3");
  const figure = async (name: string): Promise<number> => {
    const { text } = await node.get("/metrics");
    return Number(new RegExp(`^${name} (\\d+)$`, "m").exec(text)?.[1] ?? 0);
  };
  t.ok(await until(async () => (await figure("stopline_greens_total")) > 0, 60_000), "a green");
  const frames = await figure("stopline_frames_sent_total");
  const more = async () => (await figure("stopline_frames_sent_total")) >= frames + 40;
  t.ok(await until(more, 20_000), "a frame every 50 ms");
  const { text } = await node.get("/metrics");
  t.match(text, /^stopline_trips_total 0$/m);
  t.match(text, /^stopline_interlock_violations_total 0$/m);
  const { parts } = JSON.parse((await node.get("/api/health")).text) as Health;
  t.match(
    parts.find(({ name }) => name === "board"),
    { state: "degraded", text: /level 3 of 3/ },
  );
  t.match(
    parts.find(({ name }) => name === "control"),
    { state: "ok" },
  );
  t.match(
    parts.find(({ name }) => name === "log"),
    { state: "ok" },
  );
});

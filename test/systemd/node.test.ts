// A whole node, as systemd starts it, before a listener that stands for systemd: what it says when
// it is ready, lives, reloads and stops, and that only a living control loop says it.
import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import t, { type Test } from "tap";
import { folder, Stopline, siteText, until, writeSite } from "../cli/support.ts";
import { systemTest } from "../support/system.ts";
import { Listener } from "./listener.ts";

const BAD_SITE = siteText().replace("minGreen: 8", "minGreen: -8").replace("Vienna", "Atlantis");

const WATCHDOG_MS = 3_000;
/** What systemd would bear; a third of it is the distance of two signs. */
const SIGN = "WATCHDOG=1";

t.jobs = 3;

/** For the program that is started next. */
function environment(listener: Listener): void {
  process.env.NOTIFY_SOCKET = listener.path;
  process.env.WATCHDOG_USEC = String(WATCHDOG_MS * 1_000);
}

/** A program of the tests, as in production, under the listener. */
function program(t: Test, path: string, args: readonly string[] = []): ChildProcess {
  const file = fileURLToPath(new URL(path, import.meta.url));
  const words = ["-c", 'unset NODE_OPTIONS; exec "$@"', "sh", process.execPath, file, ...args];
  const child = spawn("sh", words, { stdio: ["ignore", "pipe", "inherit"] });
  t.teardown(() => child.kill("SIGKILL"));
  return child;
}

function signs({ heard }: Listener): number[] {
  return heard.filter(({ lines }) => lines.includes(SIGN)).map(({ atMs }) => atMs);
}

systemTest(t, "ready with the first lamp frame, reload, orderly stop", async (t) => {
  const listener = await Listener.open(t);
  environment(listener);
  const dir = folder(t);
  const file = writeSite(dir, siteText());
  const node = new Stopline(t, ["run", file, "--data", join(dir, "data"), "--service"]);
  t.ok(await listener.hears("READY=1"));
  // systemd keeps what it was told last: a status that has not changed is not told again.
  const readyAt = listener.heard.findIndex(({ lines }) => lines.includes("READY=1"));
  const upToReady = listener.heard.slice(0, readyAt + 1).flatMap(({ lines }) => lines);
  t.ok(
    upToReady.some((line) => /^STATUS=\w/.test(line)),
    "with a status",
  );
  t.ok(await listener.hears("STATUS=The controller runs."));
  t.equal(new Set(listener.heard.map(({ pid }) => pid)).size, 1, "one process speaks");

  writeSite(dir, BAD_SITE);
  let count = listener.heard.length;
  node.kill("SIGHUP");
  t.ok(await listener.hearsAfter(count, "RELOADING=1"));
  t.ok(await listener.hearsAfter(count, "READY=1"));
  t.ok(await listener.hearsAfter(count, /^STATUS=The new site file was not taken: .*site.yaml:/));

  writeSite(dir, siteText());
  count = listener.heard.length;
  node.kill("SIGHUP");
  t.ok(await listener.hearsAfter(count, "RELOADING=1"));
  t.ok(await listener.hearsAfter(count, /^STATUS=Orderly stop/));

  count = listener.heard.length;
  node.kill("SIGTERM");
  t.ok(await listener.hearsAfter(count, "STOPPING=1"));
  t.ok(await listener.hearsAfter(count, /^STATUS=Stopping in order \(SIGTERM\)/));
  t.same(await node.exit, { code: 0, signal: null });
  t.match(node.out, /^console +http:\S+$/m);
  t.notMatch(node.out, /secret/, "the system's log is for more people");
});

systemTest(t, "what can light nothing is ready, says why, and lives", async (t) => {
  const cases = [
    { text: BAD_SITE, says: /^STATUS=No lamps, console only: .*site.yaml:\d+: .* more\)\.$/ },
    { text: siteText({ device: "/dev/nothing" }), says: /^STATUS=No cabinet: no device/ },
  ];
  for (const { text, says } of cases) {
    const listener = await Listener.open(t, true);
    environment(listener);
    const dir = folder(t);
    const file = writeSite(dir, text);
    const node = new Stopline(t, ["run", file, "--data", join(dir, "data"), "--service"]);
    t.ok(await listener.hears(says));
    t.ok(await listener.hears("READY=1"));
    t.ok(await until(() => signs(listener).length >= 3));
    node.kill("SIGTERM");
    t.same(await node.exit, { code: 0, signal: null });
  }
});

systemTest(t, "a control loop that is stuck says nothing", async (t) => {
  const listener = await Listener.open(t);
  environment(listener);
  const node = program(t, "./stuck.ts");
  const stuck = new Promise((resolve) => node.stdout?.once("data", resolve));
  t.ok(await listener.hears(SIGN));
  await stuck;
  const count = signs(listener).length;
  t.ok(count >= 2, "it lived before");
  await sleep(2 * WATCHDOG_MS);
  t.ok(signs(listener).length <= count + 1, "one may have been under way");
});

for (const [thread, fault] of [
  ["service", "loop"],
  ["log", "stuck"],
] as const) {
  systemTest(t, `a ${thread} thread that is stuck keeps nothing back`, async (t) => {
    const listener = await Listener.open(t);
    environment(listener);
    const node = program(t, "../node/faults/node.ts", [thread, fault]);
    await new Promise((resolve) => node.once("close", resolve));
    const times = signs(listener);
    const gaps = times.slice(1).map((atMs, index) => atMs - (times[index] ?? 0));
    t.ok(times.length > 15, `${times.length} signs`);
    t.ok(Math.max(...gaps) < WATCHDOG_MS, `${Math.max(...gaps)} ms`);
  });
}

t.test("without a manager nothing of it is loaded", async (t) => {
  delete process.env.NOTIFY_SOCKET;
  const code = `
    const { supervisorOf } = await import(process.argv[1]);
    const none = await supervisorOf({}, []);
    const loaded = process.report.getReport().sharedObjects.filter((name) => /koffi/.test(name));
    console.log(none === null, loaded.length);`;
  const path = new URL("../../src/node/supervisor.ts", import.meta.url).href;
  const script = 'unset NODE_OPTIONS; exec "$@"';
  const words = [process.execPath, "--input-type=module", "-e", code, path];
  const child = spawn("sh", ["-c", script, "sh", ...words]);
  let text = "";
  child.stdout.on("data", (chunk: Buffer) => {
    text += chunk.toString();
  });
  await new Promise((resolve) => child.once("close", resolve));
  t.equal(text.trim(), "true 0");
});

// A node from the command line, as whole processes: what it prints, what it refuses, how it ends.
import { existsSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import t from "tap";
import {
  folder,
  openTerminal,
  rowsOf,
  runToEnd,
  Stopline,
  siteText,
  until,
  writeSite,
} from "./support.ts";

/** High-resolution code. */
const GREEN_BEGINS = 1;

const BAD_SITE = siteText()
  .replace("minGreen: 8", "minGreen: -8")
  .replace("yellow: 3.5", "yellow: 0.1")
  .replace("timezone: Europe/Vienna", "timezone: Europe/Atlantis");

t.jobs = 4;

t.test("the demo ends by itself; its summary is the last line of all", async (t) => {
  const data = join(folder(t), "data");
  const { code, out, err, all } = await runToEnd(t, ["demo", "--for", "12s", "--data", data]);
  t.equal(code, 0, err);
  t.match(out, /^Stopline: Market Street/, "says what it is");
  t.match(out, /^console\s+http:\/\/127\.0\.0\.1:\d+\/#secret=[\w-]{43}$/m);
  t.match(out, /^mqtt\s+mqtt:\/\/127\.0\.0\.1:\d+$/m);
  t.match(out, /Ctrl-C stops/, "says how to stop it");
  const last = all.trimEnd().split("\n").at(-1) ?? "";
  const summary = JSON.parse(last) as Record<string, number | boolean>;
  t.same(Object.keys(summary), ["ok", "phases", "events", "trips", "vehicles"]);
  t.equal(summary.ok, true);
  t.equal(summary.trips, 0);
  const rows = rowsOf(data);
  // On a machine too busy for a virtual cabinet the first green may come late; the count is right.
  const greens = rows.filter(({ kind, body }) => kind === "code" && body[0] === GREEN_BEGINS);
  t.equal(summary.phases, greens.length, `${greens.length} greens`);
  t.ok(Number(summary.events) > 0 && Number(summary.events) <= rows.length);
  t.equal(rows.at(-1)?.kind, "stop", "the stop is the last row");
});

t.test("a bad site file: every problem with its line, and nothing is started", async (t) => {
  const dir = folder(t);
  const file = writeSite(dir, BAD_SITE);
  const { code, out, err } = await runToEnd(t, ["run", file, "--data", join(dir, "data")]);
  t.equal(code, 1);
  t.equal(out, "");
  const lines = err.trimEnd().split("\n");
  const lineOf = (text: string) => BAD_SITE.split("\n").findIndex((at) => at.includes(text)) + 1;
  for (const text of ["minGreen: -8", "yellow: 0.1", "Atlantis"]) {
    const start = `${file}:${lineOf(text)}:`;
    t.ok(
      lines.some((line) => line.startsWith(start)),
      `${text} at ${start}`,
    );
  }
  t.notOk(existsSync(join(dir, "data")), "no data folder");
});

t.test("a bad site file under systemd: console and health only", async (t) => {
  const dir = folder(t);
  const data = join(dir, "data");
  const good = new Stopline(t, ["run", writeSite(dir, siteText()), "--data", data, "--service"]);
  t.ok(await good.opened());
  const before = good.origin();
  good.kill("SIGTERM");
  t.same(await good.exit, { code: 0, signal: null });

  const file = writeSite(dir, BAD_SITE);
  const node = new Stopline(t, ["run", file, "--data", data, "--service"]);
  t.ok(await node.opened());
  t.equal(node.origin(), before, "where it was last seen");
  t.equal(node.place("mqtt"), null, "no broker");
  const health = await node.get("/healthz");
  t.equal(health.status, 503);
  t.match(health.text, /site file/);
  const site = JSON.parse((await node.get("/api/site")).text) as {
    site: unknown;
    problems: string[];
  };
  t.equal(site.site, null);
  t.ok(site.problems.some((line) => line.includes("Atlantis")));
  t.ok(await until(async () => (await node.get("/api/health")).text.includes('"log"')));
  node.kill("SIGTERM");
  t.same(await node.exit, { code: 0, signal: null });
  const rows = rowsOf(data);
  const start = rows.findLastIndex(({ kind }) => kind === "start");
  const kinds = rows.slice(start).map(({ kind }) => kind);
  t.notOk(kinds.includes("cabinet"), `no cabinet is driven: ${kinds.join(" ")}`);
  t.notOk(kinds.includes("lamps"));
});

t.test("a taken port and an absent cabinet: a line each, the rest runs", async (t) => {
  const dir = folder(t);
  const taken = createServer();
  await new Promise<void>((done) => taken.listen(0, "127.0.0.1", done));
  t.teardown(() => taken.close());
  const bound = taken.address();
  const port = typeof bound === "object" && bound !== null ? bound.port : 0;
  const file = writeSite(dir, siteText({ mqtt: port, device: join(dir, "no-device") }));
  const node = new Stopline(t, ["run", file, "--data", join(dir, "data")]);
  t.ok(await node.opened());
  t.equal(node.place("mqtt"), null);
  const said = () => node.err.split("\n").filter((line) => line.includes(`:${port}`));
  t.ok(await node.says(`:${port}`));
  t.equal(said().length, 1, node.err);
  t.match(said()[0], /taken.*broker\.listeners/);

  const lines = () => node.notices().filter((line) => line.includes("no-device"));
  t.ok(await until(() => lines().length > 0));
  // Two more attempts to open: they bring no line of their own.
  await until(() => false, 2_500);
  t.equal(lines().length, 1, node.err);
  t.match(lines()[0], /plug the cabinet in/);
  const health = JSON.parse((await node.get("/api/health")).text) as {
    parts: { name: string; state: string; text: string }[];
  };
  t.match(health.parts.find(({ name }) => name === "cabinet")?.text, /no device/);
  t.match(health.parts.find(({ name }) => name === "start")?.text, `:${port}`);
  t.equal(health.parts.find(({ name }) => name === "log")?.state, "ok");
  t.equal((await node.get("/healthz")).status, 503);
  node.kill("SIGTERM");
  t.same(await node.exit, { code: 0, signal: null });
});

t.test("a console's port that is taken leaves broker and junction", async (t) => {
  const dir = folder(t);
  const taken = createServer();
  await new Promise<void>((done) => taken.listen(0, "127.0.0.1", done));
  t.teardown(() => taken.close());
  const bound = taken.address();
  const port = typeof bound === "object" && bound !== null ? bound.port : 0;
  const file = writeSite(dir, siteText({ console: port }));
  const node = new Stopline(t, ["run", file, "--data", join(dir, "data"), "--for", "3s"]);
  t.ok(await node.says(`port 127.0.0.1:${port} is taken`));
  t.match(node.err, /console\.listen/);
  t.same(await node.exit, { code: 0, signal: null });
  t.ok(node.place("mqtt"));
  t.equal(node.place("console"), null);
  t.match(node.out.trimEnd().split("\n").at(-1), /^\{"ok":true,/);
});

t.test("SIGTERM stops in order, whatever time was left", async (t) => {
  const dir = folder(t);
  const data = join(dir, "data");
  const words = ["run", writeSite(dir, siteText()), "--data", data, "--for", "1h"];
  const node = new Stopline(t, words);
  t.ok(await node.opened());
  t.ok(await node.says("The controller runs"));
  node.kill("SIGTERM");
  t.same(await node.exit, { code: 0, signal: null });
  t.match(node.err, /stopping in order/);
  t.match(node.out.trimEnd().split("\n").at(-1), /^\{"ok":true,"phases":\d+,/);
  const rows = rowsOf(data);
  const modes = rows.filter(({ kind }) => kind === "mode").map(({ body }) => body[0]);
  const after = modes.slice(modes.lastIndexOf("controlled") + 1);
  t.equal(after[0], "orderly-stop");
  t.equal(after.at(-1), "failure-display");
  t.same(rows.at(-1)?.body, ["SIGTERM"]);
  t.equal(rows.at(-1)?.kind, "stop");
});

t.test("a second Ctrl-C ends at once", async (t) => {
  const dir = folder(t);
  const data = join(dir, "data");
  const node = new Stopline(t, ["run", writeSite(dir, siteText()), "--data", data]);
  t.ok(await node.says("The controller runs"));
  node.kill("SIGINT");
  t.ok(await node.says("again: at once"));
  node.kill("SIGINT");
  t.same(await node.exit, { code: null, signal: "SIGINT" });
  t.notOk(rowsOf(data).some(({ kind }) => kind === "stop"));
});

t.test("a terminal that is closed under a node stops it in order", async (t) => {
  const dir = folder(t);
  const data = join(dir, "data");
  const words = ["run", writeSite(dir, siteText()), "--data", data, "--for", "60s"];
  const terminal = openTerminal(t, words);
  const modes = () => {
    const rows = existsSync(join(data, "events.db")) ? rowsOf(data) : [];
    return rows.filter(({ kind }) => kind === "mode").map(({ body }) => body[0]);
  };
  t.ok(await until(() => modes().includes("starting")));
  terminal.kill("SIGKILL");
  const stop = () => rowsOf(data).find(({ kind }) => kind === "stop");
  t.ok(await until(() => stop() !== undefined));
  t.same(stop()?.body, ["the terminal was closed"]);
  t.equal(modes().at(-1), "failure-display");
});

t.test("a data folder that can't be made", async (t) => {
  const dir = folder(t);
  writeFileSync(join(dir, "file"), "");
  const data = join(dir, "file", "data");
  const { code, err } = await runToEnd(t, ["demo", "--data", data, "--for", "5s"]);
  t.equal(code, 1);
  const lines = err.trimEnd().split("\n");
  t.equal(lines.length, 1, err);
  t.match(lines[0], /--data DIR/);
});

t.test("words that no command knows: one line, exit 1", { jobs: 4 }, async (t) => {
  const cases: readonly (readonly [readonly string[], RegExp])[] = [
    [["drive"], /no command 'drive'; there are: .*run/],
    [["demo", "--speed", "9"], /--speed/],
    [["demo", "--for", "soon"], /--for soon is no duration/],
    [["run"], /which site file/],
    [["run", "a.yaml", "b.yaml"], /one site file/],
    [["run", "/nowhere/site.yaml"], /no such file/],
    [["reload"], /use: stopline reload FILE --data DIR/],
    [["doctor", "--now"], /--now/],
  ];
  for (const [args, words] of cases) {
    t.test(args.join(" "), async (t) => {
      const { code, out, err } = await runToEnd(t, args);
      t.equal(code, 1);
      t.equal(out, "");
      t.equal(err.trimEnd().split("\n").length, 1, err);
      t.match(err, words);
    });
  }
});

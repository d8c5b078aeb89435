// A changed site file under a running node: nothing, until somebody with the right to it asks.
import { readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { connectAsync } from "mqtt";
import t, { type Test } from "tap";
import { folder, rowsOf, runToEnd, Stopline, siteText, until, writeSite } from "./support.ts";

t.jobs = 4;

interface Setting {
  readonly file: string;
  readonly data: string;
  readonly node: Stopline;
}

async function running(t: Test): Promise<Setting> {
  const dir = folder(t);
  const data = join(dir, "data");
  const file = writeSite(dir, siteText());
  const node = new Stopline(t, ["run", file, "--data", data]);
  await node.opened();
  t.ok(await node.says("Start-up"), "runs");
  return { file, data, node };
}

function change(file: string, from: string, to: string): void {
  const text = readFileSync(file, "utf8");
  if (!text.includes(from)) throw new Error(`no ${from} in ${file}`);
  writeFileSync(file, text.replaceAll(from, to));
}

/** Passage of phase 1 as the running node has it; null while its console is away. */
async function passage({ node }: Setting): Promise<number | null> {
  try {
    const { site } = JSON.parse((await node.get("/api/site")).text) as {
      site: { phases: { phase: number; passageMs?: number; passage?: number }[] };
    };
    const first = site.phases.find(({ phase }) => phase === 1);
    return first?.passageMs ?? first?.passage ?? null;
  } catch {
    return null;
  }
}

/** Does something take connections where the first lines said the broker is? */
async function answers(node: Stopline): Promise<boolean> {
  const port = Number(new URL(node.place("mqtt") ?? "").port);
  return await new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => resolve(true));
    socket.once("error", () => resolve(false));
    socket.once("close", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}

async function finish({ node }: Setting, t: Test): Promise<void> {
  node.kill("SIGTERM");
  t.same(await node.exit, { code: 0, signal: null });
}

t.test("stopline reload: orderly stop, start-up, the new values", async (t) => {
  const setting = await running(t);
  const { file, data, node } = setting;
  const before = await passage(setting);
  t.type(before, "number");
  t.ok(await answers(node), "the broker answers");
  change(file, "passage: 2.5", "passage: 3.5");
  t.equal(await passage(setting), before, "a changed file changes nothing");
  const said = await runToEnd(t, ["reload", file, "--data", data]);
  t.same([said.code, said.out, said.err], [0, "reloaded\n", ""]);
  t.ok(await until(async () => ((await passage(setting)) ?? before) !== before), "new values");
  const starts = () => node.notices().filter((line) => line.startsWith("Start-up")).length;
  t.ok(await until(() => starts() >= 2), "through start-up");
  t.ok(await until(() => answers(node)), "the broker answers where it did, as the console does");
  await finish(setting, t);
  const rows = rowsOf(data);
  const site = rows.findIndex(({ kind }) => kind === "site");
  const modes = rows.slice(site).filter(({ kind }) => kind === "mode");
  const names = modes.map(({ body }) => String(body[0]));
  t.ok(names.indexOf("orderly-stop") >= 0, names.join(" "));
  t.ok(names.indexOf("starting") > names.indexOf("failure-display"), names.join(" "));
  t.notOk(rows.some(({ kind }) => kind === "trip"));
});

/** The grants of two filters on topics of the node, by the broker where the first lines said. */
async function grants({ node }: Setting): Promise<unknown> {
  const url = (node.place("mqtt") ?? "").replace(/\/$/, "");
  const client = await connectAsync(url, { reconnectPeriod: 0 }).catch(() => null);
  if (client === null) return null;
  const filters = ["stopline/1/+/+/+/spat", "stopline/1/+/+/+/map"];
  const granted = await new Promise<unknown>((resolve) => {
    // A broker that closes for the reload leaves a subscription unanswered.
    client.once("close", () => resolve(null));
    client.subscribe(filters, { qos: 0 }, (_error, _granted, packet) => resolve(packet?.granted));
  });
  client.end(true);
  return granted;
}

t.test("a reload applies the limits of clients", async (t) => {
  const setting = await running(t);
  t.same(await grants(setting), [0, 0]);
  const limits = "limits: { roles: { reader: { subscriptions: 1 } } }\n";
  writeFileSync(setting.file, readFileSync(setting.file, "utf8") + limits);
  setting.node.kill("SIGHUP");
  t.ok(await setting.node.says("reloaded"));
  t.ok(await until(async () => JSON.stringify(await grants(setting)) === "[0,128]"));
  await finish(setting, t);
});

t.test("SIGHUP", async (t) => {
  const setting = await running(t);
  const before = await passage(setting);
  change(setting.file, "passage: 2.5", "passage: 3.5");
  setting.node.kill("SIGHUP");
  t.ok(await setting.node.says("reloaded"));
  t.ok(await until(async () => ((await passage(setting)) ?? before) !== before));
  await finish(setting, t);
});

t.test("refused: another record, another device, a bad file; nothing changes", async (t) => {
  const setting = await running(t);
  const { file, data, node } = setting;
  const good = readFileSync(file, "utf8");
  const before = await passage(setting);
  const cases: readonly (readonly [string, string, RegExp])[] = [
    ["redClearance: 1.5", "redClearance: 2.5", /record would change.*cabinet program/],
    ["device: virtual", "device: /dev/ttyUSB9", /cabinet\.device.*start the node again/],
  ];
  for (const [from, to, words] of cases) {
    change(file, from, to);
    const said = await runToEnd(t, ["reload", file, "--data", data]);
    t.equal(said.code, 1);
    t.match(said.err, words);
    t.equal(said.out, "nothing was changed\n");
    writeFileSync(file, good);
  }
  change(file, "timezone: Europe/Vienna", "timezone: Europe/Atlantis");
  const said = await runToEnd(t, ["reload", file, "--data", data]);
  t.equal(said.code, 1);
  t.match(said.err, /site\.yaml:\d+: .*Atlantis/);
  node.kill("SIGHUP");
  t.ok(await node.says("nothing was changed"));
  t.match(node.err, /Atlantis/);
  t.equal(await passage(setting), before);
  await finish(setting, t);
  t.notOk(rowsOf(data).some(({ kind }) => kind === "site"));
});

t.test("over HTTP: with the secret and our own origin only", async (t) => {
  const setting = await running(t);
  const { file, node } = setting;
  const before = await passage(setting);
  change(file, "passage: 2.5", "passage: 3.5");
  const origin = node.origin();
  const post = (headers: Record<string, string>) =>
    fetch(`${origin}/api/reload`, { method: "POST", headers });
  t.equal((await post({ origin })).status, 401);
  t.equal((await post({ origin, authorization: `Bearer ${"x".repeat(43)}` })).status, 401);
  const authorization = `Bearer ${node.secret()}`;
  t.equal((await post({ origin: "http://example.org", authorization })).status, 403);
  t.equal(await passage(setting), before);
  const answer = await post({ origin, authorization });
  t.equal(answer.status, 200);
  t.same(await answer.json(), { ok: true, problems: [] });
  await finish(setting, t);
});

t.test("no node, no folder", async (t) => {
  const dir = folder(t);
  const file = writeSite(dir, siteText());
  const none = await runToEnd(t, ["reload", file, "--data", dir]);
  t.equal(none.code, 1);
  t.match(none.err, /no console secret; is it the folder\?/);
  writeFileSync(join(dir, "console-secret"), `${"s".repeat(43)}\n`);
  writeFileSync(join(dir, "console-address"), "http://127.0.0.1:1/\n");
  const dead = await runToEnd(t, ["reload", file, "--data", dir]);
  t.equal(dead.code, 1);
  t.match(dead.err, /no answer from http:\/\/127\.0\.0\.1:1 .*is the node running\?/);
});

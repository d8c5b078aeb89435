// A service whose data folder can't be used: a card that did not come up must not darken lamps.
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { folder, Stopline, siteText, until, writeSite } from "../cli/support.ts";

t.test("lamps run, the log says why it does not, and works once the folder does", async (t) => {
  const dir = folder(t);
  const card = join(dir, "card");
  const data = join(card, "data");
  writeFileSync(card, "");
  const node = new Stopline(t, ["run", writeSite(dir, siteText()), "--data", data, "--service"]);
  t.ok(await node.says(/data folder .*card.data can't be used \(ENOTDIR.*name another by --data/));
  t.ok(await node.opened());
  const part = async (name: string) => {
    const { parts } = JSON.parse((await node.get("/api/health")).text);
    return parts.find((one: { name: string }) => one.name === name);
  };
  t.ok(await until(async () => (await part("control")).text === "The controller runs."));
  t.match(await part("log"), { state: "failed" });
  rmSync(card);
  mkdirSync(data, { recursive: true });
  t.ok(await until(async () => (await part("log")).state === "ok"));
  t.ok(existsSync(join(data, "events.db")));
  node.kill("SIGTERM");
  t.same(await node.exit, { code: 0, signal: null });
});

t.test("a person who starts it hears it and gets the prompt back", async (t) => {
  const dir = folder(t);
  writeFileSync(join(dir, "card"), "");
  const words = ["run", writeSite(dir, siteText()), "--data", join(dir, "card/data")];
  const node = new Stopline(t, words);
  t.same(await node.exit, { code: 1, signal: null });
  t.match(node.err, /can't be used \(ENOTDIR/);
});

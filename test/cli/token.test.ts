// A token made on the board opens the console of a running node over real HTTPS, and a revoked one
// opens nothing.
import { readFileSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import { join } from "node:path";
import t from "tap";
import { freePort } from "../../src/cli/free-ports.ts";
import { testAuthority } from "../trust/keys.ts";
import { folder, runToEnd, Stopline, siteText, until, writeSite } from "./support.ts";

t.test("token add, a login with it, orders by its name, token revoke", async (t) => {
  const dir = folder(t);
  const data = join(dir, "data");
  const text = siteText();
  const place = /region: (\S+), zone: (\S+), id: (\S+) \}/.exec(text);
  const [, region = "", zone = "", id = ""] = place ?? [];
  const authority = await testAuthority(t, { region, zone });
  const keys = await authority.keyFolder(id);
  const port = await freePort();
  const network = `network: { listen: 127.0.0.1:${port}, names: [board.test] } }`;
  const more = `console: { listen: 127.0.0.1:0, ${network}\ntrust: { keys: ${keys} }`;
  const file = writeSite(dir, text.replace("console: { listen: 127.0.0.1:0 }", more));
  const node = new Stopline(t, ["run", file, "--data", data]);
  t.ok(await node.says("console for people with tokens"), node.all);
  t.match(node.all, /console\.crt is missing/);

  const token = async (...words: string[]) =>
    await runToEnd(t, ["token", ...words, "--data", data]);
  const added = await token("add", "anna", "--role", "operator", "--site", file);
  t.match(added, { code: 0, out: /^[\w-]{43}\n$/, err: /shown this once; good for 30 days/ });
  t.match(await token("list"), {
    out: new RegExp(`^anna +operator +until 20.* ${region}/${zone}/`),
  });
  t.match(await token("add", "ben", "--site", file), { code: 1, err: /say --role/ });
  t.match(await token("add", "anna", "--role", "reader", "--site", file), { code: 1 });

  const ask = (method: string, path: string, body: string, cookie = "") =>
    new Promise<{ status: number; cookie: string }>((resolve, reject) => {
      const host = `board.test:${port}`;
      const origin = `https://${host}`;
      const headers = { host, origin, cookie };
      const options = { host: "127.0.0.1", port, path, method, headers, agent: false };
      const sent = request({ ...options, rejectUnauthorized: false }, (response) => {
        response.resume();
        const [set = ""] = response.headers["set-cookie"] ?? [];
        resolve({ status: response.statusCode ?? 0, cookie: set.split(";")[0] ?? "" });
      });
      sent.on("error", reject);
      sent.end(body);
    });
  const login = () => ask("POST", "/api/login", JSON.stringify({ token: added.out.trim() }));
  const { status, cookie } = await login();
  t.equal(status, 200);
  t.equal((await ask("GET", "/api/site", "", cookie)).status, 200);
  t.equal((await ask("GET", "/api/site", "")).status, 401);
  t.equal((await node.get("/api/site")).status, 200, "on the board nothing has changed");

  t.match(await token("revoke", "anna"), { code: 0, out: "anna is revoked\n" });
  t.match(await token("revoke", "anna"), { code: 1, err: /there is no token of anna/ });
  const isOut = async () => (await ask("GET", "/api/site", "", cookie)).status === 401;
  t.ok(await until(isOut), "its session ends");
  t.equal((await login()).status, 401);
  writeFileSync(join(data, "console-tokens.json"), "{");
  t.match(await token("list"), { code: 1, err: /is damaged/ });
  t.notOk(node.all.includes(added.out.trim()));
  t.notOk(readFileSync(file, "utf8").includes(added.out.trim()));
  node.kill("SIGTERM");
  t.equal((await node.exit).code, 0);
});

// The console on the network, over real HTTPS: nothing without a token, what each role may do, when
// a session ends, and what is asked again.
import { randomBytes } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { connect, type SecureVersion } from "node:tls";
import type { MqttClient } from "mqtt";
import t from "tap";
import { IDLE_MS, SESSION_MS } from "../../src/console/sessions.ts";
import { addToken, readTokens, revokeToken, TOKENS_FILE } from "../../src/console/tokens.ts";
import { commandToJson } from "../../src/wire/command.ts";
import type { CommandBody } from "../../src/wire/command-body.ts";
import { systemTest } from "../support/system.ts";
import { testAuthority } from "../trust/keys.ts";
import { SECRET } from "./bench.ts";
import { becomes, openBrowser, textBecomes } from "./browser.ts";
import { type Answer, NetworkNode, NODE } from "./network.ts";

const PREFIX = `stopline/1/${NODE}/`;

/** Gives a command over the WebSocket; the reason of its reply, null for done. */
async function order(client: MqttClient, body: CommandBody): Promise<string | null> {
  const id = randomBytes(16).toString("hex");
  const issuedMs = Date.now();
  const reply = new Promise<string | null>((resolve) => {
    client.on("message", (topic, payload) => {
      if (!topic.endsWith(`reply/${id}/json`)) return;
      resolve((JSON.parse(payload.toString()) as { reason: string | null }).reason);
    });
  });
  await client.subscribeAsync(`${PREFIX}reply/+/json`);
  const command = commandToJson({ id, issuedMs, expiresMs: issuedMs + 30_000, body });
  await client.publishAsync(`${PREFIX}command/${id}`, JSON.stringify(command), { qos: 1 });
  return await reply;
}

t.test("without a session: the page's files and the login, and nothing else", async (t) => {
  const node = await NetworkNode.open(t);
  t.equal((await node.ask("/")).status, 200);
  for (const path of ["/api/site", "/api/events", "/api/health", "/metrics", "/api/orders"]) {
    t.equal((await node.ask(path)).status, 401, path);
  }
  const bearer = { authorization: `Bearer ${SECRET}` };
  const reload = await node.ask("/api/reload", { method: "POST", headers: bearer });
  t.equal(reload.status, 401, "the board's own secret opens nothing here");
  t.equal(await node.upgrade({ origin: node.origin }), 401);
});

t.test("a token becomes a session in a cookie that no script and no other site gets", async (t) => {
  const node = await NetworkNode.open(t);
  const token = node.token("anna", "operator");
  const { status, headers, text, cookie } = await node.login(token);
  t.equal(status, 200);
  t.same(JSON.parse(text), { name: "anna", role: "operator" });
  t.match(
    headers["set-cookie"]?.[0],
    /^__Host-stopline=[\w-]{43}; Path=\/; HttpOnly; Secure; SameSite=Strict$/,
  );
  t.equal((await node.ask("/api/site", { cookie })).status, 200);
  t.same(JSON.parse((await node.ask("/api/session", { cookie })).text), {
    name: "anna",
    role: "operator",
  });
  const reload = await node.ask("/api/reload", { method: "POST", cookie });
  t.equal(reload.status, 403, "only on the board");

  const client = await node.socket({ origin: node.origin, cookie: cookie ?? "" });
  t.equal(await order(client, { kind: "call", phase: 2, pedestrian: false }), null);
  t.match(node.commands, [{ author: "operator:anna", via: "mqtt" }]);
  const gone = new Promise<void>((resolve) => client.once("close", () => resolve()));
  t.equal((await node.ask("/api/logout", { method: "POST", cookie })).status, 200);
  await gone;
  t.equal((await node.ask("/api/site", { cookie })).status, 401);
});

t.test("a token is kept as its hash alone, and stands in no answer and no line", async (t) => {
  const node = await NetworkNode.open(t);
  const token = node.token("anna", "operator");
  const answers: Answer[] = [
    await node.login(token),
    await node.login(`${token.slice(1)}x`),
    await node.ask(`/api/site?token=${token}`),
  ];
  t.equal(answers[2]?.status, 401, "an address with a token in it is an address");
  const file = join(node.dataDir, TOKENS_FILE);
  t.equal(statSync(file).mode & 0o777, 0o600);
  const kept = `${readFileSync(file, "utf8")}${JSON.stringify(answers)}${node.lines.join()}`;
  t.notOk(kept.includes(token));
  t.throws(() => node.token("anna", "reader"), /there is a token of anna/);
  t.throws(() => node.token("console", "operator"), /is no name/);
  const request = { name: "x", role: "reader", node: NODE, nowMs: 1 } as const;
  t.throws(() => addToken(node.dataDir, { ...request, days: 91 }), /1 to 90 days/);
});

t.test("a reader looks and gives no orders, whatever he shows", async (t) => {
  const node = await NetworkNode.open(t);
  const { cookie } = await node.login(node.token("ben", "reader"));
  const headers = { origin: node.origin, cookie: cookie ?? "" };
  const client = await node.socket(headers);
  t.match(await order(client, { kind: "flash" }), /only an operator/);
  t.match(await order(client, { kind: "call", phase: 2, pedestrian: false }), /only an operator/);
  const login = { username: "operator", password: SECRET };
  await t.rejects(node.socket(headers, login), "a session is who has logged in");
  t.same(node.commands, []);
});

t.test("flash and priority ask for the token again, and for the session's own", async (t) => {
  const node = await NetworkNode.open(t);
  const token = node.token("anna", "operator");
  const { cookie } = await node.login(token);
  const client = await node.socket({ origin: node.origin, cookie: cookie ?? "" });
  t.equal(await order(client, { kind: "flash" }), "show the token again");
  const at = Date.now() + 5_000;
  const priority = { kind: "priority", request: 1, phase: 2, arrivalMs: at, departMs: at } as const;
  t.equal(await order(client, priority), "show the token again");
  const confirm = async (shown: string) =>
    (await node.ask("/api/confirm", { method: "POST", body: { token: shown }, cookie })).status;
  t.equal(await confirm(node.token("ben", "operator")), 401, "another's token");
  t.equal(await order(client, { kind: "flash" }), "show the token again");
  t.equal(await confirm(token), 200);
  t.equal(await order(client, { kind: "flash" }), null);
  node.aheadMs += 61_000;
  t.equal(await order(client, { kind: "flash" }), "show the token again", "a minute later");
});

t.test("a session ends: idle, after eight hours, with its token", async (t) => {
  const node = await NetworkNode.open(t);
  const token = node.token("anna", "operator");
  const state = async (cookie: string | null) => (await node.ask("/api/site", { cookie })).status;
  const idle = (await node.login(token)).cookie;
  node.aheadMs += IDLE_MS - 60_000;
  t.equal(await state(idle), 200);
  node.aheadMs += IDLE_MS - 60_000;
  t.equal(await state(idle), 200, "a question keeps it");
  node.aheadMs += IDLE_MS;
  t.equal(await state(idle), 401);

  const long = (await node.login(token)).cookie;
  for (let passedMs = 0; passedMs < SESSION_MS; passedMs += 1_200_000) {
    t.equal(await state(long), 200);
    node.aheadMs += 1_200_000;
  }
  t.equal(await state(long), 401, "after eight hours, however busy");

  const { cookie } = await node.login(token);
  const client = await node.socket({ origin: node.origin, cookie: cookie ?? "" });
  const gone = new Promise<void>((resolve) => client.once("close", () => resolve()));
  revokeToken(node.dataDir, "anna", Date.now());
  node.sessions.sweep();
  await gone;
  t.equal(node.sessions.size, 0);
  t.equal((await node.login(token)).status, 401, "revoked");
  const expiring = node.token("cleo", "reader");
  node.aheadMs += 31 * 86_400_000;
  t.equal((await node.login(expiring)).status, 401, "expired");
  t.match(readTokens(node.dataDir), [{ name: "anna" }, { name: "cleo" }]);
});

t.test("tries are counted, for an address and for a token", async (t) => {
  const node = await NetworkNode.open(t);
  const token = node.token("anna", "operator");
  for (let tries = 0; tries < 20; tries += 1) t.equal((await node.login(token)).status, 200);
  t.equal((await node.login(token)).status, 429, "one token again and again");
  node.aheadMs += 600_000;
  for (let tries = 0; tries < 10; tries += 1) {
    t.equal((await node.login("x".repeat(43))).status, 401);
  }
  t.equal((await node.login(token)).status, 429, "also the right one, from that address");
  node.aheadMs += 600_000;
  t.equal((await node.login(token)).status, 200, "ten minutes later");
});

t.test("with an unsure clock nobody logs in, and nobody commands", async (t) => {
  const node = await NetworkNode.open(t);
  const token = node.token("anna", "operator");
  const { cookie } = await node.login(token);
  const client = await node.socket({ origin: node.origin, cookie: cookie ?? "" });
  node.clock = "unsure";
  t.match(await node.login(token), { status: 503, text: /clock is unsure/ });
  const call = { kind: "call", phase: 2, pedestrian: false } as const;
  const refusal = await becomes(
    () => order(client, call),
    (reason) => reason !== null,
  );
  t.equal(refusal, "the node's clock is unsure");
});

t.test("another node's token, name or origin gets nothing", async (t) => {
  const node = await NetworkNode.open(t);
  const copied = node.token("anna", "operator", "demo/centre/other");
  t.equal((await node.login(copied)).status, 401);
  const token = node.token("ben", "operator");
  const post = { method: "POST", body: { token } };
  const with_ = async (headers: Readonly<Record<string, string>>) =>
    (await node.ask("/api/login", { ...post, headers })).status;
  t.equal(await with_({ host: `evil.test:${node.port}` }), 421);
  t.equal(await with_({ host: `localhost:${node.port}` }), 421, "not listed here");
  t.equal(await with_({ origin: "https://evil.test" }), 403);
  t.equal(await with_({ origin: `http://${node.host}` }), 403, "not over TLS");
  t.equal(await with_({ origin: "" }), 403);
  const { cookie } = await node.login(token);
  for (const origin of ["https://evil.test", `http://${node.host}`]) {
    t.equal(await node.upgrade({ origin, cookie: cookie ?? "" }), 403, origin);
  }
  t.equal(await node.upgrade({ cookie: cookie ?? "" }), 403, "without Origin");
  t.equal(await node.upgrade({ origin: node.origin, cookie: cookie ?? "" }), 101);
});

t.test("TLS 1.3 alone", async (t) => {
  const node = await NetworkNode.open(t);
  const open = (maxVersion: SecureVersion) =>
    new Promise<string | null>((resolve) => {
      const { port } = node;
      const socket = connect({ port, rejectUnauthorized: false, maxVersion }, () => {
        resolve(socket.getProtocol());
        socket.destroy();
      });
      socket.on("error", () => resolve("refused"));
    });
  t.equal(await open("TLSv1.2"), "refused");
  t.equal(await open("TLSv1.3"), "TLSv1.3");
});

systemTest(t, "the page asks for the token, acts, and asks again for flash", async (t) => {
  // Browsers know no Ed25519: they get a certificate of their own.
  const authority = await testAuthority(t);
  const { certPem, keyPem } = await authority.forge({ curve: "p256", server: true });
  const node = await NetworkNode.open(t, { cert: certPem, key: keyPem });
  const token = node.token("anna", "operator");
  const browser = await openBrowser(t);
  const context = await browser.newContext({ ignoreHTTPSErrors: true });
  const page = await context.newPage();
  await page.goto(`https://127.0.0.1:${node.port}/`);
  await page.getByRole("textbox", { name: "Token" }).fill("x".repeat(43));
  await page.getByRole("button", { name: "Log in" }).click();
  t.match(await textBecomes(page, ".login-note", /./), "this token opens nothing here");
  await page.getByRole("textbox", { name: "Token" }).fill(token);
  await page.getByRole("button", { name: "Log in" }).click();
  await textBecomes(page, "#belief-word", /^Live$/);
  t.match(await page.locator(".operate-note").textContent(), "You are logged in as anna");
  t.notOk((await page.evaluate<string>("document.cookie + location.href")).includes(token));

  await page.getByRole("button", { name: "Vehicle call" }).click();
  await page.getByRole("button", { name: "Place the call" }).click();
  await textBecomes(page, ".replies", /done/);
  const flash = async (shown: string): Promise<void> => {
    await page.getByRole("button", { name: "Go to flash" }).click();
    await page.getByRole("dialog").getByLabel("Token").fill(shown);
    await page.getByRole("dialog").getByRole("button", { name: "Go to flash" }).click();
  };
  await flash("wrong");
  await textBecomes(page, ".replies", /Not sent: this token opens nothing here/);
  await flash(token);
  await textBecomes(page, ".replies", /failure display: done/);
  t.match(node.commands, [
    { author: "operator:anna", body: { kind: "call" } },
    { author: "operator:anna", body: { kind: "flash" } },
  ]);
  await page.getByRole("button", { name: "Log out" }).click();
  await page.getByRole("textbox", { name: "Token" }).waitFor();
});

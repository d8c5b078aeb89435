// Who may look and who may act: cross-site pages, rebound names, secrets, and clients that dribble
// or send too much, against the real server on a free port.
import { mkdtempSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { type IncomingHttpHeaders, request } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { allowedHosts, bearerOf, sameSecret } from "../../src/console/access.ts";
import { parseEventQuery } from "../../src/console/api.ts";
import { CONSOLE_LIMITS } from "../../src/console/limits.ts";
import { consoleSecret, readConsoleSecret } from "../../src/console/secret.ts";
import { addressWithSecret } from "../../src/console/server.ts";
import { openConsole, SECRET } from "./bench.ts";

interface Got {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

interface Ask {
  readonly path?: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

function ask(port: number, { path = "/", method = "GET", headers = {}, body }: Ask): Promise<Got> {
  return new Promise((resolve, reject) => {
    const sent = request(
      { host: "127.0.0.1", port, path, method, headers: { host: `127.0.0.1:${port}`, ...headers } },
      (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("end", () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: Buffer.concat(chunks).toString(),
          }),
        );
      },
    );
    sent.on("upgrade", (response, socket) => {
      socket.destroy();
      resolve({ status: response.statusCode ?? 0, headers: response.headers, body: "" });
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

function upgradeHeaders(origin: string | null): Record<string, string> {
  return {
    connection: "Upgrade",
    upgrade: "websocket",
    "sec-websocket-version": "13",
    "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
    "sec-websocket-protocol": "mqtt",
    ...(origin === null ? {} : { origin }),
  };
}

t.test("a name that is not a loopback literal gets nothing (DNS rebinding)", async (t) => {
  const { port } = await openConsole(t);
  const names = [
    "evil.example",
    `evil.example:${port}`,
    `127.0.0.1.evil.example:${port}`,
    "127.0.0.1",
    `127.0.0.1:${port + 1}`,
    `localhost.:${port}`,
  ];
  for (const host of names) {
    for (const path of ["/", "/api/site", "/api/events", "/metrics", "/healthz"]) {
      const got = await ask(port, { path, headers: { host } });
      t.not(got.status, 200, `${host} ${path}`);
      t.notMatch(got.body, "Bench Street", `${host} ${path}`);
    }
    const upgrade = await ask(port, {
      path: "/mqtt",
      headers: { ...upgradeHeaders(`http://${host}`), host },
    });
    t.not(upgrade.status, 101, `WebSocket for ${host}`);
  }
  for (const host of [`localhost:${port}`, `[::1]:${port}`, `LOCALHOST:${port}`]) {
    t.equal((await ask(port, { path: "/api/site", headers: { host } })).status, 200, host);
  }
});

t.test("a page of another origin can neither read nor act", async (t) => {
  const { port, reloads, streams } = await openConsole(t);
  const own = `http://127.0.0.1:${port}`;
  const bearer = `Bearer ${SECRET}`;
  for (const origin of [null, "null", "http://evil.example", "http://127.0.0.1:1", `${own}/`]) {
    const upgrade = await ask(port, { path: "/mqtt", headers: upgradeHeaders(origin) });
    t.equal(upgrade.status, 403, `WebSocket from ${origin}`);
    const post = await ask(port, {
      path: "/api/reload",
      method: "POST",
      headers: { authorization: bearer, ...(origin === null ? {} : { origin }) },
    });
    t.equal(post.status, 403, `reload from ${origin}`);
  }
  // The other loopback literal is another origin too.
  const mixed = await ask(port, {
    path: "/mqtt",
    headers: { ...upgradeHeaders(`http://localhost:${port}`) },
  });
  t.equal(mixed.status, 403);
  for (const site of ["cross-site", "same-site"]) {
    const headers = { "sec-fetch-site": site, "sec-fetch-mode": "no-cors" };
    t.equal((await ask(port, { path: "/api/site", headers })).status, 403, site);
  }
  const link = { "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate" };
  t.equal((await ask(port, { headers: link })).status, 200, "a link may lead here");
  t.equal(reloads(), 0);
  t.equal(streams.length, 0);

  const good = await ask(port, { path: "/mqtt", headers: upgradeHeaders(own) });
  t.equal(good.status, 101);
  t.equal(good.headers["sec-websocket-protocol"], "mqtt");
  t.equal(streams.length, 1);
  t.equal((await ask(port, { path: "/other", headers: upgradeHeaders(own) })).status, 404);
});

t.test("a page of the corridor may read and listen, and nothing else", async (t) => {
  const friend = "http://127.0.0.1:8081";
  const { port, reloads, streams } = await openConsole(t, { corridor: [friend] });
  const near = { origin: friend, "sec-fetch-site": "same-site", "sec-fetch-mode": "cors" };
  const read = await ask(port, { path: "/api/site", headers: near });
  t.equal(read.status, 200);
  t.equal(read.headers["access-control-allow-origin"], friend);
  t.equal((await ask(port, { path: "/mqtt", headers: upgradeHeaders(friend) })).status, 101);
  t.equal(streams.length, 1);
  const act = {
    path: "/api/reload",
    method: "POST",
    headers: { ...near, authorization: `Bearer ${SECRET}` },
  };
  t.equal((await ask(port, act)).status, 403);
  t.equal(reloads(), 0);
  const other = { ...near, origin: "http://127.0.0.1:8082" };
  const refused = await ask(port, { path: "/api/site", headers: other });
  t.equal(refused.status, 403);
  t.equal(refused.headers["access-control-allow-origin"], undefined);
  const policy = (await ask(port, {})).headers["content-security-policy"];
  t.match(policy, `wss://127.0.0.1:${port} ${friend} ws://127.0.0.1:8081;`);
});

t.test("reload needs the secret", async (t) => {
  const { port, reloads } = await openConsole(t);
  const own = `http://127.0.0.1:${port}`;
  const reload = (authorization: string | null, body = ""): Promise<Got> =>
    ask(port, {
      path: "/api/reload",
      method: "POST",
      headers: { origin: own, ...(authorization === null ? {} : { authorization }) },
      body,
    });
  for (const shown of [null, "", "Bearer ", "Bearer x", `Basic ${SECRET}`, `Bearer ${SECRET}x`]) {
    t.equal((await reload(shown)).status, 401, String(shown));
  }
  t.equal(reloads(), 0);
  t.equal((await reload(`Bearer ${SECRET}`)).status, 200);
  t.equal(reloads(), 1);
  const big = "x".repeat(CONSOLE_LIMITS.maxBodyBytes + 1);
  t.equal((await reload(`Bearer ${SECRET}`, big)).status, 413);
  t.equal(reloads(), 1);
  t.equal((await ask(port, { path: "/api/reload" })).status, 404, "GET does nothing");
  t.equal((await ask(port, { method: "PUT", headers: { origin: own } })).status, 405);
});

t.test("what is served forbids everything from elsewhere", async (t) => {
  const { port } = await openConsole(t);
  const page = await ask(port, {});
  t.equal(page.status, 200);
  const policy = String(page.headers["content-security-policy"]);
  t.match(policy, "default-src 'none'");
  t.match(policy, "script-src 'self'");
  t.match(policy, "frame-ancestors 'none'");
  t.notMatch(policy, "unsafe");
  t.equal(page.headers["cross-origin-resource-policy"], "same-origin");
  t.equal(page.headers["access-control-allow-origin"], undefined);
  t.notMatch(page.body, /https?:\/\//, "no outside resource");
  const again = await ask(port, { headers: { "if-none-match": String(page.headers.etag) } });
  t.equal(again.status, 304);
  const script = await ask(port, { path: "/page/main.ts" });
  t.match(String(script.headers["content-type"]), "text/javascript");
  const odd = ["/page/../server.ts", "//evil", "/page/", "/page/nothing.ts", "http://x/", "/%2e"];
  for (const path of odd) {
    t.equal((await ask(port, { path })).status, 404, path);
  }
});

t.test("the answers of the node pass through", async (t) => {
  const bench = await openConsole(t);
  const { port } = bench;
  t.match(JSON.parse((await ask(port, { path: "/api/site" })).body), {
    site: { name: "Bench Street", topicPrefix: /^stopline\/1\// },
    problems: [],
  });
  t.equal((await ask(port, { path: "/healthz" })).body, "ok\n");
  t.match((await ask(port, { path: "/metrics" })).body, "stopline_up 1");
  const events = await ask(port, { path: "/api/events?kind=code,command&limit=3&from=5" });
  t.equal(events.status, 200);
  t.same(bench.queries.at(-1), {
    from: 5,
    sinceMs: null,
    kinds: ["code", "command"],
    limit: 3,
  });
  for (const query of ["from=x", "limit=-1", "kind=A", "since=1e3", "kind=a'--"]) {
    t.equal((await ask(port, { path: `/api/events?${query}` })).status, 400, query);
  }
  bench.fail("the cabinet does not answer");
  t.equal((await ask(port, { path: "/healthz" })).status, 503);
  bench.breakEvents();
  t.equal((await ask(port, { path: "/api/events" })).status, 500);
  t.equal((await ask(port, { path: "/api/site" })).status, 200, "and the rest goes on");
});

t.test("too much, too slow and too many are cut off", async (t) => {
  const { port } = await openConsole(t);
  const long = "x".repeat(CONSOLE_LIMITS.maxHeaderBytes + 100);
  await t.rejects(ask(port, { headers: { "x-long": long } }));

  // A client that dribbles its headers: the server ends it, nobody else waits meanwhile.
  const slow = connect(port, "127.0.0.1");
  slow.on("error", () => undefined);
  slow.write("GET / HTTP/1.1\r\nHost: 127");
  const ended = new Promise<void>((resolve) => slow.once("close", () => resolve()));
  slow.resume();
  t.equal((await ask(port, { path: "/healthz" })).status, 200);
  await ended;
  t.pass("the slow client was cut off");

  const own = `http://127.0.0.1:${port}`;
  const held = Array.from({ length: CONSOLE_LIMITS.maxWebSockets }, () => holdOpen(port, own));
  const sockets = await Promise.all(held);
  t.equal((await ask(port, { path: "/mqtt", headers: upgradeHeaders(own) })).status, 503);
  for (const socket of sockets) socket.destroy();
});

/** A WebSocket that stays open until it is destroyed. */
function holdOpen(port: number, origin: string): Promise<{ destroy(): void }> {
  return new Promise((resolve, reject) => {
    const headers = { host: `127.0.0.1:${port}`, ...upgradeHeaders(origin) };
    const sent = request({ host: "127.0.0.1", port, path: "/mqtt", headers });
    sent.on("upgrade", (_response, socket) => {
      socket.on("error", () => undefined);
      resolve(socket);
    });
    sent.on("response", (response) => reject(new Error(`status ${response.statusCode}`)));
    sent.on("error", reject);
    sent.end();
  });
}

t.test("a taken port is one clear line", async (t) => {
  const first = await openConsole(t);
  const second = await openConsole(t, { port: first.port });
  t.match(second.opened, { ok: false, reason: `port 127.0.0.1:${first.port} is taken` });
});

t.test("the secret is kept, private, and made anew when damaged", async (t) => {
  const dir = mkdtempSync(join(tmpdir(), "stopline-secret-"));
  t.equal(readConsoleSecret(dir), null);
  const secret = consoleSecret(dir);
  const path = join(dir, "console-secret");
  t.match(secret, /^[\w-]{43}$/);
  t.equal(Buffer.from(secret, "base64url").length, 32);
  t.equal(statSync(path).mode & 0o777, 0o600);
  t.equal(consoleSecret(dir), secret);
  t.equal(readConsoleSecret(dir), secret);
  t.match(readFileSync(path, "utf8"), secret);
  writeFileSync(path, "short\n", { mode: 0o644 });
  t.not(consoleSecret(dir), "short");
  t.equal(statSync(path).mode & 0o777, 0o600);
  t.equal(addressWithSecret("http://127.0.0.1:1/", "s"), "http://127.0.0.1:1/#secret=s");
});

t.test("small rules", async (t) => {
  t.same(allowedHosts("127.0.0.1", 80).slice(0, 2), ["127.0.0.1", "127.0.0.1:80"]);
  t.ok(allowedHosts("127.0.0.2", 8080).includes("127.0.0.2:8080"));
  t.ok(allowedHosts("::1", 8080).includes("[::1]:8080"));
  t.equal(bearerOf("Bearer abc"), "abc");
  t.equal(bearerOf(undefined), null);
  t.ok(sameSecret("a", "a"));
  t.notOk(sameSecret("a", "ab"));
  t.equal(parseEventQuery(new URLSearchParams("limit=999999"))?.limit, CONSOLE_LIMITS.maxEvents);
});

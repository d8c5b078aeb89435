// A console on the network for tests: the real broker, the real console over HTTPS with a node's
// certificate, tokens in a data folder, and clocks that a test puts forward.
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import type { IncomingHttpHeaders } from "node:http";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import mqtt, { type MqttClient } from "mqtt";
import type { Test } from "tap";
import { createBroker } from "../../src/broker/broker.ts";
import { createConsole } from "../../src/console/server.ts";
import { Sessions } from "../../src/console/sessions.ts";
import { addToken, TokenFile, type TokenRole } from "../../src/console/tokens.ts";
import type { Command } from "../../src/wire/command.ts";
import { testAuthority } from "../trust/keys.ts";
import { SECRET } from "./bench.ts";
import { quietView } from "./feed.ts";
import { FOUR_LEGS } from "./junctions.ts";

const NAME = "junction.test";
export const NODE = "demo/centre/bench-street";

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

export interface Asked {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly cookie?: string | null;
}

export class NetworkNode {
  readonly dataDir: string;
  readonly commands: Command[] = [];
  readonly lines: string[] = [];
  readonly sessions: Sessions;
  aheadMs = 0;
  clock: "sure" | "unsure" = "sure";
  port = 0;
  ca = "";
  readonly #t: Test;

  private constructor(t: Test) {
    this.#t = t;
    this.dataDir = mkdtempSync(join(tmpdir(), "stopline-console-"));
    t.teardown(() => rmSync(this.dataDir, { recursive: true, force: true }));
    const file = new TokenFile(this.dataDir, (text) => this.lines.push(text));
    this.sessions = new Sessions({
      tokens: () => file.tokens(),
      node: NODE,
      wallMs: () => Date.now() + this.aheadMs,
      monoMs: () => performance.now() + this.aheadMs,
      clockSure: () => this.clock === "sure",
    });
  }

  /** `pair` stands in for the node's own certificate. */
  static async open(t: Test, pair?: { cert: string; key: string }): Promise<NetworkNode> {
    const node = new NetworkNode(t);
    const authority = await testAuthority(t, { region: "demo", zone: "centre" });
    const own = await authority.issue("node", "bench-street");
    node.ca = own.caPem;
    await node.#listen(pair ?? { cert: own.certPem, key: own.keyPem });
    return node;
  }

  async #listen(pair: { cert: string; key: string }): Promise<void> {
    const broker = await createBroker({
      site: FOUR_LEGS,
      secret: SECRET,
      onCommand: async (command) => {
        this.commands.push(command);
        return { id: command.id, ok: true, reason: null, atMs: 1 };
      },
      onDetector: () => undefined,
      onEvent: () => undefined,
    });
    const speak = (): void => {
      const [monoMs, wallMs] = [performance.now(), Date.now()];
      broker.publishView({ ...quietView(FOUR_LEGS), monoMs, wallMs, clock: this.clock });
    };
    speak();
    const beat = setInterval(speak, 200);
    const page = createConsole({
      listen: { address: "127.0.0.1", port: 0 },
      network: { names: [NAME, "127.0.0.1"], ...pair, sessions: this.sessions },
      secret: SECRET,
      sources: {
        site: () => FOUR_LEGS,
        problems: () => [],
        alive: () => ({ ok: true, reason: null }),
        health: async () => ({}),
        orders: () => null,
        metricsText: async () => "",
        events: async () => [],
        reload: async () => ({ ok: true, problems: [] }),
      },
      onWebSocket: (stream, session) => {
        if (session === null) throw new Error("nobody comes in without a session");
        broker.handleWebSocket(stream, { role: session.role, via: "mqtt", session });
      },
      log: (line) => this.lines.push(line),
    });
    const opened = await page.listen();
    if (!opened.ok) throw new Error(opened.reason);
    this.port = opened.port;
    this.#t.teardown(async () => {
      clearInterval(beat);
      await page.close();
      await broker.close();
    });
  }

  get host(): string {
    return `${NAME}:${this.port}`;
  }

  get origin(): string {
    return `https://${this.host}`;
  }

  token(name: string, role: TokenRole, node = NODE): string {
    return addToken(this.dataDir, { name, role, node, days: 30, nowMs: Date.now() });
  }

  /** One request; `Host` and, but for GET, `Origin` are right unless they are given. */
  ask(path: string, { method = "GET", headers, body, cookie }: Asked = {}): Promise<Answer> {
    const text = body === undefined ? "" : JSON.stringify(body);
    return new Promise((resolve, reject) => {
      const sent = request({
        host: "127.0.0.1",
        port: this.port,
        path,
        method,
        ca: this.ca,
        // The certificate's name is the node's, not a host's.
        checkServerIdentity: () => undefined,
        agent: false,
        headers: {
          host: this.host,
          ...(method === "GET" ? {} : { origin: this.origin }),
          ...(cookie == null ? {} : { cookie }),
          ...headers,
        },
      });
      sent.on("error", reject);
      sent.on("upgrade", (response, socket) => {
        socket.destroy();
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text: "" });
      });
      sent.on("response", (response) => {
        let read = "";
        response.on("data", (chunk: Buffer) => {
          read += chunk.toString();
        });
        response.on("end", () => {
          resolve({ status: response.statusCode ?? 0, headers: response.headers, text: read });
        });
      });
      sent.end(text);
    });
  }

  /** The status that a WebSocket's handshake gets; 101 when it is opened. */
  async upgrade(headers: Readonly<Record<string, string>>): Promise<number> {
    const asked = {
      connection: "Upgrade",
      upgrade: "websocket",
      "sec-websocket-key": randomBytes(16).toString("base64"),
      "sec-websocket-version": "13",
      "sec-websocket-protocol": "mqtt",
    };
    return (await this.ask("/mqtt", { headers: { ...asked, ...headers } })).status;
  }

  async login(token: string): Promise<Answer & { readonly cookie: string | null }> {
    const answer = await this.ask("/api/login", { method: "POST", body: { token } });
    const [cookie = null] = (answer.headers["set-cookie"]?.[0] ?? "").split(";");
    return { ...answer, cookie: cookie === "" ? null : cookie };
  }

  /** MQTT over the WebSocket of the console; rejects with what the handshake was answered. */
  async socket(headers: Readonly<Record<string, string>>, login: object = {}): Promise<MqttClient> {
    const client = mqtt.connect(`wss://127.0.0.1:${this.port}/mqtt`, {
      protocolVersion: 4,
      reconnectPeriod: 0,
      rejectUnauthorized: false,
      wsOptions: { headers: { host: this.host, ...headers } },
      ...login,
    });
    this.#t.teardown(() => client.end(true));
    await new Promise<void>((resolve, reject) => {
      client.once("connect", () => resolve());
      client.once("error", reject);
      client.once("close", () => reject(new Error("closed")));
    });
    client.on("error", () => undefined);
    return client;
  }
}

// The console's server: one page, a few answers, and the door through which the page reaches the
// broker. It listens on loopback only; who gets an answer stands in access.ts.
import type { IncomingMessage, Server, ServerOptions, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { Listener } from "../core/site/model.ts";
import {
  allowedHosts,
  isFriend,
  listedHosts,
  type Place,
  type RequestFacts,
  refusalOf,
} from "./access.ts";
import { type ApiAnswer, answer, type ConsoleSources } from "./api.ts";
import { type Asset, type Assets, bodyOf, loadAssetsElsewhere } from "./assets.ts";
import { CONSOLE_LIMITS } from "./limits.ts";
import { cookieOf, loginReply } from "./login.ts";
import type { Session, Sessions } from "./sessions.ts";
import { createWebSocketDoor, refuseUpgrade, type WebSocketDoor } from "./websocket.ts";

// An import by name makes ready all that the module exports, among it a whole HTTP client: 14 MB.
const { createServer } = process.getBuiltinModule("node:http");

/** What a console on the network has beside the one on loopback. */
export interface NetworkConsole {
  /** `Host` must be one of them. */
  readonly names: readonly string[];
  /** PEM. */
  readonly cert: string;
  readonly key: string;
  readonly sessions: Sessions;
}

export interface ConsoleOptions {
  readonly listen: Listener;
  readonly secret: string;
  /** Origins of the corridor's other consoles, this one's own perhaps among them. */
  readonly corridor?: readonly string[];
  readonly sources: ConsoleSources;
  /** Absent on loopback: then whoever comes may look, and acts with the secret. */
  readonly network?: NetworkConsole;
  /**
   * Gets the byte stream of each page that wants MQTT; the broker takes it from there. The session
   * is of who has logged in over the network, and null on loopback; `listens` where the page is
   * that of another console, which never acts here, whoever looks at it.
   */
  onWebSocket(stream: Duplex, session: Session | null, listens: boolean): void;
  /** Gets one line for each refused request and each failed answer. */
  log(line: string): void;
}

export type ConsoleOpened =
  | { readonly ok: true; readonly port: number; readonly address: string }
  | { readonly ok: false; readonly reason: string };

export interface ConsoleCounters {
  readonly requests: number;
  readonly refused: number;
  readonly webSockets: number;
}

export interface Console {
  /** Never throws: a port that is taken is an answer in words, and the node runs on without. */
  listen(): Promise<ConsoleOpened>;
  counters(): ConsoleCounters;
  close(): Promise<void>;
}

const HEADERS: Readonly<Record<string, string>> = {
  "cache-control": "no-cache",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "permissions-policy": "camera=(), geolocation=(), microphone=()",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
};

/**
 * Nothing from elsewhere but what the corridor's consoles say; no inline code, no frames; the
 * socket's address is spelled out.
 */
function contentPolicy(host: string, corridor: readonly string[]): string {
  const others = corridor.flatMap((origin) => [origin, origin.replace(/^http/, "ws")]);
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    ["connect-src 'self'", `ws://${host} wss://${host}`, ...others].join(" "),
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join("; ");
}

function factsOf(request: IncomingMessage, upgrade: boolean): RequestFacts {
  const header = (name: string): string | undefined => {
    const value = request.headers[name];
    return Array.isArray(value) ? value[0] : value;
  };
  return {
    method: request.method ?? "",
    upgrade,
    host: header("host"),
    origin: header("origin"),
    fetchSite: header("sec-fetch-site"),
    fetchMode: header("sec-fetch-mode"),
  };
}

/** The part of the target before `?`, and what follows it; a target that is no path gives "". */
function splitTarget(target: string): { path: string; query: URLSearchParams } {
  if (!target.startsWith("/") || target.startsWith("//")) {
    return { path: "", query: new URLSearchParams() };
  }
  const mark = target.indexOf("?");
  const path = mark < 0 ? target : target.slice(0, mark);
  return { path, query: new URLSearchParams(mark < 0 ? "" : target.slice(mark + 1)) };
}

/** Reads a body to its end; null when it is longer than it may be. */
function bodyText(request: IncomingMessage): Promise<string | null> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    request.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > CONSOLE_LIMITS.maxBodyBytes) resolve(null);
      else chunks.push(chunk);
    });
    request.on("end", () => resolve(Buffer.concat(chunks).toString("utf8")));
    request.on("error", () => resolve(null));
    request.on("close", () => resolve(null));
  });
}

function send(response: ServerResponse, reply: ApiAnswer): void {
  if (response.headersSent || response.destroyed) return;
  response.writeHead(reply.status, { ...HEADERS, "content-type": reply.type });
  response.end(reply.body);
}

function sendText(response: ServerResponse, status: number, reason: string): void {
  send(response, { status, type: "text/plain; charset=utf-8", body: `${reason}\n` });
}

function sendAsset(
  request: IncomingMessage,
  response: ServerResponse,
  asset: Asset,
  corridor: readonly string[],
): void {
  const headers = {
    ...HEADERS,
    etag: asset.etag,
    "content-security-policy": contentPolicy(request.headers.host ?? "", corridor),
    vary: "accept-encoding",
  };
  if (request.headers["if-none-match"] === asset.etag) {
    response.writeHead(304, headers);
    response.end();
    return;
  }
  const zipped = /\bgzip\b/.test(String(request.headers["accept-encoding"] ?? ""));
  const body = zipped ? asset.gzip : bodyOf(asset);
  response.writeHead(200, {
    ...headers,
    "content-type": asset.type,
    "content-length": body.length,
    ...(zipped ? { "content-encoding": "gzip" } : {}),
  });
  response.end(body);
}

/** What a listen error means, with the way out. */
function listenProblem(error: NodeJS.ErrnoException, listen: Listener): string {
  const place = `${listen.address}:${listen.port}`;
  if (error.code === "EADDRINUSE") {
    return `console: port ${place} is taken; end the other program or set console.listen`;
  }
  if (error.code === "EACCES") {
    return `console: no permission for ${place}; set console.listen to a port above 1023`;
  }
  return `console: ${place} can't be opened (${error.message}); set console.listen`;
}

function serverFor(network: NetworkConsole | undefined, options: ServerOptions): Server {
  if (network === undefined) return createServer(options);
  const { cert, key } = network;
  const tls = { cert, key, minVersion: "TLSv1.3" } as const;
  const { createServer: createSecure } = process.getBuiltinModule("node:https");
  return createSecure({ ...options, ...tls, handshakeTimeout: CONSOLE_LIMITS.headersTimeoutMs });
}

class ConsoleServer implements Console {
  readonly #options: ConsoleOptions;
  readonly #server: Server;
  readonly #door: WebSocketDoor;
  #assets: Promise<Assets> | null = null;
  readonly #corridor: readonly string[];
  #hosts: readonly string[] = [];
  #requests = 0;
  #refused = 0;

  constructor(options: ConsoleOptions) {
    this.#options = options;
    this.#corridor = options.corridor ?? [];
    this.#server = serverFor(options.network, {
      maxHeaderSize: CONSOLE_LIMITS.maxHeaderBytes,
      headersTimeout: CONSOLE_LIMITS.headersTimeoutMs,
      requestTimeout: CONSOLE_LIMITS.requestTimeoutMs,
      keepAliveTimeout: CONSOLE_LIMITS.keepAliveTimeoutMs,
      connectionsCheckingInterval: CONSOLE_LIMITS.checkIntervalMs,
    });
    this.#server.maxConnections = CONSOLE_LIMITS.maxConnections;
    this.#door = createWebSocketDoor((stream, request) => {
      const session = this.#sessionOf(request);
      // It may have ended during the handshake.
      if (options.network !== undefined && session === null) stream.destroy();
      else options.onWebSocket(stream, session, this.#isForeign(request));
      session?.onEnd(() => stream.destroy());
    });
    this.#server.on("request", (request, response) => {
      this.#handle(request, response).catch((error: unknown) => {
        options.log(`console: ${request.method} ${request.url} failed: ${String(error)}`);
        sendText(response, 500, "this answer failed; the node's log says why");
      });
    });
    this.#server.on("upgrade", (request, socket, head) => this.#upgrade(request, socket, head));
    this.#server.on("clientError", (_error, socket) => socket.destroy());
  }

  listen(): Promise<ConsoleOpened> {
    const { listen } = this.#options;
    return new Promise((resolve) => {
      this.#server.once("error", (error: NodeJS.ErrnoException) =>
        resolve({ ok: false, reason: listenProblem(error, listen) }),
      );
      this.#server.listen({ host: listen.address, port: listen.port, exclusive: true }, () => {
        const bound = this.#server.address();
        const port = typeof bound === "object" && bound !== null ? bound.port : listen.port;
        const { network } = this.#options;
        this.#hosts =
          network === undefined
            ? allowedHosts(listen.address, port)
            : listedHosts(network.names, port);
        const [name] = network?.names ?? [];
        const address =
          name === undefined ? consoleAddress(listen.address, port) : `https://${name}:${port}/`;
        resolve({ ok: true, port, address });
      });
    });
  }

  counters(): ConsoleCounters {
    return { requests: this.#requests, refused: this.#refused, webSockets: this.#door.open() };
  }

  async close(): Promise<void> {
    this.#door.close();
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.#requests += 1;
    const facts = factsOf(request, false);
    const refusal = refusalOf(facts, this.#place);
    if (refusal !== null) {
      this.#refuse(request, refusal.reason);
      response.setHeader("connection", "close");
      sendText(response, refusal.status, refusal.reason);
      return;
    }
    if (isFriend(facts, this.#corridor)) {
      response.setHeader("access-control-allow-origin", String(facts.origin));
      response.setHeader("vary", "origin");
    }
    const { method } = facts;
    const { path, query } = splitTarget(request.url ?? "");
    const asset = method === "GET" ? await this.#assetAt(path) : undefined;
    if (asset !== undefined) {
      sendAsset(request, response, asset, this.#corridor);
      return;
    }
    const body = method === "POST" ? await bodyText(request) : "";
    if (body === null) {
      response.setHeader("connection", "close");
      sendText(response, 413, "that body is too long");
      return;
    }
    const { sources, secret, network } = this.#options;
    if (network !== undefined && this.#isHeldUp(request, response, body)) return;
    const { authorization } = request.headers;
    const reply = await answer(sources, secret, { method, path, query, authorization });
    if (reply === null) sendText(response, 404, "nothing here; the page is at /");
    else send(response, reply);
  }

  /** On the network: true for what was answered, as somebody logs in or has not logged in. */
  #isHeldUp(request: IncomingMessage, response: ServerResponse, body: string): boolean {
    const { network } = this.#options;
    if (network === undefined) return false;
    const method = request.method ?? "";
    const { path } = splitTarget(request.url ?? "");
    const address = request.socket.remoteAddress ?? "?";
    const { cookie } = request.headers;
    const login = loginReply(network.sessions, { method, path, cookie, body, address });
    if (login?.setCookie !== undefined) response.setHeader("set-cookie", login.setCookie);
    if (login !== null) send(response, login.answer);
    else if (method !== "GET") sendText(response, 403, "only on the board itself");
    return login !== null || method !== "GET";
  }

  /** The first question loads the files; after a failure the next one tries again. */
  async #assetAt(path: string): Promise<Asset | undefined> {
    const pages = path === "/" || path === "/corridor";
    if (!pages && !path.startsWith("/page/") && !path.startsWith("/core/")) return undefined;
    this.#assets ??= loadAssetsElsewhere().catch((error: unknown) => {
      this.#assets = null;
      throw error;
    });
    return (await this.#assets).get(path);
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    this.#requests += 1;
    const refusal = refusalOf(factsOf(request, true), this.#place);
    if (refusal !== null) {
      this.#refuse(request, refusal.reason);
      refuseUpgrade(socket, refusal.status, refusal.reason);
      return;
    }
    if (splitTarget(request.url ?? "").path !== "/mqtt") {
      refuseUpgrade(socket, 404, "MQTT is at /mqtt");
      return;
    }
    if (this.#options.network !== undefined && this.#sessionOf(request) === null) {
      refuseUpgrade(socket, 401, "log in with a token first");
      return;
    }
    this.#door.accept(request, socket, head);
  }

  get #place(): Place {
    const scheme = this.#options.network === undefined ? "http" : "https";
    return { hosts: this.#hosts, scheme, friends: this.#corridor };
  }

  #isForeign({ headers }: IncomingMessage): boolean {
    const own = `${this.#place.scheme}://${String(headers.host).toLowerCase()}`;
    return headers.origin !== own;
  }

  #sessionOf(request: IncomingMessage): Session | null {
    const { network } = this.#options;
    return network?.sessions.find(cookieOf(request.headers.cookie)) ?? null;
  }

  #refuse(request: IncomingMessage, reason: string): void {
    this.#refused += 1;
    // A flood of refusals must not become a flood of lines: powers of two are enough to see one.
    if ((this.#refused & (this.#refused - 1)) !== 0) return;
    const host = String(request.headers.host ?? "").slice(0, 80);
    this.#options.log(
      `console: refused a request for ${JSON.stringify(host)} (${this.#refused} so far): ${reason}`,
    );
  }
}

/** `http://127.0.0.1:8080/` for an address and a port. */
function consoleAddress(address: string, port: number): string {
  return `http://${address.includes(":") ? `[${address}]` : address}:${port}/`;
}

/** The address to print: whoever opens it may act. The fragment never leaves the browser. */
export function addressWithSecret(address: string, secret: string): string {
  return `${address}#secret=${secret}`;
}

/** The console of one node. */
export function createConsole(options: ConsoleOptions): Console {
  return new ConsoleServer(options);
}

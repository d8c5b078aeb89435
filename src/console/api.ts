// The answers of the console's server apart from its files: what a request means and what the
// rest of the node says to it. Nothing here knows of sockets.
import type { SiteModel } from "../core/site/model.ts";
import type { OrdersView } from "../core/site/view.ts";
import { bearerOf, sameSecret } from "./access.ts";
import { CONSOLE_LIMITS } from "./limits.ts";
import { siteToJson } from "./site-json.ts";

/** One committed row of the event log, as the log has it. */
export interface ConsoleEvent {
  /** Place in the log; rises by one. */
  readonly seq: number;
  /** Wall time, ms since 1970. */
  readonly at: number;
  readonly kind: string;
  readonly body: unknown;
}

/** The newest rows when `from` is null, else rows from there on; oldest first either way. */
export interface EventQuery {
  /** The first `seq`. */
  readonly from: number | null;
  /** Rows not older than this wall time, ms. */
  readonly sinceMs: number | null;
  /** Empty: all kinds. */
  readonly kinds: readonly string[];
  readonly limit: number;
}

export interface ReloadAnswer {
  readonly ok: boolean;
  readonly problems: readonly string[];
}

/** What the console asks of the rest of the node. */
export interface ConsoleSources {
  /** The running site, or null while the node has none (`run --service` with a bad file). */
  site(): SiteModel | null;
  /** Why there is no site, a line each. */
  problems(): readonly string[];
  /** For a supervisor: does the node control its lamps or stand in its failure display by rule? */
  alive(): { readonly ok: boolean; readonly reason: string | null };
  health(): Promise<unknown>;
  /** What operators have ordered and what is in force of it; null for nothing. */
  orders(): OrdersView | null;
  metricsText(): Promise<string>;
  events(query: EventQuery): Promise<readonly ConsoleEvent[]>;
  reload(): Promise<ReloadAnswer>;
}

export interface ApiRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly authorization: string | undefined;
}

export interface ApiAnswer {
  readonly status: number;
  readonly type: "application/json" | "text/plain; charset=utf-8";
  readonly body: string;
}

type Handler = (sources: ConsoleSources, request: ApiRequest) => Promise<ApiAnswer>;

function json(value: unknown, status = 200): ApiAnswer {
  return { status, type: "application/json", body: `${JSON.stringify(value)}\n` };
}

function plain(text: string, status = 200): ApiAnswer {
  return { status, type: "text/plain; charset=utf-8", body: text };
}

function wholeNumber(text: string | null, max: number): number | null {
  if (text === null || !/^\d{1,16}$/.test(text)) return null;
  return Math.min(Number(text), max);
}

/** The query of `/api/events`, or null when a parameter can't be read. */
export function parseEventQuery(query: URLSearchParams): EventQuery | null {
  const numbers = ["from", "since", "limit"].map((name) => {
    const text = query.get(name);
    return { given: text !== null, value: wholeNumber(text, Number.MAX_SAFE_INTEGER) };
  });
  if (numbers.some(({ given, value }) => given && value === null)) return null;
  const [from, since, limit] = numbers.map(({ value }) => value);
  const kinds = query.getAll("kind").flatMap((text) => text.split(","));
  if (kinds.length > 32 || kinds.some((kind) => !/^[a-z][a-z0-9-]{0,31}$/.test(kind))) return null;
  return {
    from: from ?? null,
    sinceMs: since ?? null,
    kinds,
    limit: Math.max(1, Math.min(limit ?? 200, CONSOLE_LIMITS.maxEvents)),
  };
}

async function eventsAnswer(sources: ConsoleSources, request: ApiRequest): Promise<ApiAnswer> {
  const query = parseEventQuery(request.query);
  if (query === null) return plain("from, since and limit are numbers; kind is a word\n", 400);
  return json({ events: await sources.events(query) });
}

async function siteAnswer(sources: ConsoleSources): Promise<ApiAnswer> {
  const site = sources.site();
  return json({ site: site === null ? null : siteToJson(site), problems: sources.problems() });
}

/** The consoles of the corridor's page; this one's own address is the site file's business. */
async function corridorAnswer(sources: ConsoleSources): Promise<ApiAnswer> {
  return json({ members: sources.site()?.corridor ?? [] });
}

async function aliveAnswer(sources: ConsoleSources): Promise<ApiAnswer> {
  const { ok, reason } = sources.alive();
  return plain(ok ? "ok\n" : `${reason ?? "not well"}\n`, ok ? 200 : 503);
}

async function reloadAnswer(sources: ConsoleSources): Promise<ApiAnswer> {
  const answer = await sources.reload();
  return json(answer, answer.ok ? 200 : 409);
}

const GETS: Readonly<Record<string, Handler>> = {
  "/healthz": aliveAnswer,
  "/metrics": async (sources) => plain(await sources.metricsText()),
  "/api/site": siteAnswer,
  "/api/health": async (sources) => json(await sources.health()),
  "/api/events": eventsAnswer,
  "/api/corridor": corridorAnswer,
  "/api/orders": async (sources) => json({ orders: sources.orders() }),
};

const POSTS: Readonly<Record<string, Handler>> = { "/api/reload": reloadAnswer };

/** The answer to a request that the access rules let through; null for an unknown path. */
export async function answer(
  sources: ConsoleSources,
  secret: string,
  request: ApiRequest,
): Promise<ApiAnswer | null> {
  if (request.method === "GET") return (await GETS[request.path]?.(sources, request)) ?? null;
  const handler = POSTS[request.path];
  if (handler === undefined) return null;
  const shown = bearerOf(request.authorization);
  if (shown === null || !sameSecret(shown, secret)) {
    return plain("this needs the console's secret\n", 401);
  }
  return await handler(sources, request);
}

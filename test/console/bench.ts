// What the console's tests share: a junction, and the real server with a node's answers behind it.
import type { Duplex } from "node:stream";
import type { Test } from "tap";
import type { ConsoleEvent, ConsoleSources, EventQuery } from "../../src/console/api.ts";
import { type ConsoleOpened, createConsole } from "../../src/console/server.ts";
import { FOUR_LEGS } from "./junctions.ts";

export const SECRET = "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3I";

export interface Bench {
  readonly port: number;
  readonly opened: ConsoleOpened;
  readonly streams: Duplex[];
  readonly queries: EventQuery[];
  reloads(): number;
  fail(reason: string): void;
  breakEvents(): void;
}

interface BenchOptions {
  readonly port?: number;
  readonly corridor?: readonly string[];
  readonly sources?: Partial<ConsoleSources>;
  readonly onWebSocket?: (stream: Duplex) => void;
}

/** Opens a console on a free port and closes it when the test ends. */
export async function openConsole(
  t: Pick<Test, "teardown">,
  { port = 0, corridor = [], sources = {}, onWebSocket }: BenchOptions = {},
): Promise<Bench> {
  const streams: Duplex[] = [];
  const queries: EventQuery[] = [];
  const state = { reloads: 0, reason: null as string | null, eventsBroken: false };
  const server = createConsole({
    listen: { address: "127.0.0.1", port },
    secret: SECRET,
    corridor,
    sources: {
      site: () => FOUR_LEGS,
      problems: () => [],
      alive: () => ({ ok: state.reason === null, reason: state.reason }),
      health: async () => ({ ok: true }),
      orders: () => null,
      metricsText: async () => "stopline_up 1\n",
      events: async (query): Promise<ConsoleEvent[]> => {
        queries.push(query);
        if (state.eventsBroken) throw new Error("the log is busy");
        return [];
      },
      reload: async () => {
        state.reloads += 1;
        return { ok: true, problems: [] };
      },
      ...sources,
    },
    onWebSocket: (stream) => {
      streams.push(stream);
      onWebSocket?.(stream);
    },
    log: () => undefined,
  });
  const opened = await server.listen();
  if (opened.ok) t.teardown(() => server.close());
  return {
    port: opened.ok ? opened.port : 0,
    opened,
    streams,
    queries,
    reloads: () => state.reloads,
    fail: (reason) => {
      state.reason = reason;
    },
    breakEvents: () => {
      state.eventsBroken = true;
    },
  };
}

// TCP listeners of the broker. A port that is taken is said in one line and leaves the rest of the
// node running.
import { createServer, type Server, type Socket } from "node:net";
import type { Listener } from "../core/site/model.ts";
import type { TlsEntrance } from "../trust/entrance.ts";

/** Half-open connections of machines that vanished are found by TCP's own probes. */
const KEEPALIVE_MS = 30_000;

/**
 * Connections that the system keeps until they are taken, one in each turn of the event loop: whose
 * first packet finds no room there comes back only after a second.
 */
const BACKLOG = 511;

export interface Listening {
  /** Where clients reach the broker; the port is the real one where the site file says 0. */
  readonly bound: readonly Listener[];
  /** One line each: what could not be opened and the way out. */
  readonly problems: readonly string[];
}

export class Listeners {
  readonly #servers: Server[] = [];
  readonly #onSocket: (socket: Socket) => void;
  readonly #entrance: TlsEntrance | null;

  /** `entrance` takes the connections of listeners with TLS; without one those stay closed. */
  constructor(onSocket: (socket: Socket) => void, entrance: TlsEntrance | null) {
    this.#onSocket = onSocket;
    this.#entrance = entrance;
  }

  async open(listeners: readonly Listener[]): Promise<Listening> {
    const results = await Promise.all(listeners.map((listener) => this.#open(listener)));
    return {
      bound: results.filter((result) => typeof result !== "string"),
      problems: results.filter((result) => typeof result === "string"),
    };
  }

  async #open({ address, port, tls }: Listener): Promise<Listener | string> {
    const entrance = this.#entrance;
    if (tls === true && entrance === null) {
      return `MQTT ${address}:${port} stays closed: the node's keys can't be used`;
    }
    const server = createServer({ noDelay: true }, (socket) => {
      socket.setKeepAlive(true, KEEPALIVE_MS);
      if (tls === true) entrance?.enter(socket);
      else this.#onSocket(socket);
    });
    return new Promise((resolve) => {
      server.once("error", (error: NodeJS.ErrnoException) => {
        resolve(`MQTT ${address}:${port} cannot be opened: ${wayOut(error)}`);
      });
      server.listen({ host: address, port, backlog: BACKLOG }, () => {
        this.#servers.push(server);
        const bound = server.address();
        const bare = typeof bound === "object" && bound ? bound.port : port;
        resolve({ address, port: bare, ...(tls === true ? { tls } : {}) });
      });
    });
  }

  async close(): Promise<void> {
    const closed = this.#servers.map(
      (server) => new Promise<void>((resolve) => server.close(() => resolve())),
    );
    await Promise.all(closed);
  }
}

function wayOut(error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case "EADDRINUSE":
      return "the port is taken; stop the other program or change broker.listeners";
    case "EACCES":
      return "no permission; use a port above 1023 in broker.listeners";
    case "EADDRNOTAVAIL":
      return "this machine has no such address; change broker.listeners";
    default:
      return `${error.message}; change broker.listeners`;
  }
}

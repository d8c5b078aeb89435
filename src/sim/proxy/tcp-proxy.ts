// A bad road for real connections on loopback, in user space: bytes arrive late, at a bounded pace,
// not at all for a while, or the connection is reset. The system has accepted a connection before
// anybody is asked, so a black hole is one that says nothing, not one that doesn't answer.
import { connect, createServer, type Server, type Socket } from "node:net";
import { type ProxyOptions, Pump } from "./pump.ts";
import { type RoadCounts, StreamWay } from "./road.ts";
import type { ScriptStep } from "./script.ts";

const LOOPBACK = "127.0.0.1";
/** What waits on one way before its sender is no longer read. */
const MAX_QUEUED_BYTES = 1_048_576;

/** One way of one connection, between its two sockets. */
interface Lane {
  readonly from: Socket;
  readonly to: Socket;
  readonly way: StreamWay;
  /** Its sender has no more. */
  heardEnd: boolean;
  /** Its receiver has all of it. */
  ended: boolean;
}

type Connection = readonly [Lane, Lane];

export class TcpProxy {
  readonly #pump: Pump;
  readonly #server: Server;
  readonly #targetPort: number;
  readonly #connections = new Set<Connection>();

  private constructor(options: ProxyOptions, server: Server) {
    this.#pump = new Pump(options);
    this.#server = server;
    this.#targetPort = options.targetPort;
    server.on("connection", (socket) => this.#accept(socket));
    this.#pump.start({
      work: (nowMs, reset) => this.#move(nowMs, reset),
      wakeMs: () => this.#wakeMs(),
    });
  }

  /** A proxy on a free port of loopback. */
  static async open(options: ProxyOptions): Promise<TcpProxy> {
    const server = createServer({ allowHalfOpen: true, noDelay: true });
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    server.once("error", reject);
    server.listen(0, LOOPBACK, resolve);
    await promise;
    server.off("error", reject);
    return new TcpProxy(options, server);
  }

  get port(): number {
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("the proxy is closed");
    return address.port;
  }

  get counts(): Readonly<RoadCounts> {
    return this.#pump.counts;
  }

  /** Open connections. */
  get connections(): number {
    return this.#connections.size;
  }

  /** More of the script, its times counted from now. */
  play(steps: readonly ScriptStep[]): void {
    this.#pump.play(steps);
  }

  close(): void {
    this.#pump.stop();
    this.#server.close();
    for (const connection of this.#connections) this.#cut(connection);
  }

  #accept(socket: Socket): void {
    const target = connect({
      port: this.#targetPort,
      host: LOOPBACK,
      allowHalfOpen: true,
      noDelay: true,
    });
    const ways = this.#pump.ways();
    const connection: Connection = [
      { from: socket, to: target, way: new StreamWay(ways.there), heardEnd: false, ended: false },
      { from: target, to: socket, way: new StreamWay(ways.back), heardEnd: false, ended: false },
    ];
    this.#connections.add(connection);
    for (const lane of connection) this.#listen(lane, connection);
  }

  #listen(lane: Lane, connection: Connection): void {
    const { from, to, way } = lane;
    from.on("data", (bytes) => {
      way.push(bytes, this.#pump.nowMs);
      if (waiting(lane) > MAX_QUEUED_BYTES) from.pause();
      this.#pump.turn();
    });
    from.on("end", () => {
      lane.heardEnd = true;
      way.end();
      this.#pump.turn();
    });
    to.on("drain", () => this.#pump.turn());
    // Whatever one end dies of, the other sees as a reset.
    from.on("error", () => this.#cut(connection));
    from.on("close", () => {
      if (!lane.heardEnd) this.#cut(connection);
    });
  }

  #move(nowMs: number, reset: boolean): void {
    for (const connection of this.#connections) {
      if (reset) {
        this.#pump.counts.resets += 1;
        this.#cut(connection);
        continue;
      }
      for (const lane of connection) pass(lane, nowMs);
      if (connection.every(({ ended }) => ended)) this.#connections.delete(connection);
    }
  }

  /** Both ends see a reset. */
  #cut(connection: Connection): void {
    this.#connections.delete(connection);
    for (const { from } of connection) if (!from.destroyed) from.resetAndDestroy();
  }

  #wakeMs(): number | null {
    const due = [...this.#connections]
      .flatMap((lanes) => lanes.map(({ way }) => way.wakeMs()))
      .filter((ms) => ms !== null);
    return due.length === 0 ? null : Math.min(...due);
  }
}

/** Bytes between the ends of one way: those on the road, and those that its end doesn't take. */
function waiting({ to, way }: Lane): number {
  return way.queuedBytes + to.writableLength;
}

function pass(lane: Lane, nowMs: number): void {
  const { from, to, way } = lane;
  if (lane.ended) return;
  const { bytes, ended } = way.take(nowMs);
  for (const one of bytes) to.write(one);
  if (from.isPaused() && waiting(lane) <= MAX_QUEUED_BYTES) from.resume();
  if (!ended) return;
  lane.ended = true;
  to.end();
}

// A bad road for real datagrams on loopback, in user space: whoever sends to its port reaches the
// target through a socket of its own, and gets the answers, as the script lets them pass.
import { createSocket, type Socket } from "node:dgram";
import { type ProxyOptions, Pump } from "./pump.ts";
import { DatagramWay, type RoadCounts } from "./road.ts";
import type { ScriptStep } from "./script.ts";

const LOOPBACK = "127.0.0.1";
/** More are not served: a test has a handful. */
const MAX_CLIENTS = 256;

interface Client {
  readonly port: number;
  readonly there: DatagramWay;
  readonly back: DatagramWay;
  /** Faces the target; null until the system has bound it. */
  readonly socket: Socket;
}

export class UdpProxy {
  readonly #pump: Pump;
  readonly #socket: Socket;
  readonly #targetPort: number;
  readonly #clients = new Map<number, Client>();

  private constructor(options: ProxyOptions, socket: Socket) {
    this.#pump = new Pump(options);
    this.#socket = socket;
    this.#targetPort = options.targetPort;
    socket.on("message", (bytes, from) => {
      const client = this.#client(from.port);
      client?.there.push(bytes, this.#pump.nowMs);
      this.#pump.turn();
    });
    socket.on("error", () => {});
    this.#pump.start({ work: (nowMs) => this.#move(nowMs), wakeMs: () => this.#wakeMs() });
  }

  /** A proxy on a free port of loopback. */
  static async open(options: ProxyOptions): Promise<UdpProxy> {
    return new UdpProxy(options, await bound());
  }

  get port(): number {
    return this.#socket.address().port;
  }

  get counts(): Readonly<RoadCounts> {
    return this.#pump.counts;
  }

  /** More of the script, its times counted from now. */
  play(steps: readonly ScriptStep[]): void {
    this.#pump.play(steps);
  }

  close(): void {
    this.#pump.stop();
    this.#socket.close();
    for (const { socket } of this.#clients.values()) socket.close();
  }

  #client(port: number): Client | null {
    const known = this.#clients.get(port);
    if (known !== undefined) return known;
    if (this.#clients.size >= MAX_CLIENTS) return null;
    const ways = this.#pump.ways();
    const socket = createSocket("udp4");
    const there = new DatagramWay(ways.there);
    const client = { port, there, back: new DatagramWay(ways.back), socket };
    socket.on("message", (bytes) => {
      client.back.push(bytes, this.#pump.nowMs);
      this.#pump.turn();
    });
    socket.on("error", () => {});
    this.#clients.set(port, client);
    return client;
  }

  #move(nowMs: number): void {
    for (const { port, there, back, socket } of this.#clients.values()) {
      for (const bytes of there.take(nowMs)) socket.send(bytes, this.#targetPort, LOOPBACK);
      for (const bytes of back.take(nowMs)) this.#socket.send(bytes, port, LOOPBACK);
    }
  }

  #wakeMs(): number | null {
    const due = [...this.#clients.values()]
      .flatMap(({ there, back }) => [there.wakeMs(), back.wakeMs()])
      .filter((ms) => ms !== null);
    return due.length === 0 ? null : Math.min(...due);
  }
}

async function bound(): Promise<Socket> {
  const socket = createSocket("udp4");
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  socket.once("error", reject);
  socket.bind(0, LOOPBACK, resolve);
  await promise;
  socket.off("error", reject);
  return socket;
}

// A TCP channel between a vehicle and a node that can hold back what the node says, all of it until
// it is let go, or each piece for a while. Nothing overtakes.
import { connect, createServer, type Server, type Socket } from "node:net";
import type { Test } from "tap";

interface Pair {
  readonly vehicle: Socket;
  readonly node: Socket;
}

export class HeldChannel {
  /** Pieces that wait at the moment, in the order of the stream. */
  readonly held: { readonly to: Socket; readonly bytes: Buffer; readonly dueMs: number }[] = [];
  readonly #server: Server;
  readonly #pairs = new Set<Pair>();
  #delayMs = 0;
  #timer: NodeJS.Timeout | null = null;

  private constructor(server: Server) {
    this.#server = server;
  }

  /** Between a free port and the node's `url`; ends with the test. */
  static async open(t: Test, url: string): Promise<HeldChannel> {
    const server = createServer();
    const channel = new HeldChannel(server);
    const { hostname, port } = new URL(url);
    server.on("connection", (vehicle) => {
      channel.#join({ vehicle, node: connect(Number(port), hostname) });
    });
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    t.teardown(() => channel.#close());
    return channel;
  }

  get url(): string {
    const bound = this.#server.address();
    return `mqtt://127.0.0.1:${typeof bound === "object" && bound !== null ? bound.port : 0}`;
  }

  hold(): void {
    this.#delayMs = Number.POSITIVE_INFINITY;
  }

  /** From now on each piece comes so much later; 0 for none. */
  delay(delayMs: number): void {
    this.#delayMs = delayMs;
  }

  /** All that waits, at once; nothing waits from here on. */
  release(): void {
    this.#delayMs = 0;
    for (const { to, bytes } of this.held.splice(0)) to.write(bytes);
  }

  #pump(): void {
    const [head] = this.held;
    if (this.#timer !== null || head === undefined || head.dueMs === Number.POSITIVE_INFINITY)
      return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      const nowMs = performance.now();
      while (Number(this.held[0]?.dueMs) <= nowMs) {
        const piece = this.held.shift();
        piece?.to.write(piece.bytes);
      }
      this.#pump();
    }, head.dueMs - performance.now());
  }

  #join(pair: Pair): void {
    const { vehicle, node } = pair;
    this.#pairs.add(pair);
    vehicle.pipe(node);
    node.on("data", (bytes: Buffer) => {
      this.held.push({ to: vehicle, bytes, dueMs: performance.now() + this.#delayMs });
      this.#pump();
    });
    for (const [one, other] of [
      [vehicle, node],
      [node, vehicle],
    ] as const) {
      one.on("error", () => other.destroy());
      one.on("close", () => other.destroy());
    }
  }

  #close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#server.close();
    for (const { vehicle, node } of this.#pairs) {
      vehicle.destroy();
      node.destroy();
    }
  }
}

// A TCP channel between a vehicle and a node that can hold back what the node says, and let it go.
import { connect, createServer, type Server, type Socket } from "node:net";
import type { Test } from "tap";

interface Pair {
  readonly vehicle: Socket;
  readonly node: Socket;
}

export class HeldChannel {
  /** Pieces that wait at the moment, in the order of the stream. */
  readonly held: { readonly to: Socket; readonly bytes: Buffer }[] = [];
  readonly #server: Server;
  readonly #pairs = new Set<Pair>();
  #holding = false;

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
    this.#holding = true;
  }

  /** All that waits, at once. */
  release(): void {
    this.#holding = false;
    for (const { to, bytes } of this.held.splice(0)) to.write(bytes);
  }

  #join(pair: Pair): void {
    const { vehicle, node } = pair;
    this.#pairs.add(pair);
    vehicle.pipe(node);
    node.on("data", (bytes: Buffer) => {
      if (this.#holding) this.held.push({ to: vehicle, bytes });
      else vehicle.write(bytes);
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
    this.#server.close();
    for (const { vehicle, node } of this.#pairs) {
      vehicle.destroy();
      node.destroy();
    }
  }
}

// A crowd of TCP connections that say nothing.
import { once } from "node:events";
import { connect, type Socket } from "node:net";

const BATCH = 50;
/** Of those whom the other side has not taken yet: beyond its queue it would take a second each. */
const MOST_OPEN = 700;

export class SilentCrowd {
  readonly #port: number;
  readonly #open = new Set<Socket>();
  /** Connections that were opened, and those that the other side has closed. */
  opened = 0;
  closed = 0;

  constructor(port: number) {
    this.#port = port;
  }

  /** So many more, from an address of loopback; resolves when each is connected or was refused. */
  async more(count: number, localAddress: string): Promise<void> {
    for (let left = count; left > 0; left -= BATCH)
      await this.#batch(Math.min(left, BATCH), localAddress);
  }

  async #batch(count: number, localAddress: string): Promise<void> {
    const all: Promise<unknown>[] = [];
    for (let at = 0; at < count; at += 1) {
      const socket = connect({ port: this.#port, host: "127.0.0.1", localAddress });
      this.#open.add(socket);
      socket.on("error", () => undefined);
      socket.on("close", () => {
        this.#open.delete(socket);
        this.closed += 1;
      });
      // Without a reader nobody would notice its end.
      socket.resume();
      all.push(Promise.race([once(socket, "connect"), once(socket, "close")]).catch(() => null));
    }
    await Promise.all(all);
    while (this.openNow > MOST_OPEN) await new Promise((resolve) => setTimeout(resolve, 5));
    this.opened += count;
  }

  get openNow(): number {
    return this.#open.size;
  }

  end(): void {
    for (const socket of this.#open) socket.destroy();
  }
}

// The service manager's socket, as sd_notify(3) describes it: each word is one datagram of
// `NAME=value` lines. A send never waits: a manager that does not read costs lost words, which
// whoever sent them says again, and no lamp.
import { openDatagramSocket, sendDatagram, unixAddress } from "./libc.ts";

export class NotifySocket {
  readonly #address: Uint8Array;
  readonly #fd: number;
  readonly #lost = new Map<string, number>();

  /** `path` is that of NOTIFY_SOCKET: absolute, or abstract as `@name`. Throws where it is not. */
  constructor(path: string) {
    const address = unixAddress(path);
    if (address === null) {
      throw new Error(`NOTIFY_SOCKET ${path} is no socket's path; use /absolute or @abstract`);
    }
    this.#address = address;
    this.#fd = openDatagramSocket();
  }

  /** True when the manager's socket has taken the text. */
  send(text: string): boolean {
    const error = sendDatagram(this.#fd, Buffer.from(text), this.#address);
    if (error === null) return true;
    this.#lost.set(error, (this.#lost.get(error) ?? 0) + 1);
    return false;
  }

  /** Datagrams that were not taken, by the name of the error; EAGAIN is a full buffer. */
  get lost(): ReadonlyMap<string, number> {
    return this.#lost;
  }
}

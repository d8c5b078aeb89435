// How many TLS handshakes may run: each costs signatures, and anybody can begin one. Listed
// neighbours go before strangers. Pure.

/** At once, strangers and neighbours together (MESH section 1). */
const MAX_AT_ONCE = 4;
/** Beginnings of strangers in any second. */
const STRANGERS_PER_S = 10;
const SECOND_MS = 1_000;

export class Handshakes {
  readonly #neighbours: ReadonlySet<string>;
  readonly #strangersMs: number[] = [];
  #running = 0;

  /** IP addresses that listed neighbours come from. */
  constructor(neighbours: Iterable<string>) {
    this.#neighbours = new Set(neighbours);
  }

  /** True when a handshake with that address may begin; `ended` has to follow. */
  begin(address: string, nowMs: number): boolean {
    const known = this.#neighbours.has(plainAddress(address));
    // Strangers leave one place free: they can't keep a neighbour out by being slow.
    if (this.#running >= (known ? MAX_AT_ONCE : MAX_AT_ONCE - 1)) return false;
    if (!known && !this.#mayStranger(nowMs)) return false;
    this.#running += 1;
    return true;
  }

  ended(): void {
    if (this.#running === 0) throw new Error("a handshake ended that never began");
    this.#running -= 1;
  }

  #mayStranger(nowMs: number): boolean {
    const recent = this.#strangersMs;
    while (recent[0] !== undefined && recent[0] <= nowMs - SECOND_MS) recent.shift();
    if (recent.length >= STRANGERS_PER_S) return false;
    recent.push(nowMs);
    return true;
  }
}

/** An IPv4 address as a socket that listens on both kinds names it. */
function plainAddress(address: string): string {
  return address.replace(/^::ffff:/, "");
}

// A fast lane on which bits change: what is sent is sealed as a real lane seals it, one bit flips,
// and the receiving end opens it. Nothing may come through.
import { type LaneKey, LaneOpener, LaneSealer } from "../wire/lane-seal.ts";
import type { Random } from "./random.ts";

export class DamagedLane {
  readonly #random: Random;
  readonly #sealer: LaneSealer;
  readonly #opener: LaneOpener;

  constructor(random: Random) {
    const key: LaneKey = { id: random.bytes(8), key: random.bytes(32), iv: random.bytes(12) };
    this.#random = random;
    this.#sealer = new LaneSealer(key);
    this.#opener = new LaneOpener(key);
  }

  /** What the receiver gets of these bytes: null, unless the seal is worth nothing. */
  pass(bytes: Uint8Array): Uint8Array | null {
    const sealed = this.#sealer.seal(bytes);
    const bit = this.#random.below(sealed.length * 8);
    sealed[bit >> 3] = (sealed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    const opened = this.#opener.open(sealed);
    return opened.kind === "ok" ? opened.bytes : null;
  }
}

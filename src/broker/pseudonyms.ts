// Names under which sightings of vehicles are shared: a hash of the certificate's id under a key
// that is drawn anew at each start and with the first sighting of each day (UTC) and never leaves
// this object. The same vehicle keeps its name for the day; an old key is gone, so that nobody,
// with the list of all certificates and this machine in hand, can say who was here on that day.
import { createHmac, randomBytes } from "node:crypto";

const DAY_MS = 86_400_000;
const KEY_BYTES = 32;
/** 64 bits: two of a million vehicles share a name with a chance of 3 in 10^8. */
const NAME_HEX = 16;

export class Pseudonyms {
  readonly #newKey: () => Uint8Array;
  #key: Uint8Array;
  #day = Number.NEGATIVE_INFINITY;

  /** `newKey` draws 32 random bytes; for tests. */
  constructor(newKey: () => Uint8Array = () => randomBytes(KEY_BYTES)) {
    this.#newKey = newKey;
    this.#key = newKey();
  }

  /** The vehicle's name on the day of `wallMs`: HMAC-SHA256, `v-` and its first 64 bits in hex. */
  of(id: string, wallMs: number): string {
    const day = Math.floor(wallMs / DAY_MS);
    if (day !== this.#day) {
      this.#day = day;
      this.#key = this.#newKey();
    }
    return `v-${createHmac("sha256", this.#key).update(id).digest("hex").slice(0, NAME_HEX)}`;
  }
}

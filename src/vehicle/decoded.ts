// Many agents of one process hear the same message: it is decoded once.
import { decodeSpat, type Spat } from "../wire/spat.ts";

/** More junctions than any process listens to at once. */
const MAX_PLACES = 256;

interface Last {
  readonly bytes: Uint8Array;
  readonly spat: Spat;
}

const lastOf = new Map<string, Last>();

/** `decodeSpat`, remembering the last message of each place; throws `WireError`. */
export function decodedSpat(place: string, bytes: Uint8Array): Spat {
  const last = lastOf.get(place);
  if (last !== undefined && Buffer.compare(last.bytes, bytes) === 0) return last.spat;
  const spat = decodeSpat(bytes);
  if (last === undefined && lastOf.size >= MAX_PLACES) lastOf.clear();
  lastOf.set(place, { bytes: new Uint8Array(bytes), spat });
  return spat;
}

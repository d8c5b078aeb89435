// Inputs for fuzzing: valid bytes damaged in the ways that wires, disks and attackers damage them.
// One seed makes one sequence of inputs.

/** Whole numbers from 0 below `bound`, the same for the same seed (xorshift, 32 bits). */
export function numbers(seed: number): (bound: number) => number {
  let state = seed | 0 || 1;
  return (bound) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % bound;
  };
}

type Draw = ReturnType<typeof numbers>;
type Damage = (bytes: Uint8Array, draw: Draw, other: Uint8Array) => Uint8Array;

/** Heads that announce much, or that none of our formats uses. */
const HEADS: readonly (readonly number[])[] = [
  [0x9b, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff],
  [0x9a, 0xff, 0xff, 0xff, 0xff],
  [0x99, 0xff, 0xff],
  [0x5b, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff],
  [0x5a, 0x7f, 0xff, 0xff, 0xff],
  [0x7a, 0xff, 0xff, 0xff, 0xff],
  [0xbf, 0x9f, 0x5f, 0xff],
  [0xa1, 0x00, 0x00],
  [0xd9, 0xdf, 0xff],
  [0xf7],
  [0x1b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
  [0xfb, 0x7f, 0xf8, 0, 0, 0, 0, 0, 0],
  [0x3b, 0, 0x20, 0, 0, 0, 0, 0, 0],
  [0x81, 0x81, 0x81, 0x81, 0x81, 0x81, 0x81, 0x81, 0x81, 0x81],
  [0x61, 0xc3],
  [0xf9, 0x7c, 0x00],
];

function splice(bytes: Uint8Array, at: number, drop: number, insert: ArrayLike<number>) {
  const made = new Uint8Array(bytes.length - drop + insert.length);
  made.set(bytes.subarray(0, at));
  made.set(insert, at);
  made.set(bytes.subarray(at + drop), at + insert.length);
  return made;
}

const DAMAGES: readonly Damage[] = [
  function bit(bytes, draw) {
    const made = bytes.slice();
    const at = draw(bytes.length);
    made[at] = (made[at] ?? 0) ^ (1 << draw(8));
    return made;
  },
  function byte(bytes, draw) {
    const made = bytes.slice();
    made[draw(bytes.length)] = draw(256);
    return made;
  },
  function cut(bytes, draw) {
    return bytes.slice(0, draw(bytes.length));
  },
  function hole(bytes, draw) {
    const at = draw(bytes.length);
    return splice(bytes, at, Math.min(bytes.length - at, 1 + draw(4)), []);
  },
  function head(bytes, draw) {
    const at = draw(bytes.length);
    const insert = HEADS[draw(HEADS.length)] ?? [];
    return splice(bytes, at, Math.min(bytes.length - at, draw(3)), insert);
  },
  function twice(bytes, draw) {
    const at = draw(bytes.length);
    return splice(bytes, at, 0, bytes.subarray(at, at + 1 + draw(12)));
  },
  function mixed(bytes, draw, other) {
    const at = draw(bytes.length);
    const from = draw(other.length);
    return splice(bytes, at, bytes.length - at, other.subarray(from));
  },
  function random(_bytes, draw) {
    return Uint8Array.from({ length: draw(48) }, () => draw(256));
  },
];

/** One damaged input out of a corpus of valid ones; some are damaged two or three times. */
export function damaged(corpus: readonly Uint8Array[], draw: Draw): Uint8Array {
  const pick = (): Uint8Array => corpus[draw(corpus.length)] ?? new Uint8Array(1);
  let bytes = pick();
  for (let times = 1 + Math.max(0, draw(6) - 3); times > 0 && bytes.length > 0; times -= 1) {
    bytes = DAMAGES[draw(DAMAGES.length)]?.(bytes, draw, pick()) ?? bytes;
  }
  return bytes;
}

/** Valid bytes in which a head announces far more than is there. */
export function bombs(bytes: Uint8Array): Uint8Array[] {
  const made: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += 1) {
    for (const head of HEADS) made.push(splice(bytes, at, 1, head));
  }
  return made;
}

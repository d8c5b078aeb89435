// The content of a virtual file against a plain model that keeps every version of every sector.
import fc from "fast-check";
import t from "tap";
import { FileImage, SECTOR_BYTES } from "../../src/sim/disk/image.ts";
import { createRandom } from "../../src/sim/street/random.ts";

const SPAN = 140_000;

/** Whole contents since the last sync, the oldest first. */
class Model {
  versions: Uint8Array[] = [new Uint8Array(0)];

  get now(): Uint8Array {
    return this.versions.at(-1) ?? new Uint8Array(0);
  }

  write(offset: number, bytes: Uint8Array): void {
    const next = new Uint8Array(Math.max(this.now.length, offset + bytes.length));
    next.set(this.now);
    next.set(bytes, offset);
    this.versions.push(next);
  }

  truncate(size: number): void {
    const next = new Uint8Array(size);
    next.set(this.now.subarray(0, size));
    this.versions.push(next);
  }

  sync(): void {
    this.versions = [this.now];
  }

  /** True when a cut may leave `bytes`: each sector, up to the end, as some version has it. */
  allows(bytes: Uint8Array): boolean {
    if (!this.versions.some(({ length }) => length === bytes.length)) return false;
    for (let at = 0; at < bytes.length; at += SECTOR_BYTES) {
      const end = Math.min(at + SECTOR_BYTES, bytes.length);
      const found = Buffer.from(bytes.subarray(at, end));
      const known = this.versions.some((version) => found.equals(padded(version, at, end)));
      if (!known) return false;
    }
    return true;
  }
}

function padded(version: Uint8Array, from: number, to: number): Uint8Array {
  const part = new Uint8Array(to - from);
  part.set(version.subarray(from, to));
  return part;
}

const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("write" as const),
      at: fc.nat(SPAN),
      length: fc.oneof(fc.integer({ min: 1, max: 5_000 }), fc.constant(4_096)),
      fill: fc.integer({ min: 1, max: 255 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("truncate" as const), at: fc.nat(SPAN) }) },
  { weight: 1, arbitrary: fc.constant({ kind: "sync" as const }) },
);

t.test("it reads back what was written; a cut leaves a mixture of versions", async (t) => {
  let lost = 0;
  let whole = 0;
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 25 }),
      fc.nat(),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (steps, seed, keep) => {
        const [image, model] = [new FileImage(), new Model()];
        for (const one of steps) {
          if (one.kind === "sync") {
            image.sync();
            model.sync();
          } else if (one.kind === "truncate") {
            image.truncate(one.at);
            model.truncate(one.at);
          } else {
            const bytes = new Uint8Array(one.length).fill(one.fill);
            image.write(one.at, bytes);
            model.write(one.at, bytes);
          }
          if (!Buffer.from(image.bytes()).equals(model.now)) return false;
        }
        const random = createRandom(seed);
        if (seed % 3 === 0) image.tear(random);
        const gone = image.cut({ random, keep });
        lost += gone;
        if (gone === 0) whole += 1;
        const left = image.bytes();
        if (!model.allows(left) || !image.isSynced) return false;
        image.truncate(SPAN * 2);
        return Buffer.from(image.bytes()).equals(padded(left, 0, SPAN * 2));
      },
    ),
    { seed: 9, numRuns: 400 },
  );
  t.ok(lost > 1_000 && whole > 10, `${lost} sectors lost, ${whole} cuts lost nothing`);
});

t.test(
  "reading beyond the end and in a hole gives zeros, and says how much was there",
  async (t) => {
    const image = new FileImage();
    image.write(200_000, Uint8Array.of(1, 2, 3));
    const into = new Uint8Array(8).fill(9);
    t.equal(image.read(100, into), 8);
    t.same([...into], Array(8).fill(0));
    t.equal(image.read(200_001, into), 2);
    t.same([...into], [2, 3, 0, 0, 0, 0, 0, 0]);
    t.equal(image.read(300_000, into), 0);
    t.ok(image.heldBytes < 100_000, "a hole takes no memory");
  },
);

t.test("a torn page keeps its first half and no more", async (t) => {
  const image = new FileImage();
  image.write(0, new Uint8Array(8_192).fill(1));
  image.sync();
  image.write(4_096, new Uint8Array(4_096).fill(2));
  t.equal(
    image.tear(() => 0),
    8,
  );
  image.cut({ random: () => 0, keep: 1 });
  const bytes = image.bytes();
  t.ok(bytes.subarray(4_096, 6_144).every((byte) => byte === 2));
  t.ok(bytes.subarray(6_144).every((byte) => byte === 1));
  image.sync();
  t.equal(
    image.tear(() => 0),
    null,
    "nothing unsynced",
  );
});

t.test("the trail of changes is bounded: old ones count as written back", async (t) => {
  const image = new FileImage();
  for (let round = 0; round < 40; round += 1) {
    image.write(0, new Uint8Array(1_000_000).fill(round));
  }
  t.ok(image.heldBytes < 20_000_000, `${image.heldBytes} bytes`);
  image.cut({ random: createRandom(1), keep: 0 });
  t.ok(
    image.bytes().every((byte) => byte > 20),
    "what was long ago does not come back",
  );
});

t.test("a copy is the content without its past", async (t) => {
  const image = new FileImage();
  image.write(0, Uint8Array.of(1, 2, 3));
  const copy = image.copy();
  image.write(0, Uint8Array.of(9));
  copy.cut({ random: () => 0.5, keep: 0 });
  t.same([...copy.bytes()], [1, 2, 3]);
});

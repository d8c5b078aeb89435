import fc from "fast-check";
import t from "tap";
import { type CborValue, decodeCbor, encodeCbor, WireError } from "../../src/wire/codec.ts";

const { value: anyValue } = fc.letrec<{ value: CborValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 6, depthSize: "small" },
    fc.constant(null),
    fc.boolean(),
    fc.maxSafeInteger(),
    fc.double({ noNaN: true }).map((number) => (number === 0 ? 0 : number)),
    fc.string({ unit: "binary" }),
    fc.uint8Array({ maxLength: 40 }),
    fc.array(tie("value"), { maxLength: 8 }),
  ),
}));

/** Bytes compare as bytes whatever class of view holds them. */
function plain(value: CborValue): unknown {
  if (value instanceof Uint8Array) return { bytes: [...value] };
  return Array.isArray(value) ? value.map(plain) : value;
}

function refusal(bytes: Uint8Array): string {
  try {
    decodeCbor(bytes);
  } catch (error) {
    if (error instanceof WireError) return error.message;
    throw error;
  }
  return "taken";
}

t.test("what is encoded comes back the same", async (t) => {
  fc.assert(
    fc.property(anyValue, (value) => {
      t.strictSame(plain(decodeCbor(encodeCbor(value))), plain(value));
    }),
    { numRuns: 500 },
  );
});

t.test("integers of eight bytes are numbers, as other writers send a time in ms", async (t) => {
  const cases: readonly (readonly [string, number])[] = [
    ["1b0000000000000005", 5],
    ["1b000001a0c5e2b000", 1_790_026_362_880],
    ["3b0000000000000004", -5],
    ["1b001fffffffffffff", Number.MAX_SAFE_INTEGER],
  ];
  for (const [hex, value] of cases) t.equal(decodeCbor(Buffer.from(hex, "hex")), value);
});

t.test("an encoded buffer stands alone", async (t) => {
  const first = encodeCbor([1, "two", 3.5]);
  const copy = first.slice();
  encodeCbor(["something", "else"]);
  t.strictSame(first, copy);
  t.equal(first.buffer.byteLength, first.length);
});

t.test("any bytes give a value or the one typed error", async (t) => {
  let taken = 0;
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      if (refusal(bytes) === "taken") taken += 1;
    }),
    { numRuns: 5_000 },
  );
  t.ok(taken > 0);
});

t.test("a message with one byte changed gives a value or the typed error", async (t) => {
  let tried = 0;
  fc.assert(
    fc.property(anyValue, fc.nat(), fc.nat(255), (value, at, byte) => {
      const bytes = encodeCbor(value);
      bytes[at % bytes.length] = byte;
      refusal(bytes);
      tried += 1;
    }),
    { numRuns: 2_000 },
  );
  t.equal(tried, 2_000);
});

t.test("a message cut anywhere is refused", async (t) => {
  fc.assert(
    fc.property(anyValue, fc.nat(), (value, at) => {
      const bytes = encodeCbor(value);
      t.not(refusal(bytes.subarray(0, at % bytes.length)), "taken");
    }),
    { numRuns: 500 },
  );
});

const REFUSED: readonly (readonly [name: string, bytes: readonly number[], reason: RegExp])[] = [
  ["nothing", [], /too early/],
  ["nesting beyond the bound", new Array<number>(9).fill(0x81).concat(0), /deeper than 8/],
  ["nesting that would overflow a stack", new Array<number>(60_000).fill(0x81), /deeper/],
  ["an array that announces 4 G elements", [0x9a, 0xff, 0xff, 0xff, 0xff], /too early/],
  ["text that announces 4 GB", [0x7a, 0xff, 0xff, 0xff, 0xff], /too early/],
  ["too many items", [0x99, 0x20, 0, ...new Array<number>(0x2000).fill(0)], /4096 items/],
  ["a map", [0xa1, 0x61, 0x61, 1], /a map/],
  ["a tag", [0xc0, 0x60], /a tag/],
  ["a record extension", [0xd9, 0xdf, 0xff, 0x83, 0x19, 0xe0, 0, 0x81, 0x61, 0x61, 1], /a tag/],
  ["an indefinite array", [0x9f, 1, 0xff], /indefinite/],
  ["undefined", [0xf7], /simple value/],
  ["a simple value", [0xf8, 0xff], /simple value/],
  ["an integer of 2^53 + 1", [0x1b, 0, 0x20, 0, 0, 0, 0, 0, 1], /beyond 2\^53/],
  ["bad UTF-8", [0x62, 0xc3, 0x28], /UTF-8/],
  ["bytes after the end", [1, 2], /after the end/],
  ["more bytes than allowed", new Array<number>(65_537).fill(0), /more than 65536/],
];

for (const [name, bytes, reason] of REFUSED) {
  t.test(`refused: ${name}`, async (t) => {
    t.match(refusal(Uint8Array.from(bytes)), reason);
  });
}

t.test("the bounds are the caller's to set", async (t) => {
  const bytes = encodeCbor([[[1]]]);
  const bounds = { maxBytes: 100, maxDepth: 3, maxItems: 4 };
  t.strictSame(decodeCbor(bytes, bounds), [[[1]]]);
  t.throws(() => decodeCbor(bytes, { ...bounds, maxDepth: 2 }), WireError);
  t.throws(() => decodeCbor(bytes, { ...bounds, maxItems: 3 }), WireError);
  t.throws(() => decodeCbor(bytes, { ...bounds, maxBytes: 3 }), WireError);
});

// Names in a certificate: one URI of one form is an identity, and no other text is.
import fc from "fast-check";
import t from "tap";
import { type Identity, identityOfSan, identityUri, ROLES } from "../../src/trust/identity.ts";

const name = fc.stringMatching(/^[a-z0-9][a-z0-9-]{0,31}$/);
const identity: fc.Arbitrary<Identity> = fc.record({
  region: name,
  zone: name,
  role: fc.constantFrom(...ROLES),
  id: name,
});

t.test("an identity comes back out of its own URI", async (t) => {
  fc.assert(
    fc.property(identity, (who) => {
      t.same(identityOfSan(`URI:${identityUri(who)}`), who);
    }),
    { numRuns: 300 },
  );
});

t.test("no text but the exact form is an identity", async (t) => {
  const uri = identity.map(identityUri);
  const piece = fc.oneof(
    uri,
    uri.map((text) => `URI:${text}`),
    uri.map((text) => `URI:"${text}"`),
    uri.map((text) => text.toUpperCase()),
    fc.constantFrom("URI:", "DNS:", ", ", "\n", "\0", '"', "/", "stopline://", "node", "%6e", " "),
    fc.string({ maxLength: 5 }),
  );
  const text = fc.array(piece, { maxLength: 6 }).map((pieces) => pieces.join(""));
  fc.assert(
    fc.property(text, (san) => {
      const who = identityOfSan(san);
      if (who !== null) t.equal(san, `URI:${identityUri(who)}`);
    }),
    { numRuns: 2_000 },
  );
});

t.test("what a certificate may say instead", async (t) => {
  const good = "URI:stopline://north/centre/node/a";
  t.same(identityOfSan(good), { region: "north", zone: "centre", role: "node", id: "a" });
  const bad: readonly (string | undefined)[] = [
    undefined,
    "",
    `${good}, URI:stopline://north/centre/node/b`,
    `${good}, DNS:a.example`,
    `DNS:a.example, ${good}`,
    "DNS:stopline://north/centre/node/a",
    'URI:"stopline://north/centre/node/a"',
    `${good}\n`,
    ` ${good}`,
    `${good}/`,
    `${good}?b`,
    "URI:stopline://north/centre/node/",
    "URI:stopline://north/centre/node",
    "URI:stopline://north/centre/node/a/b",
    "URI:stopline://north/centre/driver/a",
    "URI:stopline://north/centre/toString/a",
    "URI:stopline://north/centre/node/-a",
    "URI:stopline://North/centre/node/a",
    `URI:stopline://north/centre/node/${"a".repeat(33)}`,
    "URI:http://north/centre/node/a",
  ];
  for (const san of bad) t.equal(identityOfSan(san), null, String(san));
});

t.test("a name that no topic could carry makes no URI", async (t) => {
  const who = { region: "north", zone: "centre", role: "node", id: "a" } as const;
  t.throws(() => identityUri({ ...who, id: "a/b" }), RangeError);
  t.throws(() => identityUri({ ...who, zone: "" }), RangeError);
});

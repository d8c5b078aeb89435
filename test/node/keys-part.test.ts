// What health says of keys: what is known, when the certificate ends, what an unsure clock means.
import t from "tap";
import { type KeysSight, keysPart } from "../../src/node/keys-part.ts";

const DAY_MS = 86_400_000;
const WALL_MS = 1_790_000_000_000;
const WELL: KeysSight = {
  wallMs: WALL_MS,
  clockSure: true,
  certificateDays: 210,
  ownRevoked: false,
  revocations: 3,
  newestMs: WALL_MS - 4.5 * DAY_MS,
};

t.test("all is well", async (t) => {
  const days = "This node's certificate ends in 210 days.";
  const known = "3 revocations are known, the newest 4 days old.";
  t.same(keysPart(WELL), { name: "keys", state: "ok", text: `${days} ${known}` });
  const one = keysPart({ ...WELL, revocations: 1, newestMs: WALL_MS - 90 * 60_000 });
  t.match(one.text, /1 revocation is known, the newest 1 h old\.$/);
  const none = keysPart({ ...WELL, revocations: 0, newestMs: null });
  t.match(none.text, /No revocations are known\.$/);
});

t.test(
  "an end that comes is warned of below 30 days, one that has come is a failure",
  async (t) => {
    t.equal(keysPart({ ...WELL, certificateDays: 30 }).state, "ok");
    const soon = keysPart({ ...WELL, certificateDays: 29 });
    t.match(soon, { state: "degraded", text: /ends in 29 days: stopline keys rotate\./ });
    t.match(keysPart({ ...WELL, certificateDays: -1 }), { state: "failed", text: /has ended/ });
  },
);

t.test("an unsure clock says nothing of dates, and that links are marked", async (t) => {
  const unsure = keysPart({ ...WELL, clockSure: false, certificateDays: -9 });
  t.match(unsure, { state: "degraded", text: /links to neighbours are marked/ });
  t.match(unsure.text, /3 revocations are known\.$/, "no age either");
});

t.test("a node whose own certificate is revoked says so before all else", async (t) => {
  const own = keysPart({ ...WELL, clockSure: false, ownRevoked: true });
  t.match(own, { state: "failed", text: /certificate is revoked: give it a new key/ });
});

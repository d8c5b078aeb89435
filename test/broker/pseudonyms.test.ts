// Names of sightings: the same all day, others tomorrow and at another node, and no way back.
import { createHash } from "node:crypto";
import fc from "fast-check";
import t from "tap";
import { Pseudonyms } from "../../src/broker/pseudonyms.ts";
import { NAME_PATTERN } from "../../src/wire/topics.ts";

const DAY_MS = 86_400_000;
const MORNING = 20_000 * DAY_MS + 1;

t.test("one name a day for each vehicle, that nothing else links", async (t) => {
  const [here, there] = [new Pseudonyms(), new Pseudonyms()];
  const today = here.of("bus-7", MORNING);
  t.match(today, NAME_PATTERN);
  t.equal(here.of("bus-7", MORNING + DAY_MS - 2), today, "until midnight");
  t.not(here.of("bus-8", MORNING), today);
  t.not(there.of("bus-7", MORNING), today, "another node");
  t.not(here.of("bus-7", MORNING + DAY_MS - 1), today, "from midnight on");
  t.not(here.of("bus-7", MORNING), today, "nor does a clock set back bring it again");
  const plain = createHash("sha256").update("bus-7").digest("hex");
  t.notOk(today.includes(plain.slice(0, 8)));
});

t.test("the key decides", async () => {
  const key = fc.uint8Array({ minLength: 32, maxLength: 32 });
  fc.assert(
    fc.property(key, key, fc.string(), (one, other, id) => {
      const same = Buffer.compare(one, other) === 0;
      const [a, b] = [new Pseudonyms(() => one), new Pseudonyms(() => other)];
      return (a.of(id, MORNING) === b.of(id, MORNING)) === same;
    }),
  );
});

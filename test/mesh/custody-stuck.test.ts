// A custodian that takes rows and never has more of them than before.
import t from "tap";
import { CustodyOwner } from "../../src/mesh/custody-owner.ts";
import type { RawRow } from "../../src/mesh/mesh-types.ts";
import { Outbox } from "../../src/mesh/out.ts";

const HASH = "ab".repeat(32);
const ROW: RawRow = {
  incarnation: 1,
  seq: 8,
  at: 0,
  kind: "code",
  body: Uint8Array.of(1),
  hash: HASH,
};

t.test("is left for another one instead of being sent them for ever", async (t) => {
  const owner = new CustodyOwner(new Outbox("a"), ["b", "c"], () => false);
  const stands = { incarnation: 1, seq: 7, hash: HASH };
  const now = { monoMs: 10_000, wallMs: 0 };
  owner.committed(20);
  owner.tick(now, () => true);
  t.equal(owner.custodian, "b");
  let rounds = 0;
  while (owner.custodian === "b" && rounds < 100) {
    rounds += 1;
    owner.onPosition("b", { position: stands, refused: null }, now);
    owner.onOwnRows("b", stands, { outcome: "follows", rows: [ROW] }, now);
  }
  t.ok(rounds > 2 && rounds < 10, `${rounds} rounds: a late answer is no reason to go`);
  now.monoMs += 10_000;
  owner.tick(now, () => true);
  t.equal(owner.custodian, "c");
});

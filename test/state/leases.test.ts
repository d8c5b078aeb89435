// Leases end by monotonic time since receipt and the sender's stated age; only the owner deletes.
import t from "tap";
import { plant } from "../../src/core/planted.ts";
import { leaseNow } from "../../src/core/state/lease.ts";
import type { Part } from "../../src/core/state/part.ts";
import { Replica } from "../../src/core/state/replica.ts";

const LEASE_MS = 10_000;

function keys(replica: Replica, nowMs: number): unknown[] {
  return replica.elements("vehicles", nowMs).map(({ key }) => key);
}

/** A writer that saw v1 at 1,000 ms of its clock, and the part that says so. */
function seen(): { writer: Replica; opening: Part; part: Part } {
  const writer = new Replica(3, "ash");
  const opening = writer.begin(1, [], 0);
  const part = writer.change(
    [{ kind: "add", field: "vehicles", key: "v1", leaseMs: LEASE_MS }],
    1_000,
  );
  return { writer, opening, part };
}

t.test("a reader's clock starts with receipt", async (t) => {
  const { opening, part } = seen();
  const reader = new Replica(3, "elm");
  reader.join(opening, 500_000);
  reader.join(part, 500_000);
  t.same(keys(reader, 500_000 + LEASE_MS), ["v1"]);
  t.same(keys(reader, 500_001 + LEASE_MS), []);
});

t.test("the stated age counts, of the sender and of whoever passed it on", async (t) => {
  const { writer } = seen();
  const reader = new Replica(3, "elm");
  const later = writer.whole(5_000);
  reader.join(later, 500_000 - 2_000);
  t.same(keys(reader, 500_000 + LEASE_MS - 4_000 - 2_000), ["v1"]);
  t.same(keys(reader, 500_001 + LEASE_MS - 4_000 - 2_000), []);
  t.strictSame(reader.canonical("ash"), writer.canonical("ash"), "age is no part of the state");
  const interval = writer.interval({ incarnation: 1, counter: 1 }, 5_000.5);
  t.same(interval?.ops, [[3, "v1", 0, LEASE_MS, 4_001]], "rounded to the older side");
});

t.test("the same dot received again never prolongs a lease", async (t) => {
  const { writer, opening, part } = seen();
  const reader = new Replica(3, "elm");
  reader.join(opening, 0);
  reader.join(part, 0);
  reader.join(part, 9_000);
  writer.change([{ kind: "add", field: "vehicles", key: "v2", leaseMs: LEASE_MS }], 1_000);
  // Somebody understates the age: the whole says that v1 was seen just now.
  const whole = writer.whole(1_000);
  t.equal(reader.join(whole, 9_000).kind, "joined");
  t.same(keys(reader, LEASE_MS + 1), ["v2"]);
});

t.test("a renewal is a new dot; the owner deletes what ended, and others don't", async (t) => {
  const { writer, opening, part } = seen();
  const reader = new Replica(3, "elm");
  for (const one of [opening, part]) reader.join(one, 1_000);
  const renewed = writer.change(
    [{ kind: "add", field: "vehicles", key: "v1", leaseMs: LEASE_MS }],
    8_000,
  );
  reader.join(renewed, 8_000);
  t.same(keys(reader, 8_000 + LEASE_MS), ["v1"]);
  t.same(writer.owed(8_000 + LEASE_MS), []);
  reader.begin(1, [], 0);
  t.same(reader.owed(1e9), [], "not ours to delete");
  reader.change([{ kind: "remove", field: "vehicles", key: "v1" }], 8_000);
  t.same(keys(reader, 8_000), ["v1"], "a leased set's removal is of one's own");
  const owed = writer.owed(8_001 + LEASE_MS);
  t.same(owed, [{ kind: "retire", field: "vehicles", key: "v1" }]);
  reader.join(writer.change(owed, 8_001 + LEASE_MS), 8_001 + LEASE_MS);
  t.same(keys(reader, 0), []);
});

t.test("a step of the wall clock ends no lease", async (t) => {
  const { opening, part } = seen();
  const before = { monoMs: 1_000, wallMs: 1_700_000_000_000 };
  const after = { monoMs: 2_000, wallMs: 1_700_003_600_000 };
  const visible = (): unknown[] => {
    const reader = new Replica(3, "elm");
    for (const one of [opening, part]) reader.join(one, leaseNow(before));
    return keys(reader, leaseNow(after));
  };
  t.same(visible(), ["v1"]);
  plant("lease-by-wall-clock");
  t.teardown(() => plant(null));
  t.same(visible(), [], "the planted fault would be seen");
});

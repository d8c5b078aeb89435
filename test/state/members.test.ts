// What outlives those who said it: removals whose author restarted or left, revocations of a member
// that was removed, totals of a node that lost its memory.
import t from "tap";
import type { Change, Part } from "../../src/core/state/part.ts";
import { Replica } from "../../src/core/state/replica.ts";

const ADD: Change = { kind: "add", field: "faults", key: "f" };
const REMOVE: Change = { kind: "remove", field: "faults", key: "f" };

function started(id: string): Replica {
  const replica = new Replica(2, id);
  replica.begin(1, [], 0);
  return replica;
}

/** Tells `to` all that it misses of `from`. */
function tell(from: Replica, to: Replica): void {
  const part = from.missing(to.version(from.origin), 0);
  if (part !== null) to.join(part, 0);
}

function faults(replica: Replica): unknown[] {
  return replica.elements("faults", 0).map(({ key }) => key);
}

/** ash has a fault, elm has removed it, oak knows of both; ash knows nothing of the removal. */
function removed(): { ash: Replica; elm: Replica; oak: Replica } {
  const [ash, elm, oak] = [started("ash"), started("elm"), started("oak")];
  ash.change([ADD], 0);
  for (const to of [elm, oak]) tell(ash, to);
  elm.change([REMOVE], 0);
  tell(elm, oak);
  if (faults(ash).length !== 1 || faults(oak).length !== 0) throw new Error("no removal told");
  return { ash, elm, oak };
}

t.test("an add that a removal did not see survives it", async (t) => {
  const { ash, elm, oak } = removed();
  ash.change([ADD], 0);
  tell(elm, ash);
  for (const to of [elm, oak]) tell(ash, to);
  t.same([faults(ash), faults(elm), faults(oak)], [["f"], ["f"], ["f"]]);
  t.same(ash.owed(0).length, 0, "nothing to retire");
});

t.test("a removal whose author restarted without it is told on", async (t) => {
  const { ash, oak } = removed();
  const elm = new Replica(2, "elm");
  const opening = elm.begin(2, [], 0);
  for (const to of [oak, ash]) to.join(opening, 0);
  tell(oak, ash);
  t.same(faults(ash), ["f"]);
  t.match(oak.owed(0), [{ kind: "forward", key: "f", origin: "ash", incarnation: 1, counter: 2 }]);
  oak.change(oak.owed(0), 0);
  tell(oak, ash);
  t.same(oak.owed(0), []);
  t.same(faults(ash), []);
  ash.change(ash.owed(0), 0);
  tell(ash, oak);
  t.equal(ash.wholeOf("ash", 0)?.ops.length, 0);
  t.equal(oak.wholeOf("oak", 0)?.ops.length, 0);
});

t.test(
  "a removal counts whether it comes before or after its author's newer incarnation",
  async (t) => {
    const { ash, elm } = removed();
    const late = elm.interval({ incarnation: 1, counter: 1 }, 0);
    const opening = new Replica(2, "elm").begin(2, [], 0);
    const yew = started("yew");
    tell(ash, yew);
    yew.join(opening, 0);
    t.same(faults(yew), ["f"]);
    t.equal(late === null ? null : yew.join(late, 0).kind, "old-incarnation");
    t.same(faults(yew), []);
  },
);

t.test("its author gets it back by an echo, and tells it again", async (t) => {
  const { ash, oak } = removed();
  const elm = new Replica(2, "elm");
  elm.begin(2, [], 0);
  const echo = oak.echo("elm");
  if (echo !== null) elm.join(echo, 0);
  elm.change(elm.owed(0), 0);
  tell(elm, ash);
  t.same(faults(ash), []);
});

t.test("a removal whose author left the zone stays", async (t) => {
  const { ash, oak } = removed();
  oak.drop("elm");
  t.same(faults(oak), []);
  oak.change(oak.owed(0), 0);
  tell(oak, ash);
  t.same(faults(ash), []);
});

t.test("a removal of a newer incarnation's add covers what that one superseded", async (t) => {
  const { ash, oak } = removed();
  const yew = started("yew");
  const part = ash.raise(2, 0);
  yew.join(part, 0);
  yew.change([REMOVE], 0);
  tell(yew, oak);
  t.same(faults(oak), [], "oak has only the older incarnation of ash, and it stays removed");
  tell(ash, oak);
  t.same(faults(oak), []);
});

t.test("a member that is removed leaves nothing but what only grows", async (t) => {
  const [ash, oak] = [started("ash"), started("oak")];
  ash.change([ADD, { kind: "add", field: "revocations", key: "card", value: "signed" }], 0);
  tell(ash, oak);
  oak.drop("ash");
  t.same(oak.origins(), ["oak"]);
  t.equal(oak.version("ash"), null);
  t.same(faults(oak), []);
  const revoked = (replica: Replica): unknown[] =>
    replica.elements("revocations", 0).map(({ key, value }) => [key, value]);
  t.same(revoked(oak), [["card", "signed"]]);
  oak.change(oak.owed(0), 0);
  t.same(oak.owed(0), [], "adopted once");
  const late = started("late");
  tell(oak, late);
  t.same(revoked(late), [["card", "signed"]]);
  t.throws(() => oak.drop("oak"));
});

t.test("what neighbours remember raises the counts of one that lost its memory", async (t) => {
  const elm = new Replica(1, "elm");
  const before = new Replica(1, "ash");
  elm.join(before.begin(1, [{ kind: "total", field: "counted", key: 3, total: 100 }], 0), 0);
  elm.join(before.change([{ kind: "pass", field: "occupancy", key: "n", in: 7, out: 2 }], 0), 0);
  const ash = new Replica(1, "ash");
  const opening: Part = ash.begin(2, [{ kind: "total", field: "counted", key: 3, total: 60 }], 0);
  elm.join(opening, 0);
  t.equal(elm.total("counted", 3), 100, "no step back meanwhile");
  t.equal(elm.occupancy("occupancy", "n"), 5);
  t.ok(elm.remembers("ash"));
  const echo = elm.echo("ash");
  if (echo !== null) ash.join(echo, 0);
  elm.join(ash.change(ash.owed(0), 0), 0);
  t.notOk(elm.remembers("ash"));
  elm.join(ash.change([{ kind: "count", field: "counted", key: 3, by: 1 }], 0), 0);
  t.equal(elm.total("counted", 3), 101);
  t.strictSame(elm.canonical("ash"), ash.canonical("ash"));
});

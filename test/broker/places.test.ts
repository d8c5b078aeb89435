// Places for connections: whatever comes and goes, each kind stays within its own bound.
import fc from "fast-check";
import t from "tap";
import { type PlaceKind, Places } from "../../src/broker/places.ts";
import type { ClientRole } from "../../src/core/site/client-roles.ts";

const ROOM = { vehicle: 3, sensor: 2, operator: 1, reader: 2, console: 1, newcomer: 4 };
const KINDS = Object.keys(ROOM) as PlaceKind[];

t.test("a stranger's crowd makes room with its own", async (t) => {
  const places = new Places<string>(ROOM);
  for (const [at, from] of ["flood", "car", "flood", "flood"].entries()) {
    t.ok(places.take(`${from} ${at}`, "newcomer", from));
  }
  t.notOk(places.take("car 4", "newcomer", "other"));
  t.equal(
    places.crowding(() => true),
    "flood 0",
  );
  t.equal(
    places.crowding((holder) => !holder.startsWith("flood")),
    "car 1",
  );
  t.equal(
    places.crowding(() => false),
    null,
  );
});

interface Step {
  readonly what: "take" | "seat" | "leave";
  readonly who: number;
  readonly kind: PlaceKind;
}

/** A list of who holds what. */
class Listed {
  readonly held = new Map<number, PlaceKind>();

  hasRoom(kind: PlaceKind): boolean {
    return [...this.held.values()].filter((other) => other === kind).length < ROOM[kind];
  }

  /** True when the step is one to be tried, and what has to come of it. */
  expects({ what, who, kind }: Step): boolean | null {
    if (what === "take") return this.held.has(who) ? null : this.hasRoom(kind);
    if (what === "leave") return true;
    if (kind === "console" || kind === "newcomer") return null;
    return this.held.get(who) === "newcomer" ? this.hasRoom(kind) : this.held.has(who);
  }

  done({ what, who, kind }: Step): void {
    if (what === "leave") this.held.delete(who);
    else if (what === "take" || this.held.get(who) === "newcomer") this.held.set(who, kind);
  }
}

function perform(places: Places<number>, { what, who, kind }: Step): boolean {
  if (what === "take") return places.take(who, kind, "x");
  if (what === "seat") return places.seat(who, kind as ClientRole, false);
  places.leave(who);
  return true;
}

t.test("the same as a list of all places would say", async (t) => {
  const step = fc.record({
    what: fc.constantFrom("take", "seat", "leave"),
    who: fc.nat(12),
    kind: fc.constantFrom(...KINDS),
  });
  const property = fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
    const [places, listed] = [new Places<number>(ROOM), new Listed()];
    for (const one of steps) {
      const expected = listed.expects(one as Step);
      if (expected === null) continue;
      if (perform(places, one as Step) !== expected) return false;
      if (expected) listed.done(one as Step);
    }
    return (
      places.size === listed.held.size &&
      KINDS.every((kind) => places.hasRoom(kind) === listed.hasRoom(kind))
    );
  });
  t.doesNotThrow(() => fc.assert(property));
});

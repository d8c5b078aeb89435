// Places for connections: whatever comes and goes, each kind stays within its own bound.
import fc from "fast-check";
import t from "tap";
import { type PlaceKind, Places } from "../../src/broker/places.ts";

const ROOM = { vehicle: 3, sensor: 2, operator: 1, reader: 2, console: 1 };
const KINDS = Object.keys(ROOM) as PlaceKind[];

interface Step {
  readonly what: "take" | "leave";
  readonly who: number;
  readonly kind: PlaceKind;
}

/** A list of who holds what. */
class Listed {
  readonly held = new Map<number, PlaceKind>();

  hasRoom(kind: PlaceKind): boolean {
    return [...this.held.values()].filter((other) => other === kind).length < ROOM[kind];
  }

  /** What has to come of the step. */
  expects({ what, who, kind }: Step): boolean {
    return what === "leave" || this.held.has(who) || this.hasRoom(kind);
  }

  done({ what, who, kind }: Step): void {
    if (what === "leave") this.held.delete(who);
    else if (!this.held.has(who)) this.held.set(who, kind);
  }
}

function perform(places: Places<number>, { what, who, kind }: Step): boolean {
  if (what === "take") return places.take(who, kind);
  places.leave(who);
  return true;
}

t.test("the same as a list of all places would say", async (t) => {
  const step = fc.record({
    what: fc.constantFrom("take", "leave"),
    who: fc.nat(12),
    kind: fc.constantFrom(...KINDS),
  });
  const property = fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
    const [places, listed] = [new Places<number>(ROOM), new Listed()];
    for (const one of steps) {
      const expected = listed.expects(one as Step);
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

t.test("who takes over needs no room; an owner's places are known", async (t) => {
  const places = new Places<string>(ROOM);
  t.ok(places.take("a", "operator", { owner: "anna" }));
  t.notOk(places.take("b", "operator", { owner: "anna" }));
  t.ok(places.take("b", "operator", { owner: "anna", replaces: true }));
  t.same(places.ownedBy("operator", "anna"), ["a", "b"]);
  places.leave("a");
  t.notOk(places.hasRoom("operator"));
  places.leave("b");
  t.ok(places.hasRoom("operator"));
});

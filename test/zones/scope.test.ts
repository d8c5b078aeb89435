// Rights by role, class and zone.
import fc from "fast-check";
import t from "tap";
import type { Whereabouts } from "../../src/core/zones/presence.ts";
import { ZoneScope } from "../../src/core/zones/scope.ts";
import {
  PUBLISH_CLASSES,
  RECEIVE_CLASSES,
  ZONE_ROLES,
  type Zone,
} from "../../src/core/zones/zone.ts";
import { ZoneSet } from "../../src/core/zones/zone-set.ts";
import { squareZone } from "./shapes.ts";

const SITE = new ZoneScope(
  new ZoneSet([
    squareZone("arms", { receive: ["spat", "map"], publish: ["detector"] }),
    squareZone("block", { receive: ["spat"], publish: ["command"], roles: ["vehicle", "sensor"] }),
  ]),
);
const VEHICLE = SITE.of("vehicle");

function at(inside: number, standing: Whereabouts["standing"] = "confirmed"): Whereabouts {
  return { inside, standing };
}

t.test("a role that no zone names needs no position", async (t) => {
  for (const role of ["operator", "reader", "node", "__proto__"]) {
    t.equal(SITE.of(role).isScoped, false);
    t.equal(SITE.of(role).receiveRefusal("spat", null), null);
    t.equal(SITE.of(role).publishRefusal("detector", null), null);
  }
});

t.test("without a zone nobody is scoped", async (t) => {
  const open = new ZoneScope(new ZoneSet([])).of("vehicle");
  t.equal(open.isScoped, false);
  t.equal(open.receiveRefusal("spat", null), null);
});

t.test("inside one of the zones of a class is enough to receive it", async (t) => {
  t.equal(VEHICLE.isScoped, true);
  t.equal(VEHICLE.receiveRefusal("spat", at(0b01)), null);
  t.equal(VEHICLE.receiveRefusal("spat", at(0b10)), null);
  t.equal(VEHICLE.receiveRefusal("map", at(0b01)), null);
  t.equal(VEHICLE.receiveRefusal("map", at(0b10)), "outside-zone");
  t.equal(VEHICLE.receiveRefusal("spat", at(0)), "outside-zone");
  t.equal(VEHICLE.receiveRefusal("health", at(0)), null, "scoped by nothing");
});

t.test("no position: nothing of what is scoped", async (t) => {
  t.equal(VEHICLE.receiveRefusal("spat", null), "no-position");
  t.equal(VEHICLE.receiveRefusal("spat", at(0, "unknown")), "no-position");
  t.equal(VEHICLE.publishRefusal("detector", null), "no-position");
});

t.test("a claim is enough to receive, never to publish", async (t) => {
  t.equal(VEHICLE.receiveRefusal("spat", at(0b01, "claimed")), null);
  t.equal(VEHICLE.publishRefusal("detector", at(0b01, "claimed")), "position-only-claimed");
  t.equal(VEHICLE.publishRefusal("detector", at(0b10, "claimed")), "outside-zone");
  t.equal(VEHICLE.publishRefusal("detector", at(0b01)), null);
  t.equal(VEHICLE.publishRefusal("command", at(0b01)), "outside-zone");
});

t.test("any zones: as each of them, asked one by one, says", async (t) => {
  const zones = fc.array(
    fc.record({
      roles: fc.subarray([...ZONE_ROLES]),
      receive: fc.subarray([...RECEIVE_CLASSES]),
      publish: fc.subarray([...PUBLISH_CLASSES]),
    }),
    { maxLength: 32 },
  );
  const place = fc.record({
    inside: fc.integer(),
    standing: fc.constantFrom<Whereabouts["standing"]>("unknown", "claimed", "confirmed"),
  });
  const role = fc.constantFrom(...ZONE_ROLES);
  fc.assert(
    fc.property(zones, fc.option(place), role, (parts, where, who) => {
      const site = parts.map((part, index): Zone => squareZone(`zone-${index}`, part));
      const scope = new ZoneScope(new ZoneSet(site)).of(who);
      const known = where !== null && where.standing !== "unknown";
      const isAllowed = (classes: (zone: Zone) => readonly string[], name: string) => {
        const asking = site.filter(
          (zone) => zone.roles.includes(who) && classes(zone).includes(name),
        );
        const isIn = (zone: Zone) => known && ((where.inside >> site.indexOf(zone)) & 1) === 1;
        return { free: asking.length === 0, isIn: asking.some(isIn) };
      };
      const receives = RECEIVE_CLASSES.every((name) => {
        const { free, isIn } = isAllowed(({ receive }) => receive, name);
        return (scope.receiveRefusal(name, where) === null) === (free || isIn);
      });
      const publishes = PUBLISH_CLASSES.every((name) => {
        const { free, isIn } = isAllowed(({ publish }) => publish, name);
        const claim = where?.standing === "claimed";
        return (scope.publishRefusal(name, where) === null) === (free || (isIn && !claim));
      });
      return receives && publishes;
    }),
    { numRuns: 500 },
  );
  t.pass("held in every run");
});

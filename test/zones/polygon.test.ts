// Which points lie in a polygon: the same as an exact winding number and as turf say, wherever on
// earth it lies, however it is turned, on edges and corners as well.
import booleanPointInPolygon from "@turf/boolean-point-in-polygon";
import fc from "fast-check";
import t from "tap";
import { distanceM, metresPerStep } from "../../src/core/zones/lattice.ts";
import { Polygon } from "../../src/core/zones/polygon.ts";
import {
  cornerAt,
  type Drawing,
  drawing,
  isInside,
  isOnEdge,
  origin,
  type Place,
  placeNear,
  shapeAt,
} from "./shapes.ts";

const RUNS = { numRuns: 2_000 };

const drawnAndPlace = drawing.chain((drawn) =>
  fc.tuple(fc.constant(drawn), fc.array(placeNear(drawn), { minLength: 1, maxLength: 8 })),
);

function has(at: Place, drawn: Drawing, place: Place): boolean {
  const { latDeg, lonDeg } = cornerAt(at, place);
  return new Polygon(shapeAt(at, drawn)).contains(latDeg, lonDeg);
}

t.test("anywhere on earth: as the exact winding number says, on edges too", async (t) => {
  let [within, without, edge, hole] = [0, 0, 0, 0];
  fc.assert(
    fc.property(drawnAndPlace, origin, ([drawn, places], at) => {
      const polygon = new Polygon(shapeAt(at, drawn));
      return places.every((place) => {
        const { latDeg, lonDeg } = cornerAt(at, place);
        const expected = isInside(drawn, place);
        if (isOnEdge(drawn.outline, place)) edge += 1;
        else if (expected) within += 1;
        else without += 1;
        if (!expected && isInside({ ...drawn, holes: [] }, place)) hole += 1;
        return polygon.contains(latDeg, lonDeg) === expected;
      });
    }),
    RUNS,
  );
  const counts = { within, without, edge, hole };
  t.ok(Math.min(...Object.values(counts)) > 100, JSON.stringify(counts));
});

t.test("as turf says of the same numbers", async (t) => {
  const closed = (ring: readonly Place[]) => [...ring, ring[0] ?? [0, 0]].map((at) => [...at]);
  fc.assert(
    fc.property(drawnAndPlace, ([drawn, places]) => {
      const coordinates = [drawn.outline, ...drawn.holes].map(closed);
      return places.every((place) => {
        const turf = booleanPointInPolygon([...place], { type: "Polygon", coordinates });
        return has([0, 0], drawn, place) === turf;
      });
    }),
    RUNS,
  );
  t.pass("held in every run");
});

t.test(
  "turned, mirrored, drawn the other way around, begun at another corner: the same",
  async () => {
    const turns: ((place: Place) => Place)[] = [([x, y]) => [-y, x], ([x, y]) => [-x, y]];
    fc.assert(
      fc.property(drawnAndPlace, origin, fc.nat(13), ([drawn, places], at, start) => {
        const begun = [...drawn.outline.slice(start), ...drawn.outline.slice(0, start)];
        const variants: [Drawing, (place: Place) => Place][] = [
          ...turns.map((turn): [Drawing, (place: Place) => Place] => [
            { outline: drawn.outline.map(turn), holes: drawn.holes.map((hole) => hole.map(turn)) },
            turn,
          ]),
          [{ ...drawn, outline: drawn.outline.toReversed() }, (place) => place],
          [{ ...drawn, outline: begun }, (place) => place],
        ];
        return places.every((place) => {
          const expected = has([0, 0], drawn, place);
          return variants.every(([variant, move]) => has(at, variant, move(place)) === expected);
        });
      }),
      RUNS,
    );
  },
);

t.test("a zone over 180° takes either sign of it", async (t) => {
  const polygon = new Polygon({
    outline: [
      { latDeg: -16.01, lonDeg: 179.99 },
      { latDeg: -16.01, lonDeg: -179.99 },
      { latDeg: -15.99, lonDeg: -179.99 },
      { latDeg: -15.99, lonDeg: 179.99 },
    ],
    holes: [],
  });
  for (const lonDeg of [179.995, 180, -180, -179.995]) {
    t.ok(polygon.contains(-16, lonDeg), `${lonDeg}`);
  }
  for (const lonDeg of [179.98, -179.98, 0]) t.notOk(polygon.contains(-16, lonDeg), `${lonDeg}`);
  t.equal(Math.round(polygon.distanceToEdgeM(-16, 180)), 1_070);
  t.notOk(polygon.contains(Number.NaN, 180));
  t.notOk(polygon.contains(-16, Number.NaN));
});

t.test("what is no zone is refused: poles, half the world, two corners", async (t) => {
  const square = (latDeg: number, sizeDeg: number) => ({
    outline: [
      { latDeg, lonDeg: 0 },
      { latDeg, lonDeg: sizeDeg },
      { latDeg: latDeg + 0.01, lonDeg: sizeDeg },
    ],
    holes: [],
  });
  t.doesNotThrow(() => new Polygon(square(84.99, 0.01)));
  t.throws(() => new Polygon(square(84.995, 0.01)), /pole/);
  t.throws(() => new Polygon(square(-85.001, 0.01)), /pole/);
  t.throws(() => new Polygon(square(Number.NaN, 0.01)), /nowhere/);
  t.throws(() => new Polygon(square(0, 2.1)), /two degrees/);
  t.throws(() => new Polygon({ outline: square(0, 1).outline.slice(1), holes: [] }), /three/);
});

t.test(
  "metres to the edge agree with a sphere, at every latitude that a zone may have",
  async () => {
    const degrees = fc.double({ min: -84.9, max: 84.9, noNaN: true });
    fc.assert(
      fc.property(degrees, fc.integer({ min: 1, max: 5_000 }), fc.boolean(), (lat, wantM, east) => {
        const { eastM, northM } = metresPerStep(lat);
        // A small triangle with a corner that is nearest to the point.
        const corner = cornerAt([0, Math.round(lat * 1e7)], [0, 0]);
        const away: Place = east ? [wantM / eastM, 0] : [0, wantM / northM];
        const back: Place[] = east
          ? [
              [-200, 10],
              [-200, -10],
            ]
          : [
              [10, -200],
              [-10, -200],
            ];
        const at: Place = [0, Math.round(lat * 1e7)];
        const outline: Place[] = [[0, 0], ...back];
        const { latDeg, lonDeg } = cornerAt(at, [Math.round(away[0]), Math.round(away[1])]);
        if (Math.abs(latDeg) > 85) return true;
        const measured = new Polygon(shapeAt(at, { outline, holes: [] })).distanceToEdgeM(
          latDeg,
          lonDeg,
        );
        const sphere = distanceM(corner, { latDeg, lonDeg });
        return Math.abs(measured - sphere) <= 0.012 * sphere + 0.05;
      }),
      RUNS,
    );
  },
);

t.test("metres of a step are those of WGS 84", async (t) => {
  // Lengths of a degree as every handbook of geodesy has them.
  const degree = (latDeg: number) => {
    const { eastM, northM } = metresPerStep(latDeg);
    return [eastM * 1e7, northM * 1e7].map((metres) => Math.round(metres));
  };
  t.same(degree(0), [111_319, 110_574]);
  t.same(degree(45), [78_847, 111_132]);
  t.same(degree(60), [55_800, 111_412]);
});

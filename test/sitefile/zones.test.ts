// The section `zones` of a site file: the model of it, its bounds, and that whatever `check` lets
// through can be used.
import { readFileSync } from "node:fs";
import fc from "fast-check";
import t from "tap";
import { ZoneSet } from "../../src/core/zones/zone-set.ts";
import { parseSite } from "../../src/sitefile/load.ts";
import { cornerAt, drawing, type Place } from "../zones/shapes.ts";

const TEXT = readFileSync(new URL("../../config/demo.yaml", import.meta.url), "utf8");
const [WITHOUT = ""] = TEXT.split(/^zones:\n/m);

interface Written {
  readonly outline: readonly string[];
  readonly holes?: readonly (readonly string[])[];
}

/** The demo with these zones, its junction at another place. */
function siteWith(
  zones: Readonly<Record<string, Written>>,
  position = "lat: 50.0755, lon: 14.4378",
) {
  const entries = Object.entries(zones).map(([name, shape]) => [
    name,
    { ...shape, hysteresis: 10, roles: ["vehicle"], receive: ["spat"] },
  ]);
  const moved = WITHOUT.replace("lat: 50.0755, lon: 14.4378", position);
  return parseSite(`${moved}zones: ${JSON.stringify(Object.fromEntries(entries))}\n`, "x");
}

function problemsOf(loaded: ReturnType<typeof parseSite>): readonly string[] {
  return loaded.ok ? [] : loaded.problems;
}

const TRIANGLE = ["50.07, 14.43", "50.08, 14.43", "50.08, 14.44"];

t.test("the demo's zones around its junction", async (t) => {
  const loaded = parseSite(TEXT, "demo.yaml");
  if (!loaded.ok) throw new Error(loaded.problems.join("\n"));
  const { zones } = loaded.site;
  t.match(zones, [
    { name: "arms", hysteresisM: 15, roles: ["vehicle"], holes: [], approach: null },
    { name: "north-arm", receive: ["detector"], publish: [], approach: "north" },
  ]);
  t.same(zones[0]?.outline[0], { latDeg: 50.0782, lonDeg: 14.43745 });
  const set = new ZoneSet(zones);
  t.equal(set.around(50.0755, 14.4378, 0), 0b01, "on the junction");
  t.equal(set.around(50.0771, 14.4378, 0), 0b11, "before it, from the north");
  t.equal(set.around(50.0771, 14.4372, 0), 0, "in the car park");
  t.equal(set.around(50.0755, 14.44215, 0b01), 0b01, "just past the end of the east arm");
  t.equal(set.around(50.0755, 14.44225, 0b01), 0, "farther than the hysteresis");
});

t.test("a file without zones has none", async (t) => {
  const loaded = parseSite(WITHOUT, "x");
  t.same(loaded.ok && loaded.site.zones, []);
});

t.test("an outline may end where it began, as maps export it", async (t) => {
  const [first = ""] = TRIANGLE;
  const loaded = siteWith({ a: { outline: [...TRIANGLE, first] }, b: { outline: TRIANGLE } });
  if (!loaded.ok) throw new Error(loaded.problems.join("\n"));
  const [a, b] = loaded.site.zones;
  t.same(a?.outline, b?.outline);
});

t.test("signs, spaces and as many digits as a map gives", async (t) => {
  const outline = ["+50.075538100000004,14.437", "50.08 , +14.43", "50.08,  14.44"];
  t.same(problemsOf(siteWith({ a: { outline } })), []);
  const odd = ["50.07,", "50,07, 14,43", "50.07 14.43", "5e1, 14", "0x1, 2", "", "NaN, 1"];
  for (const text of odd) {
    const [problem, ...more] = problemsOf(siteWith({ a: { outline: [...TRIANGLE, text] } }));
    t.match(problem, /zones\.a\.outline\.3: .* is not written rightly/, text);
    t.same(more, []);
  }
});

t.test("the bounds: a hundred corners, 32 zones", async (t) => {
  const circle = (count: number) =>
    Array.from({ length: count }, (_, at) => {
      const angle = (at * 2 * Math.PI) / count;
      return `${50.0755 + Math.sin(angle) / 100}, ${14.4378 + Math.cos(angle) / 100}`;
    });
  t.same(problemsOf(siteWith({ a: { outline: circle(100) } })), []);
  t.match(problemsOf(siteWith({ a: { outline: circle(101) } })), [
    /zones\.a\.outline: .* is longer than 100; use a list of 3 to 100/,
  ]);
  const zones = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, at) => [`z${at}`, { outline: TRIANGLE }]));
  t.same(problemsOf(siteWith(zones(32))), []);
  t.match(problemsOf(siteWith(zones(33))), [/zones: 33 zones is too many; use at most 32/]);
});

t.test("a junction at the dateline has zones over it", async (t) => {
  const outline = ["-16.51, 179.99", "-16.51, -179.99", "-16.49, -179.99", "-16.49, 179.99"];
  const loaded = siteWith({ a: { outline } }, "lat: -16.5, lon: 180");
  if (!loaded.ok) throw new Error(loaded.problems.join("\n"));
  const set = new ZoneSet(loaded.site.zones);
  t.same(
    [180, -180, 179.98].map((lonDeg) => set.around(-16.5, lonDeg, 0)),
    [1, 1, 0],
  );
});

t.test("stars with holes pass, wherever the junction lies", async (t) => {
  const place = fc.tuple(
    fc.integer({ min: -1_800_000_000, max: 1_800_000_000 }),
    fc.integer({ min: -840_000_000, max: 840_000_000 }),
  );
  fc.assert(
    fc.property(drawing, place, ({ outline, holes }, at) => {
      const text = (corner: Place) => {
        const { latDeg, lonDeg } = cornerAt(at, corner);
        return `${latDeg.toFixed(7)}, ${lonDeg.toFixed(7)}`;
      };
      const shape = { outline: outline.map(text), holes: holes.map((hole) => hole.map(text)) };
      const { latDeg, lonDeg } = cornerAt(at, [0, 0]);
      const loaded = siteWith({ a: shape }, `lat: ${latDeg}, lon: ${lonDeg}`);
      return problemsOf(loaded).length === 0;
    }),
    { numRuns: 150 },
  );
  t.pass("held in every run");
});

t.test("any corners: refused with a line, or a polygon", async (t) => {
  const near = fc.integer({ min: 0, max: 5 });
  const corner = fc.tuple(near, near).map(([x, y]) => `50.07${x}, 14.43${y}`);
  const ring = fc.array(corner, { minLength: 2, maxLength: 6 });
  let passed = 0;
  fc.assert(
    fc.property(ring, fc.array(ring, { maxLength: 2 }), (outline, holes) => {
      const loaded = siteWith({ a: { outline, holes } });
      if (!loaded.ok) return loaded.problems.every((line) => /^x:\d+: zones\.a\.\S+: /.test(line));
      passed += 1;
      return new ZoneSet(loaded.site.zones).zones.length === 1;
    }),
    { numRuns: 300 },
  );
  t.ok(passed > 5, `${passed} passed`);
});

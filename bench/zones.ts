// What zones cost: whether a point lies in a polygon, beside turf on the same polygons and points;
// one position report through a vehicle's presence; the right to one delivery with 500 vehicles.
//
// Slices of all subjects take turns, so that a busy moment of the machine meets all of them alike.
import { readFileSync } from "node:fs";
import booleanPointInPolygon from "@turf/boolean-point-in-polygon";
import { Polygon } from "../src/core/zones/polygon.ts";
import { Presence } from "../src/core/zones/presence.ts";
import { ZoneScope } from "../src/core/zones/scope.ts";
import type { Corner, ZoneShape } from "../src/core/zones/zone.ts";
import { ZoneSet } from "../src/core/zones/zone-set.ts";
import { parseSite } from "../src/sitefile/load.ts";
import { report } from "./support/figures.ts";

const SLICES = 15;
const SLICE_MS = 20;
const POINTS = 4_096;
const VEHICLES = 500;
/** What a node publishes, by class; vehicles may receive the last two anywhere. */
const CLASSES = ["spat", "map", "detector", "health", "events"];
const WALL_MS = 1_800_000_000_000;

interface Task {
  readonly figure: string;
  /** Runs once through everything; returns how many answers that was. */
  readonly run: () => number;
  readonly times: number[];
}

function sliceNs(run: () => number): number {
  const before = performance.now();
  let count = 0;
  let ms = 0;
  do {
    count += run();
    ms = performance.now() - before;
  } while (ms < SLICE_MS);
  return (ms * 1e6) / count;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

/** The same numbers in every run (a linear congruence; Numerical Recipes' constants). */
function numbers(): () => number {
  let state = 1;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** A round zone of 500 m with a ragged edge of 100 corners, and a hole of 12. */
function ragged(): ZoneShape {
  const random = numbers();
  const circle = (count: number, radiusDeg: number): Corner[] =>
    Array.from({ length: count }, (_, at) => {
      const angle = (at * 2 * Math.PI) / count;
      const farDeg = radiusDeg * (0.8 + 0.2 * random());
      return {
        latDeg: 50.0755 + Math.sin(angle) * farDeg,
        lonDeg: 14.4378 + (Math.cos(angle) * farDeg) / 0.64,
      };
    });
  return { outline: circle(100, 0.0045), holes: [circle(12, 0.001)] };
}

/** Points within the bounding box, so that the box alone decides nothing. */
function pointsIn({ outline }: ZoneShape): Corner[] {
  const random = numbers();
  const between = (values: readonly number[]) => {
    const [low, high] = [Math.min(...values), Math.max(...values)];
    return low + (high - low) * random();
  };
  return Array.from({ length: POINTS }, () => ({
    latDeg: between(outline.map(({ latDeg }) => latDeg)),
    lonDeg: between(outline.map(({ lonDeg }) => lonDeg)),
  }));
}

/** Ours and turf's on the same polygon; turf gets its points as it wants them, made beforehand. */
function pointTasks(figure: string, shape: ZoneShape): Task[] {
  const points = pointsIn(shape);
  const polygon = new Polygon(shape);
  const rings = [shape.outline, ...shape.holes].map((ring) =>
    [...ring, ...ring.slice(0, 1)].map(({ latDeg, lonDeg }) => [lonDeg, latDeg]),
  );
  const turf = { type: "Polygon" as const, coordinates: rings };
  const turfPoints = points.map(({ latDeg, lonDeg }) => [lonDeg, latDeg]);
  let [own, theirs] = [0, 0];
  const tasks: Task[] = [
    {
      figure,
      run: () => {
        own = 0;
        for (const { latDeg, lonDeg } of points) own += polygon.contains(latDeg, lonDeg) ? 1 : 0;
        return points.length;
      },
      times: [],
    },
    {
      figure: `${figure}_turf`,
      run: () => {
        theirs = 0;
        for (const point of turfPoints) theirs += booleanPointInPolygon(point, turf) ? 1 : 0;
        return turfPoints.length;
      },
      times: [],
    },
  ];
  for (const { run } of tasks) run();
  if (own !== theirs || own === 0) throw new Error(`${figure}: ${own} inside, turf says ${theirs}`);
  return tasks;
}

/** Vehicles that drive around the junction, each with a report a second. */
function vehicleTasks(zones: ZoneSet): Task[] {
  const random = numbers();
  const scope = new ZoneScope(zones).of("vehicle");
  const fleet = Array.from({ length: VEHICLES }, () => ({
    presence: new Presence(zones),
    latDeg: 50.0755 + (random() - 0.5) * 0.006,
    lonDeg: 14.4378 + (random() - 0.5) * 0.0008,
  }));
  let second = 0;
  let refused = 0;
  const drive = (): number => {
    second += 1;
    const now = { monoMs: second * 1_000, wallMs: WALL_MS + second * 1_000 };
    for (const { presence, latDeg, lonDeg } of fleet) {
      const moved = lonDeg + Math.sin(second / 20) * 0.0004;
      const report = { sequence: second, atMs: now.wallMs, latDeg, lonDeg: moved, speedMps: 10 };
      for (const { kind } of presence.step({ kind: "position", report }, now)) {
        refused += kind === "refused" ? 1 : 0;
      }
    }
    return fleet.length;
  };
  for (let count = 0; count < 10; count += 1) drive();
  const forward = (): number => {
    let allowed = 0;
    for (const topicClass of CLASSES) {
      for (const { presence } of fleet) {
        if (scope.receiveRefusal(topicClass, presence) === null) allowed += 1;
      }
    }
    const all = CLASSES.length * fleet.length;
    if (allowed < 2 * fleet.length || allowed === all || refused > 0) {
      throw new Error(`${allowed} of ${all} deliveries allowed, ${refused} reports refused`);
    }
    return all;
  };
  return [
    { figure: "forward_check_ns", run: forward, times: [] },
    { figure: "position_step_ns", run: drive, times: [] },
  ];
}

const text = readFileSync(new URL("../config/demo.yaml", import.meta.url), "utf8");
const loaded = parseSite(text, "config/demo.yaml");
if (!loaded.ok) throw new Error(loaded.problems.join("\n"));
const { zones } = loaded.site;
const arms = zones[0];
if (arms === undefined) throw new Error("the demo has no zone");

const tasks = [
  ...pointTasks("point_in_zone_ns", arms),
  ...pointTasks("point_in_zone_112_corners_ns", ragged()),
  ...vehicleTasks(new ZoneSet(zones)),
];
for (const { run } of tasks) sliceNs(run);
for (let slice = 0; slice < SLICES; slice += 1) {
  for (const { run, times } of tasks) times.push(sliceNs(run));
}
report(
  "zones",
  tasks.map(({ figure, times }) => ({ figure, value: median(times), unit: "ns" })),
);

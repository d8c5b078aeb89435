// A site with plans through the whole control machine on the virtual cabinet: the schedule reaches
// the controller, and the interlock and the firmware's rules agree with everything a plan asks.
import { readFileSync } from "node:fs";
import t from "tap";
import type { SiteModel } from "../../src/core/site/model.ts";
import type { ClockQuality, ControlView } from "../../src/core/site/view.ts";
import { VirtualRun } from "../../src/node/virtual-run.ts";
import { Random } from "../../src/sim/random.ts";
import { parseSite } from "../../src/sitefile/load.ts";
import { live } from "./live-rig.ts";

const DEMO = readFileSync(new URL("../../config/demo.yaml", import.meta.url), "utf8");
const PLANS = `plans:
  1:
    { cycle: 100, offset: 20, reference: 2, coordinated: [2, 6],
      splits: { 1: 15, 2: 35, 3: 15, 4: 35, 5: 15, 6: 35, 7: 15, 8: 35 } }
  2:
    { cycle: 110, offset: 0, reference: 6, coordinated: [2, 6], lag: [5], max: max1,
      splits: { 1: 15, 2: 45, 3: 15, 4: 35, 5: 20, 6: 40, 7: 15, 8: 35 } }
schedule:
  - { days: [mon, tue, wed, thu, fri], from: '07:00', plan: 1 }
  - { days: [mon, tue, wed, thu, fri], from: '20:00', plan: free }
street:
`;

function plannedSite(): SiteModel {
  const loaded = parseSite(DEMO.replace("street:\n", PLANS), "demo.yaml");
  if (!loaded.ok) throw new Error(loaded.problems.join("\n"));
  return loaded.site;
}

t.test("busy traffic under two plans: in step, no hold, no trip, no call beyond", async (t) => {
  const site = plannedSite();
  const random = new Random(5, "traffic");
  const run = new VirtualRun({ site, wallMs: (monoMs) => monoMs, onEffect: () => {} });
  const views: ControlView[] = [];
  for (let atMs = 1000; atMs < 3_600_000; atMs += 1000) {
    run.advance(atMs);
    const plan = atMs < 1_800_000 ? 1 : 2;
    run.step({ kind: "plan", plan, epochMs: 12_345 });
    const input = 1 + random.below(20);
    run.cabinet.setInput(input, random.below(2) === 0);
    views.push(run.control.view({ monoMs: atMs, wallMs: atMs }, { incarnation: 1, clock: "sure" }));
  }
  const inStep = views.filter(({ coordination }) => coordination?.state === "in-step");
  t.ok(inStep.length > 2800, `${inStep.length} of ${views.length} seconds in step`);
  const last = views.at(-1);
  t.equal(last?.coordination?.plan, 2);
  t.ok(Math.abs(last?.coordination?.offsetErrorMs ?? 1e9) < 100);
  const { trips, stops, interlockHolds, interlockViolations, callsBeyondBound, greens } =
    last?.counters ?? {};
  t.ok((greens ?? 0) > 200, `${greens} greens`);
  t.same([trips, stops, interlockHolds, interlockViolations, callsBeyondBound], [0, 0, 0, 0, 0]);
});

t.test("the schedule by the wall clock: into the plan, and out of it with the clock", async (t) => {
  // A Wednesday, 06:59 in Prague.
  const wallMs = Date.UTC(2026, 0, 14, 5, 59);
  let clock: ClockQuality = "sure";
  const { time, control, events } = live(
    plannedSite(),
    () => wallMs,
    () => clock,
  );
  const coordination = () => control.view().coordination;
  time.runUntil(40_000);
  t.match(coordination(), { state: "free", freeBecause: "no plan in force" });
  time.runUntil(700_000);
  t.match(coordination(), { state: "in-step", plan: 1 });
  // Local zeros lie at midnight + 20 s + k × 100 s.
  const sinceMs = wallMs + 700_000 - Date.UTC(2026, 0, 13, 23) - 20_000;
  const off = (coordination()?.cyclePositionMs ?? 0) - (sinceMs % 100_000);
  t.ok(Math.abs(off) <= 150, `${off} ms from where the wall clock has it`);
  clock = "unsure";
  time.runUntil(702_000);
  t.match(coordination(), { state: "free", freeBecause: "no sure clock" });
  const patterns = events.filter(({ kind, body }) => kind === "code" && body[0] === 131);
  t.same(
    patterns.map(({ body }) => body[1]),
    [1, 254],
  );
});

t.test(
  "an ordered plan runs in place of the schedule's, from the next second to its end",
  async (t) => {
    // A Wednesday, 21:00 in Prague: the schedule says free.
    const wallMs = Date.UTC(2026, 0, 14, 20);
    const { time, control } = live(
      plannedSite(),
      () => wallMs,
      () => "sure",
    );
    const plan = () => control.view().coordination?.plan;
    time.runUntil(40_000);
    t.equal(plan(), null);
    const order = { kind: "plan", plan: 2, untilMs: wallMs + 400_000 } as const;
    t.equal(control.refusalOf(order, "operator:anna"), null);
    control.step({ kind: "order", order, author: "operator:anna" });
    time.runUntil(41_000);
    t.equal(plan(), 2);
    time.runUntil(399_000);
    t.match(control.view(), {
      coordination: { plan: 2 },
      orders: { plan: { plan: 2, author: "operator:anna", untilWallMs: wallMs + 400_000 } },
    });
    time.runUntil(402_000);
    t.equal(plan(), null);
  },
);

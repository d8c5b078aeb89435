// What the mesh is told of a view.
import t from "tap";
import {
  PHASE_DISPLAYS,
  phasesOf,
  planOf,
  toldClock,
  toldPhases,
} from "../../src/mesh/told-phases.ts";
import { restingPhase, restingView } from "../support/views.ts";

const PHASES = [
  { ...restingPhase(2), state: "green", likelyEndMs: 12_000.4 } as const,
  { ...restingPhase(4), state: "red-clearance" } as const,
];

t.test("a phase is its number, its display and the wall time of its predicted end", async (t) => {
  const view = restingView({ monoMs: 5_000, wallMs: 1_000_000, phases: PHASES });
  const [green, clearance] = [1, 3];
  t.same(toldPhases(view), [1, -1, -1, -1, 2, green, 1_007_000, 4, clearance, -1]);
  const [first, second] = phasesOf(toldPhases(view));
  t.same(first, { phase: 2, display: green, endWallMs: 1_007_000 });
  t.same(second, { phase: 4, display: clearance, endWallMs: null });
  t.equal(PHASE_DISPLAYS[green], "green");
  t.equal(PHASE_DISPLAYS[clearance], "red-clearance");
});

t.test("of a junction that its controller does not lead nothing is known", async (t) => {
  const view = restingView({ mode: "failure-display", phases: PHASES });
  t.same(toldPhases(view), [1, -1, -1, -1, 2, 4, -1, 4, 4, -1]);
});

t.test("an end before 1970 is none", async (t) => {
  const view = restingView({ monoMs: 50_000, wallMs: 10, phases: PHASES });
  t.same(toldPhases(view).slice(4, 7), [2, 1, -1]);
});

t.test("the quality of the clock goes along", async (t) => {
  t.equal(toldClock(toldPhases(restingView())), "sure");
  t.equal(toldClock(toldPhases(restingView({ clock: "unsure" }))), "unsure");
});

t.test("the plan that runs, and its newest local zero", async (t) => {
  const coordination = { state: "in-step", plan: 3, freeBecause: null, cycleMs: 90_000 } as const;
  const at = { monoMs: 5_000, wallMs: 1_000_000 };
  const view = (cyclePositionMs: number | null) =>
    restingView({ ...at, coordination: { ...coordination, cyclePositionMs, offsetErrorMs: null } });
  const plan = { plan: 3, cycleMs: 90_000 };
  t.same(planOf(toldPhases(view(20_000))), { ...plan, zeroWallMs: 980_000 });
  t.same(planOf(toldPhases(view(null))), { ...plan, zeroWallMs: null });
  t.equal(planOf(toldPhases({ ...view(20_000), mode: "trip" })), null);
});

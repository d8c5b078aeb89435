// What the mesh is told of the phases, and that the control thread may make it.
import t from "tap";
import { PHASE_DISPLAYS, toldPhases } from "../../src/mesh/told-phases.ts";
import { restingPhase, restingView } from "../support/views.ts";

const PHASES = [
  { ...restingPhase(2), state: "green", likelyEndMs: 12_000.4 } as const,
  { ...restingPhase(4), state: "red-clearance" } as const,
];

t.test("a phase is its number, its display and the wall time of its predicted end", async (t) => {
  const view = restingView({ monoMs: 5_000, wallMs: 1_000_000, phases: PHASES });
  const [green, clearance] = [1, 3];
  t.same(toldPhases(view), [2, green, 1_007_000, 4, clearance, -1]);
  t.equal(PHASE_DISPLAYS[green], "green");
  t.equal(PHASE_DISPLAYS[clearance], "red-clearance");
});

t.test("of a junction that its controller does not lead nothing is known", async (t) => {
  const view = restingView({ mode: "failure-display", phases: PHASES });
  t.same(toldPhases(view), [2, 4, -1, 4, 4, -1]);
});

t.test("an end before 1970 is none", async (t) => {
  const view = restingView({ monoMs: 50_000, wallMs: 10, phases: PHASES });
  t.same(toldPhases(view).slice(0, 3), [2, 1, -1]);
});

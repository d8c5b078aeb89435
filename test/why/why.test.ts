// The chain behind a light, from rows that the whole control machine has written in virtual time:
// each way in which a green begins or ends names its event, its row and its author.
import { readFileSync } from "node:fs";
import t, { type Test } from "tap";
import type { SiteModel } from "../../src/core/site/model.ts";
import { explain, type WhyRow, type WhyStatement } from "../../src/core/why/why.ts";
import type { NodeEvent } from "../../src/log/events.ts";
import type { Order } from "../../src/node/control-types.ts";
import { VirtualRun } from "../../src/node/virtual-run.ts";
import { parseSite } from "../../src/sitefile/load.ts";
import { crossSite } from "../support/sites.ts";

const DEMO = readFileSync(new URL("../../config/demo.yaml", import.meta.url), "utf8");
const PLAN = `plans:
  1:
    { cycle: 100, offset: 20, reference: 2, coordinated: [2, 6],
      splits: { 1: 15, 2: 35, 3: 15, 4: 35, 5: 15, 6: 35, 7: 15, 8: 35 } }
street:
`;
const WALL_MS = Date.UTC(2026, 10, 29, 12);
const AUTHOR = "operator:anna";

function siteOf(text: string): SiteModel {
  const loaded = parseSite(text, "demo.yaml");
  if (!loaded.ok) throw new Error(loaded.problems.join("\n"));
  return loaded.site;
}

/** A junction whose log is kept in memory, and asked why. */
class Asked {
  readonly rows: WhyRow[] = [];
  readonly run: VirtualRun;
  readonly site: SiteModel;

  constructor(site: SiteModel) {
    this.site = site;
    this.write({ kind: "start", body: [7, "0", "", null, 0, null, ""], at: WALL_MS });
    this.run = new VirtualRun({
      site,
      wallMs: (monoMs) => WALL_MS + monoMs,
      onEffect: (effect) => {
        if (effect.kind === "log") this.write(effect.event);
      },
    });
  }

  write({ kind, body, at = this.nowMs }: NodeEvent): void {
    this.rows.push({ seq: this.rows.length + 1, at, kind, body });
  }

  get nowMs(): number {
    return WALL_MS + this.run.cabinet.nowMs;
  }

  until(ms: number): this {
    this.run.advance(ms);
    return this;
  }

  /** As the log does: the command before its effect. */
  order(order: Order, parameters: (string | number | boolean)[]): void {
    this.write({ kind: "command", body: ["id", AUTHOR, "mqtt", parameters, 0, 0] });
    this.run.step({ kind: "order", order, author: AUTHOR });
  }

  input(input: number, on: boolean): void {
    this.run.cabinet.setInput(input, on);
  }

  /** Runs on until a phase is in a state. */
  when(phase: number, state: string): this {
    const { run } = this;
    const now = () => ({ monoMs: run.cabinet.nowMs, wallMs: this.nowMs });
    const stateNow = () =>
      run.control.view(now(), { incarnation: 7, clock: "sure" }).phases.find((entry) => {
        return entry.phase === phase;
      })?.state;
    for (let tries = 0; tries < 6_000 && stateNow() !== state; tries += 1) {
      run.advance(run.cabinet.nowMs + 50);
    }
    if (stateNow() !== state) throw new Error(`phase ${phase} never is ${state}`);
    return this;
  }

  why(phase: number, options: { wired?: boolean; atMs?: number } = {}): readonly WhyStatement[] {
    const { detectors, pedestrianDetectors } = this.site;
    const wiring = { detectors, buttons: pedestrianDetectors };
    const { wired = true, atMs = this.nowMs } = options;
    const answer = explain(this.rows, { phase, atMs, wiring: wired ? wiring : null });
    if (answer.run !== 7) throw new Error(`run ${answer.run}`);
    return answer.chain;
  }
}

/** The sentences that match, in this order; each stands on a row that says when. */
function holds(t: Test, chain: readonly WhyStatement[], expected: readonly RegExp[]): void {
  let at = 0;
  for (const { text } of chain) if (expected[at]?.test(text) === true) at += 1;
  t.equal(at, expected.length, `${expected[at]} in\n${chain.map(({ text }) => text).join("\n")}`);
  t.ok(chain.every(({ seq, at: when }) => (seq === null) === (when === null)));
}

t.test("a vehicle, its call, who had to end before it, and the green", async (t) => {
  const junction = new Asked(crossSite());
  junction.until(60_000).when(2, "green").until(100_000);
  junction.input(4, true);
  junction.when(4, "green");
  for (const wired of [true, false]) {
    holds(t, junction.why(4, { wired }), [
      /^A vehicle comes onto detector 4$/,
      /^Phase 4 has a vehicle call$/,
      /^The green of phase 2 ends by no demand/,
      /^Phase 4 begins green for its vehicle call$/,
      /^So phase 4 is green since then$/,
    ]);
  }
  const last = junction.why(4).at(-1);
  t.same(junction.rows[(last?.seq ?? 0) - 1]?.body.slice(0, 2), [1, 4], "its own row");
  // And seen from the other side: red, for whom, and what it waits for.
  holds(t, junction.why(2), [
    /^The green of phase 2 ends by no demand/,
    /^Phase 2 has a vehicle call that no input brought/,
    /^Phase 4 begins green .* has it still$/,
    /^So phase 2 is red since then$/,
  ]);
});

t.test("what was then, not what came after", async (t) => {
  const junction = new Asked(crossSite()).until(60_000).when(2, "green").until(100_000);
  const atMs = junction.nowMs;
  junction.input(4, true);
  junction.when(4, "green");
  t.match(junction.why(2, { atMs }).at(-1)?.text, /phase 2 is green/);
});

t.test("a button, by its press and by an operator's command", async (t) => {
  const junction = new Asked(siteOf(DEMO)).until(150_000);
  junction.order({ kind: "call", phase: 4, pedestrian: true }, ["call", 4, true]);
  junction.when(4, "green");
  holds(t, junction.why(4), [
    /^operator:anna places a call$/,
    /^Phase 4 has a pedestrian call$/,
    /^Phase 4 begins green for/,
    /^So phase 4 is green since then, with walk$/,
  ]);
});

t.test("an operator's hold, and the vehicle that waits for its end", async (t) => {
  const junction = new Asked(crossSite()).until(60_000).when(2, "green").until(100_000);
  junction.order({ kind: "hold", phase: 2, seconds: 60 }, ["hold", 2, 60]);
  junction.input(4, true);
  junction.until(130_000);
  const expected = [
    /^operator:anna orders a hold of phase 2 until 2026-11-29T12:02:40/,
    /^The hold of phase 2 is active$/,
  ];
  holds(t, junction.why(2), [...expected, /^So phase 2 is green since then$/]);
  holds(t, junction.why(4), [
    ...expected,
    /^A vehicle comes onto detector 4$/,
    /^Phase 4 has a vehicle call$/,
    /^So phase 4 is red/,
  ]);
  junction.when(4, "green");
  t.notMatch(
    junction.why(4).map(({ text }) => text),
    [/hold/],
    "it is over",
  );
});

t.test("a plan: the pattern, its order, and a force-off", async (t) => {
  const junction = new Asked(siteOf(DEMO.replace("street:\n", PLAN))).until(60_000);
  const untilMs = junction.nowMs + 3_600_000;
  junction.order({ kind: "plan", plan: 1, untilMs }, ["plan", 1, untilMs]);
  for (const input of [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]) junction.input(input, true);
  const tell = () => junction.run.step({ kind: "plan", plan: 1, epochMs: 20_000 });
  for (let second = 60; second < 400; second += 1) {
    tell();
    junction.until(second * 1000);
  }
  junction.when(4, "green").when(4, "yellow");
  holds(t, junction.why(4), [
    /^operator:anna orders plan 1 until 2026-11-29T13:01:00/,
    /^Plan 1 is in force$/,
    /^Phase 4 begins green/,
    /^The green of phase 4 ends by (force-off|gap-out|max-out)/,
    /^So phase 4 is yellow since then$/,
  ]);
});

t.test("a preemption takes the junction", async (t) => {
  const site = siteOf(DEMO);
  const junction = new Asked(site).until(60_000);
  const [preempt] = site.preempts;
  const [phase = 0] = preempt?.phases ?? [];
  junction.input(preempt?.input ?? 0, true);
  junction.until(100_000);
  const chain = junction.why(phase);
  holds(t, chain, [
    new RegExp(`^Preempt ${preempt?.preempt} takes the junction$`),
    /is green since/,
  ]);
});

t.test("the failure display, by whose order; a trip by its cause", async (t) => {
  const junction = new Asked(siteOf(DEMO)).until(60_000);
  junction.order({ kind: "flash" }, ["flash"]);
  junction.until(120_000);
  holds(t, junction.why(2), [
    /^operator:anna orders flash$/,
    /^So no phase is on: the failure display stands: flash/,
  ]);
  const other = new Asked(siteOf(DEMO)).until(60_000);
  other.run.cabinet.setFault("driverOn", { red: 0, yellow: 0, green: 0xffff });
  other.until(62_000);
  holds(t, other.why(2), [/^The monitor trips: /, /^So no phase is on: a trip is latched/]);
});

t.test("the start-up calls every phase; another run's orders are forgotten", async (t) => {
  const junction = new Asked(siteOf(DEMO)).until(20_000);
  holds(t, junction.why(2), [
    /^The node starts, run 7$/,
    /^The start-up calls every phase$/,
    /^Phase 2 begins green/,
  ]);
  const rows: WhyRow[] = [
    { seq: 1, at: 0, kind: "order", body: ["plan", 1, true, AUTHOR, 9, null, []] },
    { seq: 2, at: 1, kind: "start", body: [8] },
  ];
  const { run, chain } = explain(rows, { phase: 2, atMs: 5, wiring: null });
  t.equal(run, 8);
  t.match(
    chain.map(({ text }) => text),
    [/The node starts, run 8/, /it has not been green/],
  );
  t.equal(chain.length, 2);
});

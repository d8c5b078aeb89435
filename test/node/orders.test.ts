// Orders on the whole control machine in virtual time: what each does, when it ends, what the log
// and the view say of it with its author, and what is refused for which reason.
import { readFileSync } from "node:fs";
import t from "tap";
import type { ControlView } from "../../src/core/site/view.ts";
import type { NodeEvent } from "../../src/log/events.ts";
import type { Order } from "../../src/node/control-types.ts";
import { lostPlan } from "../../src/node/lost-orders.ts";
import { VirtualRun } from "../../src/node/virtual-run.ts";
import { parseSite } from "../../src/sitefile/load.ts";

const DEMO = readFileSync(new URL("../../config/demo.yaml", import.meta.url), "utf8");
const PLANS = `plans:
  1:
    { cycle: 100, offset: 20, reference: 2, coordinated: [2, 6],
      splits: { 1: 15, 2: 35, 3: 15, 4: 35, 5: 15, 6: 35, 7: 15, 8: 35 } }
street:
`;
const AUTHOR = "operator:anna";
/** The wall clock is this far from the monotonic one. */
const WALL_MS = 1_000_000;
const HOUR_MS = 3_600_000;

function start(text = DEMO) {
  const loaded = parseSite(text, "demo.yaml");
  if (!loaded.ok) throw new Error(loaded.problems.join("\n"));
  const events: NodeEvent[] = [];
  const run = new VirtualRun({
    site: loaded.site,
    wallMs: (monoMs) => WALL_MS + monoMs,
    onEffect: (effect) => {
      if (effect.kind === "log") events.push(effect.event);
    },
  });
  const now = () => ({ monoMs: run.cabinet.nowMs, wallMs: WALL_MS + run.cabinet.nowMs });
  const view = (): ControlView => run.control.view(now(), { incarnation: 1, clock: "sure" });
  const refusal = (order: Order, author = AUTHOR) => run.control.refusalOf(order, author, now());
  const give = (order: Order, author = AUTHOR) => {
    const reason = refusal(order, author);
    if (reason === null) run.step({ kind: "order", order, author });
    return reason;
  };
  const orders = () => events.filter(({ kind }) => kind === "order").map(({ body }) => body);
  return { run, events, view, refusal, give, orders, now };
}

/** Runs until a phase is green. */
function untilGreen({ run, view }: ReturnType<typeof start>, phase: number): void {
  const isGreen = () => view().phases.find((entry) => entry.phase === phase)?.state === "green";
  for (let tries = 0; tries < 4_000 && !isGreen(); tries += 1) run.advance(run.cabinet.nowMs + 50);
  if (!isGreen()) throw new Error(`phase ${phase} does not become green`);
}

t.test("a hold: author and end in view and log, and it ends by itself", async (t) => {
  const node = start();
  const { run, view, give, orders } = node;
  run.advance(20_000);
  untilGreen(node, 2);
  const untilWallMs = WALL_MS + run.cabinet.nowMs + 60_000;
  t.equal(give({ kind: "hold", phase: 2, seconds: 60 }), null);
  give({ kind: "call", phase: 4, pedestrian: false });
  t.match(view().orders, { hold: { phase: 2, author: AUTHOR, untilWallMs }, plan: null });
  t.match(give({ kind: "hold", phase: 4, seconds: 10 }), /phase 2 is held; let it go first/);
  t.match(give({ kind: "hold", phase: 4, seconds: 0 }), /phase 4 is not held/);
  run.advance(run.cabinet.nowMs + 59_000);
  t.equal(view().phases.find(({ phase }) => phase === 2)?.state, "green");
  run.advance(run.cabinet.nowMs + 2_000);
  t.equal(view().orders, undefined);
  t.match(give({ kind: "hold", phase: 2, seconds: 10 }), /has waited through a hold and is served/);
  t.same(orders(), [
    ["hold", 2, true, AUTHOR, untilWallMs, null, []],
    ["hold", 2, false, null, null, "time", []],
  ]);
  t.equal(view().counters.callsBeyondBound, 0);
});

t.test("holds one after another let nobody wait beyond the bound", async (t) => {
  const node = start();
  const { run, view, give } = node;
  run.advance(20_000);
  let given = 0;
  for (let second = 0; second < 1_800; second += 1) {
    run.advance(run.cabinet.nowMs + 1_000);
    for (const { phase } of view().phases) {
      if (give({ kind: "hold", phase, seconds: 120 }) === null) given += 1;
      give({ kind: "call", phase, pedestrian: false });
    }
  }
  t.ok(given >= 5, `${given} holds`);
  t.equal(view().counters.callsBeyondBound, 0);
  t.equal(view().counters.interlockHolds, 0);
  t.ok(view().phases.every(({ greens }) => greens >= 4));
});

t.test("a plan until a time, given back, replaced, and ended with the node", async (t) => {
  const { run, refusal, give, orders } = start(DEMO.replace("street:\n", PLANS));
  run.advance(20_000);
  const untilMs = WALL_MS + 30_000;
  t.equal(give({ kind: "plan", plan: 1, untilMs }), null);
  t.equal(run.control.chosenPlan, 1);
  run.advance(31_000);
  t.equal(run.control.chosenPlan, null, "ended by itself");
  give({ kind: "plan", plan: "free", untilMs: WALL_MS + HOUR_MS });
  t.equal(run.control.chosenPlan, "free");
  give({ kind: "plan", plan: 1, untilMs: WALL_MS + HOUR_MS }, "operator:ben");
  give({ kind: "plan", plan: "schedule", untilMs: null }, "operator:cleo");
  t.equal(run.control.chosenPlan, null);
  give({ kind: "plan", plan: 1, untilMs: WALL_MS + HOUR_MS });
  run.step({ kind: "shutdown" });
  t.same(
    orders().map(([what, subject, active, author, , reason]) => [
      what,
      subject,
      active ? author : reason,
    ]),
    [
      ["plan", 1, AUTHOR],
      ["plan", 1, "time"],
      ["plan", "free", AUTHOR],
      ["plan", "free", "ordered anew"],
      ["plan", 1, "operator:ben"],
      ["plan", 1, "given back by operator:cleo"],
      ["plan", 1, AUTHOR],
      ["plan", 1, "the node stops or begins anew"],
    ],
  );
  const wallMs = WALL_MS + run.cabinet.nowMs;
  t.match(refusal({ kind: "plan", plan: 9, untilMs: wallMs + 1 }), /no plan 9; .* has 1/);
  t.match(refusal({ kind: "plan", plan: 1, untilMs: wallMs }), /not in the future/);
  t.match(refusal({ kind: "plan", plan: 1, untilMs: wallMs + 25 * HOUR_MS }), /more than 24 h/);
  t.match(refusal({ kind: "plan", plan: "schedule", untilMs: null }), /no plan is ordered/);
  t.match(start().refusal({ kind: "plan", plan: 1, untilMs: 1 }), /has no plans/);
});

t.test("priority: a request with its author, news of it, its end", async (t) => {
  const { run, events, view, refusal, give, orders } = start();
  run.advance(60_000);
  const wallMs = WALL_MS + run.cabinet.nowMs;
  const order: Order = {
    kind: "priority",
    request: 7,
    phase: 4,
    arrivalMs: wallMs + 10_000,
    departMs: wallMs + 20_000,
  };
  t.equal(give(order), null);
  t.equal(give({ ...order, departMs: wallMs + 25_000 }), null, "news of it");
  t.match(view().orders?.priorities, [{ request: 1, phase: 4, author: AUTHOR }]);
  t.equal(view().orders?.priorities.length, 1);
  give({ ...order, request: 8 });
  give({ ...order, request: 8, departMs: 0, arrivalMs: 0 });
  run.advance(run.cabinet.nowMs + 26_000);
  t.equal(view().orders, undefined);
  const codes = events.filter(({ kind, body }) => kind === "code" && Number(body[0]) >= 112);
  const checks = codes.filter(({ body }) => body[0] === 112 || body[0] === 115);
  t.same(
    checks.map(({ body }) => body.slice(0, 2)),
    [
      [112, 1],
      [112, 2],
      [115, 2],
      [115, 1],
    ],
  );
  t.match(orders().at(-1), ["priority", 1, false, null, null, "the vehicle has passed"]);
  t.match(refusal({ ...order, departMs: wallMs }), /departure is past/);
  const far = wallMs + 600_000;
  t.match(refusal({ ...order, departMs: far }), /more than 120 s ahead/);
  t.match(refusal({ ...order, phase: 15 }), /no phase 15/);
  const now = WALL_MS + run.cabinet.nowMs;
  const soon = { ...order, arrivalMs: now + 5_000, departMs: now + 9_000 };
  t.equal(refusal(soon, "vehicle:bus-1"), "no-corroboration");
  for (let request = 10; request < 18; request += 1) give({ ...soon, request });
  t.equal(refusal({ ...soon, request: 20 }), "busy");
});

t.test("flash says who ordered it, until the junction is controlled again", async (t) => {
  const { run, view, give, orders } = start();
  run.advance(30_000);
  give({ kind: "flash" });
  run.advance(90_000);
  t.equal(view().mode, "failure-display");
  t.match(view().orders, { flash: { author: AUTHOR } });
  t.match(give({ kind: "hold", phase: 2, seconds: 10 }), /not in normal service/);
  give({ kind: "return" }, "operator:ben");
  run.advance(115_000);
  t.equal(view().mode, "controlled");
  t.same(orders(), [
    ["flash", null, true, AUTHOR, null, null, []],
    ["flash", null, false, null, null, "return by operator:ben", []],
  ]);
});

t.test("calls that can't be placed have a reason", async (t) => {
  const { refusal } = start();
  t.match(refusal({ kind: "call", phase: 15, pedestrian: false }), /no phase 15/);
  t.match(refusal({ kind: "call", phase: 1, pedestrian: true }), /no pedestrian signal/);
  t.equal(refusal({ kind: "flash" }), null);
});

t.test(
  "a plan that a crash ended is said at the next start, one that was ended is not",
  async (t) => {
    const row = (at: number, ...body: (string | number | boolean | null)[]) => ({
      seq: at,
      at,
      kind: "order",
      body: [...body, []],
    });
    const ordered = row(5, "plan", 2, true, AUTHOR, HOUR_MS, null);
    t.match(lostPlan([ordered], 100), /plan 2, ordered by operator:anna until 1970-01-01T01:00:00/);
    t.equal(lostPlan([ordered], 2 * HOUR_MS), null, "its time was over by then");
    t.equal(lostPlan([ordered], 5), null, "of this process");
    t.equal(lostPlan([ordered, row(6, "plan", 2, false, null, null, "time")], 100), null);
    t.equal(lostPlan([row(5, "hold", 2, true, AUTHOR, HOUR_MS, null)], 100), null);
  },
);

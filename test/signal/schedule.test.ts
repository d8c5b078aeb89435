// From local time to the plan in force and its local zeros.
import * as fc from "fast-check";
import t from "tap";
import { cycleStartMs, PlanClock, scheduledPlan } from "../../src/core/signal/schedule.ts";
import { modulo, type Plan, type ScheduleEntry } from "../../src/core/site/plan.ts";

const HOUR_MS = 3_600_000;
const WEEKDAYS = [1, 2, 3, 4, 5];
const SCHEDULE: readonly ScheduleEntry[] = [
  { days: WEEKDAYS, fromMs: 7 * HOUR_MS, plan: 1 },
  { days: WEEKDAYS, fromMs: 20 * HOUR_MS, plan: "free" },
  { days: [6], fromMs: 9 * HOUR_MS, plan: 2 },
];

function plan(number: number, cycleS: number, offsetS: number): Plan {
  return {
    plan: number,
    cycleMs: cycleS * 1000,
    offsetMs: offsetS * 1000,
    reference: 2,
    splits: [],
    coordinated: [2],
    lag: [],
    permissive: [],
    maximum: "inhibit",
  };
}

const PRAGUE = {
  timezone: "Europe/Prague",
  plans: [plan(1, 90, 20), plan(2, 70, 0)],
  schedule: SCHEDULE,
};

t.test("a line holds until the next one, over midnight and over days without a line", async (t) => {
  const at = (day: number, hours: number) =>
    scheduledPlan(SCHEDULE, { day, timeOfDayMs: hours * HOUR_MS });
  t.equal(at(1, 7), 1, "Monday at 07:00");
  t.equal(at(1, 6.99), 2, "Monday before it: Saturday's plan, all of Sunday");
  t.equal(at(0, 12), 2);
  t.equal(at(2, 6.99), "free", "Tuesday before 07:00: Monday's last line");
  t.equal(at(5, 20), "free");
  t.equal(at(6, 8.99), "free");
  t.equal(at(6, 9), 2);
});

t.test("local zeros count from the local midnight and the offset", async (t) => {
  const clock = new PlanClock(PRAGUE);
  // A Wednesday in winter: local midnight is 23:00 UTC of the day before.
  const midnightMs = Date.UTC(2026, 0, 13, 23);
  const wallMs = midnightMs + 12 * HOUR_MS + 34_567;
  const { plan: number, epochMs } = clock.at({ monoMs: 5_000_000, wallMs }, true);
  t.equal(number, 1);
  const zeroWallMs = wallMs - 5_000_000 + (epochMs ?? Number.NaN);
  t.equal(modulo(zeroWallMs - midnightMs - 20_000, 90_000), 0);
  t.ok(zeroWallMs <= wallMs && zeroWallMs > wallMs - 90_000, "the newest one");
});

t.test("on the day of a clock change the hours of the day count, not 24", async (t) => {
  const clock = new PlanClock({ ...PRAGUE, schedule: [{ days: [0], fromMs: 0, plan: 2 }] });
  for (const [what, midnightMs] of [
    ["spring", Date.UTC(2026, 2, 28, 23)],
    ["autumn", Date.UTC(2026, 9, 24, 22)],
  ] as const) {
    for (let hour = 0; hour < 23; hour += 1) {
      const wallMs = midnightMs + hour * HOUR_MS + 17_000;
      const { epochMs } = clock.at({ monoMs: 0, wallMs }, true);
      t.equal(modulo(wallMs + (epochMs ?? Number.NaN) - midnightMs, 70_000), 0, `${what} ${hour}`);
    }
  }
});

t.test("no sure clock, no epoch; no plan or schedule, free", async (t) => {
  const now = { monoMs: 0, wallMs: Date.UTC(2026, 0, 14, 12) };
  t.same(new PlanClock(PRAGUE).at(now, false), { plan: 1, epochMs: null });
  t.same(new PlanClock({ timezone: "UTC" }).at(now, true), { plan: "free", epochMs: null });
});

t.test("whatever the plan, the zero is within the newest cycle and on the grid", async (t) => {
  const property = fc.property(
    fc.integer({ min: 30, max: 255 }),
    fc.nat(254),
    fc.nat(86_399_999),
    (cycleS, offsetS, sinceMs) => {
      const cycleMs = cycleS * 1000;
      const offsetMs = (offsetS % cycleS) * 1000;
      const now = { monoMs: 1e6, wallMs: 1e12 + sinceMs };
      const zeroMs = cycleStartMs({ cycleMs, offsetMs }, 1e12, now);
      const agoMs = now.monoMs - zeroMs;
      return agoMs >= 0 && agoMs < cycleMs && modulo(sinceMs - agoMs - offsetMs, cycleMs) === 0;
    },
  );
  await fc.assert(property);
  t.pass();
});

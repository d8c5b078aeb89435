// Plans and schedule of a checked site file into the site model.
import type { SiteModel } from "../core/site/model.ts";
import type { Plan, ScheduleEntry } from "../core/site/plan.ts";
import type { PlanEntry, ScheduleLine } from "./schema-plans.ts";

const DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/** Milliseconds of seconds to 0.1; rounding takes away what binary fractions add. */
function ms(seconds: number): number {
  return Math.round(seconds * 1000);
}

function numbered<T>(section: Readonly<Record<string, T>> | undefined): [number, T][] {
  return Object.entries(section ?? {})
    .map(([key, entry]): [number, T] => [Number(key), entry])
    .sort(([a], [b]) => a - b);
}

/** One plan of the model. */
export function planModel(plan: number, entry: PlanEntry): Plan {
  return {
    plan,
    cycleMs: ms(entry.cycle),
    offsetMs: ms(entry.offset),
    reference: entry.reference,
    splits: numbered(entry.splits).map(([phase, split]) => ({ phase, splitMs: ms(split) })),
    coordinated: entry.coordinated,
    lag: entry.lag ?? [],
    permissive: numbered(entry.permissive).map(([phase, [from = 0, to = 0]]) => ({
      phase,
      fromMs: ms(from),
      toMs: ms(to),
    })),
    maximum: entry.max ?? "inhibit",
  };
}

/** Milliseconds since midnight of `07:00`. */
export function timeOfDayMs(text: string): number {
  const [hours, minutes] = text.split(":").map(Number);
  return ((hours ?? 0) * 60 + (minutes ?? 0)) * 60_000;
}

function entryModel({ days, from, plan }: ScheduleLine): ScheduleEntry {
  return { days: days.map((day) => DAYS.indexOf(day)), fromMs: timeOfDayMs(from), plan };
}

/** The keys of the model that a file with plans has. */
export function planModels(file: {
  readonly plans?: Readonly<Record<string, PlanEntry>> | undefined;
  readonly schedule?: readonly ScheduleLine[] | undefined;
}): Pick<SiteModel, "plans" | "schedule"> {
  const plans = numbered(file.plans).map(([number, entry]) => planModel(number, entry));
  return {
    ...(plans.length === 0 ? {} : { plans }),
    ...(file.schedule === undefined ? {} : { schedule: file.schedule.map(entryModel) }),
  };
}

// From the wall clock to a plan: which one the schedule has in force, and when its cycles begin.
// Pure but for the time zone's rules, which the runtime knows. The controller itself never sees a
// wall clock; it is told what comes out here.
//
// Local zeros are counted from midnight of the local day, as is usual: a cycle's local zero is at
// midnight + offset, and every cycle length after it. At midnight a cycle that doesn't divide the
// day begins with another offset, and is corrected like any other.
import type { SiteModel } from "../site/model.ts";
import { modulo, type Plan, type ScheduleEntry } from "../site/plan.ts";

/** A moment on both clocks, ms. */
export interface Clocks {
  readonly monoMs: number;
  readonly wallMs: number;
}

/** What the controller is told. */
export interface PlanInForce {
  readonly plan: number | "free";
  /** Monotonic time of a local zero; null while free, or without a sure clock. */
  readonly epochMs: number | null;
}

const DAY_MS = 86_400_000;
const DAYS = 7;

interface LocalTime {
  /** 0 for Sunday. */
  readonly day: number;
  readonly timeOfDayMs: number;
}

/**
 * Monotonic time of the newest local zero of a plan. `midnightMs` is the wall time of the local
 * day's midnight.
 */
export function cycleStartMs(
  { cycleMs, offsetMs }: Pick<Plan, "cycleMs" | "offsetMs">,
  midnightMs: number,
  { monoMs, wallMs }: Clocks,
): number {
  return monoMs - modulo(wallMs - midnightMs - offsetMs, cycleMs);
}

/**
 * The plan of a schedule at a local time: the newest line, which may be one of days ago. The
 * schedule has a line.
 */
export function scheduledPlan(
  schedule: readonly ScheduleEntry[],
  { day, timeOfDayMs }: LocalTime,
): number | "free" {
  let newestMs = Number.POSITIVE_INFINITY;
  let plan: number | "free" = "free";
  for (const entry of schedule) {
    for (const begins of entry.days) {
      const agoMs = modulo((day - begins) * DAY_MS + timeOfDayMs - entry.fromMs, DAYS * DAY_MS);
      if (agoMs >= newestMs) continue;
      newestMs = agoMs;
      plan = entry.plan;
    }
  }
  return plan;
}

/** Reads local times of one zone; made once, as the runtime's tables are slow to open. */
export class PlanClock {
  private readonly site: Pick<SiteModel, "plans" | "schedule">;
  private readonly format: Intl.DateTimeFormat;

  /** `timezone` is a name of the IANA data base that the runtime knows. */
  constructor(site: Pick<SiteModel, "plans" | "schedule" | "timezone">) {
    this.site = site;
    this.format = new Intl.DateTimeFormat("en-US", {
      timeZone: site.timezone,
      hourCycle: "h23",
      weekday: "short",
      hour: "numeric",
      minute: "numeric",
      second: "numeric",
    });
  }

  /**
   * The plan in force at a moment; `sure` says whether its wall clock is to be believed. `chosen`
   * stands in place of the schedule's, unless it is null.
   */
  at(now: Clocks, sure: boolean, chosen: number | "free" | null = null): PlanInForce {
    const { plans = [], schedule = [] } = this.site;
    const local = this.localTime(now.wallMs);
    const number = chosen ?? (schedule.length === 0 ? "free" : scheduledPlan(schedule, local));
    const plan = plans.find((entry) => entry.plan === number);
    if (plan === undefined) return { plan: "free", epochMs: null };
    if (!sure) return { plan: plan.plan, epochMs: null };
    const midnightMs = this.midnightMs(now.wallMs, local);
    return { plan: plan.plan, epochMs: cycleStartMs(plan, midnightMs, now) };
  }

  private localTime(wallMs: number): LocalTime {
    const parts = new Map(this.format.formatToParts(wallMs).map((part) => [part.type, part.value]));
    const part = (type: Intl.DateTimeFormatPartTypes): number => Number(parts.get(type) ?? 0);
    const seconds = (part("hour") * 60 + part("minute")) * 60 + part("second");
    const names = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
    return {
      day: names.indexOf(parts.get("weekday") ?? ""),
      timeOfDayMs: seconds * 1000 + modulo(wallMs, 1000),
    };
  }

  /** Wall time of the local midnight, also on a day on which the zone changes its offset. */
  private midnightMs(wallMs: number, { timeOfDayMs }: LocalTime): number {
    const guessMs = wallMs - timeOfDayMs;
    const off = this.localTime(guessMs).timeOfDayMs;
    return off > DAY_MS / 2 ? guessMs + DAY_MS - off : guessMs - off;
  }
}

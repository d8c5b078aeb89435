// The shape of `plans` and `schedule`, the part of a site file that coordinates. Like schema.ts it
// says only what one value alone can get wrong; rules-plans.ts has what plans get wrong together.
import * as z from "zod";

/** NTCIP 1202 numbers patterns from 1; 254 and 255 mean free and flash. */
const ONE_TO_253 = /^([1-9]|[1-9]\d|1\d\d|2[0-4]\d|25[0-3])$/;
const ONE_TO_16 = /^([1-9]|1[0-6])$/;

const planNumber = z.string().regex(ONE_TO_253).describe("a plan, 1 to 253");
const phaseKey = z.string().regex(ONE_TO_16).describe("a phase, 1 to 16");

function phaseList(least: number, most: number, says: string) {
  return z.array(z.int().min(1).max(16).describe("a phase")).min(least).max(most).describe(says);
}

function seconds(least: number, most: number, says: string) {
  return z.number().min(least).max(most).multipleOf(0.1).describe(`${says}, seconds to 0.1`);
}

const plan = z.strictObject({
  cycle: z.int().min(30).max(255).describe("cycle length, whole seconds"),
  offset: seconds(0, 254.9, "from midnight to a begin of the reference phase's green"),
  reference: z.int().min(1).max(16).describe("the coordinated phase that the offset is counted to"),
  coordinated: phaseList(1, 4, "the main street: one phase per ring of one barrier group"),
  splits: z
    .record(phaseKey, seconds(1, 255, "green, yellow and red clearance"))
    .describe("the share of every phase in the cycle"),
  lag: phaseList(0, 16, "phases served last of their ring in their barrier group").optional(),
  permissive: z
    .record(
      phaseKey,
      z
        .array(seconds(0, 255, "from the first yield point"))
        .length(2)
        .describe("[from, to]: when the coordinated phases may be left for it"),
    )
    .describe("permissive periods; a phase without one may be served while its minimum fits")
    .optional(),
  max: z
    .enum(["inhibit", "max1", "max2"])
    .describe("the maximum green that holds while the plan runs")
    .optional(),
});

const scheduleEntry = z.strictObject({
  days: z
    .array(z.enum(["mon", "tue", "wed", "thu", "fri", "sat", "sun"]))
    .min(1)
    .max(7)
    .describe("days of the week"),
  from: z
    .string()
    .regex(/^([01]\d|2[0-3]):[0-5]\d$/)
    .describe("local time such as '07:00'; it holds until the next line's time"),
  plan: z
    .union([z.literal("free"), z.int().min(1).max(253)])
    .describe("a plan, or free: which runs from then on"),
});

export const plans = z.record(planNumber, plan).describe("coordination plans by number");

export const schedule = z
  .array(scheduleEntry)
  .min(1)
  .max(128)
  .describe("which plan runs when, by local time");

export type PlanEntry = z.infer<typeof plan>;
export type ScheduleLine = z.infer<typeof scheduleEntry>;

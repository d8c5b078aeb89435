// The shape of the section `zones`. Corners are written as maps show them, latitude first, one a
// line: `- 50.0755, 14.4378`.
import * as z from "zod";
import {
  MAX_CORNERS,
  MAX_HOLES,
  MAX_HYSTERESIS_M,
  PUBLISH_CLASSES,
  RECEIVE_CLASSES,
  ZONE_ROLES,
} from "../core/zones/zone.ts";

/** Maps give up to 17 digits; more than 7 are below a step of the lattice. */
const CORNER = /^[+-]?\d{1,2}(\.\d{1,17})?\s*,\s*[+-]?\d{1,3}(\.\d{1,17})?$/;

const outline = (says: string) =>
  z
    .array(
      z
        .string()
        .regex(CORNER)
        .describe("a corner, latitude first, in degrees such as 50.0755, 14.4378"),
    )
    .min(3)
    .max(MAX_CORNERS)
    .describe(says);

const zone = z.strictObject({
  outline: outline("corners in order around the zone"),
  holes: z
    .array(outline("corners in order around the hole"))
    .max(MAX_HOLES)
    .describe("parts within the outline that don't belong to the zone")
    .optional(),
  hysteresis: z
    .number()
    .min(0)
    .max(MAX_HYSTERESIS_M)
    .describe("who is inside leaves only farther than this from the edge, m"),
  roles: z
    .array(z.enum(ZONE_ROLES))
    .min(1)
    .max(ZONE_ROLES.length)
    .describe("who must be inside; others need no position"),
  receive: z
    .array(z.enum(RECEIVE_CLASSES).describe("a class of topics"))
    .max(RECEIVE_CLASSES.length)
    .describe("classes of topics that they receive only inside")
    .optional(),
  publish: z
    .array(z.enum(PUBLISH_CLASSES).describe("a class of topics; positions come from everywhere"))
    .max(PUBLISH_CLASSES.length)
    .describe("classes of topics that they may publish only inside")
    .optional(),
  approach: z.string().max(32).describe("the approach that it belongs to").optional(),
});

export type ZoneEntry = z.infer<typeof zone>;

/** The section; `name` makes the schema of a name in topics. */
export function zonesSchema(name: (says: string) => z.ZodString) {
  return z
    .record(name("a zone"), zone)
    .describe("named polygons that scope who receives and publishes what where")
    .optional();
}

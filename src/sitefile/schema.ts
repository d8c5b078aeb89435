// The shape of a site file; the files named schema… are the only ones that know zod. What one value
// alone can get wrong (its type, range or spelling) stands here; what two values get wrong together
// stands in the rules. The JSON Schema for editors, and the hints of the messages, are made from
// this.
import * as z from "zod";
import { limitsEntry } from "./schema-limits.ts";
import { linksEntry, listener, neighbourEntry, tracesEntry, trustEntry } from "./schema-links.ts";
import { line, name, number, seconds, whole } from "./schema-parts.ts";
import { plans, schedule } from "./schema-plans.ts";
import { zonesSchema } from "./schema-zones.ts";

/** Numbers as keys: phases and channels to 16, detectors as NTCIP 1202 allows, preempts to 8. */
const ONE_TO_16 = /^([1-9]|1[0-6])$/;
const ONE_TO_255 = /^([1-9]|[1-9]\d|1\d\d|2[0-4]\d|25[0-5])$/;
const ONE_TO_8 = /^[1-8]$/;
const numbered = (pattern: RegExp, says: string) => z.string().regex(pattern).describe(says);

const phaseNumber = whole(1, 16, "a phase");
const channelNumber = whole(1, 16, "a channel");
const inputNumber = whole(1, 32, "a cabinet input");
const reason = line(200, "why a floor of this line is overridden").optional();

const pedestrian = z.strictObject({
  walk: seconds(4, 60, "walk; below 7 only with a reason"),
  clearance: seconds(3, 120, "flashing don't walk"),
  crossing: number(1, 60, "length of the crossing, m"),
  speed: number(0.5, 1.22, "walking speed, m/s; other than 1.07 only with a reason").optional(),
  recall: z.enum(["none", "pedestrian"]).describe("a standing pedestrian call"),
  reason,
});

const phase = z.strictObject({
  name: line(64, "what it serves, in words"),
  approach: name("the approach it serves"),
  movement: z.enum(["through", "left", "right"]).describe("where its vehicles go"),
  minGreen: seconds(4, 120, "minimum green"),
  passage: seconds(0, 25.5, "unit extension"),
  max1: seconds(4, 600, "maximum green"),
  max2: seconds(4, 600, "the other maximum green"),
  yellow: seconds(3, 6, "yellow change"),
  redClearance: seconds(1, 6, "red clearance"),
  redRevert: seconds(2, 30, "least red before green again"),
  recall: z.enum(["none", "min", "max", "soft"]).describe("a standing vehicle call"),
  locking: z.boolean().describe("whether a call is remembered through red"),
  dualEntry: z.boolean().describe("whether it goes along with a call in the other ring"),
  pedestrian: pedestrian.optional(),
  reason,
});

const channel = z.strictObject({
  phase: phaseNumber,
  kind: z.enum(["vehicle", "pedestrian"]).describe("what kind of head"),
  flash: z.enum(["red", "yellow", "dark"]).describe("its colour in the failure display").optional(),
  yields: z.boolean().describe("whether it gives way to a movement that it crosses").optional(),
});

const CLIENT = /^[A-Za-z0-9._*-]{1,64}$/;
const client = z.string().regex(CLIENT).describe("an MQTT client id, * for any characters");

const detector = z.strictObject({
  call: z.array(phaseNumber).max(16).describe("phases it calls"),
  extend: z.array(phaseNumber).max(16).describe("phases it extends"),
  kind: z
    .enum(["presence", "pulse", "count", "stop-bar", "advance"])
    .describe("what it sees, and for the virtual street where it lies"),
  setback: number(10, 500, "from the stop bar upstream to an advance detector, m").optional(),
  delay: seconds(0, 255, "how long it must be on before it calls"),
  extension: seconds(0, 25.5, "how long it stays on after it went off"),
  input: inputNumber.optional(),
  mqtt: z
    .strictObject({
      client,
      lease: seconds(1, 3600, "how long one message holds"),
    })
    .describe("a client of the broker that alone publishes it, instead of an input")
    .optional(),
  checkIn: z
    .strictObject({
      phases: z.array(phaseNumber).min(1).max(16).describe("phases for whose priority it speaks"),
      travel: seconds(0, 60, "from it to the stop line, as a rule"),
      window: seconds(1, 30, "by which a vehicle may be sooner or later than that"),
    })
    .describe("sees vehicles with priority on their way: it bears out that they are there")
    .optional(),
  stuckOn: seconds(1, 86_400, "on for longer is a fault"),
  stuckOff: seconds(1, 604_800, "without an edge for longer is a fault"),
  fail: z
    .union([
      z.enum(["max", "min"]),
      z.strictObject({ fixed: seconds(4, 600, "length of the green") }),
    ])
    .describe("max, min or { fixed: seconds }: what its phases get when it has failed"),
});

const preempt = z.strictObject({
  input: inputNumber,
  phases: z.array(phaseNumber).min(1).max(4).describe("phases it holds green"),
  delay: seconds(0, 600, "how long it must be on before it acts"),
  minDwell: seconds(1, 600, "least time in its phases"),
  maxPresence: seconds(1, 3600, "on for longer is ignored"),
  exit: z.array(phaseNumber).min(1).max(4).describe("phases served next"),
  needWithin: seconds(1, 600, "longest time from its input to its green"),
});

const filters = (says: string) => z.array(z.string().min(1).max(200)).max(64).describe(says);

const aclEntry = z.strictObject({
  client,
  publish: filters("topic filters it may publish to"),
  subscribe: filters("topic filters it may subscribe to"),
  deny: filters("topic filters it may not touch in spite of those"),
});

const perHour = number(0, 3600, "per hour");

const udpPort = (says: string) => whole(1, 65_535, says);

const street = z.strictObject({
  seed: whole(0, 4_294_967_295, "seed of its random numbers"),
  demand: z
    .record(
      name("an approach"),
      z.strictObject({
        through: perHour.optional(),
        left: perHour.optional(),
        right: perHour.optional(),
      }),
    )
    .describe("vehicles per hour by approach and movement"),
  pedestrians: z
    .record(numbered(ONE_TO_16, "a phase, 1 to 16"), perHour)
    .describe("pedestrians per hour by phase")
    .optional(),
  join: z
    .strictObject({
      port: udpPort("UDP port on 127.0.0.1 at which vehicles of joined streets come in"),
      roads: z
        .record(
          name("an approach"),
          z.strictObject({
            port: udpPort("UDP port of the street at the other end"),
            approach: name("the approach there on which they arrive"),
            length: number(20, 20_000, "between the two stop lines, m"),
            speed: number(1, 40, "on the way, m/s"),
          }),
        )
        .describe("by the approach here on which vehicles come back"),
    })
    .describe("streets of other virtual cabinets on this machine, joined to this one")
    .optional(),
});

const siteFile = z.strictObject({
  stopline: z.literal(1).describe("version of this format"),
  node: z.strictObject({
    region: name("region"),
    zone: name("zone"),
    id: name("this node"),
  }),
  site: z.strictObject({
    name: line(64, "name of the junction"),
    position: z.strictObject({
      lat: number(-90, 90, "latitude, degrees"),
      lon: number(-180, 180, "longitude, degrees"),
    }),
    timezone: line(64, "IANA time zone, such as Europe/Prague"),
    failureDisplay: z.enum(["flash-red", "all-red", "dark"]).describe("what an orderly stop shows"),
    startup: z.strictObject({
      phases: z.array(phaseNumber).min(1).max(4).describe("phases served first"),
      allRed: seconds(6, 60, "steady red before them"),
    }),
  }),
  approaches: z
    .record(
      name("an approach"),
      z.strictObject({
        heading: number(0, 359.9, "travel direction of arriving vehicles, degrees from north"),
        lanes: whole(1, 6, "lanes for through traffic; each turn phase has one more"),
        speed: number(1, 40, "approach speed, m/s"),
        grade: number(-0.2, 0.2, "rise over run in travel direction, downhill negative"),
      }),
    )
    .describe("the legs that vehicles arrive on"),
  phases: z.record(numbered(ONE_TO_16, "a phase, 1 to 16"), phase),
  sequence: z
    .array(z.array(z.array(phaseNumber).max(8)).min(1).max(4))
    .min(1)
    .max(8)
    .describe("barrier groups in order; in each, one list of phases per ring"),
  channels: z.record(numbered(ONE_TO_16, "a channel, 1 to 16"), channel),
  compatible: z
    .array(z.array(channelNumber).length(2))
    .max(120)
    .describe("every channel pair that may be lit together, written by hand"),
  detectors: z.record(numbered(ONE_TO_255, "a detector, 1 to 255"), detector),
  pedestrianDetectors: z
    .record(
      numbered(ONE_TO_255, "a detector, 1 to 255"),
      z.strictObject({ phase: phaseNumber, input: inputNumber }),
    )
    .optional(),
  preempts: z.record(numbered(ONE_TO_8, "a preempt, 1 to 8"), preempt).optional(),
  plans: plans.optional(),
  schedule: schedule.optional(),
  cabinet: z.strictObject({
    device: line(200, "virtual, or the path of a tty"),
    baud: z.literal(500_000).describe("the microcontroller's speed"),
  }),
  broker: z.strictObject({
    listeners: z.array(listener).max(8),
    acl: z.array(aclEntry).max(256),
  }),
  log: z.strictObject({
    maxBytes: z
      .string()
      .regex(/^[1-9]\d{0,5}(KiB|MiB|GiB)$/)
      .describe("size such as 1GiB"),
    keep: z
      .string()
      .regex(/^[1-9]\d{0,4}[hd]$/)
      .describe("time such as 90d or 12h"),
    copyTo: z
      .string()
      .regex(/^(\/|https?:\/\/[^\s/@]+\/)[^\s?#]{1,200}$/)
      .optional()
      .describe("an absolute path, or https://host/bucket without keys"),
    copyCredentials: z
      .string()
      .regex(/^\/[^\s]{1,200}$/)
      .optional()
      .describe("absolute path of a file that only the node's user can read"),
  }),
  console: z.strictObject({
    listen: z
      .string()
      .regex(/^(\[[0-9a-fA-F:.]+\]|[^\s:[\]]+):\d{1,5}$/)
      .describe("address:port such as 127.0.0.1:8080"),
    corridor: z
      .array(
        z
          .string()
          .regex(/^https?:\/\/(\[[0-9a-fA-F:.]+\]|[a-z0-9.-]+)(:\d{1,5})?$/)
          .describe("http://address:port, without a path"),
      )
      .min(2)
      .max(64)
      .optional()
      .describe("consoles that the corridor's page shows, this one's own among them"),
    network: z
      .strictObject({
        listen: z
          .string()
          .regex(/^(\[[0-9a-fA-F:.]+\]|[^\s:[\]]+):\d{1,5}$/)
          .describe("address:port such as 0.0.0.0:8443, with TLS"),
        names: z
          .array(
            z
              .string()
              .regex(/^(?:[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?|\[[0-9a-f:.]+\])$/)
              .describe("a host name or an address, without a port"),
          )
          .min(1)
          .max(8)
          .describe("host names or addresses under which people open the page"),
      })
      .optional()
      .describe("a console for people with tokens, beyond this machine"),
  }),
  trust: trustEntry.optional(),
  links: linksEntry.optional(),
  neighbours: z
    .record(name("a neighbour"), neighbourEntry)
    .describe("nodes of the same zone that this one is linked to, by id")
    .optional(),
  traces: tracesEntry.optional(),
  street: street.optional(),
  limits: limitsEntry
    .describe("what clients of the broker may take up; what is left out is as in the docs")
    .optional(),
  zones: zonesSchema(name),
});

export type SiteFile = z.infer<typeof siteFile>;
export type PhaseEntry = z.infer<typeof phase>;
export type DetectorEntry = z.infer<typeof detector>;

/** One thing that a value has wrong by itself. */
export interface ShapeFault {
  readonly kind: "unknown-key" | "bad-key" | "value";
  readonly path: readonly (string | number)[];
  readonly code: string;
  readonly bound?: number | bigint;
}

function faultOf(issue: z.core.$ZodIssue): ShapeFault[] {
  const path = issue.path.map((part) => (typeof part === "number" ? part : String(part)));
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => ({
      kind: "unknown-key",
      path: [...path, key],
      code: issue.code,
    }));
  }
  if (issue.code === "invalid_key") return [{ kind: "bad-key", path, code: issue.code }];
  if (issue.code === "too_small") {
    return [{ kind: "value", path, code: issue.code, bound: issue.minimum }];
  }
  if (issue.code === "too_big") {
    return [{ kind: "value", path, code: issue.code, bound: issue.maximum }];
  }
  if (issue.code === "not_multiple_of") {
    return [{ kind: "value", path, code: issue.code, bound: issue.divisor }];
  }
  return [{ kind: "value", path, code: issue.code }];
}

/** Everything that is wrong with the shape of a parsed file; an empty list means a `SiteFile`. */
export function shapeFaults(value: unknown): ShapeFault[] {
  const result = siteFile.safeParse(value);
  return result.success ? [] : result.error.issues.flatMap(faultOf);
}

/** JSON Schema (2020-12) of a site file, for editors. */
export function siteSchema(): Record<string, unknown> {
  const schema = z.toJSONSchema(siteFile) as Record<string, unknown>;
  return { ...schema, title: "Stopline site file" };
}

// What a vehicle agent is made with, checked: each mistake is one line that says where it is.
import { NAME_PATTERN } from "../wire/topics.ts";
import type { Span } from "../wire/trace.ts";
import type { TlsMaterial } from "./client.ts";
import { type Limits, USUAL_LIMITS } from "./motion.ts";
import type { Link, Route, StopLine } from "./route.ts";

export interface VehicleOptions {
  /** Alternatives; the first is driven unless another is faster. */
  readonly routes: readonly [Route, ...Route[]];
  /** What differs from a car in town (`USUAL_LIMITS`). */
  readonly limits?: Partial<Limits>;
  /** MQTT client id and name in topics; without it a new pseudonym. With TLS, the certificate's. */
  readonly id?: string;
  readonly tls?: TlsMaterial;
  /** Pause between two reports of the position, ms; 1,000 by default, null for none. */
  readonly reportEveryMs?: number | null;
  /**
   * Takes the last span of a trace that reached this vehicle in a SPaT, as plain data; without it
   * nothing is made.
   */
  readonly onSpan?: (span: Span) => void;
}

/** Where the vehicle is now. */
export interface Position {
  /** Along the present route, from its beginning, m. */
  readonly atM: number;
  readonly speedMps: number;
  /** WGS 84; with both the position is reported. */
  readonly latDeg?: number;
  readonly lonDeg?: number;
  readonly headingDeg?: number;
}

/** Faster than anything on a street; a report takes no more. */
const MAX_SPEED_MPS = 100;
const USUAL_REPORT_MS = 1_000;
/** A broker's limit for one client would be reached by less. */
const LEAST_REPORT_MS = 100;

/** The same with everything filled in but the id. */
export interface CheckedOptions {
  readonly routes: readonly [Route, ...Route[]];
  readonly limits: Limits;
  readonly tls: TlsMaterial | null;
  readonly reportEveryMs: number;
  readonly onSpan: ((span: Span) => void) | null;
}

function refuse(where: string, value: unknown, use: string): never {
  throw new RangeError(`${where}: ${JSON.stringify(value) ?? "nothing"}; use ${use}`);
}

function positive(where: string, value: number): void {
  if (!(Number.isFinite(value) && value > 0)) refuse(where, value, "a number above 0");
}

function checkName(where: string, name: string): void {
  if (!NAME_PATTERN.test(name)) refuse(where, name, "1 to 32 of a-z, 0-9 and -, no - in front");
}

/** A pseudonym is for who shows nothing; a certificate has a name, and the node goes by it. */
function checkId(id: string | undefined, tls: boolean): void {
  if (id !== undefined) checkName("id", id);
  else if (tls) refuse("id", id, "the vehicle's id in its certificate");
}

function checkLine(where: string, { junction, by }: StopLine, tls: boolean): void {
  checkName(`${where}.region`, junction.region);
  checkName(`${where}.zone`, junction.zone);
  checkName(`${where}.id`, junction.id);
  const wanted = tls ? /^mqtts:\/\/[^/]+$/ : /^(mqtt|ws):\/\//;
  const use = tls ? "mqtts://HOST:PORT, as there is a certificate" : "mqtt://HOST:PORT";
  if (!wanted.test(junction.url)) refuse(`${where}.url`, junction.url, use);
  if (!("phase" in by)) return;
  if (!(Number.isInteger(by.phase) && by.phase >= 1 && by.phase <= 16)) {
    refuse(`${where}.phase`, by.phase, "a phase from 1 to 16");
  }
}

function checkLink(where: string, link: Link, tls: boolean): void {
  positive(`${where}.lengthM`, link.lengthM);
  positive(`${where}.speedMps`, link.speedMps);
  if (link.end !== null) checkLine(`${where}.end`, link.end, tls);
}

/** The options as the agent uses them; throws a `RangeError` that names the first mistake. */
export function checkedOptions(options: VehicleOptions): CheckedOptions {
  const { routes, tls = null, id, reportEveryMs = USUAL_REPORT_MS } = options;
  if (routes.length === 0) refuse("routes", routes, "one route at least");
  for (const [index, route] of routes.entries()) {
    const where = `routes[${index}]`;
    if (route.links.length === 0) refuse(`${where}.links`, [], "one link at least");
    if (routes.findIndex((other) => other.id === route.id) !== index) {
      refuse(`${where}.id`, route.id, "an id of its own");
    }
    for (const [at, link] of route.links.entries()) {
      checkLink(`${where}.links[${at}]`, link, tls !== null);
    }
  }
  checkId(id, tls !== null);
  const limits: Limits = { ...USUAL_LIMITS, ...options.limits };
  for (const [name, value] of Object.entries(limits)) positive(`limits.${name}`, value);
  if (limits.minMps > limits.maxMps) refuse("limits.minMps", limits.minMps, "less than maxMps");
  if (reportEveryMs !== null && !(reportEveryMs >= LEAST_REPORT_MS)) {
    refuse("reportEveryMs", reportEveryMs, `${LEAST_REPORT_MS} or more, or null for none`);
  }
  const { onSpan = null } = options;
  return { routes, limits, tls, reportEveryMs: reportEveryMs ?? Number.POSITIVE_INFINITY, onSpan };
}

function within(where: string, value: number | undefined, least: number, most: number): void {
  if (value === undefined || (value >= least && value <= most)) return;
  // JSON has no word for what is no number.
  refuse(where, String(value), `a number from ${least} to ${most}`);
}

/** Throws a `RangeError` for a position that is none. */
export function checkPosition({ atM, speedMps, latDeg, lonDeg, headingDeg }: Position): void {
  within("atM", atM, 0, Number.MAX_SAFE_INTEGER);
  within("speedMps", speedMps, 0, MAX_SPEED_MPS);
  within("latDeg", latDeg, -90, 90);
  within("lonDeg", lonDeg, -180, 180);
  within("headingDeg", headingDeg, 0, 360);
}

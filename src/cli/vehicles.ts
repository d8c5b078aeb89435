// `stopline vehicles --count N --corridor FILE|--url URL`: vehicle agents at running nodes, how
// fast they decide, and what advice is worth to them.
import { readFileSync } from "node:fs";
import { parseDurationMs } from "./duration.ts";
import { textOf } from "./finding.ts";
import { fail, parseOptions } from "./options.ts";
import { Fleet, type FleetReport, type GroupReport } from "./vehicle-fleet.ts";
import { findStreet, parseStreet, type StreetLoad } from "./vehicle-street.ts";

const USE =
  "use: stopline vehicles --corridor FILE | --url mqtt://HOST:PORT [--count N] [--for 60s] " +
  "[--json]";

const SHAPES = {
  corridor: { type: "string" },
  url: { type: "string" },
  count: { type: "string" },
  for: { type: "string" },
  json: { type: "boolean" },
} as const;

const USUAL_COUNT = 50;
/** Each is a socket; a process has some 1,000 of them unless it asked for more. */
const MAX_COUNT = 2_000;
const USUAL_MS = 60_000;

interface Asked {
  readonly street: { readonly corridor: string } | { readonly url: string };
  readonly count: number;
  readonly forMs: number;
  readonly json: boolean;
}

function askedOf(args: readonly string[]): Asked | { readonly problem: string } {
  const parsed = parseOptions(args, SHAPES);
  if (!parsed.ok) return { problem: parsed.problem };
  const { corridor, url, count = `${USUAL_COUNT}`, for: time = "60s", json } = parsed.values;
  if ((corridor === undefined) === (url === undefined) || parsed.rest.length > 0) {
    return { problem: USE };
  }
  const number = Number(count);
  if (!Number.isInteger(number) || number < 1 || number > MAX_COUNT) {
    return { problem: `--count ${count} is no number from 1 to ${MAX_COUNT}` };
  }
  const forMs = parseDurationMs(String(time)) ?? 0;
  if (!(forMs > 0)) return { problem: `--for ${time} is no duration; use 20s, 5m or 1h` };
  if (url !== undefined && !/^mqtt:\/\/[^/:]+:\d+$/.test(String(url))) {
    return { problem: `--url ${url} is no address; use mqtt://HOST:PORT` };
  }
  const street = url === undefined ? { corridor: String(corridor) } : { url: String(url) };
  return { street, count: number, forMs: forMs || USUAL_MS, json: json === true };
}

function loadFile(file: string): StreetLoad {
  try {
    return parseStreet(readFileSync(file, "utf8"), file);
  } catch (error) {
    return { ok: false, problems: [`${file}: ${textOf(error)}; name a file of a street`] };
  }
}

/** Until the time is over or somebody has pressed Ctrl-C. */
async function waited(forMs: number): Promise<void> {
  await new Promise<void>((done) => {
    const timer = setTimeout(done, forMs);
    for (const signal of ["SIGINT", "SIGTERM"] as const) {
      process.once(signal, () => {
        clearTimeout(timer);
        done();
      });
    }
  });
}

/** Drives, then prints; 1 where no vehicle heard a node. */
export async function run(args: string[]): Promise<number> {
  const asked = askedOf(args);
  if ("problem" in asked) return fail("vehicles", asked.problem);
  const { street, count, forMs, json } = asked;
  const load = "url" in street ? await findStreet(street.url) : loadFile(street.corridor);
  if (!load.ok) {
    for (const problem of load.problems) process.stderr.write(`${problem}\n`);
    return 1;
  }
  const fleet = new Fleet(load.route, count);
  await waited(forMs);
  const report = fleet.report();
  fleet.close();
  const lines = json ? [JSON.stringify(report)] : linesOf(report);
  process.stdout.write(`${lines.join("\n")}\n`);
  if (report.connected > 0) return 0;
  return fail("vehicles", `no vehicle heard a node (${report.trouble ?? "no answer"})`);
}

/** For people: what was measured, a line each. */
export function linesOf(report: FleetReport): string[] {
  const { vehicles, connected, decisions, messages, refused, garbled, lost, trouble } = report;
  const line = (label: string, text: string): string => `${label.padEnd(15)}${text}`;
  const ms = (value: number | null): string => (value === null ? "–" : `${value.toFixed(1)} ms`);
  const { changes, p50Ms, p99Ms, p999Ms, maxMs } = decisions;
  return [
    line("vehicles", `${vehicles}, of which ${connected} heard the lights`),
    line(
      "decided after",
      `p50 ${ms(p50Ms)}, p99 ${ms(p99Ms)}, p99.9 ${ms(p999Ms)}, longest ${ms(maxMs)} ` +
        `(${changes} changes of lights)`,
    ),
    line("with advice", groupText(report.advised)),
    line("without", groupText(report.unadvised)),
    line(
      "messages",
      `${messages} taken, ${refused} older than known, ${garbled} unreadable; ` +
        `${lost} connections lost${trouble === null ? "" : ` (${trouble})`}`,
    ),
  ];
}

function groupText({ trips, stopsPerTrip, travelS }: GroupReport): string {
  if (stopsPerTrip === null || travelS === null) return "no trip finished";
  return `${trips} trips, ${stopsPerTrip.toFixed(2)} stops and ${travelS.toFixed(1)} s each`;
}

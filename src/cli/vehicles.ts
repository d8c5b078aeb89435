// `stopline vehicles --count N --corridor FILE|--url URL`: vehicle agents at running nodes, how
// fast they decide, and what advice is worth to them.
import { readFileSync } from "node:fs";
import { mayTakeTraces } from "../sitefile/rules-links.ts";
import type { Route } from "../vehicle/route.ts";
import { parseDurationMs } from "./duration.ts";
import { textOf } from "./finding.ts";
import { fail, parseOptions } from "./options.ts";
import { drive } from "./vehicle-drive.ts";
import { VehicleKeysError, vehicleKeys } from "./vehicle-keys.ts";
import { linesOf, reportOf } from "./vehicle-report.ts";
import { findStreet, parseStreet, type StreetLoad } from "./vehicle-street.ts";

const USE =
  "use: stopline vehicles --corridor FILE | --url mqtt://HOST:PORT [--count N] [--for 60s] " +
  "[--processes N] [--keys DIR] [--traces http://HOST:PORT] [--json]";

const SHAPES = {
  corridor: { type: "string" },
  url: { type: "string" },
  count: { type: "string" },
  for: { type: "string" },
  processes: { type: "string" },
  keys: { type: "string" },
  traces: { type: "string" },
  json: { type: "boolean" },
} as const;

const USUAL_COUNT = 50;
/** Each is a socket; a process has some 1,000 of them unless it asked for more. */
const MAX_COUNT = 2_000;
const MAX_PROCESSES = 16;
/** Of one process, unless it is told otherwise. */
const VEHICLES_EACH = 250;
const USUAL_MS = 60_000;

interface Asked {
  readonly street: { readonly corridor: string } | { readonly url: string };
  readonly count: number;
  readonly forMs: number;
  readonly processes: number;
  /** Instead of the street file's. */
  readonly keys: string | null;
  /** Address of a collector. */
  readonly traces: string | null;
  readonly json: boolean;
}

/** What is wrong with a whole number from 1 on, or null. */
function outside(option: string, value: string | boolean, most: number): string | null {
  const number = Number(value);
  const fits = Number.isInteger(number) && number >= 1 && number <= most;
  return fits ? null : `${option} ${value} is no number from 1 to ${most}`;
}

/** Certificates where a node asks for one, and nowhere else; what is wrong, or null. */
function tlsProblem({ links }: Route, keys: string | null): string | null {
  for (const { end } of links) {
    const url = end?.junction.url ?? null;
    if (url === null || url.startsWith("mqtts:") === (keys !== null)) continue;
    return keys === null
      ? `${url} needs certificates; name their folder by keys: in the file, or --keys DIR`
      : `${url} takes no certificates; use mqtts:// and the node's TLS listener`;
  }
  return null;
}

/** What is wrong with the addresses of a node and of a collector, or null. */
function addressProblem(url: string | boolean = "", traces: string | boolean = ""): string | null {
  if (url !== "" && !/^mqtt:\/\/[^/:]+:\d+$/.test(String(url))) {
    return `--url ${url} is no address; use mqtt://HOST:PORT`;
  }
  const collector = URL.parse(String(traces));
  if (traces === "" || (collector !== null && mayTakeTraces(collector))) return null;
  return `--traces ${traces} is no collector; use https://, or http:// on this machine`;
}

function askedOf(args: readonly string[]): Asked | { readonly problem: string } {
  const parsed = parseOptions(args, SHAPES);
  if (!parsed.ok) return { problem: parsed.problem };
  const { corridor, url, count = `${USUAL_COUNT}`, for: time = "60s", json } = parsed.values;
  const { processes = `${Math.ceil(Number(count) / VEHICLES_EACH)}`, keys, traces } = parsed.values;
  if ((corridor === undefined) === (url === undefined) || parsed.rest.length > 0) {
    return { problem: USE };
  }
  const beyond =
    outside("--count", count, MAX_COUNT) ?? outside("--processes", processes, MAX_PROCESSES);
  if (beyond !== null) return { problem: beyond };
  const [number, several] = [Number(count), Number(processes)];
  if (url !== undefined && keys !== undefined) {
    return { problem: "--keys goes with --corridor, whose file names the nodes; leave one out" };
  }
  const forMs = parseDurationMs(String(time)) ?? 0;
  if (!(forMs > 0)) return { problem: `--for ${time} is no duration; use 20s, 5m or 1h` };
  const astray = addressProblem(url, traces);
  if (astray !== null) return { problem: astray };
  const street = url === undefined ? { corridor: String(corridor) } : { url: String(url) };
  const own = {
    keys: keys === undefined ? null : String(keys),
    traces: traces === undefined ? null : String(traces),
  };
  const times = { forMs: forMs || USUAL_MS, processes: Math.min(several, number) };
  return { street, count: number, ...times, ...own, json: json === true };
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
  const folder = asked.keys ?? load.keys;
  const unfit = tlsProblem(load.route, folder);
  if (unfit !== null) return fail("vehicles", unfit);
  let keys: Awaited<ReturnType<typeof vehicleKeys>>;
  try {
    keys = await vehicleKeys(folder, count);
  } catch (error) {
    if (!(error instanceof VehicleKeysError)) throw error;
    return fail("vehicles", error.message);
  }
  const { processes, traces } = asked;
  const { route, way } = load;
  const counts = await drive({ route, way, count, keys, processes, traces }, waited(forMs));
  const report = reportOf(count, counts);
  const lines = json ? [JSON.stringify(report)] : linesOf(report);
  process.stdout.write(`${lines.join("\n")}\n`);
  if (report.connected > 0) return 0;
  return fail("vehicles", `no vehicle heard a node (${report.trouble ?? "no answer"})`);
}

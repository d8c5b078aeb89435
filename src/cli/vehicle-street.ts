// The street that `stopline vehicles` drives: junctions in a row, from a file or, for a single one,
// from what its node says of itself.
//
//   vehicles: 1
//   keys: keys                     # folder of certificates, from this file's; for mqtts://
//   length: 900                    # m; without it 100 m beyond the last stop line
//   way:                           # where it lies, WGS 84; without it nobody reports where he is
//     - { at: 0, lat: 50.0728, lon: 14.4378 }
//     - { at: 900, lat: 50.0809, lon: 14.4378 }
//   junctions:
//     - { node: demo/old-town/junction-1, url: 'mqtt://127.0.0.1:1883', at: 300, speed: 13.9,
//         approach: north, movement: through }
//     - { node: demo/old-town/junction-2, url: 'mqtt://127.0.0.1:1884', at: 700, speed: 13.9,
//         phase: 2 }

import { dirname, resolve } from "node:path";
import { Problems } from "../sitefile/problems.ts";
import { type Path, readYaml, type YamlFile } from "../sitefile/yaml.ts";
import { Client } from "../vehicle/client.ts";
import type { Link, Route, StopLine } from "../vehicle/route.ts";
import { WireError } from "../wire/codec.ts";
import { decodeMap, type SiteMap } from "../wire/map.ts";
import { NAME_PATTERN } from "../wire/topics.ts";
import { tooFarM, type Way, type WayPoint } from "./vehicle-way.ts";

interface Street {
  readonly route: Route;
  /** Null where it is not known. */
  readonly way: Way | null;
  /** Folder of certificates; null for plain MQTT. */
  readonly keys: string | null;
}

export type StreetLoad =
  | ({ readonly ok: true } & Street)
  | { readonly ok: false; readonly problems: readonly string[] };

const AFTER_LAST_M = 100;
/** In front of a single junction. */
const APPROACH_M = 300;
const FIND_MS = 10_000;
const MOVEMENTS = ["through", "left", "right"] as const;
const MAX_LENGTH_M = 100_000;
const MAX_SPEED_MPS = 50;
const MAX_JUNCTIONS = 50;
const MAX_POINTS = 100;
const TOP_KEYS = ["vehicles", "keys", "length", "way", "junctions"];
const KEYS = ["node", "url", "at", "speed", "approach", "movement", "phase"];

type Plain = Readonly<Record<string, unknown>>;

/** Reads one file, adding each problem with its line. */
class StreetReader {
  readonly #problems: Problems;
  readonly #file: YamlFile;

  constructor(file: YamlFile, problems: Problems) {
    this.#file = file;
    this.#problems = problems;
  }

  read(): Street {
    const top = this.#plain(this.#file.value, [], TOP_KEYS);
    if (top.vehicles !== 1) this.#add(["vehicles"], "no version of this file", "1");
    const found = top.junctions;
    const listed = Array.isArray(found) && found.length > 0 && found.length <= MAX_JUNCTIONS;
    if (!listed) this.#add(["junctions"], "no list of junctions", `1 to ${MAX_JUNCTIONS} of them`);
    const links: Link[] = [];
    let atM = 0;
    for (const [index, value] of (listed ? found : []).entries()) {
      const path: Path = ["junctions", index];
      const entry = this.#plain(value, path, KEYS);
      const lineM = this.#number(entry, path, "at", MAX_LENGTH_M);
      if (lineM <= atM) this.#add([...path, "at"], "not beyond the one before", `more than ${atM}`);
      const speedMps = this.#number(entry, path, "speed", MAX_SPEED_MPS);
      links.push({ id: `${index}`, lengthM: lineM - atM, speedMps, end: this.#line(entry, path) });
      atM = Math.max(atM, lineM);
    }
    const endM = top.length === undefined ? atM + AFTER_LAST_M : this.#length(top, atM);
    const speedMps = links.at(-1)?.speedMps ?? 1;
    links.push({ id: "out", lengthM: endM - atM, speedMps, end: null });
    return { route: { id: "street", links }, way: this.#way(top), keys: this.#keys(top) };
  }

  #way({ way: found }: Plain): Way | null {
    if (found === undefined) return null;
    const listed = Array.isArray(found) && found.length > 1 && found.length <= MAX_POINTS;
    if (!listed) {
      this.#add(["way"], "no list of points", `2 to ${MAX_POINTS} of them`);
      return null;
    }
    const points = found.map((value, index) => this.#point(value, ["way", index]));
    for (const [index, to] of points.entries()) {
      const from = points[index - 1];
      const path: Path = ["way", index, "at"];
      if (from === undefined) {
        if (to.atM !== 0) this.#add(path, "not the street's beginning", "0 for the first point");
        continue;
      }
      const apartM = tooFarM(from, to);
      if (to.atM <= from.atM) {
        this.#add(path, "not beyond the one before", `more than ${from.atM}`);
      } else if (apartM !== null) {
        const use = `${Math.ceil(from.atM + apartM)} or more, or other coordinates`;
        this.#add(path, `nearer than it lies, ${Math.ceil(apartM)} m from the one before`, use);
      }
    }
    const [first, second, ...more] = points;
    return first === undefined || second === undefined ? null : [first, second, ...more];
  }

  #point(value: unknown, path: Path): WayPoint {
    const entry = this.#plain(value, path, ["at", "lat", "lon"]);
    const within = (key: string, least: number, most: number): number => {
      const found = entry[key];
      if (typeof found === "number" && found >= least && found <= most) return found;
      this.#add([...path, key], "no such number", `${least} to ${most}`);
      return least;
    };
    const atM = within("at", 0, MAX_LENGTH_M);
    return { atM, latDeg: within("lat", -85, 85), lonDeg: within("lon", -180, 180) };
  }

  /** All nodes ask for a certificate, or none does. */
  #keys(top: Plain): string | null {
    const { keys } = top;
    if (keys === undefined) return null;
    if (typeof keys === "string" && keys !== "") return keys;
    this.#add(["keys"], "no folder", "one of `stopline keys vehicle`, or the CA's");
    return null;
  }

  #add(path: Path, what: string, use: string): void {
    this.#problems.add({ path, what, use });
  }

  #plain(value: unknown, path: Path, keys: readonly string[]): Plain {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      this.#add(path, "no map", `a map of ${keys.join(", ")}`);
      return {};
    }
    for (const key of Object.keys(value)) {
      if (keys.includes(key)) continue;
      const use = `one of ${keys.join(", ")}`;
      const what = "not a known key";
      this.#problems.add({ path: [...path, key], value: JSON.stringify(key), what, use });
    }
    return value as Plain;
  }

  #number(entry: Plain, path: Path, key: string, max: number): number {
    const value = entry[key];
    if (typeof value === "number" && value > 0 && value <= max) return value;
    this.#add([...path, key], "no such number", `above 0, up to ${max}`);
    return 1;
  }

  #length(top: Plain, atM: number): number {
    const endM = this.#number(top, [], "length", MAX_LENGTH_M);
    if (endM <= atM) this.#add(["length"], "shorter than the way to its last line", `above ${atM}`);
    return endM;
  }

  #line(entry: Plain, path: Path): StopLine {
    const names = typeof entry.node === "string" ? entry.node.split("/") : [];
    if (names.length !== 3 || !names.every((name) => NAME_PATTERN.test(name))) {
      this.#add([...path, "node"], "no node", "region/zone/id, as its site file names it");
    }
    const [region = "", zone = "", id = ""] = names;
    const url = typeof entry.url === "string" ? entry.url : "";
    if (!/^mqtts?:\/\/[^/:]+:\d+$/.test(url))
      this.#add([...path, "url"], "no address", "mqtt://HOST:PORT, or mqtts:// with certificates");
    return { junction: { region, zone, id, url }, by: this.#by(entry, path) };
  }

  #by(entry: Plain, path: Path): StopLine["by"] {
    const { approach, phase } = entry;
    const movement = MOVEMENTS.find((name) => name === (entry.movement ?? "through"));
    if (phase !== undefined) {
      const known =
        typeof phase === "number" && Number.isInteger(phase) && phase >= 1 && phase <= 16;
      if (!known) this.#add([...path, "phase"], "no phase", "1 to 16");
      if (approach !== undefined)
        this.#add([...path, "approach"], "one too many", "phase or approach");
      return { phase: Number(phase) };
    }
    if (typeof approach !== "string") {
      this.#add([...path, "approach"], "no approach", "the name of one in the node's site file");
    }
    if (movement === undefined)
      this.#add([...path, "movement"], "no movement", MOVEMENTS.join(", "));
    return { approach: String(approach), movement: movement ?? "through" };
  }
}

/** The route of a file's text, or every problem with its line. */
export function parseStreet(text: string, fileName: string): StreetLoad {
  const file = readYaml(text);
  const problems = new Problems(file);
  for (const { path, text: words, line } of file.faults) problems.addText(path, words, line);
  const read = problems.count === 0 ? new StreetReader(file, problems).read() : null;
  if (read === null || problems.count > 0) return { ok: false, problems: problems.lines(fileName) };
  const keys = read.keys === null ? null : resolve(dirname(fileName), read.keys);
  return { ok: true, ...read, keys };
}

/** A single junction with 300 m in front of it: its first approach that goes straight on. */
function streetOf(map: SiteMap, [region, zone, id]: readonly string[], url: string): StreetLoad {
  const junction = { region: region ?? "", zone: zone ?? "", id: id ?? "", url };
  for (const { lanes, speedMps } of map.approaches) {
    const movements = lanes.flatMap((lane) => lane.movements);
    const phase = movements.find(({ movement }) => movement === "through")?.phase;
    if (phase === undefined) continue;
    const end = { junction, by: { phase } };
    const links = [
      { id: "in", lengthM: APPROACH_M, speedMps, end },
      { id: "out", lengthM: AFTER_LAST_M, speedMps, end: null },
    ];
    return { ok: true, route: { id: "street", links }, way: null, keys: null };
  }
  return { ok: false, problems: [`${url}: no approach goes straight on; name one in a file`] };
}

function mapOf(payload: Uint8Array): SiteMap | null {
  try {
    return decodeMap(payload);
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    return null;
  }
}

/** Asks the node at `url` who it is and what its junction looks like. */
export async function findStreet(url: string): Promise<StreetLoad> {
  const node = { region: "", zone: "", id: "" };
  return await new Promise((resolve) => {
    const done = (load: StreetLoad): void => {
      clearTimeout(timer);
      client.close();
      resolve(load);
    };
    const lost = (reason: string): void => {
      done({ ok: false, problems: [`${url}: ${reason}; is a node running there?`] });
    };
    const timer = setTimeout(() => lost(`no map within ${FIND_MS / 1000} s`), FIND_MS);
    const client = new Client(
      { url, id: `vehicles-${process.pid}`, tls: null, node },
      {
        onUp: () => client.subscribe(["stopline/1/+/+/+/map"], () => undefined),
        onDown: lost,
        onMessage: (topic, payload) => {
          const map = mapOf(payload);
          if (map === null) lost("a map that can't be read");
          else done(streetOf(map, topic.split("/").slice(2, 5), url));
        },
      },
    );
  });
}

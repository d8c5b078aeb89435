// `stopline vehicles`: files of a street and their mistakes, and a run at a real node.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { corridorStreet, REGION, ZONE } from "../../src/cli/corridor-site.ts";
import { VehicleKeysError, vehicleKeys } from "../../src/cli/vehicle-keys.ts";
import type { FleetReport } from "../../src/cli/vehicle-report.ts";
import { parseStreet } from "../../src/cli/vehicle-street.ts";
import { placeAt } from "../../src/cli/vehicle-way.ts";
import { createAuthority } from "../../src/trust/authority.ts";
import { aheadOf, lengthM } from "../../src/vehicle/route.ts";
import { corridor, measures, withTls } from "../node/corridor-rig.ts";
import { startCollector } from "../observe/collector.ts";
import { type TestAuthority, testAuthority } from "../trust/keys.ts";
import { folder, runToEnd, Stopline } from "./support.ts";

const EXAMPLE = new URL("../../config/street.yaml", import.meta.url);

function problemsOf(text: string): readonly string[] {
  const load = parseStreet(text, "street.yaml");
  return load.ok ? [] : load.problems;
}

t.test("the example is right", async (t) => {
  const load = parseStreet(readFileSync(EXAMPLE, "utf8"), "street.yaml");
  if (!load.ok) throw new Error(load.problems.join("\n"));
  t.match(aheadOf(load.route, 0), [
    {
      distanceM: 300,
      line: {
        junction: { region: "demo", zone: "old-town", id: "junction-1" },
        by: { approach: "north", movement: "through" },
      },
    },
  ]);
  t.equal(lengthM(load.route), 400, "100 m beyond the last line");
});

t.test("every mistake with its line, what is wrong and the way out", async (t) => {
  const entry = "node: a/b/c, url: 'mqtt://h:1', at: 300, speed: 10, phase: 2";
  const one = (text: string): string => `vehicles: 1\njunctions:\n  - { ${text} }\n`;
  const cases: [string, RegExp][] = [
    [one(entry).replace(": 1", ": 2"), /^street.yaml:1: vehicles: 2 is .*; use 1$/],
    [one(entry.replace("a/b/c", "a/b")), /:3: junctions.0.node: a\/b is .*region\/zone\/id/],
    [one(entry.replace("mqtt://h:1", "h")), /:3: junctions.0.url: h is .*mqtt:\/\/HOST:PORT/],
    [one(entry.replace("300", "-3")), /:3: junctions.0.at: -3 is/],
    [one(entry.replace("10", "fast")), /:3: junctions.0.speed: fast is/],
    [one(entry.replace("phase: 2", "phase: 17")), /:3: junctions.0.phase: 17 is .*1 to 16/],
    [one(entry.replace(", phase: 2", "")), /:3: junctions.0.approach: nothing is/],
    [one(`${entry}, approach: north`), /:3: junctions.0.approach: .*phase or approach/],
    [one(entry.replace("phase: 2", "approach: n, movement: up")), /movement: up is .*through/],
    [one(`${entry}, colour: red`), /:3: junctions.0.colour: .*one of node, url/],
    [`${one(entry)}  - { ${entry} }\n`, /:4: junctions.1.at: 300 is .*more than 300/],
    [`${one(entry)}length: 200\n`, /:4: length: 200 is .*above 300/],
    [`${one(entry)}keys: 7\n`, /:4: keys: 7 is no folder; use one of `stopline keys vehicle`/],
    ["vehicles: 1\njunctions: []\n", /:2: junctions: .*1 to 50/],
    ["vehicles: [\n", /^street.yaml:\d+: \(file\): .*YAML/],
    ["", /^street.yaml:1: \(file\): .*a map/],
  ];
  for (const [text, words] of cases) t.match(problemsOf(text)[0], words, text);
  t.same(problemsOf(one(entry)), []);
});

t.test("a way: where each metre lies, and its mistakes", async (t) => {
  const street = (points: string): string =>
    `vehicles: 1\nway: ${points}\njunctions:\n` +
    "  - { node: a/b/c, url: 'mqtt://h:1', at: 300, speed: 10, phase: 2 }\n";
  const [start, corner] = ["{ at: 0, lat: 50, lon: 14 }", "{ at: 300, lat: 50.0027, lon: 14 }"];
  const east = "{ at: 600, lat: 50.0027, lon: 14.0042 }";
  const load = parseStreet(street(`[${start}, ${corner}, ${east}]`), "street.yaml");
  const way = load.ok ? load.way : null;
  if (way === null) throw new Error("no way");
  const near = (found: object, latDeg: number, lonDeg: number, headingDeg: number): void => {
    t.match(found, { headingDeg });
    const place = found as { latDeg: number; lonDeg: number };
    t.ok(Math.abs(place.latDeg - latDeg) < 1e-9 && Math.abs(place.lonDeg - lonDeg) < 1e-9);
  };
  near(placeAt(way, 0), 50, 14, 0);
  near(placeAt(way, 100), 50.0009, 14, 0);
  near(placeAt(way, 300), 50.0027, 14, 90);
  near(placeAt(way, 900), 50.0027, 14.0084, 90);
  const cases: [string, RegExp][] = [
    [`[${start}]`, /:2: way: .* is no list of points; use 2 to 100 of them/],
    [`[${corner}, ${east}]`, /:2: way.0.at: 300 is not the street's beginning; use 0/],
    [`[${start}, ${start}]`, /:2: way.1.at: 0 is not beyond the one before; use more than 0/],
    [`[${start}, { at: 100, lat: 50.0027, lon: 14 }]`, /way.1.at: 100 is nearer .* 301 m from/],
    [`[${start}, { at: 100, lat: 95, lon: 14 }]`, /way.1.lat: 95 is no such number; use -85 to 85/],
    [`[${start}, { at: 100, lat: 50 }]`, /way.1.lon: nothing is no such number; use -180 to 180/],
    [`[${start}, { at: 9, lat: 50, long: 1, lon: 14 }]`, /way.1.long: .*one of at, lat, lon/],
  ];
  for (const [text, words] of cases) t.match(problemsOf(street(text))[0], words, text);
});

t.test("what can't be run: one line, exit 1", async (t) => {
  const dir = folder(t);
  const [secure, plain] = [join(dir, "secure.yaml"), join(dir, "plain.yaml")];
  const entry = (url: string): string =>
    `vehicles: 1\njunctions:\n  - { node: a/b/c, url: '${url}', at: 300, speed: 9, phase: 2 }\n`;
  writeFileSync(secure, entry("mqtts://h:1"));
  writeFileSync(plain, `${entry("mqtt://h:1")}keys: none\n`);
  const cases: [string[], RegExp][] = [
    [[], /^stopline vehicles: use: /],
    [["--url", "h"], /--url h is no address/],
    [["--url", "mqtt://127.0.0.1:1", "--count", "0"], /--count 0 is no number/],
    [["--url", "mqtt://127.0.0.1:1", "--for", "soon"], /--for soon is no duration/],
    [["--url", "mqtt://127.0.0.1:1"], /^mqtt:\/\/127.0.0.1:1: .*is a node running there\?/],
    [["--url", "mqtt://127.0.0.1:1", "--processes", "0"], /--processes 0 is no number/],
    [["--url", "mqtt://127.0.0.1:1", "--keys", "x"], /--keys goes with --corridor/],
    [["--url", "mqtt://127.0.0.1:1", "--traces", "http://far:1"], /http:\/\/far:1 is no collector/],
    [["--corridor", "/none.yaml"], /^\/none.yaml: ENOENT/],
    [["--corridor", secure], /mqtts:\/\/h:1 needs certificates; name their folder by keys:/],
    [["--corridor", secure, "--keys", "/none"], /\/none\/ca.crt: is not there; `stopline keys/],
    [["--corridor", plain], /mqtt:\/\/h:1 takes no certificates; use mqtts:\/\//],
  ];
  for (const [args, words] of cases) {
    const { code, out, err } = await runToEnd(t, ["vehicles", ...args]);
    t.equal(code, 1);
    t.equal(out, "");
    t.match(err.trimEnd(), words);
    t.equal(err.trimEnd().split("\n").length, 1, err);
  }
});

t.test("keys: of a CA as many as wanted, of a folder those that are there", async (t) => {
  t.equal(await vehicleKeys(null, 3), null);
  const dir = join(folder(t), "ca");
  const times = { days: 2, nowMs: Date.now() };
  const authority = await createAuthority(dir, { region: "a", zone: "b", ...times });
  const keys = (await vehicleKeys(dir, 3)) ?? [];
  t.equal(new Set(keys.map(({ id }) => id)).size, 3);
  const made = folder(t);
  const { caPem, certPem, keyPem } = await authority.issue({
    role: "vehicle",
    id: "bus-7",
    ...times,
  });
  writeFileSync(join(made, "ca.crt"), caPem);
  writeFileSync(join(made, "bus-7.crt"), certPem);
  writeFileSync(join(made, "bus-7.key"), keyPem, { mode: 0o600 });
  t.match(await vehicleKeys(made, 1), [{ id: "bus-7", tls: { cert: certPem } }]);
  await t.rejects(vehicleKeys(made, 2), VehicleKeysError, "one for two");
});

t.test("at a node: by its address and by a file, in words and as JSON", async (t) => {
  const node = new Stopline(t, ["demo", "--data", join(folder(t), "data")]);
  t.ok(await node.opened());
  const url = node.place("mqtt") ?? "";
  const words = await runToEnd(t, ["vehicles", "--url", url, "--count", "3", "--for", "3s"]);
  t.equal(words.code, 0, words.err);
  t.match(words.out, /^vehicles +3, of which 3 heard the lights$/m);
  t.match(words.out, /^decided after +p50 /m);
  t.match(words.out, /^without +/m);
  const file = join(folder(t), "street.yaml");
  writeFileSync(file, readFileSync(EXAMPLE, "utf8").replace(/mqtt:[^']*/, url));
  const args = [
    "vehicles",
    "--corridor",
    file,
    "--count",
    "4",
    "--processes",
    "2",
    "--for",
    "15s",
    "--json",
  ];
  const { code, out, err } = await runToEnd(t, args);
  t.equal(code, 0, err);
  const report = JSON.parse(out) as Record<string, unknown>;
  t.match(report, { vehicles: 4, connected: 4, refused: 0, garbled: 0, lost: 0 });
  t.ok(Number(report.messages) > 4);
});

t.test("past three nodes with zones: handed over, nothing refused, spans told", async (t) => {
  const collector = await startCollector(t);
  const authority = await testAuthority(t, { region: REGION, zone: ZONE });
  const traces = `traces: { endpoint: '${collector.endpoint}', sample: 1 }\n`;
  const { base, start } = await corridor(t, authority, 3, (_, site) => withTls(site) + traces);
  const nodes = [start(1), start(2), start(3)];
  for (const node of nodes) t.ok(await node.opened(), node.err);
  const keys = join(base, "vehicles");
  for (const id of ["car-1", "car-2"]) await writeVehicle(authority, keys, id);
  const file = join(base, "street.yaml");
  const urls = nodes.map(({ out }) => /mqtts:\S+/.exec(out)?.[0] ?? "");
  // As fast as a train: past all three, with time to spare for their lights.
  writeFileSync(file, corridorStreet(urls, keys).replaceAll("speed: 13.9", "speed: 45"));
  const args = ["vehicles", "--corridor", file, "--count", "2", "--for", "42s", "--json"];
  const { code, out, err } = await runToEnd(t, [...args, "--traces", collector.endpoint]);
  t.equal(code, 0, err);
  const report = JSON.parse(out) as FleetReport;
  t.match(report, { connected: 2, refused: 0, reportsRefused: 0, garbled: 0, lost: 0 });
  t.ok(report.reports > 50, `${report.reports} reports`);
  t.ok(report.near > 20, `${report.near} moves near a line`);
  const { "left-zone": left = 0, "not-heard": unheard = 0 } = report.doubts;
  t.ok((left + unheard) * 10 <= report.near, JSON.stringify(report.doubts));
  const told = collector.spans.filter(({ from }) => from === "vehicles-0");
  t.ok(told.length > 0 && told.every(({ name }) => name === "decide"));
  for (const node of nodes) {
    t.ok(await measures(node, /^stopline_broker_messages_in_total [1-9]/m));
    t.notMatch((await node.get("/metrics")).text, /event_dropped_total\{class="vehicle"/);
    t.notMatch((await node.get("/metrics")).text, /stopline_broker_refused_total\{.*\} [1-9]/);
  }
});

async function writeVehicle(authority: TestAuthority, dir: string, id: string): Promise<void> {
  const { caPem, certPem, keyPem } = await authority.issue("vehicle", id);
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, "ca.crt"), caPem);
  writeFileSync(join(dir, `${id}.crt`), certPem);
  writeFileSync(join(dir, `${id}.key`), keyPem, { mode: 0o600 });
}

// `stopline vehicles`: files of a street and their mistakes, and a run at a real node.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { VehicleKeysError, vehicleKeys } from "../../src/cli/vehicle-keys.ts";
import { parseStreet } from "../../src/cli/vehicle-street.ts";
import { createAuthority } from "../../src/trust/authority.ts";
import { aheadOf, lengthM } from "../../src/vehicle/route.ts";
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

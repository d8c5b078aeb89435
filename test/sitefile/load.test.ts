// The whole way of a site file: the examples, files that are no site files, and the properties
// that no mistake may break.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import t from "tap";
import type { SchemaNode } from "../../src/sitefile/hints.ts";
import { loadSite, parseSite, type SiteLoad } from "../../src/sitefile/load.ts";
import { siteSchema } from "../../src/sitefile/schema.ts";
import { readYaml } from "../../src/sitefile/yaml.ts";

const EXAMPLES = ["demo", "oregon-1136", "three-leg"];

function example(name: string): string {
  return readFileSync(new URL(`../../config/${name}.yaml`, import.meta.url), "utf8");
}

function problemsOf(loaded: SiteLoad): string[] {
  return loaded.ok ? [] : loaded.problems;
}

const DEMO = example("demo");

t.test("every example is right", async (t) => {
  for (const name of EXAMPLES) t.same(problemsOf(parseSite(example(name), name)), [], name);
});

t.test("the model is in milliseconds, with reasons and defaults", async (t) => {
  const loaded = parseSite(DEMO, "demo.yaml");
  if (!loaded.ok) throw new Error(loaded.problems.join("\n"));
  const { site, hash } = loaded;
  const four = site.phases.find(({ phase }) => phase === 4);
  t.match(four, { minGreenMs: 6000, passageMs: 3000, yellowMs: 3600, redClearanceMs: 1500 });
  t.match(four?.pedestrian, { walkMs: 7000, clearanceMs: 20_000, speedMps: 0.9 });
  t.equal(site.phases.find(({ phase }) => phase === 2)?.pedestrian?.speedMps, 1.07);
  t.same(site.compatible[0], [1, 5]);
  t.ok(site.compatible.every(([a, b]) => a < b));
  t.match(site.detectors.at(-1), {
    input: null,
    mqtt: { client: "bus-lane-*", leaseMs: 3_600_000 },
    checkIn: { phases: [4], travelMs: 10_000, windowMs: 5_000 },
  });
  t.same(site.detectors[0]?.fail, { recall: "fixed", greenMs: 10_000 });
  t.same(site.log, { maxBytes: 2 ** 30, keepMs: 90 * 86_400_000 });
  t.same(site.console, { address: "127.0.0.1", port: 8080 });
  t.equal(site.channels.find(({ channel }) => channel === 9)?.flash, "dark");
  t.same(site.overrides, [
    {
      key: "phases.4.pedestrian.speed",
      value: "0.9",
      reason: "a home for the elderly is on the south side",
    },
  ]);
  t.match(hash, /^[0-9a-f]{64}$/);
  t.equal(parseSite(`${DEMO}\n`, "demo.yaml").ok, true);
});

/** The keys that the schema knows, as paths with * for numbers and names. */
function schemaKeys(node: SchemaNode, at: string): string[] {
  const inner = Object.entries(node.properties ?? {}).flatMap(([key, child]) => [
    `${at}.${key}`,
    ...schemaKeys(child, `${at}.${key}`),
  ]);
  const each =
    typeof node.additionalProperties === "object" ? node.additionalProperties : undefined;
  return [
    ...inner,
    ...(each === undefined ? [] : schemaKeys(each, `${at}.*`)),
    ...(node.items === undefined ? [] : schemaKeys(node.items, `${at}.*`)),
    ...(node.anyOf ?? []).flatMap((child) => schemaKeys(child, at)),
  ];
}

function valuePaths(value: unknown, at: string, into: Set<string>): void {
  if (value === null || typeof value !== "object") return;
  for (const [key, child] of Object.entries(value)) {
    for (const name of [key, "*"]) {
      into.add(`${at}.${name}`);
      valuePaths(child, `${at}.${name}`, into);
    }
  }
}

/** The demo's junction with keys, a TLS listener, a console on the network and a neighbour. */
const LINKED = DEMO.replace(
  "port: 1883 }",
  "port: 1883 }, { address: '::', port: 8883, tls: true }",
)
  .replace("8080 }", "8080, network: { listen: '0.0.0.0:8443', names: [a.test, '[::1]'] } }")
  .concat("trust: { keys: /etc/stopline/keys }\n")
  .concat("links: { address: 0.0.0.0, fast: 8884, reliable: 8885 }\n")
  .concat("neighbours:\n  junction-2: { address: 192.0.2.2, fast: 8884, reliable: 8885, ")
  .concat("approach: north, length: 420, speed: 13.9 }\n")
  .concat("  junction-3: { address: 192.0.2.3, fast: 8884, reliable: 8885 }\n")
  .concat("traces: { endpoint: 'http://127.0.0.1:4318', sample: 0.01 }\n");

t.test("keys, links and neighbours of a junction that has some", async (t) => {
  const loaded = parseSite(LINKED, "demo.yaml");
  t.ok(loaded.ok);
  if (!loaded.ok) return;
  const { keyFolder, links, neighbours, broker, traces } = loaded.site;
  t.same(traces, { endpoint: "http://127.0.0.1:4318", sample: 0.01 });
  t.equal(keyFolder, "/etc/stopline/keys");
  t.same(links, { address: "0.0.0.0", fastPort: 8884, reliablePort: 8885 });
  const ports = { fastPort: 8884, reliablePort: 8885 };
  const road = { approach: "north", lengthM: 420, speedMps: 13.9 };
  t.same(neighbours, [
    { id: "junction-2", address: "192.0.2.2", ...ports, road },
    { id: "junction-3", address: "192.0.2.3", ...ports, road: null },
  ]);
  t.same(broker.listeners, [
    { address: "127.0.0.1", port: 1883 },
    { address: "::", port: 8883, tls: true },
  ]);
  t.same(loaded.site.console, {
    address: "127.0.0.1",
    port: 8080,
    network: { address: "0.0.0.0", port: 8443, names: ["a.test", "[::1]"] },
  });
});

const BOUNDS = "messages: 20, bytes: 4096, subscriptions: 4, queueMessages: 9, queueBytes: 2048";
const LIMITED = DEMO.concat("limits:\n  roles:\n")
  .concat(`    vehicle: { ${BOUNDS}, connections: 500 }\n`)
  .concat(
    ...["sensor", "operator", "reader"].map((role) =>
      `    ${role}: { ${BOUNDS}, `.concat("connections: 7 }\n"),
    ),
  )
  .concat(`  clients:\n    - { client: 'vehicle:bus-*', ${BOUNDS} }\n`)
  .concat("  reports: { each: 5, total: 700 }\n  detectorChanges: 30\n");

t.test("limits of clients", async (t) => {
  const loaded = parseSite(LIMITED, "demo.yaml");
  t.ok(loaded.ok, loaded.ok ? "" : loaded.problems.join("\n"));
  if (!loaded.ok) return;
  const bounds = {
    messagesPerS: 20,
    bytesPerS: 4_096,
    subscriptions: 4,
    queueMessages: 9,
    queueBytes: 2_048,
  };
  const other = { ...bounds, connections: 7 };
  t.same(loaded.site.limits, {
    roles: {
      vehicle: { ...bounds, connections: 500 },
      sensor: other,
      operator: other,
      reader: other,
    },
    clients: [{ client: "vehicle:bus-*", ...bounds }],
    reportsEachPerS: 5,
    reportsPerS: 700,
    detectorChangesPerS: 30,
  });
});

t.test("the demo uses every key but those that need a place elsewhere", async (t) => {
  const used = new Set<string>();
  valuePaths(readYaml(DEMO).value, "", used);
  valuePaths(readYaml(LINKED).value, "", used);
  valuePaths(readYaml(LIMITED).value, "", used);
  // A reason stands on one line of the demo, the pedestrian's, and may also stand on a phase's.
  used.add(".phases.*.reason");
  for (const key of ["copyTo", "copyCredentials"]) used.add(`.log.${key}`);
  // The demo's advance detectors lie where such detectors usually do.
  used.add(".detectors.*.setback");
  // Plans, joined streets and a page of many consoles are a corridor's: the demo runs free, alone.
  const isCorridors = (key: string): boolean =>
    /^\.(plans|schedule|street\.join|console\.corridor)\b/.test(key);
  const keys = schemaKeys(siteSchema() as SchemaNode, "").filter((key) => !isCorridors(key));
  t.ok(keys.length > 80);
  t.same(
    keys.filter((key) => !used.has(key)),
    [],
  );
});

t.test("copies of snapshots go to a folder, or to a bucket with its keys in a file", async (t) => {
  const logOf = (more: string) => {
    const loaded = parseSite(DEMO.replace("keep: 90d", `keep: 90d, ${more}`), "demo.yaml");
    return loaded.ok ? loaded.site.log.copies : loaded.problems;
  };
  t.same(logOf("copyTo: /mnt/share"), { to: "/mnt/share", credentials: null });
  const bucket = "https://s3.example:9000/bucket/prefix";
  t.same(logOf(`copyTo: '${bucket}', copyCredentials: /etc/stopline/keys.json`), {
    to: bucket,
    credentials: "/etc/stopline/keys.json",
  });
});

t.test("the schema in docs is the one that check prints", async (t) => {
  const text = readFileSync(new URL("../../docs/site.schema.json", import.meta.url), "utf8");
  t.same(JSON.parse(text), siteSchema());
});

t.test("a walk below 7 s with a reason is kept as an override", async (t) => {
  const text = DEMO.replace("walk: 7, clearance: 14,", "walk: 5, reason: 'short', clearance: 14,");
  const loaded = parseSite(text, "demo.yaml");
  t.same(loaded.ok && loaded.site.overrides[0], {
    key: "phases.2.pedestrian.walk",
    value: "5",
    reason: "short",
  });
});

t.test("a crossing pair is allowed when one of the two gives way", async (t) => {
  const text = DEMO.replace(
    "2: { name: southbound through, approach: north",
    "2: { name: southbound through, approach: east",
  )
    .replace(
      "2: { phase: 2, kind: vehicle, flash: red }",
      "2: { phase: 2, kind: vehicle, flash: red, yields: true }",
    )
    .replace(
      "9: { phase: 2, kind: pedestrian }",
      "9: { phase: 2, kind: pedestrian, yields: true }",
    );
  t.same(problemsOf(parseSite(text, "demo.yaml")), []);
});

t.test("files that are no site files get one line", async (t) => {
  const folder = t.testdir({});
  const cases: [string, string | Buffer, RegExp][] = [
    [
      "long.yaml",
      "#".repeat(1024 * 1024 + 1),
      /^.*long\.yaml:1: \(file\): more than 1048576 bytes/,
    ],
    ["zero.yaml", Buffer.from([0x73, 0x00, 0x01]), /zero\.yaml:1: \(file\): binary content/],
    ["latin.yaml", Buffer.from([0x6e, 0x3a, 0x20, 0xe9, 0x0a]), /latin\.yaml:1: \(file\): binary/],
    ["empty.yaml", "", /^.*empty\.yaml:1: \(file\): an empty value is not a map/],
  ];
  for (const [name, content, pattern] of cases) {
    writeFileSync(join(folder, name), content);
    const problems = problemsOf(await loadSite(join(folder, name)));
    t.equal(problems.length, 1, name);
    t.match(problems.join("\n"), pattern);
  }
  mkdirSync(join(folder, "sub"));
  t.match(problemsOf(await loadSite(join(folder, "sub"))), [/sub:1: \(file\): it is a folder/]);
  t.match(problemsOf(await loadSite(join(folder, "none"))), [/none:1: \(file\): no such file/]);
  t.match(problemsOf(await loadSite("/dev/zero")), [/it is no regular file/]);
});

t.test("broken YAML names its line", async (t) => {
  const at = DEMO.split("\n").findIndex((text) => text.startsWith("phases:")) + 1;
  const text = DEMO.replace("phases:\n", "phases: [\n");
  const problems = problemsOf(parseSite(text, "x"));
  t.ok(problems.length > 0);
  for (const problem of problems) t.match(problem, /^x:\d+: \(file\): the text is not YAML \(/);
  t.ok(Number(/^x:(\d+)/.exec(problems[0] ?? "")?.[1]) >= at, problems.join("\n"));
});

t.test("aliases are refused, so a small file stays small", async (t) => {
  const laughs = ["a: &a [x, x, x, x, x, x, x, x, x, x]"];
  for (let level = 0; level < 24; level += 1) {
    const from = String.fromCharCode(97 + level);
    const to = String.fromCharCode(98 + level);
    laughs.push(`${to}: &${to} [${`*${from}, `.repeat(9)}*${from}]`);
  }
  const problems = problemsOf(parseSite(laughs.join("\n"), "x"));
  t.equal(problems.length, 50);
  t.ok(problems.some((text) => /\*a is an alias; use the value itself/.test(text)));
  t.match(problemsOf(parseSite("[".repeat(20_000), "x")).join("\n"), /nested too deeply/);
  t.ok(problemsOf(parseSite(`a: ${"{a: ".repeat(50)}1${"}".repeat(50)}`, "x")).length > 0);
  t.match(problemsOf(parseSite("a: !!js/function x", "x")).join("\n"), /^x:1: /);
  t.match(problemsOf(parseSite("a: 1\n---\nb: 2", "x")).join("\n"), /^x:\d: /);
});

t.test("at most fifty problems, in the order of the file", async (t) => {
  const text = DEMO.replaceAll(/delay: 0, extension: [\d.]+/g, "delay: -1, extension: -1, a: 1")
    .replaceAll("yellow: 3", "yellow: 2")
    .replaceAll("redClearance: 1.5", "redClearance: 0.5");
  const problems = problemsOf(parseSite(text, "x"));
  t.equal(problems.length, 50);
  const lines = problems.map((problem) => Number(/^x:(\d+): /.exec(problem)?.[1]));
  t.same(
    lines,
    [...lines].sort((a, b) => a - b),
  );
  t.match(problems.at(-1), /^x:\d+: \(file\): \d+ more problems; mend the above first$/);
});

t.test("nothing in a message can play with a terminal", async (t) => {
  const text = DEMO.replace("Market Street at Station Road", '"\\e[2Jx\\nok"');
  for (const problem of problemsOf(parseSite(text, "x"))) {
    t.notMatch(problem, /\p{Cc}/u);
    t.match(problem, /site\.name/);
  }
});

type Step = readonly [parent: Record<string, unknown>, key: string];

function stepsOf(value: unknown): Step[] {
  if (value === null || typeof value !== "object") return [];
  const parent = value as Record<string, unknown>;
  return Object.keys(parent).flatMap((key): Step[] => [[parent, key], ...stepsOf(parent[key])]);
}

const WRONG = fc.oneof(
  fc.constantFrom<unknown>(null, true, "", "2", -1, 0, 1e300, [], {}, [[]], [1, 1], { a: 1 }, "x"),
  fc.constantFrom<unknown>(["2", 6], [[2, 6]], { fixed: 5 }, "__proto__", -0.05, 4, 16, 33, 5.5),
  fc.integer({ min: -5, max: 40 }),
  fc.double(),
  fc.string(),
);

function isAnswer(loaded: SiteLoad): boolean {
  return loaded.ok || (loaded.problems.length > 0 && loaded.problems.every(isLine));
}

function isLine(problem: string): boolean {
  return /^x:[1-9]\d*: [^\n]+: [^\n]+$/.test(problem);
}

t.test("any one value changed: right, or a problem with a line", async () => {
  const plain = JSON.stringify(readYaml(DEMO).value);
  const count = stepsOf(JSON.parse(plain)).length;
  fc.assert(
    fc.property(
      fc.nat(count - 1),
      WRONG,
      fc.constantFrom("set", "drop", "add"),
      (at, value, how) => {
        const file: unknown = JSON.parse(plain);
        const step = stepsOf(file)[at];
        if (step === undefined) return false;
        const [parent, key] = step;
        if (how === "set") parent[key] = value;
        if (how === "drop") delete parent[key];
        const text = JSON.stringify(file, null, 1);
        const added =
          how === "add" ? text.replace(`"${key}": `, `"__proto__": 1, "${key}": `) : text;
        return isAnswer(parseSite(added, "x"));
      },
    ),
    { numRuns: 600 },
  );
});

t.test("any text changed at one place: right, or a problem with a line", async () => {
  fc.assert(
    fc.property(fc.nat(DEMO.length), fc.string({ maxLength: 4 }), fc.nat(4), (at, put, cut) => {
      return isAnswer(parseSite(DEMO.slice(0, at) + put + DEMO.slice(at + cut), "x"));
    }),
    { numRuns: 200 },
  );
});

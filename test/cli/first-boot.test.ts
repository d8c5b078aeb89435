// The first boot of a board with a site file that is wrong, or with none: the failure display
// stays, and what is wrong is said in the same words on stdout, where a serial console shows it, on
// the console's page and by `stopline doctor`. A right file and a restart are the way out.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import t, { type Test } from "tap";
import { VirtualCabinet } from "../../src/cabinet/virtual.ts";
import { PseudoTerminal } from "../../src/sim/pseudo-terminal.ts";
import { parseSite } from "../../src/sitefile/load.ts";
import { folder, runToEnd, Stopline, siteText, writeSite } from "./support.ts";

t.jobs = 2;

/** Main road yellow, side road red, on and off. */
const FLASHING = ["0 0 0", "9 34 0"];

function isGreen(lamps: string): boolean {
  return !lamps.endsWith(" 0");
}

interface Board {
  readonly data: string;
  readonly file: string;
  /** Bytes that the node has sent to the cabinet. */
  readonly received: () => number;
  /** Lamps that were seen, as red and yellow masks and green. */
  readonly seen: ReadonlySet<string>;
}

/** A board whose cabinet is wired and programmed; `text` makes its site file of the right one. */
async function board(t: Test, text: (right: string) => string | null): Promise<Board> {
  const terminal = await PseudoTerminal.open();
  t.teardown(() => terminal.close());
  const right = siteText({ device: terminal.path });
  const parsed = parseSite(right, "site.yaml");
  if (!parsed.ok) throw new Error(parsed.problems.join("\n"));
  const cabinet = new VirtualCabinet({ site: parsed.site });
  let received = 0;
  terminal.onBytes = (bytes) => {
    received += bytes.length;
    cabinet.receive(bytes);
  };
  cabinet.onBytes = (bytes) => terminal.write(bytes.slice());
  const startMs = performance.now();
  const seen = new Set<string>();
  const running = setInterval(() => {
    cabinet.advance(performance.now() - startMs);
    const { red, yellow, green } = cabinet.lamps();
    seen.add(`${red} ${yellow} ${green}`);
  }, 5);
  t.teardown(() => clearInterval(running));
  const dir = folder(t);
  const data = join(dir, "data");
  mkdirSync(data);
  // Where the console is to be: a first boot takes port 8080, which may be somebody's here.
  writeFileSync(join(data, "console-address"), "http://127.0.0.1:0\n");
  const wrong = text(right);
  const file = wrong === null ? join(dir, "site.yaml") : writeSite(dir, wrong);
  return { data, file, received: () => received, seen };
}

async function saidEverywhere(t: Test, { data, file, received, seen }: Board): Promise<string[]> {
  const node = new Stopline(t, ["run", file, "--data", data, "--service"]);
  t.ok(await node.opened());
  await sleep(2_000);
  t.equal(received(), 0, "nothing is sent to the cabinet");
  t.ok(
    FLASHING.every((lamps) => seen.has(lamps)),
    "the failure display stands",
  );
  t.notOk([...seen].some(isGreen));
  const printed = [...node.out.matchAll(/^problem +(.+)$/gm)].map(([, text]) => String(text));
  const { problems } = JSON.parse((await node.get("/api/site")).text) as { problems: string[] };
  t.same(problems, printed, "the console says what stdout says");
  const health = (await node.get("/api/health")).text;
  for (const problem of printed) t.ok(health.includes(JSON.stringify(problem).slice(1, -1)));
  const doctor = await runToEnd(t, ["doctor", file, "--data", data]);
  t.equal(doctor.code, 1);
  const found = [...doctor.out.matchAll(/^FAIL {2}site {5}(.+)$/gm)].map(([, text]) => text);
  t.same(found, printed, "and so does doctor");
  t.equal(node.err.match(/^\{.*"level":"error"/gm), null);
  node.kill("SIGTERM");
  t.same(await node.exit, { code: 0, signal: null }, "it had gone on all the time");
  return printed;
}

t.test("a wrong site file", async (t) => {
  const place = await board(t, (right) =>
    right.replace("minGreen: 8", "minGreen: -8").replace("lat: 48", "lat: 448"),
  );
  const problems = await saidEverywhere(t, place);
  t.equal(problems.length, 2);
  t.ok(
    problems.every((line) => /site\.yaml:\d+: .+/.test(line)),
    problems.join("\n"),
  );
});

t.test("no site file", async (t) => {
  const place = await board(t, () => null);
  const problems = await saidEverywhere(t, place);
  t.equal(problems.length, 1, problems.join("\n"));
  t.match(problems[0], /site\.yaml:.* no such file; /);
});

t.test("then a right one: the node takes the cabinet", async (t) => {
  const place = await board(t, (right) => right);
  const node = new Stopline(t, ["run", place.file, "--data", place.data, "--service"]);
  t.ok(await node.says("Start-up"));
  t.ok(place.received() > 0);
  t.notMatch(node.out, /^problem/m);
  node.kill("SIGTERM");
  t.same(await node.exit, { code: 0, signal: null });
});

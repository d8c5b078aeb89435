// The C core on this machine: its tests by topic, random runs at sixteen channels, all small tables
// enumerated, and how much of the core they reach.
import { join } from "node:path";
import t from "tap";
import { systemTest } from "../support/system.ts";
import { CORE, compile, HOST, run, sources, workFolder } from "./compile.ts";

/** Per cent; what is missing are defaults of switches and loops that cannot run out. */
const LINES_AT_LEAST = 99;
const BRANCHES_AT_LEAST = 97;
const SANITIZERS = ["-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"];

systemTest(t, "tests by topic and random runs, under sanitizers", async (t) => {
  const program = join(workFolder(t), "host");
  await compile(program, [...sources(HOST), ...sources(CORE)], SANITIZERS);
  const topics = await run(program, []);
  t.equal(topics.code, 0, topics.output);
  t.equal(topics.output.match(/^ok /gm)?.length, 11, "every topic ran");
  const random = await run(program, ["--random", "1000", "60"]);
  t.equal(random.code, 0, random.output);
});

systemTest(t, "all small tables, every frame and loss", async (t) => {
  const program = join(workFolder(t), "enumerate");
  const bench = ["rig.c", "watch.c"].map((name) => join(HOST, name));
  const files = [join(HOST, "enumerate/lamps.c"), ...bench, ...sources(CORE)];
  await compile(program, files, ["-O3", "-flto", "-DSL_SCALED"]);
  const done = await run(program, ["234"]);
  t.equal(done.code, 0, done.output);
  t.comment(done.output.trim());
  const [, tables, states] = /ok (\d+) tables, (\d+) states/.exec(done.output) ?? [];
  t.ok(Number(tables) > 1200, "tables");
  t.ok(Number(states) > 1_000_000, "states");
});

systemTest(t, "every sensed lamp at every step of the monitor", async (t) => {
  const program = join(workFolder(t), "enumerate");
  const bench = ["rig.c", "watch.c"].map((name) => join(HOST, name));
  const files = [join(HOST, "enumerate/monitor.c"), ...bench, ...sources(CORE)];
  await compile(program, files, ["-O3", "-flto", "-DSL_SCALED"]);
  const done = await run(program, []);
  t.equal(done.code, 0, done.output);
  t.comment(done.output.trim());
  t.match(done.output, /^ok /m);
});

systemTest(t, "branch and condition coverage of core/", async (t) => {
  const folder = workFolder(t);
  const objects: string[] = [];
  for (const file of sources(CORE)) {
    const object = join(folder, `${file.slice(CORE.length + 1)}.o`);
    objects.push(object);
    await compile(object, ["-c", file], ["-O0", "--coverage"]);
  }
  const program = join(folder, "covered");
  await compile(program, [...sources(HOST), ...objects], ["-O1", "--coverage"]);
  const ran = await run(program, []);
  t.equal(ran.code, 0, ran.output);
  // Branches at -O0 are the single conditions: each side of && and || counts by itself.
  const limits = [
    `--fail-under-line=${LINES_AT_LEAST}`,
    `--fail-under-branch=${BRANCHES_AT_LEAST}`,
  ];
  const report = await run("gcovr", ["--root", CORE, "--branches", ...limits, folder], {
    cwd: folder,
  });
  t.equal(report.code, 0, report.output);
  t.comment(report.output);
});

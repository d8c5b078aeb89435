// The C core on this machine: its tests by topic and random runs at sixteen channels.
import { join } from "node:path";
import t from "tap";
import { systemTest } from "../support/system.ts";
import { CORE, compile, HOST, run, sources, workFolder } from "./compile.ts";

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

// How much of core/ the host tests reach.
import { join } from "node:path";
import t from "tap";
import { systemTest } from "../support/system.ts";
import { CORE, compile, HOST, run, sources, workFolder } from "./compile.ts";

/** Per cent; what is missing are defaults of switches and loops that cannot run out. */
const LINES_AT_LEAST = 99;
const BRANCHES_AT_LEAST = 97;

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

// Tests of the tests: each fault of mutants.ts is put into the core; the host tests must notice.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { systemTest } from "../support/system.ts";
import { CORE, compile, HOST, run, sources, workFolder } from "./compile.ts";
import { MUTANTS, type Mutant } from "./mutants.ts";

/** Random runs come last: they are the slowest, and few mutants live that long. */
const TOPICS = ["rules", "margins", "stops", "session", "modes", "monitor", "clearances"];
const LAST = ["frames", "record", "store", "random"];

function nameOf(file: string, folder: string): string {
  return file.slice(folder.length + 1);
}

async function objectsOf(folder: string): Promise<Map<string, string>> {
  const objects = new Map<string, string>();
  for (const from of [CORE, HOST]) {
    for (const file of sources(from)) {
      const name = nameOf(file, from);
      const object = join(folder, `${name}.o`);
      await compile(object, ["-c", file], ["-O1"]);
      objects.set(name, object);
    }
  }
  return objects;
}

/** The mutated file's text; the original stands exactly once. */
function mutate({ file, from, to }: Mutant): string {
  const text = readFileSync(join(CORE, file), "utf8");
  const parts = text.split(from);
  if (parts.length !== 2) throw new Error(`${file} holds ${parts.length - 1} times: ${from}`);
  return parts.join(to);
}

/** True when some host test fails on the mutated core. */
async function caught(mutant: Mutant, objects: Map<string, string>, folder: string) {
  const file = join(folder, mutant.file);
  const object = join(folder, "mutated.o");
  const program = join(folder, "mutated");
  writeFileSync(file, mutate(mutant));
  await compile(object, ["-c", file], ["-O1", "-Wno-error", "-w", `-I${CORE}`]);
  const others = [...objects].filter(([name]) => name !== mutant.file).map(([, path]) => path);
  await compile(program, [...others, object], []);
  for (const topics of [TOPICS, LAST]) {
    const ran = await run(program, topics, { timeoutMs: 60_000 });
    if (ran.code !== 0) return true;
  }
  return false;
}

systemTest(t, "the host tests catch every mutant of the rules", async (t) => {
  const folder = workFolder(t);
  const objects = await objectsOf(folder);
  const sound = join(folder, "sound");
  await compile(sound, [...objects.values()], []);
  const ran = await run(sound, [...TOPICS, ...LAST]);
  t.equal(ran.code, 0, `without a mutant all pass: ${ran.output}`);
  t.ok(MUTANTS.length >= 20, "at least twenty mutants");
  for (const mutant of MUTANTS) {
    t.ok(await caught(mutant, objects, folder), `${mutant.file}: ${mutant.from} -> ${mutant.to}`);
  }
});

import { spawnSync } from "node:child_process";
import t from "tap";

const NICENESS = new URL("../../src/node/niceness.ts", import.meta.url).href;

/** What the runtime complains of when it runs this. */
function complaints(script: string): string {
  const args = ["--input-type=module", "-e", script];
  return spawnSync(process.execPath, args, { encoding: "utf8" }).stderr;
}

t.test("the engine knows the word by which young objects are collected alone", async (t) => {
  t.equal(complaints(`import { collectAlone } from "${NICENESS}"; collectAlone();`), "");
  const other = 'import v8 from "node:v8"; v8.setFlagsFromString("--no-such-word");';
  t.match(complaints(other), /no-such-word/, "and would say so if it did not");
});

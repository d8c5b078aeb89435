// The golden vectors of test/wire/vectors.txt from the C side: the core sends exactly those bytes,
// and makes of the host's bytes what test/wire/vectors.ts says they mean.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { systemTest } from "../support/system.ts";
import { HOST_VECTORS, vectors } from "../wire/vectors.ts";
import { CORE, compile, HOST, sources, workFolder } from "./compile.ts";

const GOLDEN = vectors(readFileSync(new URL("../wire/vectors.txt", import.meta.url), "utf8"));

/** Refusal, and what else the core shows of each of the host's frames. */
const HEARD: Readonly<Record<string, RegExp>> = {
  hello: /^refusal 0 sequence 0 session 65538 .* host cafe0000 mode 4 cause 6 /,
  lamp: /^refusal 0 sequence 258 session 65537 wanted 0301040100012500 .* mode 3 /,
  "lamp-late": /^refusal 7 sequence 0 session 65537 wanted 0101010100010000 /,
  stop: /^refusal 0 sequence 7 .* mode 4 cause 3 /,
  "record-read": /^refusal 0 .* part 168\+32$/,
  "record-write": /^refusal 9 .* result 2 /,
  "record-commit": /^refusal 9 .* result 2 /,
};

systemTest(t, "the core speaks and hears the golden vectors", async (t) => {
  const program = join(workFolder(t), "vectors");
  const bench = ["vectors/main.c", "rig.c", "watch.c"].map((name) => join(HOST, name));
  await compile(program, [...bench, ...sources(CORE)], ["-O1"]);
  const names = Object.keys(HOST_VECTORS);
  const input = names.map((name) => `${GOLDEN.get(name)}\n`).join("");
  const { stdout } = spawnSync(program, { input, encoding: "utf8" });
  const lines = stdout.trimEnd().split("\n");
  const spoken = vectors(lines.slice(0, lines.length - names.length).join("\n"));
  for (const [name, hex] of spoken) t.equal(hex, GOLDEN.get(name), `${name} byte for byte`);
  t.equal(spoken.size + names.length, GOLDEN.size, "no vector is left out");
  for (const [index, name] of names.entries()) {
    t.match(lines[spoken.size + index], HEARD[name] ?? /never/, name);
  }
});

// The committed .wasm is what the sources give. With the compilers of firmware-bridge/TOOLCHAIN the
// bytes are compared; with others the image is built, put through the wrapper's tests, and the
// test says that bytes were not compared. In CI other compilers are a failure.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { createSafetyCore } from "../../src/cabinet/safety-core.ts";
import { systemTest } from "../support/system.ts";
import { FIRMWARE, run, workFolder } from "./compile.ts";

/** The version TOOLCHAIN names for a tool, such as "14.0.6". */
function pinned(tool: string): string {
  const lines = readFileSync(join(FIRMWARE, "TOOLCHAIN"), "utf8").split("\n");
  const line = lines.find((entry) => entry.startsWith(`${tool} `));
  if (line === undefined) throw new Error(`TOOLCHAIN names no ${tool}`);
  return line.slice(tool.length + 1).trim();
}

async function installed(command: string): Promise<string> {
  const { output } = await run(command, ["--version"]);
  return /(\d+\.\d+\.\d+)/.exec(output)?.[1] ?? output;
}

systemTest(t, "the .wasm is what the sources give", async (t) => {
  const built = join(workFolder(t), "core.wasm");
  const done = await run(join(FIRMWARE, "build.sh"), ["wasm", built]);
  t.equal(done.code, 0, done.output);
  const image = readFileSync(built);
  const clang = await installed("clang");
  const lld = await installed("wasm-ld");
  if (clang === pinned("clang") && lld === pinned("lld")) {
    t.ok(
      image.equals(readFileSync(join(FIRMWARE, "images/stopline-core.wasm"))),
      "byte for byte; if not, run firmware-bridge/build.sh wasm",
    );
  } else {
    t.comment(`clang ${clang}, lld ${lld}: bytes were not compared`);
    t.notOk(process.env.CI === "true", "CI has the pinned compilers");
  }
  const core = createSafetyCore({ image });
  let ran = 0;
  while (ran < 1000) ran += core.tick(1000 - ran);
  t.equal(core.stamp, 1000);
  t.ok(core.takeBytes().length > 0, "it speaks");
});

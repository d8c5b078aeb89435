// The image in the repository is what the sources give; it fits the chip; and the pins and fuses
// that docs/wiring.md tells to wire and to program are those of the sources.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import t from "tap";
import { Bench } from "../../support/emulator/bench.ts";
import { RECORD } from "../../support/emulator/crossing.ts";
import { PlainHost } from "../../support/emulator/plain-host.ts";
import { systemTest } from "../../support/system.ts";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const IMAGE = "firmware-bridge/images/stopline-atmega328p.hex";
const RAM_BYTES = 2048;
const STACK_RESERVE = 512;

const read = (name: string) => readFileSync(join(ROOT, name), "utf8");

function run(command: string, parameters: readonly string[]) {
  const environment = { ...process.env };
  delete environment.NODE_OPTIONS;
  return spawnSync(command, parameters, { cwd: ROOT, encoding: "utf8", env: environment });
}

/** The version that TOOLCHAIN names, and the one that is here. */
function compilers(): { named: string; here: string } {
  const named = /^avr-gcc (\S+)$/m.exec(read("firmware-bridge/TOOLCHAIN"))?.[1] ?? "none";
  return { named, here: run("avr-gcc", ["-dumpversion"]).stdout.trim() };
}

systemTest(t, "the sources give the committed image, and it fits the chip", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "stopline-avr-"));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const hex = join(folder, "rebuilt.hex");
  const built = run("firmware-bridge/avr/build.sh", [hex]);
  t.equal(built.status, 0, built.stderr);
  const free = Number(/(\d+) for the stack/.exec(built.stdout)?.[1]);
  t.ok(free >= STACK_RESERVE && free < RAM_BYTES, `${free} bytes for the stack`);
  t.comment(built.stdout.trim());
  const fuses = /fuses low high extended: (.+)/.exec(built.stdout)?.[1]?.trim().split(" ") ?? [];
  const [low, high, extended] = fuses;
  const line = `-U lfuse:w:0x${low}:m -U hfuse:w:0x${high}:m -U efuse:w:0x${extended}:m`;
  t.ok(read("docs/wiring.md").includes(line), `docs/wiring.md: ${line}`);

  const { named, here } = compilers();
  if (named === here) {
    t.equal(readFileSync(hex, "utf8"), read(IMAGE), "byte for byte");
  } else {
    t.not(process.env.CI, "true", `avr-gcc ${named} is needed, not ${here}`);
    t.comment(`avr-gcc ${here} is not ${named}: bytes were not compared`);
  }
  const host = new PlainHost(new Bench({ record: RECORD, image: hex }), RECORD).start();
  t.equal(host.status?.mode, "controlled", "the rebuilt image runs");
});

t.test("docs/wiring.md has every pin of pins.h with the number on the board", async (t) => {
  const page = read("docs/wiring.md");
  const pins = [
    ...read("firmware-bridge/avr/pins.h").matchAll(
      /#define PIN_([A-Z_]+) (P[BD]\d) +\/\* \((\d+)\) (in|out)/g,
    ),
  ];
  t.equal(pins.length, 9);
  for (const [, name, pin, board, way] of pins) {
    t.ok(
      page.includes(`| ${name} | ${pin} | ${board} | ${way} |`),
      `${name} ${pin} ${board} ${way}`,
    );
  }
  const drawing = read("docs/wiring.svg");
  for (const [, name, pin] of pins) t.ok(drawing.includes(`${pin} ${name}`), `${name} is drawn`);
});

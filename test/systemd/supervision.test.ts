// What a service manager hears of a node, word by word and in virtual time.
import t from "tap";
import { DARK_MS, type Standing, Supervision } from "../../src/node/supervision.ts";

const WATCHDOG_MS = 10_000;
const DARK: Standing = { mode: "no-cabinet", cause: "no device /dev/x: plug it in", lit: false };
const LIT: Standing = { mode: "controlled", cause: null, lit: true };

function supervision(problems: readonly string[] = []): Supervision {
  return new Supervision({ problems, watchdogMs: WATCHDOG_MS });
}

t.test("the first lamp frame makes a node ready", async (t) => {
  const machine = supervision();
  t.equal(
    machine.step({ kind: "beat", standing: DARK }, 0),
    "STATUS=No cabinet: no device /dev/x: plug it in.",
  );
  t.equal(machine.step({ kind: "beat", standing: DARK }, DARK_MS - 1), null);
  t.equal(
    machine.step({ kind: "beat", standing: LIT }, DARK_MS - 1),
    "READY=1\nSTATUS=The controller runs.\nWATCHDOG=1",
  );
});

t.test("a node that can light nothing is ready and says why", async (t) => {
  const machine = supervision();
  machine.step({ kind: "beat", standing: DARK }, 0);
  t.equal(machine.step({ kind: "beat", standing: DARK }, DARK_MS), "READY=1\nWATCHDOG=1");
  const differs: Standing = {
    ...{ mode: "failure-display", lit: false },
    cause: "the cabinet holds another record: phase 2 yellow 3.0 s, not 4.0 s",
  };
  const other = supervision();
  other.step({ kind: "beat", standing: differs }, 0);
  t.match(other.step({ kind: "beat", standing: differs }, DARK_MS), /^READY=1/);
});

t.test("without a site it is ready at once, with the file's first problem", async (t) => {
  const machine = supervision(["site.yaml:12: phases.2.yellow: 1 is too short", "b", "c"]);
  const status = "site.yaml:12: phases.2.yellow: 1 is too short (and 2 more).";
  t.equal(
    machine.step({ kind: "beat", standing: null }, 5),
    `READY=1\nSTATUS=No lamps, console only: ${status}\nWATCHDOG=1`,
  );
});

t.test("signs of life come with beats alone, three a watchdog's time", async (t) => {
  const machine = supervision();
  const signs: number[] = [];
  for (let nowMs = 0; nowMs <= 20_000; nowMs += 50) {
    const text = machine.step({ kind: "beat", standing: LIT }, nowMs);
    if (text?.includes("WATCHDOG=1")) signs.push(nowMs);
  }
  t.same(signs, [0, 3_350, 6_700, 10_050, 13_400, 16_750]);
  const unwatched = new Supervision({ problems: [], watchdogMs: null });
  t.notMatch(unwatched.step({ kind: "beat", standing: LIT }, 0), /WATCHDOG/);
});

t.test("what was not taken is said again with the next beat", async (t) => {
  const machine = supervision();
  const first = machine.step({ kind: "beat", standing: LIT }, 0);
  t.equal(machine.step({ kind: "lost" }, 0), null);
  t.equal(machine.step({ kind: "beat", standing: LIT }, 50), first);
  t.equal(machine.step({ kind: "beat", standing: LIT }, 100), null);
  machine.step({ kind: "reloading" }, 110);
  machine.step({ kind: "lost" }, 110);
  t.equal(machine.step({ kind: "beat", standing: LIT }, 150), "RELOADING=1");
});

t.test("a reload, and one that is refused", async (t) => {
  const machine = supervision();
  machine.step({ kind: "beat", standing: LIT }, 0);
  t.equal(machine.step({ kind: "reloading" }, 2_000), "RELOADING=1");
  t.equal(
    machine.step({ kind: "reloaded", problems: ["site.yaml:3: name is missing"] }, 2_100),
    "READY=1\nSTATUS=The new site file was not taken: site.yaml:3: name is missing. " +
      "The controller runs.",
  );
  machine.step({ kind: "reloading" }, 2_200);
  t.equal(
    machine.step({ kind: "reloaded", problems: [] }, 2_300),
    "READY=1\nSTATUS=The controller runs.",
  );
  const starting = supervision();
  t.equal(starting.step({ kind: "reloading" }, 0), "STATUS=Start-up.", "not ready by a reload");
});

t.test("the orderly stop is said, and signs of life go on", async (t) => {
  const machine = supervision();
  machine.step({ kind: "beat", standing: LIT }, 0);
  t.equal(
    machine.step({ kind: "stopping", cause: "SIGTERM" }, 1_000),
    "STOPPING=1\nSTATUS=Stopping in order (SIGTERM). The controller runs.",
  );
  t.equal(machine.step({ kind: "beat", standing: LIT }, 4_000), "WATCHDOG=1");
});

t.test("a status is one line, short, and no flood", async (t) => {
  const machine = supervision([`a\nREADY=1\u0007${"x".repeat(1_000)}`]);
  const text = machine.step({ kind: "beat", standing: null }, 0) ?? "";
  t.same(
    text.split("\n").map((line) => line.split("=")[0]),
    ["READY", "STATUS", "WATCHDOG"],
  );
  t.ok(text.length < 500);
  const flapping = supervision();
  flapping.step({ kind: "beat", standing: LIT }, 0);
  let told = 0;
  for (let nowMs = 50; nowMs < 10_000; nowMs += 50) {
    const standing = nowMs % 100 === 0 ? LIT : DARK;
    if (flapping.step({ kind: "beat", standing }, nowMs)?.includes("STATUS")) told += 1;
  }
  t.ok(told <= 10, `${told}`);
});

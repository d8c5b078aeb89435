// `stopline doctor wear`: what it makes of counted days, by its own process.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { parseWear, wearFindings } from "../../src/cli/doctor-wear.ts";
import { WEAR_FILE } from "../../src/log/wear-diary.ts";
import { folder, runToEnd } from "./support.ts";

const DAY_MS = 86_400_000;

function keep(dir: string, logBytes: number, diskBytes: number | null, coveredMs = DAY_MS): void {
  const written = { log: logBytes, broker: 1e6, cache: 0 };
  const days = [{ day: "2026-11-30", coveredMs, written, diskBytes }];
  writeFileSync(join(dir, WEAR_FILE), JSON.stringify({ version: 1, days }));
}

function asked(dir: string, ...more: string[]) {
  const parsed = parseWear(["--data", dir, ...more]);
  if ("problem" in parsed) throw new Error(parsed.problem);
  return parsed;
}

function says(dir: string, ...more: string[]): string[] {
  const found = wearFindings(asked(dir, ...more), null);
  return found.map(({ state, what, says }) => `${state} ${what}: ${says}`);
}

t.test("a day's writing and what it means for a card", async (t) => {
  const dir = folder(t);
  keep(dir, 299e6, 900e6);
  const lines = says(dir, "--card", "32GB", "--endurance", "300", "--amplification", "4");
  t.same(lines, [
    "ok counted: 300.0 MB a day, of the 24.0 hours that were counted last",
    "ok log: 299.0 MB a day, 100 %",
    "ok broker: 1.0 MB a day, 0 %",
    "ok disk: 900.0 MB a day go to the disk, by all there is",
    // 32 GB × 300 / (0.9 GB × 4) = 2,666.7 days.
    "ok card: a card of 32.00 GB lasts 7.3 years, if it bears each cell written 300 times and " +
      "writes 4 bytes inside for each that it is given",
    "ok budget: 300.0 MB a day, at most 2.00 GB",
  ]);
});

t.test("where the disk's own count can't be told", async (t) => {
  const dir = folder(t);
  keep(dir, 499e6, null);
  const [, , , disk, card] = says(dir, "--card", "8GB", "--endurance", "2TBW");
  t.match(disk, "1.00 GB a day go to the disk, taken as 2 times the node's own");
  t.match(card, /^warn card: a card of 8\.00 GB lasts 1\.4 years, .*take a larger one/);
});

t.test("nothing is made up of ten minutes or less", async (t) => {
  const dir = folder(t);
  t.match(says(dir), [/^warn wear: nothing was counted/]);
  keep(dir, 1e6, null, 599_000);
  t.match(says(dir), [/^warn wear: nothing was counted/]);
});

t.test("beyond the budget it fails", async (t) => {
  const dir = folder(t);
  keep(dir, 2e9, null);
  const { code, out, err } = await runToEnd(t, ["doctor", "wear", "--data", dir]);
  t.equal(err, "");
  t.match(out, /^FAIL {2}budget {3}2\.00 GB a day, more than 2\.00 GB: /m);
  t.equal(code, 1);
  keep(dir, 1e9, null);
  t.equal((await runToEnd(t, ["doctor", "wear", "--data", dir])).code, 0);
});

t.test("options that make no sense", async (t) => {
  const wrong = (...args: string[]) => {
    const parsed = parseWear(["--data", "x", ...args]);
    return "problem" in parsed ? parsed.problem : "";
  };
  t.match(wrong("--card", "32"), "--card 32 is no size");
  t.match(wrong("--endurance", "64GB"), "--endurance 64GB is neither");
  t.match(wrong("--endurance", "0"), "--endurance 0 is neither");
  t.match(wrong("--amplification", "0.5"), "--amplification 0.5 is no number");
  t.match(wrong("--cards", "32GB"), "Unknown option");
  t.match(parseWear([]), { problem: /^use: / });
});

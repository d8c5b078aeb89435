// Makes street-recording.csv anew (README beside it says how).
// The demo's street under the demo's controller, as a high-resolution log would have it.
import { readFileSync } from "node:fs";
import { driveStreet } from "../../src/sim/street/drive.ts";
import { parseSite } from "../../src/sitefile/load.ts";

export const SEED = 1136;
export const DURATION_MS = 1_800_000;
const START_MS = Date.UTC(2026, 4, 4, 7, 30);

/** `2026-05-04T07:30:00.0Z`: a tenth of a second, as in the enumeration. */
function stamp(atMs: number): string {
  return `${new Date(START_MS + atMs).toISOString().slice(0, 21)}Z`;
}

/** The recording as text, header first. */
export function recordStreet(): string {
  const file = new URL("../../config/demo.yaml", import.meta.url);
  const loaded = parseSite(readFileSync(file, "utf8"), "config/demo.yaml");
  if (!loaded.ok) throw new Error(loaded.problems.join("\n"));
  // The first row (184, power restored) says when the recording begins.
  const rows = ["timestamp,event,parameter", `${stamp(0)},184,1`];
  const onCode = (code: number, parameter: number, atMs: number): void => {
    rows.push(`${stamp(atMs)},${code},${parameter}`);
  };
  driveStreet(loaded.site, { seed: SEED, durationMs: DURATION_MS, onCode });
  return `${rows.join("\n")}\n`;
}

if (import.meta.main) process.stdout.write(recordStreet());

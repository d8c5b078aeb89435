// The recording in test/data: it can be read, fits the demo's site file, and has enough traffic
// and walkers to be worth a replay.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import t from "tap";
import { readRecording } from "../../../src/cli/replay-input.ts";
import { parseSite } from "../../../src/sitefile/load.ts";
import { DURATION_MS, recordStreet, SEED } from "../../data/record-street.ts";

t.test("the recording fits the demo", async (t) => {
  const demo = readFileSync(new URL("../../../config/demo.yaml", import.meta.url), "utf8");
  const loaded = parseSite(demo, "demo.yaml");
  if (!loaded.ok) throw new Error(loaded.problems.join("\n"));
  const { site } = loaded;
  const file = fileURLToPath(new URL("../../data/street-recording.csv", import.meta.url));
  const read = await readRecording(file);
  if (!read.ok) throw new Error(read.problem);
  const { edges, firstMs, lastMs } = read.recording;
  t.ok(lastMs - firstMs > DURATION_MS - 60_000);
  t.ok(edges.length > 2000);
  const buttons = new Set(site.pedestrianDetectors.map(({ detector }) => detector));
  const detectors = new Set(site.detectors.map(({ detector }) => detector));
  for (const { pedestrian, detector } of edges) {
    if (!(pedestrian ? buttons : detectors).has(detector)) t.fail(`detector ${detector}`);
  }
  const called = site.phases.filter(({ phase }) =>
    site.detectors.some(
      ({ call, detector }) =>
        call.includes(phase) && edges.some((edge) => edge.on && edge.detector === detector),
    ),
  );
  t.equal(called.length, site.phases.length, "every phase is called");
  t.ok(edges.filter(({ pedestrian, on }) => pedestrian && on).length > 20);
});

t.test("the maker makes such a recording, the same each time", async (t) => {
  t.equal(SEED, 1136);
  const text = recordStreet();
  t.match(text, /^timestamp,event,parameter\n2026-05-04T07:30:00\.0Z,184,1\n/);
  t.equal(recordStreet(), text);
});

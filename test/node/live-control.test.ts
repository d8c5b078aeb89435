import { readFileSync } from "node:fs";
import t from "tap";
import type { ControlView } from "../../src/core/site/view.ts";
import { parseSite } from "../../src/sitefile/load.ts";
import { live } from "./live-rig.ts";

const DEMO = readFileSync(new URL("../../config/demo.yaml", import.meta.url), "utf8");

function detectorsOn(view: ControlView | undefined): number[] {
  return (view?.detectors ?? []).filter(({ on }) => on).map(({ detector }) => detector);
}

t.test("frames that come in one turn are one view, with what the last of them says", async (t) => {
  const loaded = parseSite(DEMO, "demo.yaml");
  if (!loaded.ok) throw new Error(loaded.problems.join("\n"));
  const { time, cabinet, views } = live(
    loaded.site,
    () => 0,
    () => "sure",
  );
  time.runUntil(40_000);
  const deliver = cabinet.onBytes;
  const waiting: Uint8Array[] = [];
  cabinet.onBytes = (bytes) => waiting.push(bytes.slice());
  for (const input of [1, 2, 3]) {
    cabinet.setInput(input, true);
    time.runUntil(40_000 + input * 20);
  }
  const before = views.length;
  for (const bytes of waiting) deliver?.(bytes, time.nowMs);
  t.ok(waiting.length >= 3, `${waiting.length} frames`);
  t.equal(views.length, before, "not within the turn");
  time.runUntil(time.nowMs);
  t.equal(views.length, before + 1);
  t.same(detectorsOn(views.at(-1)), [1, 2, 3]);
});

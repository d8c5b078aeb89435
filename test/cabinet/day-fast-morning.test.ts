// Six virtual hours of traffic with 3.0 s yellows and 16 ms latency, the cabinet's clock 1 % fast:
// nothing has to wait at the cabinet. The four files day-* are a day.
import t from "tap";
import { runHours } from "./long-run.ts";

// The runner reads this comment: on a slow machine the run may take longer than its 60 s.
t.comment("timeout=240000");
t.setTimeout(240_000);

t.test("six hours with a cabinet that is 1 % fast", async (t) => {
  runHours(t, { hours: 6, clockRate: 1.01, seed: 41, latencyMs: () => 16 });
});

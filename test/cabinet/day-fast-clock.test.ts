// Twelve virtual hours of traffic with 3.0 s yellows and 16 ms latency, the cabinet's clock 1 %
// fast. The other half of the day is in day-slow-clock.test.ts.
import t from "tap";
import { runHours } from "./long-run.ts";

t.test("twelve hours with a cabinet that is 1 % fast", async (t) => {
  runHours(t, { hours: 12, clockRate: 1.01, seed: 32, latencyMs: () => 16 });
});

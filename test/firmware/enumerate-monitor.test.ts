// The monitor at two channels: every combination of sensed lamps at every state.
import t from "tap";
import { systemTest } from "../support/system.ts";
import { enumerate } from "./enumeration.ts";

systemTest(t, "every sensed lamp at every step of the monitor", async (t) => {
  const done = await enumerate(t, "monitor", []);
  t.equal(done.code, 0, done.output);
  t.comment(done.output.trim());
  const [, states] = /ok (\d+) states/.exec(done.output) ?? [];
  t.ok(Number(states) > 1_000_000, "states");
});

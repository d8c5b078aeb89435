// The lamp rules at four channels, every state of every table.
import t from "tap";
import { systemTest } from "../support/system.ts";
import { enumerate } from "./enumeration.ts";

systemTest(t, "every table of four channels, every frame and loss", async (t) => {
  const done = await enumerate(t, "lamps", ["4"]);
  t.equal(done.code, 0, done.output);
  t.comment(done.output.trim());
  const [, tables, states] = /ok (\d+) tables, (\d+) states/.exec(done.output) ?? [];
  t.ok(Number(tables) >= 90, "tables");
  t.ok(Number(states) > 500000, "states");
});

// What becomes a line on a terminal, and that each row is said once and in order.
import t from "tap";
import type { LogRow } from "../../src/log/events.ts";
import { Narrator, narrate } from "../../src/node/narration.ts";

function modeRow(seq: number): LogRow {
  return { seq, at: seq, kind: "mode", body: ["no-cabinet", `cause ${seq}`] };
}

t.test("rows of before the thread listened come first, each once", async (t) => {
  const said: string[] = [];
  const narrator = new Narrator(({ text }) => said.push(text));
  narrator.take([modeRow(3), modeRow(4)]);
  t.same(said, [], "held back until the earlier ones are there");
  t.equal(narrator.behind, true);
  narrator.caughtUp([modeRow(1), modeRow(2), modeRow(3)]);
  t.equal(narrator.behind, false);
  narrator.take([modeRow(4), modeRow(5)]);
  t.same(
    said,
    [1, 2, 3, 4, 5].map((seq) => `No cabinet: cause ${seq}`),
  );
});

t.test("a log that never answers fills no heap", async (t) => {
  const said: string[] = [];
  const narrator = new Narrator(({ text }) => said.push(text));
  for (let seq = 1; seq <= 5_000; seq += 1) narrator.take([modeRow(seq)]);
  narrator.caughtUp([]);
  t.equal(said.length, 1_000);
  t.equal(said.at(-1), "No cabinet: cause 5000");
});

t.test("ordinary modes are information, others a warning", async (t) => {
  const level = (mode: string) => narrate({ kind: "mode", body: [mode, null] })?.level;
  t.same(["starting", "controlled", "orderly-stop"].map(level), ["info", "info", "info"]);
  t.same(["no-cabinet", "failure-display"].map(level), ["warn", "warn"]);
  const order = ["flash", "4f", "operator:anna", 1, 2, new Uint8Array(9)];
  const from = (source: string) => narrate({ kind: "zone-order", body: [...order, source] })?.text;
  t.equal(from("operator"), "zone order 4f of operator:anna, given here");
  t.equal(from("b"), "zone order 4f of operator:anna, by way of b");
  t.equal(narrate({ kind: "code", body: [1, 2, null] }), null);
  t.equal(narrate({ kind: "cabinet", body: ["closed", "x"] }), null, "the mode says it");
});

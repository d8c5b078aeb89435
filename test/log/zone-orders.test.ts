// Orders for the zone in the log: the latest of each slot in the folded state, and the memory of
// commands that lasts as long as such an order lives.
import t from "tap";
import { decodeState, LogState } from "../../src/log/fold.ts";
import { stateFields } from "../../src/log/state-fields.ts";
import { command, folder, NOON_MS, withWriter } from "./support.ts";

const DAY_MS = 86_400_000;

function row(slot: string, id: string, notBefore: number): (string | number | Uint8Array)[] {
  const signed = new TextEncoder().encode(`${slot} ${id}`);
  return [slot, id, "operator:anna", notBefore, notBefore + 60_000, signed, "junction-2"];
}

function kept({ shared }: LogState): unknown[] {
  return [...shared.orders].map(([slot, { id, notBeforeMs, signed }]) => [
    slot,
    id,
    notBeforeMs,
    Buffer.from(signed).toString(),
  ]);
}

t.test("the fold keeps the latest of each slot, in whatever order they come", async (t) => {
  const without = new LogState();
  const bytes = without.encode();
  const rows = [row("flash", "02", 20), row("plan", "03", 5), row("flash", "01", 10)];
  const expected = [
    ["flash", "02", 20, "flash 02"],
    ["plan", "03", 5, "plan 03"],
  ];
  const one = new LogState();
  const other = new LogState();
  for (const body of rows) one.apply(NOON_MS, "zone-order", body);
  for (const body of rows.toReversed()) other.apply(NOON_MS, "zone-order", body);
  t.same(kept(one).sort(), expected);
  t.same(kept(other).sort(), expected);
  one.apply(NOON_MS, "zone-order", row("flash", "03", 20));
  t.same(kept(one).sort()[0], ["flash", "03", 20, "flash 03"], "of two at once the greater id");
  t.same(kept(decodeState(one.encode())).sort(), kept(one).sort());
  t.same(decodeState(bytes).encode(), bytes, "a state without any keeps its form");
  without.apply(NOON_MS, "revocation", ["4f", new Uint8Array(90), "zone"]);
  t.equal(without.shared.encode().length, 5, "as before there were any");
  const merged = new LogState();
  merged.shared.merge(other.shared);
  merged.shared.merge(one.shared);
  merged.shared.merge(other.shared);
  t.same(kept(merged).sort(), kept(one).sort());
  t.match(stateFields(one).get("zone order plan"), /^03 from 1970/);
});

t.test("a row that is none changes nothing", async (t) => {
  const state = new LogState();
  const good = row("flash", "01", 10);
  for (const [at, value] of [
    [0, "hold"],
    [1, 7],
    [3, -1],
    [3, "soon"],
    [5, "text"],
    [5, new Uint8Array(1_025)],
  ] as const) {
    state.apply(NOON_MS, "zone-order", good.with(at, value));
  }
  t.same(kept(state), []);
});

t.test("what came through the zone is remembered until a minute behind its end", async (t) => {
  const dir = folder(t);
  const given = command(1, {
    author: "operator:anna",
    via: "zone",
    expiresMs: NOON_MS + DAY_MS,
    body: { kind: "flash" },
  });
  const forgets = (nowMs: number) =>
    withWriter(dir, (writer) => {
      const other = command(nowMs);
      writer.transaction(nowMs, (add) => writer.commands.accept(other, nowMs, add));
      return writer.commands.judge(given)?.kind;
    });
  withWriter(dir, (writer) => {
    writer.transaction(NOON_MS, (add) => writer.commands.accept(given, NOON_MS, add));
    t.same(writer.commands.unfinished(), [given], "a crash comes between: it is found as it was");
    const reply = { id: given.id, ok: true, reason: null, atMs: NOON_MS };
    writer.transaction(NOON_MS, (add) => writer.commands.finish(given.author, reply, add));
  });
  t.equal(forgets(NOON_MS + DAY_MS + 59_999), "answered");
  t.equal(forgets(NOON_MS + DAY_MS + 60_000), undefined);
});

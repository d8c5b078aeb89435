// What a lost history is made of again, piece by piece, without a neighbour or a log behind it.
import t from "tap";
import type { LogPosition, MeshEffect, RawRow } from "../../src/mesh/mesh-types.ts";
import { Outbox } from "../../src/mesh/out.ts";
import { Recovery } from "../../src/mesh/recovery.ts";
import { decodeEnvelope } from "../../src/wire/envelope.ts";
import { edges, folder, NOON_MS, withWriter } from "../log/support.ts";

const ROOM = { rows: 1_000, bytes: 1_000_000 };

/** A history of two incarnations. */
function history(t: Parameters<typeof folder>[0]): readonly RawRow[] {
  const dir = folder(t);
  withWriter(dir, (writer) => writer.append(edges(20), NOON_MS));
  return withWriter(dir, (writer) => {
    writer.append(edges(5), NOON_MS);
    return writer.ownRows(null, ROOM).rows;
  });
}

function now(monoMs: number) {
  return { monoMs, wallMs: NOON_MS + monoMs };
}

function wanted(effects: readonly MeshEffect[]): string[] {
  return effects.flatMap((effect) =>
    effect.kind === "send" ? [String(decodeEnvelope(effect.bytes).kind)] : [],
  );
}

t.test("what was given into custody in this start does not come back", async (t) => {
  const rows = history(t);
  const old = rows.filter(({ incarnation }) => incarnation === 1);
  t.ok(old.length > 0 && old.length < rows.length);
  const out = new Outbox("a");
  out.incarnation = 2;
  const recovery = new Recovery(out);
  const tick = (ms: number) => recovery.tick(now(ms), ["b"], () => true);
  const held = old.at(-1) as LogPosition;
  recovery.start(null, now(0));
  tick(0);
  recovery.position("b", held, now(100));
  tick(1_100);
  t.same(wanted(out.drain()), ["custody-offer", "custody-want"]);
  recovery.rows("b", rows);
  const [recover] = out.drain();
  t.same(recover, { kind: "recover", custodian: "b", rows: old });
  recovery.recovered(held, now(1_200));
  t.same(wanted(out.drain()), ["custody-want"]);
  recovery.rows("b", rows.slice(old.length));
  t.notOk(recovery.running, "that was all");
});

t.test("nothing new is given to who keeps the old while that comes back", async (t) => {
  const out = new Outbox("a");
  out.incarnation = 2;
  const recovery = new Recovery(out);
  const held = { incarnation: 1, seq: 9, hash: "9".repeat(64) };
  t.ok(recovery.resume(held, null, now(0)));
  t.ok(recovery.resume(held, null, now(1)), "it goes on");
  recovery.position("b", null, now(10));
  recovery.tick(now(1_100), ["b"], () => true);
  t.notOk(recovery.running);
  t.notOk(recovery.resume(held, null, now(1_200)), "once in a start");
});

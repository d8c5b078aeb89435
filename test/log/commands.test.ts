// The memory of commands: one effect per id, whatever is repeated and whatever dies between.
import t from "tap";
import { plant } from "../../src/core/planted.ts";
import { isResumable, MAX_COMMANDS_PER_AUTHOR, type Verdict } from "../../src/log/commands.ts";
import type { LogWriter } from "../../src/log/writer.ts";
import type { Command } from "../../src/wire/command.ts";
import { command, folder, NOON_MS, withWriter } from "./support.ts";

function accept(writer: LogWriter, given: Command, nowMs = NOON_MS): Verdict {
  const known = writer.commands.judge(given);
  if (known !== null) return known;
  return writer.transaction(nowMs, (add) => writer.commands.accept(given, nowMs, add)).result;
}

function finish(writer: LogWriter, given: Command, reason: string | null): unknown {
  const reply = { id: given.id, ok: reason === null, reason, atMs: NOON_MS + 20 };
  return writer.transaction(NOON_MS, (add) => writer.commands.finish(given.author, reply, add))
    .result;
}

t.test(
  "acceptance, effect, result; a repeat gets the stored answer, also after a restart",
  async (t) => {
    const dir = folder(t);
    const given = command(1);
    withWriter(dir, (writer) => {
      t.same(accept(writer, given), { kind: "accepted" });
      t.same(accept(writer, given), { kind: "pending" });
      const reply = finish(writer, given, null);
      t.same(accept(writer, given), { kind: "answered", reply });
      t.same(finish(writer, given, "too late"), reply, "the first answer stands");
    });
    withWriter(dir, (writer) => {
      t.match(accept(writer, given), { kind: "answered", reply: { ok: true, atMs: NOON_MS + 20 } });
      const rows = writer.query({ from: null, kinds: ["command", "command-result"], limit: 9 });
      t.same(
        rows.map(({ kind, body }) => [kind, ...body]),
        [
          ["command", given.id, "operator", "mqtt", ["call", 2, false], NOON_MS, NOON_MS + 30_000],
          ["command-result", given.id, "operator", true, null],
        ],
      );
    });
  },
);

t.test(
  "the same id with another body is refused; the same id of another author is another",
  async (t) => {
    withWriter(folder(t), (writer) => {
      accept(writer, command(1));
      const other = command(1, { body: { kind: "flash" } });
      t.same(accept(writer, other), { kind: "refused", reason: "id was used for another command" });
      t.same(accept(writer, command(1, { author: "console" })), { kind: "accepted" });
    });
  },
);

t.test("200 per author, then busy; nothing is evicted until expiry and a minute", async (t) => {
  withWriter(folder(t), (writer) => {
    for (let id = 0; id < MAX_COMMANDS_PER_AUTHOR; id += 1) {
      accept(writer, command(id));
      finish(writer, command(id), null);
    }
    t.same(accept(writer, command(900)), { kind: "refused", reason: "busy" });
    t.equal(accept(writer, command(0)).kind, "answered");
    t.equal(accept(writer, command(901, { author: "console" })).kind, "accepted");
    const until = NOON_MS + 30_000 + 60_000;
    t.equal(accept(writer, command(900), until - 1).kind, "refused");
    t.equal(accept(writer, command(900), until).kind, "accepted");
    t.equal(writer.commands.judge(command(0)), null, "forgotten only now");
  });
});

t.test("10,000 in all, then busy for everybody", async (t) => {
  withWriter(folder(t), (writer) => {
    writer.transaction(NOON_MS, (add) => {
      for (let id = 0; id < 10_000; id += 1) {
        writer.commands.accept(command(id, { author: `author-${id % 50}` }), NOON_MS, add);
      }
    });
    const verdict = accept(writer, command(1, { author: "newcomer" }));
    t.same(verdict, { kind: "refused", reason: "busy" });
  });
});

t.test("an expiry far off does not lengthen the memory", async (t) => {
  withWriter(folder(t), (writer) => {
    const far = command(1, { expiresMs: NOON_MS + 86_400_000 });
    accept(writer, far);
    finish(writer, far, null);
    accept(writer, command(2), NOON_MS + 124_999);
    t.equal(writer.commands.judge(far)?.kind, "answered");
    accept(writer, command(3), NOON_MS + 125_000);
    t.equal(writer.commands.judge(far), null);
  });
});

t.test(
  "accepted and never answered: found after the restart, resumed only while unexpired",
  async (t) => {
    const dir = folder(t);
    withWriter(dir, (writer) => {
      accept(writer, command(1));
      accept(writer, command(2, { body: { kind: "flash" }, via: "console" }));
      accept(writer, command(3));
      finish(writer, command(3), "no");
    });
    withWriter(dir, (writer) => {
      const found = writer.commands.unfinished();
      t.same(found, [command(1), command(2, { body: { kind: "flash" }, via: "console" })]);
      t.ok(found.every((entry) => isResumable(entry, NOON_MS + 29_999)));
      t.notOk(found.some((entry) => isResumable(entry, NOON_MS + 30_000)));
      // Its seconds would begin again.
      const hold = command(4, { body: { kind: "hold", phase: 2, seconds: 60 } });
      t.notOk(isResumable(hold, NOON_MS));
    });
  },
);

t.test("a giver whose clock is ahead is remembered until a minute behind its expiry", async (t) => {
  withWriter(folder(t), (writer) => {
    const ahead = command(1, { issuedMs: NOON_MS + 5_000, expiresMs: NOON_MS + 65_000 });
    accept(writer, ahead);
    finish(writer, ahead, null);
    accept(writer, command(2), NOON_MS + 124_999);
    t.equal(writer.commands.judge(ahead)?.kind, "answered");
  });
});

t.test("without its memory a repeat would be done again: the planted fault shows", async (t) => {
  const dir = folder(t);
  withWriter(dir, (writer) => {
    accept(writer, command(1));
    finish(writer, command(1), null);
  });
  plant("dedup-forgotten");
  try {
    withWriter(dir, (writer) => t.equal(accept(writer, command(1)).kind, "accepted"));
  } finally {
    plant(null);
  }
});

t.test("an unanswered id is not forgotten: its answer is still to come", async (t) => {
  withWriter(folder(t), (writer) => {
    accept(writer, command(1));
    accept(writer, command(2), NOON_MS + 3_600_000);
    t.equal(writer.commands.judge(command(1))?.kind, "pending");
  });
});

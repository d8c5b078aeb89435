// Orders for the zone on their way into the log of commands: each until something durable is known
// of it, or its time is over.
import t from "tap";
import { ZoneDesk } from "../../src/node/zone-desk.ts";
import { Random } from "../../src/sim/random.ts";
import { VirtualTime } from "../../src/sim/time.ts";
import type { Command, Reply } from "../../src/wire/command.ts";
import { WALL_MS } from "../mesh/machines.ts";
import { timersOf } from "../mesh/virtual-timers.ts";

function commandOf(id: string): Command {
  const times = { issuedMs: WALL_MS, expiresMs: WALL_MS + 60_000 };
  return { id, author: "operator:anna", via: "zone", body: { kind: "flash" }, ...times };
}

/** A desk over a log that answers as `answer` says; what was asked and said. */
function rig(answer: (command: Command) => Partial<Reply> | null) {
  const time = new VirtualTime(new Random(1, "time"));
  const asked: string[] = [];
  const said: string[] = [];
  const desk = new ZoneDesk({
    timers: timersOf(time),
    carry: async (command) => {
      asked.push(command.id);
      const reply = answer(command);
      return reply && { id: command.id, ok: true, reason: null, atMs: 0, ...reply };
    },
    refused: ({ id }, reason) => said.push(`${id}: ${reason}`),
  });
  const run = async (ms: number) => {
    for (let left = ms; left > 0; left -= 1_000) {
      time.runUntil(time.nowMs + 1_000);
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  return { desk, asked, said, run };
}

t.test("one after the other, and each once", async (t) => {
  const { desk, asked, said, run } = rig(({ id }) =>
    id === "b" ? { ok: false, reason: "x" } : {},
  );
  desk.take([commandOf("a"), commandOf("b")]);
  desk.take([commandOf("c")]);
  await run(30_000);
  t.same(asked, ["a", "b", "c"]);
  t.same(said, ["b: x"]);
});

t.test("while the log takes nothing it is tried again, until it expires", async (t) => {
  let open = false;
  const { desk, asked, run } = rig(() => (open ? {} : null));
  desk.take([commandOf("a")]);
  await run(11_000);
  t.equal(asked.length, 3, "every five seconds");
  open = true;
  void desk.again();
  await run(20_000);
  t.equal(asked.length, 4);
  open = false;
  desk.take([commandOf("b")]);
  await run(60_000);
  const tries = asked.length;
  await run(60_000);
  t.equal(asked.length, tries, "its time is over");
  desk.take([{ ...commandOf("c"), expiresMs: WALL_MS + 3_600_000 }]);
  desk.close();
  await run(60_000);
  t.equal(asked.length, tries + 1, "closed");
});

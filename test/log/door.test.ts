// The service thread's way of a command, with a log whose answers are in the test's hands.
import t from "tap";
import type { ChannelPort } from "../../src/log/channel.ts";
import { LogDoor } from "../../src/log/door.ts";
import type { Answer, AskLog } from "../../src/log/messages.ts";
import type { Command } from "../../src/wire/command.ts";

const COMMAND: Command = {
  id: "0123456789abcdef0123456789abcdef",
  author: "operator",
  via: "mqtt",
  issuedMs: 1_000,
  expiresMs: 60_000,
  body: { kind: "flash" },
};

/** A door and the questions that came through it, each to be answered by hand. */
function rig(effect: () => Promise<string | null>) {
  const asked: AskLog[] = [];
  let hear: (value: unknown) => void = () => undefined;
  const port: ChannelPort = {
    postMessage: (value) => asked.push(value as AskLog),
    on: (_event, listen) => {
      hear = listen;
    },
    close: () => undefined,
  };
  const door = new LogDoor(effect);
  door.attach(port);
  const answer = async (give: (token: number) => Answer): Promise<AskLog["kind"]> => {
    const question = asked.shift();
    if (question === undefined || !("token" in question)) throw new Error("nothing was asked");
    hear(give(question.token));
    // The door goes on in promises.
    await new Promise((resolve) => setImmediate(resolve));
    return question.kind;
  };
  const say = (message: unknown): void => hear(message);
  return { door, answer, say };
}

t.test("an effect whose answer could not be kept is not repeated for a repeat", async (t) => {
  let effects = 0;
  const { door, answer } = rig(async () => {
    effects += 1;
    return null;
  });
  const first = door.run(COMMAND);
  await answer((token) => ({ kind: "verdict", token, verdict: { kind: "accepted" } }));
  t.equal(effects, 1);
  const kind = await answer((token) => ({ kind: "failed", token, reason: "the disk stands" }));
  t.equal(kind, "finish");
  t.match(await first, { ok: false, reason: "the disk stands" });
  const again = door.run(COMMAND);
  await answer((token) => ({ kind: "verdict", token, verdict: { kind: "pending" } }));
  t.equal(effects, 1, "it was carried out");
  const reply = { id: COMMAND.id, ok: true, reason: null, atMs: 5_000 };
  t.equal(await answer((token) => ({ kind: "finished", token, reply })), "finish");
  t.same(await again, reply);
});

t.test("a command that an earlier process took is carried out by the repeat", async (t) => {
  let effects = 0;
  const { door, answer } = rig(async () => {
    effects += 1;
    return null;
  });
  const reply = door.run(COMMAND);
  await answer((token) => ({ kind: "verdict", token, verdict: { kind: "pending" } }));
  t.equal(effects, 1);
  const stored = { id: COMMAND.id, ok: true, reason: null, atMs: 5_000 };
  await answer((token) => ({ kind: "finished", token, reply: stored }));
  t.same(await reply, stored);
});

t.test("a log that has just opened may name a command twice: it is carried out once", async (t) => {
  let effects = 0;
  const { door, answer, say } = rig(async () => {
    effects += 1;
    return null;
  });
  const reply = door.run(COMMAND);
  say({ kind: "resume", commands: [COMMAND] });
  await answer((token) => ({ kind: "verdict", token, verdict: { kind: "accepted" } }));
  t.equal(effects, 1);
  const stored = { id: COMMAND.id, ok: true, reason: null, atMs: 5_000 };
  t.equal(await answer((token) => ({ kind: "finished", token, reply: stored })), "finish");
  t.same(await reply, stored);
});

// Both lanes together: what goes where, and what a link is.
import t from "tap";
import { folder, testAuthority, writeKeyFolder } from "../../trust/keys.ts";
import { openLanes, until } from "./nodes.ts";

const PAIR = { a: ["b"], b: ["a"] };

t.test("once both sides have spoken, the fast lane carries what is to go fast", async (t) => {
  const { node } = await openLanes(t, await testAuthority(t), PAIR);
  const [a, b] = [node("a"), node("b")];
  await until(() => a.lanes.fast.has("b") && b.lanes.fast.has("a") && a.linked.has("b"));
  t.ok(a.lanes.send("b", "fast", Buffer.from("quick"), "control"));
  t.ok(a.lanes.send("b", "reliable", Buffer.from("sure"), "control"));
  await until(() => b.messages.length === 2);
  t.strictSame(
    new Set(b.messages.map(({ lane, text }) => `${lane} ${text}`)),
    new Set(["fast quick", "reliable sure"]),
  );
});

t.test("what is to go fast goes reliably until then", async (t) => {
  const { node } = await openLanes(t, await testAuthority(t), PAIR);
  const [a, b] = [node("a"), node("b")];
  await until(() => a.linked.has("b"));
  t.ok(a.lanes.send("b", "fast", Buffer.from("first"), "control"));
  await until(() => b.messages.length === 1);
  t.equal(b.messages[0]?.text, "first");
});

t.test("a revoked neighbour's keys end with its session", async (t) => {
  const authority = await testAuthority(t);
  const keys = await authority.issue("node", "b");
  const place = folder(t);
  writeKeyFolder(place, keys);
  const { node } = await openLanes(t, authority, PAIR, { b: { keyFolder: place } });
  const [a, b] = [node("a"), node("b")];
  await until(() => a.lanes.fast.has("b") && b.lanes.fast.has("a"));
  a.lanes.revoke(authority.revoke(keys));
  t.notOk(a.lanes.send("b", "fast", Buffer.from("to a thief"), "control"));
  await until(() => {
    // The fast lane of b learns that nobody answers there when it has something to say.
    b.lanes.send("a", "fast", Buffer.from("?"), "control");
    return a.linked.size === 0 && b.linked.size === 0;
  });
  t.notOk(a.lanes.fast.has("b"));
  t.same(b.messages, []);
});

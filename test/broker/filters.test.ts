import fc from "fast-check";
import t from "tap";
import { covers, isTopicFilter, isTopicName, matches } from "../../src/broker/filters.ts";
import { TopicTree } from "../../src/broker/topic-tree.ts";
import { fitsPattern } from "../../src/core/site/client-pattern.ts";

const level = fc.constantFrom("a", "b", "", "c$");
const topic = fc.array(level, { minLength: 1, maxLength: 4 }).map((levels) => levels.join("/"));
const filter = fc
  .tuple(fc.array(fc.oneof(level, fc.constant("+")), { minLength: 1, maxLength: 4 }), fc.boolean())
  .map(([levels, rest]) => [...levels, ...(rest ? ["#"] : [])].join("/"))
  .filter((text) => text !== "");

t.test("matching, by example of the standard's section 4.7", async (t) => {
  const yes: readonly [string, string][] = [
    ["sport/tennis/player1/#", "sport/tennis/player1"],
    ["sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon"],
    ["sport/#", "sport"],
    ["#", "sport"],
    ["sport/tennis/+", "sport/tennis/player1"],
    ["+/+", "/finance"],
    ["/+", "/finance"],
    ["$SYS/#", "$SYS/monitor"],
  ];
  const no: readonly [string, string][] = [
    ["sport/tennis/+", "sport/tennis/player1/ranking"],
    ["sport/+", "sport"],
    ["+", "/finance"],
    ["#", "$SYS/monitor"],
    ["+/monitor/Clients", "$SYS/monitor/Clients"],
  ];
  for (const [given, name] of yes) t.ok(matches(given, name), `${given} ${name}`);
  for (const [given, name] of no) t.notOk(matches(given, name), `${given} ${name}`);
});

t.test("what is a topic and what is a filter", async (t) => {
  for (const good of ["a", "/", "a/b c/d", "+", "#", "a/+/b", "+/#", "/#"]) {
    t.ok(isTopicFilter(good), good);
  }
  for (const bad of ["", "a#", "a/#/b", "#/a", "a+", "+a", "a/b+/c", "x/".repeat(40)]) {
    t.notOk(isTopicFilter(bad), bad);
  }
  for (const bad of ["", "a/+", "#", "x/".repeat(40)]) t.notOk(isTopicName(bad), bad);
  t.ok(isTopicName("a/b"));
});

t.test("a filter covers another exactly when it matches all of its topics", async (t) => {
  fc.assert(
    fc.property(filter, filter, topic, (outer, inner, name) => {
      return !(covers(outer, inner) && matches(inner, name)) || matches(outer, name);
    }),
    { numRuns: 3_000 },
  );
  t.ok(covers("a/#", "a/+/b"));
  t.ok(covers("a/#", "a"));
  t.ok(covers("a/+", "a/b"));
  t.notOk(covers("a/+", "a/#"));
  t.notOk(covers("a/b", "a/+"));
  t.notOk(covers("a/#", "#"));
  t.notOk(covers("#", "$SYS/#"));
});

t.test("the tree finds exactly what matching says", async (t) => {
  fc.assert(
    fc.property(fc.uniqueArray(filter, { maxLength: 12 }), fc.nat(20), topic, (all, cut, name) => {
      const tree = new TopicTree<string>();
      for (const entry of all) tree.add(entry, entry);
      const removed = new Set(all.slice(0, cut % (all.length + 1)));
      for (const entry of removed) tree.remove(entry, entry);
      const expected = all.filter((entry) => !removed.has(entry) && matches(entry, name));
      t.strictSame(tree.match(name).sort(), expected.sort());
    }),
    { numRuns: 500 },
  );
});

t.test("client id patterns", async (t) => {
  t.ok(fitsPattern("*", ""));
  t.ok(fitsPattern("loop-*", "loop-7"));
  t.ok(fitsPattern("a*b*c", "a1b2c"));
  t.ok(fitsPattern("*x", "xx"));
  t.notOk(fitsPattern("loop-*", "loop"));
  t.notOk(fitsPattern("a*a", "a"), "the ends may not overlap");
  t.notOk(fitsPattern("a*b*c", "acb"));
  t.notOk(fitsPattern("one", "two"));
});

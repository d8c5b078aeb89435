import t from "tap";
import {
  type Act,
  type Happening,
  type Machine,
  type Pending,
  type Reading,
  STEADY_MS,
  step,
} from "../../src/cli/update-machine.ts";

const WELL: Reading = { active: true, pid: 7, well: true, says: "ok" };
const DARK: Reading = { active: true, pid: 7, well: false, says: "No cabinet" };
const DEAD: Reading = { active: false, pid: 0, well: false, says: "the service is failed" };
const WATCH_MS = 180_000;

function begun(before: Reading, change: Partial<Pending> = {}): Machine {
  const pending: Pending = {
    phase: "installing",
    file: "a.deb",
    from: "1.0.0",
    to: "1.1.0",
    sha256: "aa",
    previousSha256: "bb",
    before,
    tries: 1,
    why: null,
    watchMs: WATCH_MS,
    ...change,
  };
  return { pending, watch: null };
}

/** Plays happenings one after another, and what is seen every two seconds, until the end. */
function play(start: Machine, first: Happening, seen: (atMs: number) => Reading): string[] {
  const acts: string[] = [];
  let [machine, nowMs] = [start, 0];
  let next: Happening | null = first;
  while (next !== null) {
    const { machine: after, act }: { machine: Machine; act: Act } = step(machine, next, nowMs);
    machine = after;
    if (act.kind !== "look") acts.push(act.kind === "end" ? `${act.result}: ${act.why}` : act.kind);
    if (act.kind === "look") {
      nowMs += act.afterMs;
      next = { kind: "looked", reading: seen(nowMs) };
    } else if (act.kind === "end") {
      next = null;
    } else {
      next = { kind: act.kind === "install" ? "installed" : "restored", problem: null };
    }
  }
  return acts;
}

t.test("a version that stays well for half a minute stays", async (t) => {
  t.same(
    play(begun(WELL), { kind: "begun" }, () => WELL),
    ["install", "good: ok"],
  );
  const slow = (atMs: number): Reading => (atMs < 100_000 ? DEAD : WELL);
  t.same(play(begun(WELL), { kind: "begun" }, slow), ["install", "good: ok"]);
});

t.test("one that is not well in time is taken back", async (t) => {
  const why = "not healthy within 3 minutes";
  const back = (says: string): string[] => ["install", "restore", `fell-back: ${why}: ${says}`];
  t.same(
    play(begun(WELL), { kind: "begun" }, () => DEAD),
    back("the service is failed"),
  );
  t.same(
    play(begun(WELL), { kind: "begun" }, () => DARK),
    back("No cabinet"),
  );
  const flaps = (atMs: number): Reading => ({ ...WELL, pid: Math.floor(atMs / 20_000) });
  t.same(play(begun(WELL), { kind: "begun" }, flaps), back("ok"), "it dies every 20 s");
});

t.test("a fault that was there before is no fault of the new version", async (t) => {
  t.same(
    play(begun(DARK), { kind: "begun" }, () => DARK),
    ["install", "good: No cabinet"],
  );
  const worse = play(begun(DARK), { kind: "begun" }, () => DEAD);
  t.same(worse.slice(0, 2), ["install", "restore"]);
});

t.test("what dpkg refuses is taken back at once", async (t) => {
  const { machine, act } = step(begun(WELL), { kind: "installed", problem: "dpkg: no space" }, 0);
  t.same(act, { kind: "restore" });
  t.match(machine.pending, { phase: "falling-back", why: "dpkg: no space", tries: 1 });
});

t.test("a power cut goes on where it was, a bounded number of times", async (t) => {
  const after = (change: Partial<Pending>): Act =>
    step(begun(WELL, change), { kind: "resumed" }, 0).act;
  t.same(after({ phase: "installing", tries: 1 }), { kind: "install" });
  t.same(after({ phase: "installing", tries: 2 }), { kind: "restore" });
  t.same(after({ phase: "watching", tries: 1 }), { kind: "look", afterMs: 0 });
  t.same(after({ phase: "watching", tries: 3 }), { kind: "restore" });
  t.same(after({ phase: "falling-back", tries: 1, why: "x" }), { kind: "restore" });
  t.match(after({ phase: "falling-back", tries: 3, why: "x" }), { kind: "end", result: "stuck" });
});

t.test("each resumed try is counted before the act", async (t) => {
  const { machine } = step(begun(WELL, { phase: "watching", tries: 2 }), { kind: "resumed" }, 0);
  t.equal(machine.pending.tries, 3);
});

t.test("going back is tried three times, then a person is asked for", async (t) => {
  let machine = begun(WELL, { phase: "falling-back", why: "it died" });
  for (const tries of [2, 3]) {
    const again = step(machine, { kind: "restored", problem: "dpkg: locked" }, 0);
    t.same(again.act, { kind: "restore" });
    t.equal(again.machine.pending.tries, tries);
    machine = again.machine;
  }
  const { act } = step(machine, { kind: "restored", problem: "dpkg: locked" }, 0);
  t.same(act, { kind: "end", result: "stuck", why: "it died; then: dpkg: locked" });
});

t.test("half a minute counts from the first good look of one process", async (t) => {
  let { machine } = step(begun(WELL, { phase: "watching" }), { kind: "looked", reading: WELL }, 0);
  ({ machine } = step(machine, { kind: "looked", reading: WELL }, 2_000));
  const early = step(machine, { kind: "looked", reading: WELL }, STEADY_MS + 1_000);
  t.equal(early.act.kind, "look");
  const late = step(machine, { kind: "looked", reading: WELL }, STEADY_MS + 2_000);
  t.match(late.act, { kind: "end", result: "good" });
});

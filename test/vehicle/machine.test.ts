// One vehicle as a machine: hand-over from junction to junction, when it decides, what it reports.
import fc from "fast-check";
import t from "tap";
import { LAMP } from "../../src/core/site/lamps.ts";
import {
  type Decision,
  type VehicleEffect,
  type VehicleEvent,
  VehicleMachine,
} from "../../src/vehicle/machine.ts";
import { USUAL_LIMITS } from "../../src/vehicle/motion.ts";
import type { Route } from "../../src/vehicle/route.ts";
import { mapFromSite } from "../../src/wire/map.ts";
import { testSite } from "../broker/support.ts";
import { junction, link, route } from "./street.ts";
import { phase, spat } from "./true-lamp.ts";

const ROW = route("row", [
  link("a", "j1"),
  link("b", "j2"),
  link("c", "j3"),
  link("d", "j4"),
  link("e", null),
]);
const key = (id: string): string => `test/zone/${id}`;

/** A machine with a clock, a record of its effects, and nodes that answer at once if told to. */
class Drive {
  nowMs = 0;
  readonly effects: VehicleEffect[] = [];
  readonly subscribed = new Set<string>();
  readonly connected = new Set<string>();
  atM = 0;
  readonly machine: VehicleMachine;
  #sequence = 0;

  constructor(routes: readonly [Route, ...Route[]], reportEveryMs = Number.POSITIVE_INFINITY) {
    this.machine = new VehicleMachine({ routes, limits: USUAL_LIMITS, reportEveryMs });
    this.step({ kind: "tick" });
  }

  step(event: VehicleEvent): VehicleEffect[] {
    const now = { monoMs: this.nowMs, wallMs: 1_790_000_000_000 + this.nowMs };
    const effects = this.machine.step(event, now);
    for (const effect of effects) {
      if (effect.kind === "subscribe") this.subscribed.add(effect.junction.id);
      if (effect.kind === "unsubscribe") this.subscribed.delete(effect.junction.id);
    }
    this.effects.push(...effects);
    return effects;
  }

  /** Up or down, if it isn't already. */
  connection(id: string, up: boolean): void {
    if (up === this.connected.has(id)) return;
    if (up) this.up(id);
    else this.down(id);
  }

  down(id: string): void {
    this.connected.delete(id);
    this.subscribed.delete(id);
    this.step({ kind: "connection", url: junction(id).url, up: false });
  }

  /** The connection comes up; the node answers the SUBSCRIBE with a SPaT. */
  up(id: string, state: number = LAMP.green): void {
    this.connected.add(id);
    const effects = this.step({ kind: "connection", url: junction(id).url, up: true });
    const ask = effects.find((effect) => effect.kind === "subscribe")?.ask ?? 0;
    this.step({ kind: "granted", key: key(id), ask });
    this.say(id, state);
  }

  say(id: string, state: number, ends = {}): VehicleEffect[] {
    this.#sequence += 1;
    const phases = [phase(state as 0, ends)];
    const message = spat({ sequence: this.#sequence, monoMs: this.nowMs + 9, phases });
    return this.step({ kind: "spat", key: key(id), spat: message });
  }

  at(atM: number, place: { latDeg: number; lonDeg: number } | null = null): VehicleEffect[] {
    this.atM = atM;
    const known = place === null ? null : { ...place, headingDeg: 90 };
    return this.step({ kind: "position", atM, speedMps: 10, place: known });
  }

  /** Wakes as it asked to be, until it does this. */
  sleepUntil<K extends VehicleEffect["kind"]>(kind: K): VehicleEffect & { kind: K } {
    for (let round = 0; round < 20; round += 1) {
      this.nowMs = this.all("wake").at(-1)?.atMs ?? 0;
      const found = this.step({ kind: "tick" }).find((effect) => effect.kind === kind);
      if (found !== undefined) return found as VehicleEffect & { kind: K };
    }
    throw new Error(`no ${kind}`);
  }

  all<K extends VehicleEffect["kind"]>(kind: K): (VehicleEffect & { kind: K })[] {
    return this.effects.filter((effect) => effect.kind === kind) as (VehicleEffect & { kind: K })[];
  }

  decision(): Decision | undefined {
    return this.all("decide").at(-1)?.decision;
  }
}

t.test("it connects to the lines ahead, and subscribes when a connection is up", async (t) => {
  const drive = new Drive([ROW]);
  t.same(
    drive.all("connect").map((effect) => effect.junction.id),
    ["j1", "j2", "j3", "j4"],
    "two at least, and 800 m",
  );
  t.same(drive.all("subscribe"), []);
  drive.up("j1");
  t.match(drive.all("subscribe"), [{ junction: { id: "j1" }, first: true }]);
  t.match(drive.decision(), { cause: "spat", junction: key("j1"), light: { light: "green" } });
});

t.test("the line after the next is listened to, however far it is", async (t) => {
  const long = ["a", "b", "c"].map((id) => ({ ...link(id, `j-${id}`), lengthM: 5_000 }));
  const drive = new Drive([route("long", long)]);
  t.equal(drive.all("connect").length, 2);
});

t.test("a connection that comes back is subscribed anew at once", async (t) => {
  const drive = new Drive([ROW]);
  drive.up("j1");
  drive.nowMs += 10;
  drive.down("j1");
  drive.nowMs += 10;
  drive.up("j1");
  t.ok(drive.subscribed.has("j1"));
  t.match(drive.all("subscribe").at(-1), { first: true });
});

t.test("hand-over: the last is left when the next have been heard, not before", async (t) => {
  const drive = new Drive([ROW]);
  for (const id of ["j1", "j2", "j3"]) drive.up(id);
  drive.at(250);
  t.ok(drive.subscribed.has("j1"), "j4 has not been heard");
  drive.up("j4");
  t.notOk(drive.subscribed.has("j1"));
  t.match(drive.all("disconnect"), [{ url: junction("j1").url }]);
  drive.at(450);
  t.notOk(drive.subscribed.has("j2"), "all that follow are heard");
  t.match(drive.decision(), { junction: key("j3"), light: { light: "green" } });
  drive.at(900);
  t.match(drive.decision(), { junction: null, light: null, advice: { kind: "go" } });
});

t.test("at no place is the next line not subscribed, whatever the order of things", async () => {
  const moves = fc.array(
    fc.oneof(
      fc.record({ kind: fc.constant("move" as const), byM: fc.integer({ min: 0, max: 60 }) }),
      fc.record({
        kind: fc.constantFrom("up" as const, "down" as const),
        id: fc.constantFrom("j1", "j2", "j3", "j4"),
      }),
    ),
    { minLength: 1, maxLength: 60 },
  );
  fc.assert(
    fc.property(moves, (taken) => {
      const drive = new Drive([ROW]);
      for (const move of taken) {
        drive.nowMs += 20_000;
        if (move.kind === "move") drive.at(drive.atM + move.byM);
        else drive.connection(move.id, move.kind === "up");
        const next = drive.decision()?.junction?.split("/").at(-1) ?? "";
        if (!drive.connected.has(next) || drive.subscribed.has(next)) continue;
        throw new Error(`${next} is not subscribed at ${drive.atM} m`);
      }
    }),
    { numRuns: 300 },
  );
});

t.test("it decides on each message and position, and when a belief runs out", async (t) => {
  const drive = new Drive([ROW]);
  drive.up("j1");
  const count = () => drive.all("decide").length;
  const before = count();
  drive.say("j1", LAMP.green);
  drive.at(10);
  t.equal(count(), before + 2);
  const wakeMs = drive.all("wake").at(-1)?.atMs ?? 0;
  t.ok(wakeMs > drive.nowMs && wakeMs <= drive.nowMs + 1_000, "woken when it may run out");
  drive.nowMs = wakeMs - 1;
  drive.step({ kind: "tick" });
  t.equal(count(), before + 2, "nothing has changed yet");
  drive.nowMs = wakeMs;
  drive.step({ kind: "tick" });
  t.match(drive.decision(), { cause: "tick", light: { light: "unknown", doubt: "expired" } });
  t.equal(count(), before + 3);
});

t.test("a decision says whether its message showed something new", async (t) => {
  const drive = new Drive([ROW]);
  drive.up("j1");
  t.match(drive.decision()?.spat, { changed: false }, "the answer to SUBSCRIBE");
  const lamps = [LAMP.green];
  const say = (sequence: number, shown: (typeof LAMP.green | typeof LAMP.red)[]) =>
    drive.step({
      kind: "spat",
      key: key("j1"),
      spat: spat({ sequence, monoMs: 9, lamps: shown }),
    });
  say(10, lamps);
  t.match(drive.decision()?.spat, { changed: true });
  say(11, lamps);
  t.match(drive.decision()?.spat, { changed: false, sequence: 11 });
  say(12, [LAMP.red]);
  t.match(drive.decision()?.spat, { changed: true });
});

t.test("a channel that is not proven is asked again, with growing pauses", async (t) => {
  const drive = new Drive([ROW]);
  const up = drive.step({ kind: "connection", url: junction("j1").url, up: true });
  let ask = up.find((effect) => effect.kind === "subscribe")?.ask ?? 0;
  const pauses: number[] = [];
  for (let round = 0; round < 5; round += 1) {
    const askedMs = drive.nowMs;
    drive.nowMs += 600;
    drive.step({ kind: "granted", key: key("j1"), ask });
    drive.say("j1", LAMP.green);
    t.match(drive.decision()?.light, { doubt: "unproven" }, "600 ms of round trip");
    const again = drive.sleepUntil("subscribe");
    t.match(again, { first: false });
    ask = again.ask;
    pauses.push(drive.nowMs - askedMs);
  }
  t.same(pauses, [1_000, 2_000, 4_000, 8_000, 16_000]);
});

t.test("approach and movement become a phase with the node's map", async (t) => {
  const by = { approach: "north", movement: "through" } as const;
  const end = { junction: junction("j1"), by };
  const drive = new Drive([route("one", [{ id: "a", lengthM: 200, speedMps: 10, end }])]);
  drive.up("j1");
  t.match(drive.decision()?.light, { doubt: "no-phase" });
  drive.step({ kind: "map", key: key("j1"), map: mapFromSite(testSite()) });
  t.match(drive.decision(), { cause: "map", light: { light: "green" } });
});

t.test("leaving the zone ends belief at once; entering brings a fresh message", async (t) => {
  const drive = new Drive([ROW]);
  drive.up("j1");
  const notice = { zone: "old-town", atWallMs: 0 };
  drive.step({ kind: "notice", key: key("j1"), notice: { ...notice, kind: "zone-left" } });
  t.match(drive.decision(), { light: { light: "unknown", doubt: "left-zone" } });
  drive.step({ kind: "notice", key: key("j1"), notice: { ...notice, kind: "zone-entered" } });
  t.match(drive.decision(), { light: { light: "unknown" } });
  drive.say("j1", LAMP.green);
  t.match(drive.decision(), { light: { light: "green" } });
});

t.test("what was asked for outside a zone is asked for anew on entering, at once", async (t) => {
  const drive = new Drive([ROW]);
  drive.step({ kind: "connection", url: junction("j1").url, up: true });
  // Asked again and again without an answer: the pauses have grown.
  for (let round = 0; round < 4; round += 1) drive.sleepUntil("subscribe");
  drive.nowMs += 1;
  const notice = { kind: "zone-entered", zone: "old-town", atWallMs: 0 } as const;
  const effects = drive.step({ kind: "notice", key: key("j1"), notice });
  t.match(
    effects.find((effect) => effect.kind === "subscribe"),
    { junction: { id: "j1" }, first: true },
    "all of it, also what is retained",
  );
});

t.test("the faster of two routes, and its junctions", async (t) => {
  const around = route("around", [link("a", "j1"), link("x", "j9"), link("y", null)]);
  const direct = route("direct", [link("a", "j1"), link("b", "j2"), link("c", null)]);
  const drive = new Drive([direct, around]);
  t.same(
    drive.all("connect").map((effect) => effect.junction.id),
    ["j1", "j2", "j9"],
  );
  for (const id of ["j1", "j2", "j9"]) drive.up(id);
  drive.say("j9", LAMP.green, { earliestMs: 900_000, likelyMs: 900_000 });
  drive.say("j2", LAMP.red, { likelyMs: 120_000 });
  t.match(drive.decision(), { route: "around", junction: key("j1") });
  drive.at(210);
  t.match(drive.decision(), { route: "around", junction: key("j9") });
  drive.say("j2", LAMP.green, { earliestMs: 900_000, likelyMs: 900_000 });
  drive.say("j9", LAMP.red, { likelyMs: 120_000 });
  t.equal(drive.decision()?.route, "around", "the fork lies behind it");
});

t.test("reports to every node ahead, to be in the next zone in time", async (t) => {
  const drive = new Drive([ROW], 1_000);
  drive.up("j1");
  drive.up("j2");
  const place = { latDeg: 50, lonDeg: 14 };
  for (; drive.nowMs < 3_000; drive.nowMs += 100) drive.at(10, place);
  const reports = drive.all("report").map(({ junction: { id }, report }) => [id, report.sequence]);
  t.same(reports, [
    ["j1", 1],
    ["j2", 2],
    ["j1", 3],
    ["j2", 4],
    ["j1", 5],
    ["j2", 6],
  ]);
});

t.test("reports at their rate, and a node that refuses them is left alone", async (t) => {
  const drive = new Drive([ROW], 1_000);
  drive.up("j1");
  t.same(drive.all("report"), [], "no place, no report");
  const place = { latDeg: 50, lonDeg: 14 };
  for (; drive.nowMs < 5_000; drive.nowMs += 100) drive.at(10, place);
  t.same(
    drive.all("report").map(({ report }) => report.sequence),
    [1, 2, 3, 4, 5],
  );
  t.match(drive.all("report").at(-1), {
    junction: { id: "j1" },
    report: { ...place, speedMps: 10 },
  });
  drive.down("j1");
  t.equal(drive.machine.counts().reportsRefused, 0, "this one took them");
  drive.up("j1");
  t.equal(drive.all("report").length, 6, "as soon as it is back");
  drive.nowMs += 10;
  drive.down("j1");
  t.equal(drive.machine.counts().reportsRefused, 1, "closed on the first");
  drive.up("j1");
  for (let step = 0; step < 590; step += 1, drive.nowMs += 100) drive.at(10, place);
  t.equal(drive.all("report").length, 6, "a minute of rest");
  for (let step = 0; step < 20; step += 1, drive.nowMs += 100) drive.at(10, place);
  t.ok(drive.all("report").length > 6);
});

// One vehicle's presence: what it enters and leaves, what is refused.
import t from "tap";
import {
  type PositionReport,
  PRESENCE_BOUNDS,
  Presence,
  type PresenceEffect,
} from "../../src/core/zones/presence.ts";
import { ZoneSet } from "../../src/core/zones/zone-set.ts";
import { HALF_M, reportAt, SQUARE, WALL_MS } from "./reports.ts";
import { squareZone } from "./shapes.ts";

const { silenceMs, maxAgeMs, maxAheadMs, maxSpeedMps, noiseM } = PRESENCE_BOUNDS;

/** A vehicle that reports once a second what it is told. */
class Journey {
  readonly presence: Presence;
  #second = 0;

  constructor(zones = SQUARE) {
    this.presence = new Presence(zones);
  }

  get now() {
    return { monoMs: this.#second * 1_000, wallMs: WALL_MS + this.#second * 1_000 };
  }

  at(eastM: number, parts: Partial<PositionReport> = {}): string[] {
    this.#second += 1;
    const honest = reportAt(eastM, this.#second, this.#second * 1_000);
    const report = { ...honest, ...parts };
    return this.presence.step({ kind: "position", report }, this.now).map(words);
  }

  silent(seconds: number): string[] {
    this.#second += seconds;
    return this.presence.step({ kind: "time" }, this.now).map(words);
  }
}

function words(effect: PresenceEffect): string {
  switch (effect.kind) {
    case "entered":
      return `entered ${effect.zone}${effect.claimed ? " as claimed" : ""}`;
    case "left":
      return `left ${effect.zone} by ${effect.cause}`;
    case "refused":
      return effect.reason;
    case "confirmed":
      return "confirmed";
  }
}

t.test("the first position is a claim, the second that agrees confirms it", async (t) => {
  const journey = new Journey();
  t.equal(journey.presence.standing, "unknown");
  t.equal(journey.presence.silentAtMs, null);
  t.same(journey.at(0), ["entered square as claimed"]);
  t.match(journey.presence, { standing: "claimed", inside: 1 });
  t.same(journey.at(10), ["confirmed"]);
  t.match(journey.presence, { standing: "confirmed", inside: 1 });
  t.same(journey.at(20), []);
});

t.test("a claim that the next position contradicts confirms nothing", async (t) => {
  const journey = new Journey();
  journey.at(0);
  t.same(journey.at(5_000), ["too-fast"]);
  t.match(journey.presence, { standing: "claimed", inside: 1 });
  t.same(journey.silent(5), ["left square by silence"]);
  t.same(journey.at(5_000), []);
  t.equal(journey.presence.standing, "claimed");
});

t.test("in at the edge, out beyond the hysteresis", async (t) => {
  const journey = new Journey();
  t.same(journey.at(HALF_M + 20), []);
  t.same(journey.at(HALF_M + 1), ["confirmed"]);
  t.same(journey.at(HALF_M - 1), ["entered square"]);
  t.same(journey.at(HALF_M + 1), []);
  t.same(journey.at(HALF_M + 14.9), []);
  t.same(journey.at(HALF_M + 15.2), ["left square by position"]);
  t.same(journey.at(HALF_M + 1), []);
});

t.test("silence is leaving, counted from when the position was measured", async (t) => {
  const journey = new Journey();
  journey.at(0);
  journey.at(0);
  t.equal(journey.presence.silentAtMs, 2_000 + silenceMs);
  t.same(journey.silent(4), []);
  t.same(journey.silent(1), ["left square by silence"]);
  t.match(journey.presence, { standing: "unknown", inside: 0 });
  t.same(journey.silent(1), []);
  t.same(journey.at(0, { sequence: 2 }), ["older-sequence"], "silence forgets no sequence");
  t.same(journey.at(0), ["entered square as claimed"]);
  const late = new Journey();
  late.at(0, { atMs: WALL_MS - 500 });
  t.equal(late.presence.silentAtMs, 1_000 + silenceMs - 1_500);
});

t.test("a position after a silence that nobody looked at begins with a claim, too", async (t) => {
  const journey = new Journey();
  journey.at(0);
  journey.at(0);
  const presence = journey.presence;
  const now = { monoMs: 60_000, wallMs: WALL_MS + 60_000 };
  const effects = presence.step({ kind: "position", report: reportAt(0, 9, 60_000) }, now);
  t.same(effects.map(words), ["left square by silence", "entered square as claimed"]);
});

t.test("every reason to refuse a report, and none changes anything", async (t) => {
  const journey = new Journey();
  journey.at(0);
  journey.at(0);
  const cases: [Partial<PositionReport>, string][] = [
    [{ latDeg: Number.NaN }, "malformed"],
    [{ latDeg: 90.1 }, "malformed"],
    [{ lonDeg: -180.1 }, "malformed"],
    [{ speedMps: -1 }, "malformed"],
    [{ sequence: 1.5 }, "malformed"],
    [{ atMs: Number.POSITIVE_INFINITY }, "malformed"],
    [{ sequence: 2 }, "older-sequence"],
    [{ sequence: 0 }, "older-sequence"],
    [{ atMs: 0 }, "too-old"],
    [{ atMs: WALL_MS + 60_000 }, "from-the-future"],
    [{ speedMps: maxSpeedMps + 1 }, "too-fast"],
    [{ latDeg: 1 }, "too-fast"],
  ];
  for (const [parts, reason] of cases) {
    const own = new Journey();
    own.at(0);
    own.at(0);
    t.same(own.at(0, parts), [reason], JSON.stringify(parts));
    t.match(own.presence, { standing: "confirmed", inside: 1, silentAtMs: 7_000 });
    t.same(own.at(0), [], "and an honest one follows");
  }
  t.same(journey.at(0, { atMs: WALL_MS + 2_000 }), ["not-later"]);
});

t.test("at the bounds of age, future and speed a report is taken", async (t) => {
  const old = new Journey();
  t.same(old.at(0, { atMs: WALL_MS + 1_000 - maxAgeMs }), ["entered square as claimed"]);
  const ahead = new Journey();
  t.same(ahead.at(0, { atMs: WALL_MS + 1_000 + maxAheadMs }), ["entered square as claimed"]);
  const fast = new Journey();
  fast.at(0);
  t.same(fast.at(maxSpeedMps + noiseM - 1), ["confirmed"]);
  t.same(fast.at(2 * (maxSpeedMps + noiseM) + 1), ["too-fast"]);
});

t.test("while the clock is unsure, age is not judged and stamps give no reach", async (t) => {
  const presence = new Presence(SQUARE);
  const step = (eastM: number, sequence: number, atMs: number, monoMs: number) =>
    presence
      .step({ kind: "position", report: reportAt(eastM, sequence, atMs) }, { monoMs, wallMs: null })
      .map(words);
  t.same(step(0, 1, 1e9, 0), ["entered square as claimed"]);
  t.same(step(10, 2, 1e9 + 1_000, 1_000), ["confirmed"]);
  t.same(step(100_000, 3, 9e9, 2_000), ["too-fast"]);
  t.same(step(10, 3, 1e9, 2_000), ["not-later"]);
});

t.test("a drive over the dateline is no leap", async (t) => {
  const over = [179.9982, -179.9982];
  const outline = [-16.0018, -15.9982].flatMap((latDeg, at) =>
    (at === 0 ? over : over.toReversed()).map((lonDeg) => ({ latDeg, lonDeg })),
  );
  const journey = new Journey(new ZoneSet([squareZone("over", { outline })]));
  const drive = (lonDeg: number) => journey.at(0, { latDeg: -16, lonDeg });
  t.same(drive(179.9978), []);
  t.same(drive(179.9985), ["confirmed", "entered over"]);
  for (const lonDeg of [179.9993, 180, -179.9993, -179.9985, -179.9981]) t.same(drive(lonDeg), []);
  t.same(drive(-179.9976), ["left over by position"]);
});

t.test("each zone for itself, in the order of the site", async (t) => {
  const wide = squareZone("wide", { hysteresisM: 100 });
  const journey = new Journey(new ZoneSet([squareZone("narrow", { hysteresisM: 0 }), wide]));
  t.same(journey.at(0), ["entered narrow as claimed", "entered wide as claimed"]);
  journey.at(60);
  journey.at(120);
  t.same(journey.at(HALF_M + 1), ["left narrow by position"]);
  t.equal(journey.presence.inside, 2);
  t.same(journey.at(HALF_M + 99), []);
  t.same(journey.at(HALF_M + 101), ["left wide by position"]);
});

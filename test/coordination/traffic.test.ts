// The estimate of a phase's traffic: who is counted once, who twice, and who waits.
import t from "tap";
import { corridorSites } from "../../bench/support/corridor-sites.ts";
import { PhaseTraffic } from "../../src/core/coordination/traffic.ts";
import { phaseOf, type SiteModel } from "../../src/core/site/model.ts";
import type { PhaseView } from "../../src/core/site/view.ts";

const [found] = corridorSites();
if (found === undefined) throw new Error("the corridor has no junctions");
const ALL = found;
/** Without its upstream detectors. */
const SITE = { ...ALL, detectors: ALL.detectors.filter(({ setbackM }) => setbackM === null) };
/** Northbound through: two lanes, one advance and one presence detector over both. */
const PHASE = phaseOf(SITE, 6);
const ADVANCE = 16;
const PRESENCE = 6;
/** Over the advance detector at the approach's speed, ms. */
const PASSING_MS = 470;
const RED = { phase: 6, state: "red", sinceMs: 0 } as unknown as PhaseView;
const GREEN = { ...RED, state: "green" as const, sinceMs: 11_000 };

class Street {
  readonly traffic: PhaseTraffic;
  nowMs = 1000;

  constructor(site: SiteModel = SITE) {
    this.traffic = new PhaseTraffic(site, PHASE);
  }

  pass(onMs: number): void {
    this.traffic.edge(ADVANCE, true, this.nowMs);
    this.traffic.edge(ADVANCE, false, this.nowMs + onMs);
  }

  seconds(count: number, view: PhaseView = RED): void {
    for (let at = 0; at < count; at += 1) {
      this.nowMs += 1000;
      this.traffic.second(view, 0, this.nowMs);
    }
  }
}

t.test("whoever is at the stop bar a little early is not counted again", async (t) => {
  const red = new Street();
  red.pass(PASSING_MS);
  red.seconds(2);
  red.traffic.edge(PRESENCE, true, red.nowMs);
  red.seconds(3);
  t.equal(red.traffic.queue, 1);
});

t.test("two side by side are two; one that slows down for a queue is one", async (t) => {
  const empty = new Street();
  empty.pass(1.6 * PASSING_MS);
  t.equal(empty.traffic.takeCounted(), 2);
  const full = new Street();
  full.traffic.edge(PRESENCE, true, full.nowMs);
  full.seconds(1);
  full.traffic.queue = 12;
  full.pass(3 * PASSING_MS);
  t.equal(full.traffic.takeCounted(), 1, "a little before the end of the queue one takes so long");
});

t.test("a queue over the advance detector is as long as the way, until it moves off", async (t) => {
  const street = new Street();
  street.traffic.edge(PRESENCE, true, street.nowMs);
  street.traffic.edge(ADVANCE, true, street.nowMs);
  street.seconds(10);
  const waiting = street.traffic.queue;
  t.ok(waiting > 15 && waiting < 17, `${waiting} in two lanes`);
  street.seconds(8, GREEN);
  t.ok(street.traffic.queue < waiting - 4, `${street.traffic.queue} after 8 s of green`);
});

t.test("the farthest advance detectors count, and a nearer one not once more", async (t) => {
  const street = new Street(ALL);
  for (const detector of [26, 36, ADVANCE]) {
    street.traffic.edge(detector, true, street.nowMs);
    street.traffic.edge(detector, false, street.nowMs + 2 * PASSING_MS);
  }
  t.equal(street.traffic.takeCounted(), 2, "one in each lane, however long it takes");
  street.seconds(9);
  t.equal(street.traffic.queue, 0, "139 m take ten seconds");
  street.seconds(1);
  t.equal(street.traffic.queue, 2);
});

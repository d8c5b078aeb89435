// The whole control machine on the virtual cabinet, in virtual time: start-up, commands, faults at
// the cabinet, and a wall clock that jumps.
import t from "tap";
import type { SiteModel } from "../../src/core/site/model.ts";
import type { NodeEvent } from "../../src/log/events.ts";
import { VirtualRun } from "../../src/node/virtual-run.ts";
import { loadSite } from "../../src/sitefile/load.ts";

const DEMO = new URL("../../config/demo.yaml", import.meta.url).pathname;

async function demoSite(): Promise<SiteModel> {
  const loaded = await loadSite(DEMO);
  if (!loaded.ok) throw new Error(loaded.problems.join("\n"));
  return loaded.site;
}

interface Told {
  readonly monoMs: number;
  readonly event: NodeEvent;
}

function start(site: SiteModel, wallMs: (monoMs: number) => number = (ms) => ms) {
  const told: Told[] = [];
  const run = new VirtualRun({
    site,
    wallMs,
    onEffect: (effect, { monoMs }) => {
      if (effect.kind === "log") told.push({ monoMs, event: effect.event });
    },
  });
  const view = () => {
    const monoMs = run.cabinet.nowMs;
    return run.control.view({ monoMs, wallMs: monoMs }, { incarnation: 1, clock: "sure" });
  };
  const kinds = (kind: string) => told.filter(({ event }) => event.kind === kind);
  return { run, told, view, kinds };
}

t.test("from power-up through six seconds of all red into control", async (t) => {
  const { run, view, kinds } = start(await demoSite());
  run.advance(20_000);
  const modes = kinds("mode").map(({ event }) => event.body[0]);
  t.same([...new Set(modes)], ["no-cabinet", "failure-display", "starting", "controlled"]);
  const first = kinds("lamps-sensed").find(({ event }) => event.body[1] === "green");
  t.ok((first?.monoMs ?? 0) >= 7_200, "no green before 1.2 s of self test and 6 s of red");
  t.equal(view().mode, "controlled");
  t.equal(view().counters.trips, 0);
});

t.test("a clock that jumps an hour either way changes no lamp", async (t) => {
  const site = await demoSite();
  const lampsWith = (wallMs: (monoMs: number) => number) => {
    const { run, kinds } = start(site, wallMs);
    for (let at = 1_000; at < 300_000; at += 7_000) {
      run.advance(at);
      run.cabinet.setInput(((at / 1_000) % 16) | 0 || 1, at % 2_000 === 0);
    }
    return kinds("lamps").map(({ monoMs, event }) => [monoMs, event.body]);
  };
  const steady = lampsWith((ms) => 1e12 + ms);
  t.ok(steady.length > 20, `${steady.length} displays`);
  t.same(
    lampsWith((ms) => (ms < 90_000 ? 1e12 + ms : 1e12 + ms - 3_600_000)),
    steady,
  );
  t.same(
    lampsWith((ms) => (ms < 90_000 ? 1e12 + ms : 1e12 + ms + 3_600_000)),
    steady,
  );
});

t.test("flash asks for the orderly stop, return comes back through start-up", async (t) => {
  const { run, view } = start(await demoSite());
  run.advance(30_000);
  run.step({ kind: "order", order: { kind: "flash" }, author: "operator:test" });
  run.advance(90_000);
  t.equal(view().mode, "failure-display");
  t.match(view().cause, /flash/i);
  run.step({ kind: "order", order: { kind: "return" }, author: "operator:test" });
  run.advance(95_000);
  t.equal(view().mode, "failure-display", "healthy for 10 s first");
  run.advance(115_000);
  t.equal(view().mode, "controlled");
  t.equal(view().counters.trips, 0);
});

t.test("a driver stuck on green trips, and only the button clears it", async (t) => {
  const { run, view, kinds } = start(await demoSite());
  run.advance(10_000);
  run.cabinet.setFault("driverOn", { red: 0, yellow: 0, green: 0xffff });
  run.advance(12_000);
  t.equal(view().mode, "trip");
  t.equal(view().counters.trips, 1);
  t.equal(kinds("trip").length, 1);
  run.cabinet.setFault("driverOn", { red: 0, yellow: 0, green: 0 });
  run.step({ kind: "order", order: { kind: "return" }, author: "operator:test" });
  run.advance(60_000);
  t.equal(view().mode, "trip", "no command clears it");
  run.cabinet.setControl("button", true);
  run.advance(62_000);
  run.cabinet.setControl("button", false);
  run.advance(90_000);
  t.equal(view().mode, "controlled");
});

t.test("a pulled cable is an orderly stop without a trip, and comes back", async (t) => {
  const { run, view } = start(await demoSite());
  run.advance(20_000);
  run.cabinet.setPlugged(false);
  run.advance(60_000);
  t.equal(view().mode, "no-cabinet");
  run.cabinet.setPlugged(true);
  run.advance(100_000);
  t.equal(view().mode, "controlled");
  t.equal(view().counters.trips, 0);
});

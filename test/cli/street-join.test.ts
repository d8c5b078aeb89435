// Streets of virtual cabinets that are joined: what crosses between them, and what is no vehicle.
import { readFileSync } from "node:fs";
import { setImmediate } from "node:timers/promises";
import t, { type Test } from "tap";
import { corridorSite, type JunctionPlan, SPACING_M } from "../../src/cli/corridor-site.ts";
import { freePort } from "../../src/cli/free-ports.ts";
import { decodePassing, encodePassing, StreetLink } from "../../src/cli/street-join.ts";
import { darkDisplay, LAMP, type LampCode } from "../../src/core/site/lamps.ts";
import type { SiteModel } from "../../src/core/site/model.ts";
import { driveMs } from "../../src/sim/street/roads.ts";
import { createStreet, type VirtualStreet } from "../../src/sim/street/street.ts";
import { parseSite } from "../../src/sitefile/load.ts";

const DEMO = readFileSync(new URL("../../config/demo.yaml", import.meta.url), "utf8");
const STEP_MS = 100;

function sitesOf(ports: readonly number[]): SiteModel[] {
  const plans = ports.map(
    (streetPort, index): JunctionPlan => ({
      number: index + 1,
      place: "/data",
      keyFolder: "/data/keys",
      fastPort: 4_000 + index,
      reliablePort: 5_000 + index,
      streetPort,
      consolePort: 0,
      offsetS: 0,
    }),
  );
  return plans.map((plan) => {
    const loaded = parseSite(corridorSite(DEMO, plan, plans), "site.yaml");
    if (!loaded.ok) throw new Error(loaded.problems.join("\n"));
    return loaded.site;
  });
}

/** The main street has green. */
function mainGreen(site: SiteModel): LampCode[] {
  const display = darkDisplay();
  for (const { channel, phase, kind } of site.channels) {
    const green = kind === "vehicle" && (phase === 2 || phase === 6);
    display[channel - 1] = green ? LAMP.green : LAMP.red;
  }
  return display;
}

interface Joined {
  readonly site: SiteModel;
  readonly street: VirtualStreet;
  readonly link: StreetLink;
}

function joined(t: Test, sites: readonly SiteModel[], nowMs: () => number): Joined[] {
  return sites.map((site) => {
    const roads = site.street?.join?.roads ?? [];
    const approaches = roads.map(({ approach }) => approach);
    const street = createStreet(site, 1, { joined: approaches });
    const link = new StreetLink(site, street, roads, () => 1e12 + nowMs());
    link.open(site.street?.join?.port ?? 0, (text) => t.fail(text));
    t.teardown(() => link.close());
    return { site, street, link };
  });
}

/** Fronts of all vehicles on one approach by their ids, in metres before the stop line. */
function frontsOn(approach: string, { street }: Joined): Map<string, number> {
  const fronts = new Map<string, number>();
  for (const lane of street.queues()) {
    if (lane.approach !== approach) continue;
    for (const [at, id] of lane.ids.entries()) fronts.set(id, lane.vehicles[at] ?? 0);
  }
  return fronts;
}

t.test("who leaves northwards comes to the next one when the road is driven", async (t) => {
  const sites = sitesOf([await freePort(), await freePort()]);
  let nowMs = 0;
  const [south, north] = joined(t, sites, () => nowMs);
  if (south === undefined || north === undefined) throw new Error("two streets");
  /** Steps at which each was last seen there, and first here. */
  const leftMs = new Map<string, number>();
  const cameMs = new Map<string, number>();
  for (nowMs = STEP_MS; nowMs <= 90_000; nowMs += STEP_MS) {
    for (const { site, street, link } of [south, north]) {
      street.advance(nowMs, mainGreen(site));
      link.advance(nowMs);
    }
    // Datagrams of this step are taken before the next one.
    await setImmediate();
    for (const id of frontsOn("south", south).keys()) leftMs.set(id, nowMs);
    for (const id of frontsOn("south", north).keys()) cameMs.set(id, cameMs.get(id) ?? nowMs);
  }
  t.ok(cameMs.size > 3, `${cameMs.size} came`);
  const approach = sites[1]?.approaches.find(({ id }) => id === "south");
  if (approach === undefined) throw new Error("no south");
  const roadMs = driveMs({ lengthM: SPACING_M, speedMps: 12.5 }, approach);
  t.ok(roadMs > 3_000);
  for (const [id, atMs] of cameMs) {
    const driven = atMs - (leftMs.get(id) ?? 0);
    t.ok(Math.abs(driven - roadMs) <= 5 * STEP_MS, `${id}: ${driven} ms`);
  }
});

t.test("what is no vehicle is passed over", async (t) => {
  const passing = {
    id: "junction-1:7",
    approach: "south",
    leftWallMs: 1_790_000_000_000,
    lengthM: 600,
    speedMps: 12.5,
  };
  t.same(decodePassing(encodePassing(passing)), passing);
  const bad: readonly unknown[] = [
    null,
    {},
    [],
    [2, "a", "south", 1, 1, 1],
    [1, "", "south", 1, 1, 1],
    [1, "a b", "south", 1, 1, 1],
    [1, "x".repeat(65), "south", 1, 1, 1],
    [1, "a", 5, 1, 1, 1],
    [1, "a", "south", "1", 1, 1],
    [1, "a", "south", 1, -1, 1],
    [1, "a", "south", 1, 1, 0],
    [1, "a", "south", 1, 1, 1, 1],
  ];
  for (const value of bad) {
    t.equal(decodePassing(Buffer.from(JSON.stringify(value))), null, JSON.stringify(value));
  }
  t.equal(decodePassing(Buffer.from("{")), null);
  t.equal(decodePassing(Buffer.alloc(600, 32)), null);
});

// The corridor's page: where junctions lie, what a link is called, how vehicles' ways are kept, and
// the page itself in Chromium over two real consoles.
import t, { type Test } from "tap";
import { freePort } from "../../src/cli/free-ports.ts";
import { type Linked, linksOf } from "../../src/console/page/corridor-links.ts";
import { type PlacedSite, planStreet } from "../../src/console/page/corridor-place.ts";
import { alongStreet, joined } from "../../src/console/page/street-ways.ts";
import { Trajectories } from "../../src/console/page/trajectories.ts";
import { LAMP } from "../../src/core/site/lamps.ts";
import type { SiteModel } from "../../src/core/site/model.ts";
import type { NeighbourPicture } from "../../src/core/site/neighbours.ts";
import { systemTest } from "../support/system.ts";
import { becomes, complaintsOf, openBrowser, textBecomes } from "./browser.ts";
import { contrastsOf } from "./contrast.ts";
import { Feed } from "./feed.ts";
import { FOUR_LEGS } from "./junctions.ts";

/** A degree of latitude, m. */
const DEGREE_M = 111_195;

const PHONE = { width: 390, height: 844 };
/** The colour of a caution in the present theme, as the browser spells it. */
const CAUTION = `(() => {
  const element = document.createElement("i");
  element.style.color = "var(--caution)";
  document.body.append(element);
  const { color } = getComputedStyle(element);
  element.remove();
  return color;
})()`;

function at(northM: number, eastM = 0): PlacedSite {
  const latDeg = 50 + northM / DEGREE_M;
  const lonDeg = 14 + eastM / (DEGREE_M * Math.cos((50 * Math.PI) / 180));
  return { ...FOUR_LEGS, position: { latDeg, lonDeg } };
}

t.test("junctions stand in the order of their street", async (t) => {
  const plan = planStreet([at(1_200), at(0), at(600)]);
  t.same(
    plan.places.map(({ index, atM }) => [index, Math.round(atM)]),
    [
      [1, 0],
      [2, 600],
      [0, 1_200],
    ],
  );
  t.ok(Math.abs(plan.bearingDeg) < 0.1);
  const [first] = plan.places;
  t.equal(first?.ahead?.approach, headed(0), "northbound traffic comes from the south");
  t.equal(first?.back?.approach, headed(180));
  const east = planStreet([at(0, 800), at(10, 0)]);
  t.same(
    east.places.map(({ index }) => index),
    [1, 0],
  );
  t.equal(east.places[0]?.ahead?.approach, headed(90));
  t.equal(planStreet([at(0)]).lengthM, 0);
});

function headed(headingDeg: number): string | undefined {
  return FOUR_LEGS.approaches.find((entry) => entry.headingDeg === headingDeg)?.id;
}

t.test("vehicles keep their way until they leave, and no longer than asked", async (t) => {
  const ways = new Trajectories(10_000);
  const lane = (...vehicles: number[]) => [{ approach: "south", phase: 2, lane: 0, vehicles }];
  ways.take(lane(50, 80), 0);
  ways.take(lane(40, 72), 500);
  t.equal(ways.all.length, 2);
  ways.take(lane(66, 100), 1_000);
  t.equal(ways.all.length, 3, "the first one has left, another one came");
  const [left] = ways.all;
  t.same(left?.points, [
    { atMs: 0, frontM: 50 },
    { atMs: 500, frontM: 40 },
  ]);
  ways.take(lane(66, 100), 9_000);
  t.equal(ways.all.length, 5, "after a gap nobody knows which car is which");
  ways.take(lane(60, 95), 11_600);
  t.equal(ways.all.length, 4, "what ended before the kept time is forgotten");
});

t.test("named vehicles keep their way through the whole street", async (t) => {
  const lane = (ids: string[], vehicles: number[]) => {
    return [{ approach: "south", phase: 2, lane: 0, vehicles, ids }];
  };
  const [first, second] = [new Trajectories(300_000), new Trajectories(300_000)];
  first.take(lane(["a", "b"], [40, 90]), 0);
  first.take(lane(["b", "c"], [80, 95]), 500);
  t.same(
    first.all.map(({ id, points }) => [id, points.length]),
    [
      ["a", 1],
      ["b", 2],
      ["c", 1],
    ],
  );
  second.take(lane(["b"], [300]), 30_000);
  second.take(lane(["b"], [290]), 30_500);
  const ways = [
    ...first.all.map(({ id, points }) => alongStreet(id, points, 0, "ahead")),
    ...second.all.map(({ id, points }) => alongStreet(id, points, 600, "ahead")),
  ];
  const whole = joined(ways).find(({ id }) => id === "b");
  t.same(
    whole?.points.map(({ streetM }) => streetM),
    [-90, -80, 300, 310],
  );
  t.equal(joined(ways).length, 3);
  const other = alongStreet("b", [{ atMs: 31_000, frontM: 20 }], 600, "back");
  t.equal(joined([...ways, other]).length, 4, "who comes back is on another drive");
  const nameless = alongStreet(null, [{ atMs: 0, frontM: 1 }], 0, "ahead");
  t.equal(joined([nameless, nameless]).length, 2);
});

/** A junction that says whether it hears the other; with null it is not heard itself. */
function side(id: string, other: string, linkUp: boolean | null, spat: object | null = null) {
  const neighbours = { wallMs: 0, neighbours: [{ id: other, linkUp, lagMs: 12 }] };
  const picture = { connected: linkUp !== null, neighbours, spat };
  return { site: { node: { id } }, picture } as unknown as Linked;
}

t.test("a link is up where both say so", async (t) => {
  const plan = planStreet([at(0), at(600)]);
  const link = (a: boolean | null, b: boolean | null) => {
    const [first] = linksOf([side("a", "b", a), side("b", "a", b)], plan);
    return [first?.state, first?.words];
  };
  t.same(link(true, true), ["up", "linked · 12 ms"]);
  t.same(link(true, null), ["up", "linked · 12 ms"]);
  t.same(link(true, false), ["half", "one way"]);
  t.same(link(false, false), ["down", "link down"]);
  t.same(link(null, null), ["unknown", "not known"]);
});

t.test("a link that carries something is marked while a side's clock is not sure", async (t) => {
  const plan = planStreet([at(0), at(600)]);
  const sure = { clock: "sure", mode: "controlled" };
  const unsure = { clock: "unsure", mode: "controlled" };
  const marked = (a: Linked, b: Linked) => linksOf([a, b], plan)[0]?.unsure;
  t.same(marked(side("a", "b", true, sure), side("b", "a", true, sure)), []);
  t.same(marked(side("a", "b", true, unsure), side("b", "a", true, sure)), ["a"]);
  t.same(marked(side("a", "b", false, sure), side("b", "a", true, unsure)), ["b"], "one way");
  t.same(marked(side("a", "b", true, unsure), side("b", "a", true, unsure)), ["a", "b"]);
  t.same(marked(side("a", "b", false, unsure), side("b", "a", false, unsure)), [], "down");
  t.same(marked(side("a", "b", null, unsure), side("b", "a", true, sure)), [], "not heard now");
  const silent = { clock: "unsure", mode: "unavailable" };
  t.same(marked(side("a", "b", true, silent), side("b", "a", true, sure)), [], "control is silent");
});

/** Two consoles of a corridor whose nodes say that they hear each other. */
async function pair(t: Pick<Test, "teardown">): Promise<readonly [Feed, Feed]> {
  const ports = [await freePort(), await freePort()];
  const corridor = ports.map((port) => `http://127.0.0.1:${port}`);
  const open = (index: number) => {
    const node = { ...FOUR_LEGS.node, id: `junction-${index + 1}` };
    const site: SiteModel = { ...FOUR_LEGS, ...at(index * 500), node, corridor };
    return Feed.open(t, { site, port: ports[index] ?? 0 });
  };
  const [south, north] = [await open(0), await open(1)];
  south.neighbours([heard("junction-2")]);
  north.neighbours([heard("junction-1")]);
  return [south, north];
}

function heard(id: string): NeighbourPicture {
  return {
    id,
    linkUp: true,
    stale: false,
    incarnation: 1,
    ageMs: 100,
    lagMs: 12,
    phases: [],
    vehicles: 0,
    deltaBytes: 0,
    trouble: null,
  };
}

for (const scheme of ["light", "dark"] as const) {
  systemTest(t, `a mark says in words what it means, in the ${scheme} theme`, async (t) => {
    const [south, north] = await pair(t);
    const browser = await openBrowser(t);
    const page = await browser.newPage({ colorScheme: scheme, viewport: PHONE });
    const complaints = complaintsOf(page);
    await page.goto(`${south.url}corridor`);
    await textBecomes(page, ".link-list", /linked · 12 ms/);
    t.equal(await page.locator(".map-mark").count(), 0);
    north.show({ clock: "unsure" });
    await textBecomes(page, ".link-list", /marked/);
    t.match(
      await page.locator(".link-row").textContent(),
      /· marked.*Marked: the clock of junction-2 is not sure/,
    );
    t.equal(await page.locator(".map-mark").count(), 1);
    t.match(await page.locator(".corridor-map").textContent(), /marked/);
    t.match(await page.locator("#link-legend").textContent(), /marked: a side's clock is not sure/);
    const stroke = await page.evaluate(
      "getComputedStyle(document.querySelector('.map-mark')).stroke",
    );
    t.equal(stroke, await page.evaluate(CAUTION), "in the theme's colour");
    const { found, faint } = await contrastsOf(page);
    t.ok(found.length > 15, `${found.length} texts`);
    t.same(faint, []);
    const over = await page.evaluate(
      "document.documentElement.scrollWidth - document.documentElement.clientWidth",
    );
    t.equal(over, 0, "a phone scrolls in one direction");
    const cut = await page.evaluate(`[...document.querySelectorAll(".corridor-map text")]
      .filter((text) => text.getBBox().x + text.getBBox().width > 236).length`);
    t.equal(cut, 0, "no word of the drawing is cut off");
    t.same(complaints, []);
    north.show({ clock: "sure" });
    const marks = () => page.locator(".map-mark").count();
    t.equal(await becomes(marks, (count) => count === 0), 0, "until it is sure again");
  });
}

systemTest(t, "one page shows every junction of the corridor", async (t) => {
  const [south, north] = await pair(t);
  const main = FOUR_LEGS.channels.find(({ phase, kind }) => phase === 2 && kind === "vehicle");
  north.lamps({ [main?.channel ?? 1]: LAMP.green });
  const browser = await openBrowser(t);
  const page = await browser.newPage();
  const complaints = complaintsOf(page);
  await page.goto(`${south.url}corridor`);
  await textBecomes(page, "#belief-word", /^Live$/);
  t.same(await page.locator(".map-name").allTextContents(), ["junction-1", "junction-2"]);
  t.equal(await page.locator(".map-lamp[data-lamp=green]").count(), 1);
  t.equal(await page.locator(".map-lamp").count(), 2 * FOUR_LEGS.approaches.length);
  t.same(complaints, []);
  await north.close();
  await textBecomes(page, "#belief-word", /^1 of 2 live$/);
  t.equal(
    await page.locator(".map-lamp[data-lamp=green]").count(),
    0,
    "a lost junction shows none",
  );
});

systemTest(t, "a site without a corridor says what to do", async (t) => {
  const feed = await Feed.open(t);
  const browser = await openBrowser(t);
  const page = await browser.newPage();
  await page.goto(`${feed.url}corridor`);
  await textBecomes(page, "#none", /console\.corridor/);
});

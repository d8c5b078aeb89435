// The page in headless Chromium, on the real console server and the real broker: what it shows of
// the lamps, and what it says when the node goes silent, goes away and comes back.
import type { Page } from "playwright-core";
import t from "tap";
import { LAMP, LAMP_NAMES, type LampCode, vehicleLampName } from "../../src/core/site/lamps.ts";
import { systemTest } from "../support/system.ts";
import { openConsole, SECRET } from "./bench.ts";
import { becomes, complaintsOf, openBrowser, textBecomes } from "./browser.ts";
import { Feed } from "./feed.ts";
import { FOUR_LEGS, THREE_LEGS } from "./junctions.ts";

/** What each channel's head on the page says. */
function headsOf(page: Page): Promise<Record<string, string | null>> {
  return page
    .locator(".head")
    .evaluateAll((heads) =>
      Object.fromEntries(
        heads.map((head) => [head.getAttribute("data-channel"), head.getAttribute("data-lamp")]),
      ),
    );
}

/** A display that runs through all codes of each channel's kind, another one for each `round`. */
function roundOf(round: number): Record<number, LampCode> {
  const { dark, flashingDontWalk, flashingYellow, green, red, yellow } = LAMP;
  const vehicle = [red, yellow, green, dark, flashingYellow, flashingDontWalk, red];
  const walk = [LAMP.red, LAMP.green, LAMP.flashingDontWalk, LAMP.dark];
  return Object.fromEntries(
    FOUR_LEGS.channels.map(({ channel, kind }) => {
      const codes = kind === "vehicle" ? vehicle : walk;
      return [channel, codes[(channel * 3 + round) % codes.length] ?? LAMP.dark];
    }),
  );
}

systemTest(t, "lamps on the page are the sensed lamps", async (t) => {
  const feed = await Feed.open(t);
  const browser = await openBrowser(t);
  const page = await browser.newPage();
  const complaints = complaintsOf(page);
  await page.goto(feed.url);
  for (let round = 0; round < 7; round += 1) {
    const codes = roundOf(round);
    feed.lamps(codes);
    // What was commanded is of no interest to the page.
    feed.show({ commanded: feed.view.commanded.map(() => LAMP.green) });
    const wanted = Object.fromEntries(
      FOUR_LEGS.channels.map(({ channel, kind }) => {
        const code = codes[channel] ?? LAMP.dark;
        return [channel, kind === "vehicle" ? vehicleLampName(code) : LAMP_NAMES[code]];
      }),
    );
    const same = (heads: object) => JSON.stringify(heads) === JSON.stringify(wanted);
    const shown = async () =>
      Object.fromEntries(Object.entries(await headsOf(page)).sort(([a], [b]) => +a - +b));
    t.same(await becomes(shown, same), wanted, `round ${round}`);
    // On a busy machine the belief may expire between two looks, and all be unknown for a moment.
    const lampOf = (selector: string) => page.locator(selector).first().getAttribute("data-lamp");
    const others = async () => [
      await lampOf('.phase[data-phase="2"]'),
      await lampOf('.stop-line[data-phase="2"]'),
    ];
    const both = [wanted[2], wanted[2]];
    const agree = (lamps: object) => JSON.stringify(lamps) === JSON.stringify(both);
    t.same(await becomes(others, agree), both, "the card and the stop line say the same");
  }
  t.same(complaints, []);
});

systemTest(t, "detectors, calls, countdowns, events and health are shown", async (t) => {
  const feed = await Feed.open(t);
  const browser = await openBrowser(t);
  const page = await browser.newPage();
  const complaints = complaintsOf(page);
  feed.event("code", [1, 2, null]);
  await page.goto(feed.url);
  await textBecomes(page, "#belief-word", /^Live$/);
  feed.lamps({ 2: LAMP.green });
  const endMs = feed.monoMs + 60_000;
  feed.phase(2, {
    state: "green",
    call: true,
    earliestEndMs: endMs - 20_000,
    likelyEndMs: endMs,
    latestEndMs: endMs + 20_000,
    lastGreenEnd: "max-out",
  });
  feed.show({
    detectors: feed.view.detectors.map((entry) => ({ ...entry, on: entry.detector === 10 })),
  });
  t.match(await textBecomes(page, '.phase[data-phase="2"] .phase-left', /≈/), /^≈ (5\d|60) s$/);
  t.match(await page.locator('.phase[data-phase="2"] .phase-range').textContent(), /–\d+ s$/);
  t.equal(await page.locator('.phase[data-phase="2"] .phase-ended').textContent(), "last: max-out");
  t.equal(await page.locator('.phase[data-phase="2"]').getAttribute("data-call"), "");
  const lit = () => page.locator(".loop[data-on]").count();
  t.equal(await becomes(lit, (count) => count === 1), 1);
  t.equal(await page.locator('.loop[data-detector="10"]').getAttribute("data-on"), "");

  feed.event("code", [82, 10, null]);
  feed.event("fault", ["log", true, "the disk is full"]);
  const tail = () => page.locator(".event-text").allTextContents();
  t.match(await becomes(tail, (rows) => rows.length === 3), [
    "log: the disk is full",
    "Detector 10 occupied",
    "Phase 2 begins green",
  ]);
  // A row that the broker left out: the page sees the hole and fetches the tail anew.
  feed.rows.push({ seq: feed.rows.length + 1, at: Date.now(), kind: "stop", body: ["unheard"] });
  feed.event("code", [81, 10, null]);
  const [newest, missed] = await becomes(tail, (rows) => rows.length === 5);
  t.same([newest, missed], ["Detector 10 free", "Node stopped: unheard"]);
  await page.getByRole("button", { name: "Faults" }).click();
  t.same(await tail(), ["log: the disk is full"]);
  await page.getByRole("button", { name: "All", exact: true }).click();
  await page.getByRole("searchbox").fill("phase 2");
  t.same(await tail(), ["Phase 2 begins green"]);

  feed.health({
    wallMs: Date.now(),
    version: "0.1.0",
    uptimeS: 3_700,
    state: "degraded",
    parts: [
      { name: "board", state: "ok", text: "12 GB free." },
      { name: "log", state: "failed", text: "The disk is full." },
    ],
  });
  t.match(await textBecomes(page, "#banner-text", /disk/), "log: The disk is full.");
  t.match(await textBecomes(page, ".health", /12 GB/), "12 GB free.");
  t.match(await page.locator(".health-foot").textContent(), "1 h 1 min");
  t.ok((await page.locator(".strip .bar-green").count()) > 0, "the strip has the green");
  t.same(complaints, []);
});

systemTest(t, "a silent, lost and restarted node is said to be so", async (t) => {
  const first = await Feed.open(t);
  const { port } = first;
  const browser = await openBrowser(t);
  const page = await browser.newPage();
  await page.goto(`${first.url}#secret=${SECRET}`);
  first.lamps({ 2: LAMP.green });
  t.equal(await textBecomes(page, "#belief-word", /^Live$/), "Live");
  const isGreen = async () => (await headsOf(page))["2"];
  t.equal(await becomes(isGreen, (lamp) => lamp === "green"), "green");

  first.beating = false;
  t.equal(await textBecomes(page, "#belief-word", /silent/), "Control silent");
  t.ok(Object.values(await headsOf(page)).every((lamp) => lamp === "unknown"));
  t.match(await page.locator("#banner-text").textContent(), "not known");
  first.beating = true;
  t.equal(await textBecomes(page, "#belief-word", /^Live$/), "Live");

  await first.close();
  t.match(await textBecomes(page, "#belief-word", /^Lost/), "trying again");
  t.ok(
    Object.values(await headsOf(page)).every((lamp) => lamp === "unknown"),
    "no stale green",
  );
  t.match(await page.locator("#announce").textContent(), "Connection lost");
  t.ok(await page.getByRole("button", { name: "Vehicle call" }).isDisabled());

  const second = await Feed.open(t, { port, incarnation: 2 });
  second.lamps({ 6: LAMP.green });
  t.equal(await textBecomes(page, "#belief-word", /^Live$/), "Live");
  t.equal(await textBecomes(page, "#again", /restarted/), "Node restarted");
  const sixth = async () => (await headsOf(page))["6"];
  t.equal(await becomes(sixth, (lamp) => lamp === "green"), "green");
  t.notOk(await page.getByRole("button", { name: "Vehicle call" }).isDisabled());
  t.ok((await page.locator(".strip .gap").count()) >= 0);

  await page.reload();
  t.equal(await textBecomes(page, "#belief-word", /^Live$/), "Live");
  t.equal(await becomes(sixth, (lamp) => lamp === "green"), "green", "after a reload");
  t.notOk(await page.getByRole("button", { name: "Vehicle call" }).isDisabled(), "still operator");
});

systemTest(t, "another junction on the same address is drawn anew", async (t) => {
  const first = await Feed.open(t);
  const { port } = first;
  const browser = await openBrowser(t);
  const page = await browser.newPage();
  await page.goto(first.url);
  await textBecomes(page, "#belief-word", /^Live$/);
  await first.close();
  await textBecomes(page, "#belief-word", /^Lost/);
  await Feed.open(t, { port, site: THREE_LEGS });
  t.equal(await textBecomes(page, "#site-name", /Mill Lane/), THREE_LEGS.name);
  t.equal(await textBecomes(page, "#belief-word", /^Live$/), "Live");
  t.equal(await page.locator(".head").count(), THREE_LEGS.channels.length);
});

systemTest(t, "words under the strip do not run into each other", async (t) => {
  const feed = await Feed.open(t);
  const now = Date.now();
  const row = (beforeMs: number, code: number, phase: number): void => {
    const seq = feed.rows.length + 1;
    feed.rows.push({ seq, at: now - beforeMs, kind: "code", body: [code, phase, null] });
  };
  for (const [beforeMs, phase, code] of [
    [60_000, 2, 4],
    [20_000, 3, 5],
    [16_000, 4, 6],
  ] as const) {
    row(beforeMs, 1, phase);
    row(beforeMs - 3_000, code, phase);
    row(beforeMs - 3_000, 12, phase);
  }
  const browser = await openBrowser(t);
  const page = await browser.newPage();
  await page.goto(feed.url);
  const words = () =>
    page
      .locator(".bar-ended")
      .evaluateAll((all) => all.map((label) => label.lastChild?.textContent ?? ""));
  const shown = await becomes(words, (all) => all.length > 0);
  t.same(shown.sort(), ["force-off", "gap-out"], "the newer one of two that would");
});

systemTest(t, "the failure display blinks, and stands still for those who want that", async (t) => {
  const feed = await Feed.open(t);
  const browser = await openBrowser(t);
  const page = await browser.newPage();
  await page.goto(feed.url);
  feed.show({ mode: "failure-display", cause: "operator's flash" });
  t.equal(await textBecomes(page, "#mode-word", /Failure/), "Failure display");
  t.match(await page.locator("#banner-text").textContent(), "operator's flash");
  // The relay flashes red, which is sensed as the code that a pedestrian channel has for clearing.
  feed.lamps({ 2: LAMP.flashingDontWalk });
  t.equal(await textBecomes(page, '.phase[data-phase="2"] .phase-state', /F/), "Flashing red");
  const head = '.head[data-channel="2"]';
  t.equal(await page.locator(`${head} .head-letter`).textContent(), "FR");
  const fill = (lamp: string) =>
    page.evaluate(`getComputedStyle(document.querySelector('${head} .lamp-${lamp} .lens')).fill`);
  t.not(await fill("red"), await fill("green"), "its red lamp is the one that shines");
  const lamp = `document.querySelector('.head[data-channel="2"] .lamp-red')`;
  const animation = () => page.evaluate(`getComputedStyle(${lamp}).animationName`);
  t.equal(await animation(), "flash");
  await page.emulateMedia({ reducedMotion: "reduce" });
  t.equal(await animation(), "none");
  const walk = page.locator('.head[data-channel="9"]');
  t.equal(await walk.getAttribute("data-flashing"), null, "pedestrian heads never blink there");
});

systemTest(t, "a node without a site says what is wrong with the file", async (t) => {
  const problem = "config/demo.yaml:12: phases.2.yellow: 2.0 is below the floor; use 3.6";
  const bench = await openConsole(t, { sources: { site: () => null, problems: () => [problem] } });
  const browser = await openBrowser(t);
  const page = await browser.newPage();
  const complaints = complaintsOf(page);
  await page.goto(`http://127.0.0.1:${bench.port}/`);
  t.match(await textBecomes(page, "#problem-list", /yellow/), problem);
  t.ok(await page.locator("#board").isHidden());
  t.match(await page.locator("#problems").textContent(), "stopline reload");
  t.same(complaints, []);
});

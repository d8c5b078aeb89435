// How the page looks where it can be measured: no sideways scrolling on a phone, words that can be
// read in light and dark, targets that a finger hits, and nothing that hangs on colour alone.
import type { Page } from "playwright-core";
import t from "tap";
import { LAMP } from "../../src/core/site/lamps.ts";
import { systemTest } from "../support/system.ts";
import { SECRET } from "./bench.ts";
import { complaintsOf, openBrowser, textBecomes } from "./browser.ts";
import { contrastsOf } from "./contrast.ts";
import { Feed } from "./feed.ts";

/** Everything that a person can press, with its size. */
const TARGETS = `[...document.querySelectorAll("button, select, input")]
  .map((element) => [element.textContent.trim().slice(0, 20) || element.type,
    element.getBoundingClientRect()])
  .filter(([, box]) => box.width > 0)
  .map(([name, box]) => [name, Math.round(Math.min(box.width, box.height))])`;

async function busyFeed(feed: Feed): Promise<void> {
  feed.lamps({ 2: LAMP.green, 6: LAMP.yellow, 9: LAMP.green });
  const endMs = feed.monoMs + 30_000;
  feed.phase(2, { state: "green", call: true, earliestEndMs: endMs, likelyEndMs: endMs });
  feed.phase(6, { state: "yellow", lastGreenEnd: "gap-out" });
  for (let phase = 1; phase <= 8; phase += 1) feed.event("code", [1, phase, null]);
  feed.event("fault", ["log", true, "a_very_long_name_without_any_space_".repeat(4)]);
  feed.event("command", ["id", "operator", "console", "flash", 1, 2]);
  feed.health({
    wallMs: Date.now(),
    version: "0.1.0",
    uptimeS: 10,
    state: "failed",
    parts: [
      { name: "board", state: "ok", text: "12 GB free." },
      { name: "log", state: "degraded", text: "The disk is slow." },
      { name: "cabinet", state: "failed", text: `/dev/serial/by-id/${"usb-".repeat(20)} is gone.` },
    ],
  });
}

async function open(page: Page, feed: Feed): Promise<void> {
  await page.goto(`${feed.url}#secret=${SECRET}`);
  await textBecomes(page, "#belief-word", /^Live$/);
  await textBecomes(page, ".health", /is gone/);
}

for (const scheme of ["light", "dark"] as const) {
  systemTest(t, `words can be read in the ${scheme} theme`, async (t) => {
    const feed = await Feed.open(t);
    await busyFeed(feed);
    const browser = await openBrowser(t);
    const page = await browser.newPage({ colorScheme: scheme });
    const complaints = complaintsOf(page);
    await open(page, feed);
    const { found, faint } = await contrastsOf(page);
    t.ok(found.length > 60, `${found.length} texts`);
    t.same(faint, []);
    t.same(complaints, []);
  });
}

systemTest(t, "the toggle goes round and is remembered", async (t) => {
  const feed = await Feed.open(t);
  const browser = await openBrowser(t);
  const page = await browser.newPage({ colorScheme: "light" });
  await page.goto(feed.url);
  const ground = () => page.evaluate("getComputedStyle(document.body).backgroundColor");
  const light = await ground();
  const button = page.getByRole("button", { name: /^Colours/ });
  await button.click();
  t.equal(await ground(), light);
  await button.click();
  const dark = await ground();
  t.not(dark, light);
  await page.reload();
  t.equal(await ground(), dark, "after a reload");
  await button.click();
  t.equal(await ground(), light);
});

systemTest(t, "a phone shows everything without scrolling sideways", async (t) => {
  const feed = await Feed.open(t);
  await busyFeed(feed);
  const browser = await openBrowser(t);
  for (const [width, height] of [
    [360, 640],
    [320, 568],
    [740, 360],
    [1024, 768],
  ] as const) {
    const page = await browser.newPage({ viewport: { width, height } });
    await open(page, feed);
    const over = await page.evaluate(
      "document.documentElement.scrollWidth - document.documentElement.clientWidth",
    );
    t.equal(over, 0, `${width} × ${height}`);
    const cut = await page.evaluate(`[...document.querySelectorAll(".panel")]
      .filter((panel) => panel.getBoundingClientRect().right > innerWidth).length`);
    t.equal(cut, 0, "no panel is cut off");
    const targets = (await page.evaluate(TARGETS)) as [string, number][];
    t.same(
      targets.filter(([, size]) => size < 24),
      [],
      "WCAG 2.2: at least 24 px",
    );
    await page.close();
  }
});

systemTest(t, "no state hangs on colour alone", async (t) => {
  const feed = await Feed.open(t);
  await busyFeed(feed);
  const browser = await openBrowser(t);
  const page = await browser.newPage();
  await open(page, feed);
  const letter = (channel: number) =>
    page.locator(`.head[data-channel="${channel}"] .head-letter`).textContent();
  t.match(await letter(1), /^R/);
  t.match(await letter(2), /^G/);
  t.match(await letter(6), /^Y/);
  const word = (phase: number) =>
    page.locator(`.phase[data-phase="${phase}"] .phase-state`).textContent();
  t.same(await Promise.all([1, 2, 6].map(word)), ["Red", "Green", "Yellow"]);
  const seen = (channel: number, symbol: string) =>
    page.locator(`.head[data-channel="${channel}"] .symbol-${symbol}`).isVisible();
  t.same([await seen(9, "walk"), await seen(9, "hand")], [true, false]);
  t.same([await seen(10, "walk"), await seen(10, "hand")], [false, true]);
  t.equal(await page.locator(".part-failed .unseen").textContent(), " (failed)");
  t.equal(await page.locator("h1").count(), 1);
  t.equal(await page.locator("html").getAttribute("lang"), "en");
  t.match(await page.locator("footer").textContent(), "tried in emulation only");
});

// Who may act from the page, and how: with the secret and a confirmation, by mouse or keyboard;
// without it not at all; and no other page in the same browser can look or act.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { BrowserContext, Page } from "playwright-core";
import t from "tap";
import type { Plan } from "../../src/core/site/plan.ts";
import { systemTest } from "../support/system.ts";
import { SECRET } from "./bench.ts";
import { becomes, complaintsOf, openBrowser, textBecomes } from "./browser.ts";
import { Feed } from "./feed.ts";
import { FOUR_LEGS } from "./junctions.ts";

/** Only its number is shown. */
const TEST_PLAN: Plan = {
  plan: 3,
  cycleMs: 100_000,
  offsetMs: 0,
  reference: 2,
  splits: [],
  coordinated: [2, 6],
  lag: [],
  permissive: [],
  maximum: "inhibit",
};
const PHONE = { width: 390, height: 844 };
const OPERATOR = `#secret=${SECRET}`;

async function live(context: Pick<BrowserContext, "newPage">, url: string): Promise<Page> {
  const page = await context.newPage();
  await page.goto(url);
  await textBecomes(page, "#belief-word", /^Live$/);
  return page;
}

systemTest(t, "an operator's call asks again, is sent, and is answered", async (t) => {
  const feed = await Feed.open(t);
  const browser = await openBrowser(t);
  const page = await live(browser, feed.url + OPERATOR);
  const complaints = complaintsOf(page);
  t.equal(page.url(), feed.url, "the secret has left the address");
  t.match(await page.locator(".operate-note").textContent(), "You are the operator");

  await page.getByRole("combobox").selectOption("4");
  await page.getByRole("button", { name: "Pedestrian call" }).click();
  t.match(await page.getByRole("dialog").textContent(), "pedestrian call on phase 4?");
  await page.getByRole("button", { name: "Cancel" }).click();
  t.equal(feed.orders.commands.length, 0, "a cancelled one is not sent");

  await page.getByRole("button", { name: "Pedestrian call" }).click();
  await page.getByRole("button", { name: "Place the call" }).click();
  t.match(await textBecomes(page, ".replies", /done/), "pedestrian call on phase 4: done");
  t.match(feed.orders.commands, [
    { author: /./, via: "console", body: { kind: "call", phase: 4, pedestrian: true } },
  ]);
  t.match(await page.locator("#announce").textContent(), "done");

  feed.orders.refusal = "a trip is latched";
  await page.getByRole("button", { name: "Return to control" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Return to control" }).click();
  t.match(await textBecomes(page, ".replies", /refused/), "refused: a trip is latched");
  // The dialog's button has the same words; the page's own one is the first.
  await page.getByRole("combobox").selectOption("1");
  t.ok(await page.getByRole("button", { name: "Pedestrian call" }).isHidden(), "no walk there");
  t.same(complaints, []);
});

systemTest(t, "a hold and a plan: what is asked, what is in force, and the way back", async (t) => {
  const site = { ...FOUR_LEGS, plans: [TEST_PLAN] };
  const feed = await Feed.open(t, { site });
  const browser = await openBrowser(t);
  const page = await live(browser, feed.url + OPERATOR);
  const complaints = complaintsOf(page);
  await page.getByRole("combobox", { name: "Phase of the call" }).selectOption("4");
  await page.getByRole("button", { name: "Hold" }).click();
  await page.getByRole("combobox", { name: "For" }).selectOption("60");
  await page.getByRole("dialog").getByRole("button", { name: "Hold" }).click();
  await textBecomes(page, ".replies", /Hold the green of phase 4: done/);
  t.match(feed.orders.commands, [{ body: { kind: "hold", phase: 4, seconds: 60 } }]);

  const untilWallMs = Date.now() + 60_000;
  feed.show({
    orders: {
      flash: null,
      hold: { author: "operator:anna", untilWallMs, phase: 4 },
      plan: { author: "operator:ben", untilWallMs: untilWallMs + 7_200_000, plan: 3 },
      priorities: [],
    },
  });
  feed.event("order", ["hold", 4, true, "operator:anna", untilWallMs, null]);
  const shown = await textBecomes(page, ".orders", /Hold of phase 4/);
  t.match(shown, /Plan 3operator:ben, until \w{3} \d\d:\d\d/);
  t.match(shown, /Hold of phase 4operator:anna, \d\d s left/);
  await page.getByRole("button", { name: "Let go" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Let go" }).click();
  await textBecomes(page, ".replies", /Let phase 4 go: done/);
  await page.getByRole("button", { name: "Back to schedule" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Back to schedule" }).click();
  await textBecomes(page, ".replies", /schedule: done/);
  t.match(feed.orders.commands.slice(1), [
    { body: { kind: "hold", phase: 4, seconds: 0 } },
    { body: { kind: "plan", plan: "schedule", untilMs: null } },
  ]);
  feed.show({ orders: { flash: null, hold: null, plan: null, priorities: [] } });
  feed.event("order", ["hold", 4, false, null, null, "released"]);
  t.equal(await textBecomes(page, ".orders", /^$/), "");

  await page.getByRole("button", { name: "Plan" }).click();
  await page.getByRole("combobox", { name: "Plan" }).selectOption("free");
  await page.getByRole("dialog").getByRole("button", { name: "Order the plan" }).click();
  await page.getByRole("button", { name: "Priority" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Ask priority" }).click();
  await textBecomes(page, ".replies", /Ask priority for phase 4: done/);
  t.match(feed.orders.commands.slice(3), [
    { body: { kind: "plan", plan: "free" } },
    { body: { kind: "priority", phase: 4, request: 1 } },
  ]);
  t.same(complaints, []);
});

systemTest(t, "why, asked of a card and of a row of the events", async (t) => {
  const feed = await Feed.open(t);
  const browser = await openBrowser(t);
  const page = await live(browser, feed.url);
  const complaints = complaintsOf(page);
  feed.event("code", [90, 4, null]);
  feed.event("code", [45, 4, null]);
  feed.event("code", [1, 4, null]);
  feed.event("code", [4, 4, "gap-out"]);
  feed.event("code", [8, 4, null]);
  await textBecomes(page, ".tail", /Phase 4 begins yellow/);
  await page.getByRole("button", { name: "Why does phase 4 show this?" }).click();
  const now = await textBecomes(page, ".why", /So phase 4/);
  t.match(now, /Phase 4 has a pedestrian call.*begins green for its pedestrian call/);
  t.match(now, /ends by gap-out: no vehicle came.*So phase 4 is yellow/);
  await page.getByRole("button", { name: "Close" }).click();
  await page.locator(".event", { hasText: "Phase 4 begins green" }).click();
  const then = await textBecomes(page, ".why", /So phase 4/);
  t.match(then, /So phase 4 is green/);
  t.notMatch(then, /gap-out/, "not what came after that row");
  t.same(complaints, []);
});

systemTest(t, "why, asked of rows by keyboard and by touch", async (t) => {
  const feed = await Feed.open(t);
  const browser = await openBrowser(t);
  const touching = await browser.newContext({ hasTouch: true, viewport: PHONE });
  const [keys, phone] = [await live(browser, feed.url), await live(touching, feed.url)];
  for (const phase of [1, 2, 3]) feed.event("code", [1, phase, null]);
  feed.event("fault", ["log", true, "slow"]);
  feed.event("code", [1, 4, null]);
  await textBecomes(keys, ".tail", /Phase 4 begins green/);
  const focused = () => keys.evaluate<string>("document.activeElement.getAttribute('aria-label')");
  await keys.getByRole("searchbox").focus();
  await keys.keyboard.press("Tab");
  t.match(await focused(), /^Events/);
  await keys.keyboard.press("Tab");
  t.match(await focused(), /^Why, for phase 4 at /, "the newest row");
  await keys.keyboard.press("ArrowDown");
  t.match(await focused(), /^Why, for phase 3 at /, "past the row that is about no phase");
  feed.event("code", [1, 5, null]);
  await textBecomes(keys, ".tail", /Phase 5 begins green/);
  t.match(await focused(), /^Why, for phase 3 at /, "rows that come take no focus away");
  await keys.keyboard.press("Enter");
  t.match(await textBecomes(keys, ".why", /So phase/), /So phase 3 is green/);
  await keys.keyboard.press("Escape");
  t.match(await focused(), /^Why, for phase 3 at /, "and back");
  await keys.keyboard.press("End");
  t.match(await focused(), /^Why, for phase 1 at /);
  await keys.keyboard.press("Tab");
  t.notMatch(await focused(), /^Why/, "all rows are one stop");

  await phone.locator(".event", { hasText: "Phase 2 begins green" }).tap();
  t.match(await textBecomes(phone, ".why", /So phase/), /So phase 2 is green/);
});

systemTest(t, "a command by keyboard alone", async (t) => {
  const feed = await Feed.open(t);
  const browser = await openBrowser(t);
  const page = await live(browser, feed.url + OPERATOR);
  const focused = () =>
    page.evaluate<string>("document.activeElement?.textContent?.trim().slice(0, 40) ?? ''");
  await page.keyboard.press("Tab");
  t.equal(await focused(), "Skip to commands");
  await page.keyboard.press("Enter");
  const path: string[] = [];
  for (let steps = 0; steps < 6 && !path.includes("Go to flash"); steps += 1) {
    await page.keyboard.press("Tab");
    path.push(await focused());
  }
  t.ok(path.includes("Vehicle call") && path.includes("Go to flash"), path.join(" → "));
  const outline = await page.evaluate("getComputedStyle(document.activeElement).outlineStyle");
  t.equal(outline, "solid", "one sees where one is");
  await page.keyboard.press("Enter");
  t.equal(await focused(), "Cancel", "the safe answer is under the finger");
  await page.keyboard.press("Escape");
  t.equal(feed.orders.commands.length, 0);
  t.equal(await focused(), "Go to flash");
  await page.keyboard.press("Enter");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  t.match(await textBecomes(page, ".replies", /done/), "failure display: done");
  t.match(feed.orders.commands, [{ body: { kind: "flash" } }]);
});

systemTest(t, "without the secret one can look, not act", async (t) => {
  const feed = await Feed.open(t);
  const browser = await openBrowser(t);
  const looking = await live(browser, feed.url);
  t.match(await looking.locator(".operate-note").textContent(), "You can look");
  for (const name of ["Vehicle call", "Go to flash", "Return to control"]) {
    t.ok(await looking.getByRole("button", { name }).isDisabled(), name);
  }
  // A page that is told to act all the same: as a reader, and with a wrong secret.
  const topic = `stopline/1/demo/centre/bench-street/command/${"a".repeat(32)}`;
  const attempt = (login: object) =>
    looking.evaluate(
      `(async () => {
        const { mqtt } = await import("/page/mqtt-client.js");
        const body = JSON.stringify({ version: 1, id: "${"a".repeat(32)}", issued: Date.now(),
          expires: Date.now() + 30000, command: "flash" });
        return await new Promise((resolve) => {
          const client = mqtt.connect("ws://" + location.host + "/mqtt", { protocolVersion: 4,
            reconnectPeriod: 0, timerVariant: "native", ...${JSON.stringify(login)} });
          client.on("error", () => resolve("refused"));
          client.on("connect", () => {
            client.subscribe("stopline/1/+/+/+/reply/+/json", () =>
              client.publish("${topic}", body, { qos: 1 }, () =>
                setTimeout(() => resolve("published"), 300)));
          });
        });
      })()`,
    );
  t.equal(await attempt({ username: "operator", password: "wrong" }), "refused");
  await attempt({});
  t.equal(feed.orders.commands.length, 0, "nothing was accepted");

  const wrong = await live(browser, `${feed.url}#secret=${"x".repeat(43)}`);
  t.match(await textBecomes(wrong, ".operate-note", /does not know/), "you can look, not act");
  t.ok(await wrong.getByRole("button", { name: "Go to flash" }).isDisabled());
});

/** What a hostile page tries, each with whether it got anything. */
const ATTACK = `async (own) => {
  const got = {};
  const quietly = async (name, body) => {
    got[name] = await body().then(() => true, () => false);
  };
  await quietly("read", async () => { await (await fetch(own + "api/site")).text(); });
  await quietly("act", async () => {
    const answer = await fetch(own + "api/reload", { method: "POST", mode: "no-cors",
      headers: { "content-type": "text/plain" } });
    if (answer.type === "opaque") throw new Error("nothing to see");
  });
  await quietly("socket", () => new Promise((resolve, reject) => {
    const socket = new WebSocket(own.replace("http", "ws") + "mqtt", "mqtt");
    socket.onopen = resolve;
    socket.onerror = reject;
  }));
  await quietly("script", () => import(own + "page/main.ts"));
  await quietly("frame", () => new Promise((resolve, reject) => {
    const frame = document.createElement("iframe");
    frame.src = own;
    frame.onload = () => {
      try { frame.contentDocument ? reject() : reject(); } catch { reject(); }
    };
    document.body.append(frame);
    setTimeout(reject, 1500);
  }));
  await quietly("image", () => new Promise((resolve, reject) => {
    const image = new Image();
    image.onload = resolve;
    image.onerror = reject;
    image.src = own + "page/mark.svg";
  }));
  return got;
}`;

systemTest(t, "another page in the same browser can neither look nor act", async (t) => {
  const feed = await Feed.open(t);
  const hostile = createServer((_request, response) => {
    response.writeHead(200, { "content-type": "text/html" });
    response.end("<!doctype html><title>hostile</title><body></body>");
  });
  await new Promise<void>((resolve) => {
    hostile.listen(0, "127.0.0.1", resolve);
  });
  t.teardown(() => hostile.close());
  const { port } = hostile.address() as AddressInfo;
  const browser = await openBrowser(t, ["--host-resolver-rules=MAP *.example 127.0.0.1"]);
  const context = await browser.newContext();
  await live(context, feed.url + OPERATOR);
  for (const origin of [`http://evil.example:${port}/`, `http://127.0.0.1:${port}/`]) {
    const page = await context.newPage();
    await page.goto(origin);
    const got = await page.evaluate(`(${ATTACK})(${JSON.stringify(feed.url)})`);
    t.same(
      got,
      { read: false, act: false, socket: false, script: false, frame: false, image: false },
      origin,
    );
    t.equal(page.frames().length, 2);
    const framed = await page.frames()[1]?.evaluate("document.body?.innerText ?? ''");
    t.notMatch(framed, "Bench Street", "the frame stays empty");
  }

  // The name of somebody else's that now leads here: same origin for the browser, not for us.
  const rebound = await context.newPage();
  const answer = await rebound.goto(`http://evil.example:${feed.port}/`);
  t.equal(answer?.status(), 421);
  t.notMatch(await rebound.content(), "Stopline");
  const inside = await rebound.evaluate(`fetch("/api/site").then((answer) => answer.status)`);
  t.equal(inside, 421);
  const socket = await rebound.evaluate(`new Promise((resolve) => {
    const socket = new WebSocket("ws://" + location.host + "/mqtt", "mqtt");
    socket.onopen = () => resolve("open");
    socket.onerror = () => resolve("refused");
  })`);
  t.equal(socket, "refused");
  t.equal(feed.orders.commands.length, 0);
});

systemTest(t, "many pages at once, and none keeps the others waiting", async (t) => {
  const feed = await Feed.open(t);
  const browser = await openBrowser(t);
  const pages = await Promise.all([1, 2, 3].map(() => live(browser, feed.url)));
  feed.show({ mode: "orderly-stop", cause: "test" });
  for (const page of pages) {
    const word = () => page.locator("#mode-word").textContent();
    t.equal(await becomes(word, (text) => text === "Orderly stop"), "Orderly stop");
  }
});

// Headless Chromium for the page's tests, as installed on the system.
import { type Browser, chromium, type Page } from "playwright-core";
import type { Test } from "tap";

const ARGUMENTS = [
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Without the loaders that tap hands to its children: they are none of a browser's business. */
function browserEnvironment(): Record<string, string> {
  const kept = Object.entries(process.env).filter(([name]) => name !== "NODE_OPTIONS");
  return Object.fromEntries(kept.map(([name, value]) => [name, value ?? ""]));
}

/** Starts the browser; it ends with the test. */
export async function openBrowser(
  t: Pick<Test, "teardown">,
  more: readonly string[] = [],
): Promise<Browser> {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    chromiumSandbox: process.getuid?.() !== 0,
    args: [...ARGUMENTS, ...more],
    env: browserEnvironment(),
  });
  t.teardown(() => browser.close());
  return browser;
}

/** What the page complained of: errors, refused resources, broken rules of the content policy. */
export function complaintsOf(page: Page): string[] {
  const complaints: string[] = [];
  page.on("pageerror", (error) => complaints.push(`error: ${error.message}`));
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") complaints.push(message.text());
  });
  return complaints;
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

/** Asks until the answer is the wanted one; the last answer decides. */
export async function becomes<T>(
  ask: () => Promise<T>,
  wanted: (answer: T) => boolean,
): Promise<T> {
  let answer = await ask();
  for (let tries = 0; tries < 150 && !wanted(answer); tries += 1) {
    await wait(100);
    answer = await ask();
  }
  return answer;
}

/** The text of an element, once it is the wanted one. */
export async function textBecomes(page: Page, selector: string, wanted: RegExp): Promise<string> {
  const ask = async () => (await page.locator(selector).textContent()) ?? "";
  return await becomes(ask, (text) => wanted.test(text));
}

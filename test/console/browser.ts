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
export async function openBrowser(t: Pick<Test, "teardown">): Promise<Browser> {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    chromiumSandbox: process.getuid?.() !== 0,
    args: ARGUMENTS,
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

// `scripts/trial NAME`: finds the trial and runs it.

import { fileURLToPath } from "node:url";
import type { GuestImage } from "./guest-image.ts";
import { say } from "./host.ts";
import { innerCode } from "./namespace.ts";
import { imageOf, type TrialOptions, trialOptions } from "./options.ts";
import { Findings } from "./result.ts";

export type Trial = (image: GuestImage, found: Findings, options: TrialOptions) => Promise<void>;

const TRIALS: Readonly<Record<string, () => Promise<{ readonly trial: Trial }>>> = {
  watchdog: () => import("./watchdog.ts"),
  "power-cuts": () => import("./power-cuts.ts"),
  kill: () => import("./kill.ts"),
  oom: () => import("./oom.ts"),
  "disk-full": () => import("./disk-full.ts"),
  "read-only": () => import("./read-only.ts"),
  unplug: () => import("./unplug.ts"),
  clock: () => import("./clock.ts"),
  arm64: () => import("./arm64.ts"),
  netem: () => import("./netem.ts"),
  "update-fallback": () => import("./update-fallback.ts"),
};

async function tried(name: string, options: TrialOptions): Promise<number> {
  const found = new Findings();
  try {
    const { trial } = (await TRIALS[name]?.()) ?? {};
    await trial?.(await imageOf(options), found, options);
  } catch (error) {
    found.check(name, false, error instanceof Error ? error.message : String(error));
  }
  process.stdout.write(`${found.line(name, options)}\n`);
  return found.ok ? 0 : 1;
}

async function main(args: string[]): Promise<number> {
  const options = trialOptions(args);
  const [name = "", ...more] = options.words;
  if (TRIALS[name] === undefined || more.length > 0) {
    say(`stopline: which trial? There are: ${Object.keys(TRIALS).join(", ")}`);
    return 1;
  }
  const inner = await innerCode(fileURLToPath(import.meta.url), args, options);
  return inner ?? (await tried(name, options));
}

try {
  process.exit(await main(process.argv.slice(2)));
} catch (error) {
  say(`stopline: ${error instanceof Error ? error.message : error}`);
  process.exit(1);
}

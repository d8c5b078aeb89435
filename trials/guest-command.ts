// `scripts/guest`: boots a guest, says where it answers, and runs what is typed as root in it.
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { Guest } from "./guest.ts";
import { say } from "./host.ts";
import { innerCode } from "./namespace.ts";
import { demoSite, imageOf, trialOptions } from "./options.ts";

/** Emulated, a start takes half a minute, on a busy machine several. */
const START_MS = 300_000;
const END_MS = 60_000;

async function main(args: string[]): Promise<number> {
  const options = trialOptions(args);
  const inner = await innerCode(fileURLToPath(import.meta.url), args, options);
  if (inner !== null) return inner;
  const { site } = options;
  const text = site === null ? demoSite() : readFileSync(site, "utf8");
  const image = await imageOf(options);
  const fromMs = performance.now();
  const guest = Guest.start({ image, etc: new Map([["site.yaml", text]]) });
  const shell = await guest.shell();
  const seconds = (): string => ((performance.now() - fromMs) / 1000).toFixed(1);
  say(`a root shell after ${seconds()} s; what you type runs there, an empty line ends the guest`);
  const wellMs = await guest.wellWithin(START_MS);
  say(wellMs === null ? "the service does not answer" : `the service is well after ${seconds()} s`);
  const { console, broker } = guest;
  say(`console at ${console.host}:${console.port} (Host: 127.0.0.1:8080), for example:`);
  const look = `curl -H 'Host: 127.0.0.1:8080' http://${console.host}:${console.port}/api/health`;
  say(`  nsenter -n -t ${process.pid} ${look}`);
  say(`broker at ${broker.host}:${broker.port}, in the same network namespace`);
  for await (const line of createInterface({ input: process.stdin })) {
    if (line === "") break;
    const answer = await shell.run(line);
    if (answer === null) break;
    process.stdout.write(answer.text);
    if (answer.code !== 0) say(`exit code ${answer.code}`);
  }
  await guest.machine.powerOff(END_MS);
  return wellMs === null ? 1 : 0;
}

try {
  process.exit(await main(process.argv.slice(2)));
} catch (error) {
  say(`stopline: ${error instanceof Error ? error.message : error}`);
  process.exit(1);
}

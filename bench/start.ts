// How soon after its process started a node has lamps: until a lamp frame that commands all red has
// been accepted by the cabinet (its sequence came back in a status frame).
import { startDemo } from "./support/demo-node.ts";
import { report } from "./support/figures.ts";

const RUNS = 7;

interface Health {
  readonly loop: { readonly firstLampWallMs: number | null } | null;
}

async function firstLampMs(): Promise<number> {
  const node = await startDemo();
  const origin = new URL(node.consoleUrl).origin;
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const answer = await fetch(`${origin}/api/health`);
    const health = (await answer.json()) as Health;
    const acceptedMs = health.loop?.firstLampWallMs ?? null;
    if (acceptedMs !== null) {
      await node.stop();
      return acceptedMs - node.startedWallMs;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  await node.stop();
  throw new Error("no lamp frame was accepted within 5 s");
}

const times: number[] = [];
for (let run = 0; run < RUNS; run += 1) times.push(await firstLampMs());
times.sort((a, b) => a - b);
report("start", [
  { figure: "first_lamp_ms", value: times.at(-1) ?? Number.NaN, unit: "ms", budget: "<= 1000" },
  { figure: "first_lamp_median_ms", value: times[RUNS >> 1] ?? Number.NaN, unit: "ms" },
]);

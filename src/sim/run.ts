// One run of the simulator from its seed to its verdict.
import type { NodeWatch } from "./node.ts";
import { World } from "./world.ts";

export interface RunOptions {
  readonly seed: number;
  readonly nodes: number;
  readonly steps: number;
}

export interface RunResult {
  readonly hash: string;
  readonly events: number;
}

const WATCH: NodeWatch = {
  onLamps: () => undefined,
  onOpened: () => undefined,
  onTold: () => undefined,
  onReply: () => undefined,
  onCommitted: () => undefined,
  onMessage: () => undefined,
  onError: (node, thread, error) => {
    throw new Error(`${node.id} ${thread}`, { cause: error });
  },
};

export async function simulate(options: RunOptions): Promise<RunResult> {
  const world = await World.create(options, WATCH);
  for (let step = 0; step < options.steps; step += 1) await world.step();
  return { hash: world.trace.digest(), events: world.time.count };
}

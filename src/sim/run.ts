// One run of the simulator, from its seed to its verdict: faults first, then peace, in which
// everything has to come back within a stated time.

import { LogState } from "../log/fold.ts";
import { anchorOf, walkRows } from "../log/rows.ts";
import type { Place } from "../wire/replay.ts";
import type { FaultName } from "./faults/catalogue.ts";
import { Injector } from "./faults/inject.ts";
import { type FaultRates, type PlannedFault, planFaults } from "./faults/plan.ts";
import { Judge, type Violation } from "./invariants/invariant.ts";
import { junctionsRecover } from "./invariants/lamps.ts";
import { chainVerifies, foldEqualsState, noThreadDies } from "./invariants/log.ts";
import { INVARIANTS } from "./invariants/names.ts";
import { replayHasNoSeam } from "./invariants/replay.ts";
import type { NetworkCounts } from "./network.ts";
import type { NodeWatch, SimNode } from "./node.ts";
import { NodeStory } from "./node-watch.ts";
import { Random } from "./random.ts";
import { neighbourPairs } from "./topology.ts";
import type { TimelineLine } from "./trace.ts";
import { Traffic } from "./traffic.ts";
import { STEP_MS, World } from "./world.ts";
import { ZoneWatch } from "./zone-watch.ts";

/** Steps between two looks at what needs no look at each change: a second. */
const LOOK_STEPS = 20;
/** Between two looks at what retention has left: 10 s. */
const CUT_STEPS = 200;
/** Between two comparisons of the nodes. */
const ZONE_STEPS = 40;
/** Between two looks at what the links carry: a minute. */
const TRAFFIC_STEPS = 1_200;
/** What was said this long before the end has reached everybody by then: 10 s. */
const CALM_STEPS = 200;
/**
 * Peace at the end of a run: a latch waits a minute for its person, a junction starts in half a
 * minute, a lag recovers within two (the rest is for traffic to be served).
 */
export const PEACE_MS = 240_000;

export interface RunOptions {
  readonly seed: number;
  readonly nodes: number;
  readonly steps: number;
  readonly rates: FaultRates;
  /** Instead of the seed's own plan: a part of it. */
  readonly plan?: readonly PlannedFault[];
  /** Steps after which it is broken off, where only its beginning is wanted. */
  readonly stopAt?: number;
}

export interface RunResult {
  readonly hash: string;
  readonly steps: number;
  /** True time of its end, ms. */
  readonly endMs: number;
  readonly violations: readonly Violation[];
  readonly fired: ReadonlyMap<FaultName, number>;
  readonly exercised: ReadonlyMap<string, number>;
  readonly network: NetworkCounts;
  readonly plan: readonly PlannedFault[];
  readonly describe: (fault: PlannedFault) => string;
  readonly lines: readonly TimelineLine[];
  readonly events: number;
  readonly greens: number;
}

/** When all faults are over, ms. */
function peaceFromMs(steps: number): number {
  return Math.max((steps * STEP_MS) / 2, steps * STEP_MS - PEACE_MS);
}

/** The faults of a run, from its seed alone. */
export function planOf({ seed, nodes, steps, rates }: RunOptions): PlannedFault[] {
  const untilMs = peaceFromMs(steps);
  const links = neighbourPairs(nodes).length;
  return planFaults(new Random(seed, "faults"), rates, { nodes, links, untilMs });
}

class Watcher implements NodeWatch {
  readonly stories = new Map<SimNode, NodeStory>();
  readonly judge: Judge;
  world: World | null = null;
  zone: ZoneWatch | null = null;

  constructor() {
    const names = INVARIANTS.map(({ name }) => name);
    this.judge = new Judge(names, () => this.world?.time.nowMs ?? 0);
  }

  story(node: SimNode): NodeStory {
    const known = this.stories.get(node);
    if (known !== undefined) return known;
    const story = new NodeStory(node, this.judge);
    this.stories.set(node, story);
    return story;
  }

  onLamps: NodeWatch["onLamps"] = (node, lamps, atMs) => this.story(node).lamps.change(lamps, atMs);
  onOpened: NodeWatch["onOpened"] = (node, opened) => this.story(node).opened(opened);
  onTold: NodeWatch["onTold"] = (node, message, opened) =>
    this.story(node).toldByLog(message, opened);
  onToLog: NodeWatch["onToLog"] = (node, message) => this.story(node).toLog(message);
  onOrder: NodeWatch["onOrder"] = (node, command) => this.story(node).ordered(command);
  onReply: NodeWatch["onReply"] = (node, reply) => this.story(node).replied(reply);
  onCommitted: NodeWatch["onCommitted"] = (node, rows) => this.story(node).committed(rows);
  onPage: NodeWatch["onPage"] = (node, place, page) =>
    this.judge.ask(replayHasNoSeam, node.id, place, page, isCut(node, place));
  onCardLost: NodeWatch["onCardLost"] = (node) => this.zone?.cardLost(node);
  onEnded: NodeWatch["onEnded"] = (node) => {
    this.story(node).ended();
    this.zone?.ended(node);
  };
  onError: NodeWatch["onError"] = (node, thread, error) => {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.judge.ask(noThreadDies, node.id, `${thread}: ${text}`);
  };
}

/** Whether the rows after a place were removed as too many or too old. */
function isCut(node: SimNode, place: Place | null): boolean {
  if (place === null || node.opened?.isOpen() !== true) return false;
  const anchor = anchorOf(node.opened.database);
  return anchor !== null && anchor.seq > place.seq;
}

/** Runs until the end or the first violation. */
export async function simulate(options: RunOptions): Promise<RunResult> {
  const watcher = new Watcher();
  const { judge } = watcher;
  const world = await World.create(options, watcher);
  watcher.world = world;
  const plan = options.plan ?? planOf(options);
  const twins = plan.filter(({ name }) => name === "copied-card").length;
  await world.keepSpareDisks(twins);
  const { time, trace, network, nodes } = world;
  const random = world.random.fork("faults");
  const twinOf = (node: SimNode): SimNode | null => world.twinOf(node);
  const injector = new Injector({ time, trace, random, network, nodes, twinOf }, plan);
  const zone = new ZoneWatch(world, judge);
  watcher.zone = zone;
  const traffic = new Traffic(network, judge);
  const last = Math.min(options.steps, options.stopAt ?? options.steps);
  while (world.steps < last && judge.violations.length === 0) {
    await world.step();
    afterStep(world, watcher, zone, options);
    if (world.steps % TRAFFIC_STEPS === 0) traffic.look();
  }
  const whole = world.steps === options.steps;
  if (whole && judge.violations.length === 0) judgeTheEnd(world, watcher, zone, options);
  for (const { atMs, who, invariant, text } of judge.violations) {
    trace.line(atMs, who, `VIOLATION of "${invariant}": ${text}`);
  }
  return {
    hash: trace.digest(),
    steps: world.steps,
    endMs: time.nowMs,
    violations: judge.violations,
    fired: injector.fired,
    exercised: judge.exercised,
    network: network.counts,
    plan,
    describe: (fault) => injector.describe(fault),
    lines: trace.lines,
    events: time.count,
    greens: nodes.reduce((sum, node) => sum + watcher.story(node).lamps.greens, 0),
  };
}

function afterStep(world: World, watcher: Watcher, zone: ZoneWatch, { steps }: RunOptions): void {
  zone.step();
  if (world.steps * STEP_MS >= peaceFromMs(steps)) {
    for (const one of world.operators) one.isCalm = true;
  }
  if (world.steps % LOOK_STEPS === 0) look(world, watcher);
  if (world.steps % ZONE_STEPS === 0 && world.steps + CALM_STEPS <= steps) zone.look();
}

function look(world: World, watcher: Watcher): void {
  const { nowMs } = world.time;
  for (const [index, node] of world.nodes.entries()) {
    const story = watcher.story(node);
    story.look(nowMs);
    if (world.steps % CUT_STEPS === 0) story.lookAtCuts();
    watcher.judge.ask(noThreadDies, node.id, null);
    if (world.people[index]?.look(story.lamps.failing(nowMs)) === true) {
      world.trace.line(nowMs, node.id, "somebody presses the button at the cabinet");
    }
  }
}

/** What has to be true when all faults are long over. */
function judgeTheEnd(world: World, watcher: Watcher, zone: ZoneWatch, { steps }: RunOptions): void {
  const { judge } = watcher;
  const settled = steps * STEP_MS >= 2 * PEACE_MS;
  if (settled) zone.settle();
  for (const node of world.nodes) {
    if (settled) {
      const { lamps } = watcher.story(node);
      const mode = node.service?.view?.mode ?? null;
      judge.ask(junctionsRecover, node.id, mode, world.time.nowMs - lamps.lastGreenMs);
    }
    judgeLog(node, judge);
  }
}

/** The whole log, read from its beginning: its chain, and what its rows make. */
function judgeLog(node: SimNode, judge: Judge): void {
  if (node.opened?.isOpen() !== true || node.disk.isOff) return;
  const { writer, database } = node.opened;
  const anchor = anchorOf(database);
  if (anchor === null) {
    judge.ask(chainVerifies, node.id, "the chain has no beginning");
    return;
  }
  const fold = new LogState();
  const walk = walkRows(database, anchor, (at, kind, body) => fold.apply(at, kind, body));
  if (node.damages === 0) judge.ask(chainVerifies, node.id, walk.broken);
  if (walk.broken !== null || anchor.seq > 0) return;
  const equal = Buffer.compare(fold.encode(), writer.state.encode()) === 0;
  judge.ask(foldEqualsState, node.id, equal, writer.figures().stateFaults);
}

// One run of chaos over a corridor of real processes: they start, faults come from the plan, then
// peace, in which everything has to come back; then the processes end and their disks are audited.
import { cpSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { realTimers } from "../../log/timers.ts";
import type { Authority } from "../../trust/authority.ts";
import { Judge, type Violation } from "../invariants/invariant.ts";
import { chainVerifies } from "../invariants/log.ts";
import { countersNeverStepBack } from "../invariants/state.ts";
import { Random } from "../random.ts";
import { auditAll } from "./audit.ts";
import { Cabinets } from "./cabinets.ts";
import { LogFollower } from "./disk-look.ts";
import { Injector, type Member, mountSmallDisk, unmountSmallDisk } from "./inject.ts";
import { Looks } from "./looks.ts";
import { type NodePlace, NodeProcess } from "./node-process.ts";
import { NodeWatch } from "./node-watch.ts";
import { ChaosOperator } from "./operator.ts";
import {
  CHAOS_KINDS,
  type ChaosFault,
  faultLine,
  LEAST_NODES,
  planChaos,
  WHOLE_MS,
} from "./plan.ts";
import { PROMISES, processLives } from "./promises.ts";
import { type ChaosResult, untried } from "./result.ts";
import { type RoadPlace, Roads } from "./roads.ts";

export interface ChaosJunction extends NodePlace {
  readonly region: string;
  readonly zone: string;
  /** What leads to its cabinet, as its site file names it. */
  readonly device: string;
}

export interface ChaosRun {
  readonly seed: number;
  readonly forMs: number;
  /** From the south. */
  readonly junctions: readonly ChaosJunction[];
  readonly authority: Authority;
  readonly program: string;
  /** Writes the site files, when the ports of the roads are known; gives their texts. */
  readonly writeSites: (roads: Roads) => readonly string[];
  readonly planted: string | null;
  /** This process may mount what goes away with it. */
  readonly mayMount: boolean;
  readonly say: (line: string) => void;
}

/** A log of a long run with what it needs beside it. */
const DISK_MB = 128;
/** Somebody comes to a cabinet after a minute, in a short run sooner. */
const PERSON_MS = 60_000;
/** Processes start side by side, then the start-up's 17 s; a slow machine takes a minute. */
const START_PATIENCE_MS = 180_000;
/**
 * A latch waits a minute for its person, maybe a second one; a junction starts in half a minute; a
 * link is tried again after some seconds. The same as the simulator's peace, and the machine's
 * share.
 */
const PEACE_MS = 300_000;
/**
 * A cycle with every phase in it, and what is judged only when no stop has cut it: two cycles of
 * the corridor's plan.
 */
const ROUND_MS = 240_000;
const AGREE_MS = 60_000;
/** The orderly stop of a junction takes its longest clearances. */
const STOP_PATIENCE_MS = 120_000;
const LOOK_MS = 2_000;
const LINKS_MS = 500;

export class Chaos {
  readonly #run: ChaosRun;
  readonly #judge: Judge;
  readonly #plan: readonly ChaosFault[];
  readonly #members: Member[] = [];
  readonly #mounts: string[] = [];
  readonly #counted = new Map<string, Map<string, number>>();
  #cabinets: Cabinets | null = null;
  #roads: Roads | null = null;
  #startMs = performance.now();
  #broken = false;
  readonly #ended = Promise.withResolvers<void>();

  constructor(run: ChaosRun) {
    this.#run = run;
    const names = PROMISES.map(({ name }) => name);
    this.#judge = new Judge(names, () => performance.now() - this.#startMs);
    this.#plan = planChaos({ seed: run.seed, nodes: run.junctions.length, forMs: run.forMs });
  }

  /** Somebody wants it to end. */
  breakOff(): void {
    this.#broken = true;
    this.#ended.resolve();
  }

  /** To the end; whatever happens nothing of it goes on running. */
  async run(): Promise<ChaosResult> {
    for (const fault of this.#plan) this.#run.say(faultLine(fault));
    const mounted = this.#run.mayMount && this.#mount();
    try {
      return await this.#all(mounted);
    } finally {
      await Promise.all(this.#members.map(({ node }) => node.kill()));
      for (const { watch } of this.#members) watch.detach();
      this.#roads?.close();
      await this.#cabinets?.close();
      for (const dir of this.#mounts) {
        if (this.#violations().length > 0) cpSync(dir, `${dir}-kept`, { recursive: true });
        unmountSmallDisk(dir);
      }
    }
  }

  #mount(): boolean {
    for (const { data } of this.#run.junctions) {
      if (!mountSmallDisk(data, DISK_MB)) return false;
      this.#mounts.push(data);
    }
    return true;
  }

  async #all(smallDisks: boolean): Promise<ChaosResult> {
    const { junctions, seed, authority, say } = this.#run;
    const roads = await Roads.open(roadPlaces(junctions), seed, realTimers);
    this.#roads = roads;
    const sites = this.#run.writeSites(roads);
    const plans = junctions.map(({ id, device }, index) => ({
      id,
      device,
      site: sites[index] ?? "",
    }));
    const cabinets = new Cabinets(plans, Math.min(PERSON_MS, this.#run.forMs / 2));
    this.#cabinets = cabinets;
    await cabinets.opened();
    for (const junction of junctions) this.#members.push(this.#member(junction, cabinets));
    const members = this.#members;
    const injector = new Injector({ members, roads, cabinets, authority, smallDisks, say });
    const looks = new Looks({ members, cabinets, judge: this.#judge });
    for (const { node } of members) node.start();
    const looking = this.#look(looks, injector);
    if (await this.#until(() => looks.missing().length === 0, START_PATIENCE_MS)) {
      await this.#storm(injector);
      await this.#peace(looks, injector);
    } else if (!this.#over()) {
      say(`not all has started: ${looks.missing().join("; ")}`);
      looks.recovered(START_PATIENCE_MS);
    }
    this.#ended.resolve();
    await looking;
    await this.#audit(injector);
    return this.#result(injector);
  }

  #member(junction: ChaosJunction, cabinets: Cabinets): Member {
    const { region, zone, id } = junction;
    const watch = new NodeWatch({
      node: { region, zone, id },
      judge: this.#judge,
      wasBroken: () => cabinets.wasBroken(id),
      onMode: (mode, cause) => cabinets.tell({ kind: "says", id, mode, cause }),
    });
    const node = new NodeProcess({
      place: junction,
      program: this.#run.program,
      planted: this.#run.planted,
      onListening: (process) => {
        if (process.listening !== null) watch.attach(process.listening, process.starts);
      },
      onEnded: (process, expected, how) => {
        const words = expected ? "" : process.lastWords(3).join(" | ");
        const text = expected ? null : `${id} ended by itself (${how}): ${words}`;
        this.#judge.ask(processLives, id, text);
        this.#countersOf(junction);
      },
    });
    return { node, watch };
  }

  /** What a log counts has not stepped back since it was last looked at, and its chain holds. */
  #countersOf({ id, data }: ChaosJunction): void {
    const follower = new LogFollower(data);
    const broken = follower.follow();
    this.#judge.ask(chainVerifies, id, broken);
    const before = this.#counted.get(id) ?? new Map<string, number>();
    const now = follower.counters();
    for (const [name, count] of before) {
      this.#judge.ask(countersNeverStepBack, id, name, count, now.get(name) ?? 0);
    }
    if (now.size > 1) this.#counted.set(id, now);
  }

  #violations(): Violation[] {
    const lamps = this.#cabinets?.violations ?? [];
    const startMs = performance.timeOrigin + this.#startMs;
    return [
      ...this.#judge.violations,
      ...lamps.map((one) => ({ ...one, atMs: one.atMs - startMs })),
    ];
  }

  /** No use in going on. */
  #over(): boolean {
    return this.#broken || this.#violations().length > 0 || this.#cabinets?.trouble !== null;
  }

  async #until(done: () => boolean, patienceMs: number): Promise<boolean> {
    for (const endMs = performance.now() + patienceMs; performance.now() < endMs; ) {
      if (this.#over()) return false;
      if (done()) return true;
      await sleep(200);
    }
    return done();
  }

  /** Until the processes are to end. */
  async #look(looks: Looks, injector: Injector): Promise<void> {
    const links = setInterval(() => looks.lookAtFloods(injector), LINKS_MS);
    let ended = false;
    void this.#ended.promise.then(() => {
      ended = true;
    });
    while (!ended) {
      await looks.look();
      await Promise.race([this.#ended.promise, sleep(LOOK_MS)]);
    }
    clearInterval(links);
  }

  async #storm(injector: Injector): Promise<void> {
    const { forMs, seed, say } = this.#run;
    this.#startMs = performance.now();
    say(`all ${this.#members.length} junctions show green and are linked: chaos begins`);
    const operator = new ChaosOperator(this.#members, new Random(seed, "operator"));
    for (const fault of this.#plan) {
      const dueMs = this.#startMs + fault.atMs;
      const came = await this.#until(() => performance.now() >= dueMs, forMs + PEACE_MS);
      if (!came) break;
      say(`now ${faultLine(fault)}`);
      injector.begin(fault);
    }
    await this.#until(() => performance.now() - this.#startMs >= forMs, forMs + PEACE_MS);
    operator.stop();
    await Promise.race([injector.over(), this.#ended.promise]);
  }

  async #peace(looks: Looks, injector: Injector): Promise<void> {
    const { say } = this.#run;
    if (this.#over()) return;
    await injector.over();
    const startMs = performance.now();
    say("peace: everything has to come back");
    await this.#until(() => looks.missing().length === 0, PEACE_MS);
    const afterMs = performance.now() - startMs;
    const missing = looks.missing();
    const took = `${Math.round(afterMs / 1_000)} s`;
    say(missing.length === 0 ? `all is back after ${took}` : `missing: ${missing.join("; ")}`);
    if (this.#over()) return;
    looks.recovered(afterMs);
    if (this.#run.forMs >= WHOLE_MS) await this.#until(() => this.#wentRound(), ROUND_MS);
    if (this.#over()) return;
    await looks.agree(AGREE_MS);
    await looks.lookAtLosses();
  }

  /** Storms may leave no junction the time for a whole cycle: all that lamps do has been seen. */
  #wentRound(): boolean {
    const seen = this.#cabinets?.exercised ?? [];
    return seen.length > 0 && seen.every(([, count]) => count > 0);
  }

  async #audit({ revoked }: Injector): Promise<void> {
    const { say } = this.#run;
    say("the processes end, their disks are audited");
    const stopped = await Promise.all(
      this.#members.map(async ({ node, watch }) => {
        const ended = await node.stop(this.#over() ? 1_000 : STOP_PATIENCE_MS);
        watch.detach();
        return ended;
      }),
    );
    for (const [index, { node }] of this.#members.entries()) {
      if (this.#over() || stopped[index] === true) continue;
      this.#judge.ask(processLives, node.id, `${node.id} does not stop in order`);
    }
    auditAll(
      this.#members.map(({ node, watch }, index) => ({
        id: node.id,
        data: node.place.data,
        said: watch.said,
        neighbours: [this.#members[index - 1], this.#members[index + 1]].flatMap((other) =>
          other === undefined ? [] : [other.node.id],
        ),
      })),
      { judge: this.#judge, revoked: this.#over() ? [] : revoked },
    );
  }

  #result(injector: Injector): ChaosResult {
    const checks = new Map(this.#judge.exercised);
    for (const [name, count] of this.#cabinets?.exercised ?? []) {
      checks.set(name, (checks.get(name) ?? 0) + count);
    }
    const looks = this.#cabinets?.looks ?? [];
    const { fired, skipped } = injector;
    for (const kind of this.#run.junctions.length < LEAST_NODES ? CHAOS_KINDS : []) {
      if (!this.#plan.some((fault) => fault.kind === kind)) skipped.set(kind, "one road alone");
    }
    const { seed, forMs } = this.#run;
    const result = {
      seed,
      forMs,
      fired,
      skipped,
      checks,
      roads: this.#roads?.counts() ?? null,
      presses: looks.reduce((sum, { presses }) => sum + presses, 0),
      goesFirst: this.#cabinets?.goesFirst === true,
      starved: looks.reduce((sum, { starved }) => sum + starved, 0),
      lateMs: Math.max(0, ...looks.map(({ lateMs }) => lateMs)),
      violations: this.#violations(),
      trouble: this.#broken ? "broken off" : (this.#cabinets?.trouble ?? null),
    };
    return { ...result, untried: untried(result) };
  }
}

/** Both ends of each road; each dials the other. */
function roadPlaces(junctions: readonly ChaosJunction[]): RoadPlace[] {
  return junctions.flatMap((one, index) => {
    const other = junctions[index + 1];
    if (other === undefined) return [];
    const to = ({ number, fastPort, reliablePort }: ChaosJunction, from: number): RoadPlace => ({
      from,
      to: number,
      fastPort,
      reliablePort,
    });
    return [to(other, one.number), to(one, other.number)];
  });
}

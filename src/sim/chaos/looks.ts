// What is looked at while chaos goes on, and how everything comes back afterwards.
import { setTimeout as sleep } from "node:timers/promises";
import type { Judge } from "../invariants/invariant.ts";
import { junctionsRecover } from "../invariants/lamps.ts";
import { acknowledgedIsCommitted, droppedIsCounted, withinBounds } from "../invariants/log.ts";
import { custodyHolds, lagRecovers, sameDotsSameState } from "../invariants/state.ts";
import type { Cabinets } from "./cabinets.ts";
import { diskSizes, headSeq, heldSeq, LogFollower } from "./disk-look.ts";
import type { Injector, Member } from "./inject.ts";
import { healthComesBack, lampsLeftAlone, linksComeBack, linksHold } from "./promises.ts";

const FIGURES_MS = 3_000;
const REPLICATED = "stopline_replicated_seq";
/** Of the site files: the demo's. */
const MAX_LOG_BYTES = 1_073_741_824;
/** A neighbour's news is as old as this at the most. */
const LAG_MS = 10_000;
const AGREE_LOOK_MS = 200;

export interface LooksOptions {
  readonly members: readonly Member[];
  readonly cabinets: Cabinets;
  readonly judge: Judge;
}

const LAMPS = "lamps";

/** A link as one of its ends sees it. */
interface SeenLink {
  readonly who: string;
  readonly name: string;
  readonly neighbour: string;
  readonly linkUp: boolean;
}

interface Flooded {
  readonly id: string;
  readonly flood: string;
  readonly links: readonly SeenLink[];
  readonly held: ReadonlySet<string>;
}

export class Looks {
  readonly #options: LooksOptions;
  readonly #followers: readonly LogFollower[];
  /** By flooded node: links that were up when it began, and whether its lamps were lit. */
  readonly #held = new Map<string, Set<string>>();

  constructor(options: LooksOptions) {
    this.#options = options;
    this.#followers = options.members.map(({ node }) => new LogFollower(node.place.data));
  }

  /** Each two seconds, one node after the other. */
  async look(): Promise<void> {
    const { members, judge } = this.#options;
    for (const { node, watch } of members) {
      const { data } = node.place;
      const { newestSaid } = watch;
      const head = headSeq(data);
      if (head !== null && newestSaid > 0) {
        judge.ask(acknowledgedIsCommitted, node.id, newestSaid, head);
      }
      const { all, log } = diskSizes(data);
      judge.ask(withinBounds, node.id, {
        logBytes: log,
        maxLogBytes: MAX_LOG_BYTES,
        diskBytes: all,
        waitingBytes: 0,
        waitingEvents: 0,
        threadEvents: 0,
      });
      await this.#lookAtCustody(node.id);
    }
  }

  /** What the owner was told to be safe at a neighbour is on that one's disk at this moment. */
  async #lookAtCustody(owner: string): Promise<void> {
    const { members, judge } = this.#options;
    const member = members.find(({ node }) => node.id === owner);
    const figures = member?.node.up ? await member.watch.figures(FIGURES_MS) : null;
    const replicated = figures?.get(REPLICATED);
    if (replicated === undefined) return;
    const held = this.#neighbours(owner).map(({ node }) => heldSeq(node.place.data, owner));
    // One that can't be read at this moment may be the custodian.
    if (held.some((seq) => seq === null)) return;
    const found = held.some((seq) => (seq ?? 0) >= replicated) ? "" : null;
    judge.ask(custodyHolds, owner, { owner, seq: replicated, hash: "", found });
  }

  #neighbours(id: string): readonly Member[] {
    const { members } = this.#options;
    const at = members.findIndex(({ node }) => node.id === id);
    return [members[at - 1], members[at + 1]].filter((one) => one !== undefined);
  }

  /** Twice a second: lamps of flooded nodes, and their links as both ends see them. */
  lookAtFloods({ flooded }: Injector): void {
    for (const id of this.#held.keys()) if (!flooded.has(id)) this.#held.delete(id);
    for (const [id, flood] of flooded) {
      const links = this.#linksOf(id);
      const held = this.#held.get(id);
      if (held !== undefined) this.#askFlooded({ id, flood, links, held });
      else {
        const up = links.filter(({ linkUp }) => linkUp).map(({ name }) => name);
        this.#held.set(id, new Set([...up, ...(this.#isLit(id) ? [LAMPS] : [])]));
      }
    }
  }

  #askFlooded({ id, flood, links, held }: Flooded): void {
    const { cabinets, judge } = this.#options;
    for (const { who, name, neighbour, linkUp } of links) {
      if (held.has(name)) judge.ask(linksHold, who, flood, neighbour, linkUp);
    }
    // A cabinet that ran late, or whose node had to share the processor, may have missed a frame.
    if (!held.has(LAMPS) || !cabinets.goesFirst || cabinets.wasBroken(id)) return;
    judge.ask(lampsLeftAlone, id, flood, !this.#isLit(id));
  }

  #isLit(id: string): boolean {
    return this.#options.cabinets.look(id)?.failing === false;
  }

  #linksOf(id: string): SeenLink[] {
    return this.#options.members.flatMap(({ watch }) =>
      watch.neighbours
        .filter((one) => watch.id === id || one.id === id)
        .map((one) => ({
          who: watch.id,
          name: `${watch.id} ${one.id}`,
          neighbour: one.id,
          linkUp: one.linkUp,
        })),
    );
  }

  /** What is not back yet, in words; empty when all is. */
  missing(): string[] {
    const { members, cabinets } = this.#options;
    return members.flatMap(({ node, watch }) => {
      const look = cabinets.look(node.id);
      const down = watch.neighbours.filter(({ linkUp, stale }) => !linkUp || stale);
      const late = watch.neighbours.filter(({ lagMs }) => lagMs === null || lagMs > LAG_MS);
      return [
        ...(node.up ? [] : [`${node.id} has no process`]),
        ...(watch.connected && watch.pictures > 2 ? [] : [`the broker of ${node.id} is silent`]),
        ...(watch.health === null || watch.health === "failed"
          ? [`the health of ${node.id} is ${watch.health}`]
          : []),
        ...(watch.mode === "controlled" ? [] : [`${node.id} is ${watch.mode}`]),
        ...(look === null || look.failing || look.greenAgoMs > 120_000
          ? [`${node.id} shows no green`]
          : []),
        ...down.map(({ id }) => `${node.id} has no link to ${id}`),
        ...late.map(({ id }) => `${node.id} is behind ${id}`),
      ];
    });
  }

  /** Everything that has to be back, asked once it is or when nobody waits any longer. */
  recovered(afterMs: number): void {
    const { members, cabinets, judge } = this.#options;
    for (const { node, watch } of members) {
      const look = cabinets.look(node.id);
      judge.ask(
        junctionsRecover,
        node.id,
        watch.mode,
        look?.greenAgoMs ?? Number.POSITIVE_INFINITY,
      );
      const silent = !watch.connected || watch.pictures <= 2 ? "the broker is silent" : "";
      const ill = watch.health === "failed" ? "health is failed" : silent;
      judge.ask(healthComesBack, node.id, ill, afterMs);
      const due = this.#neighbours(node.id).map((member) => member.node.id);
      for (const id of due) {
        const found = watch.neighbours.find((one) => one.id === id);
        judge.ask(linksComeBack, node.id, id, found?.linkUp === true && !found.stale, afterMs);
        const lagMs = found?.lagMs ?? null;
        judge.ask(lagRecovers, node.id, {
          origin: id,
          stream: 0,
          due: `${LAG_MS} ms`,
          has: `${lagMs} ms`,
          isBehind: lagMs === null || lagMs > LAG_MS,
        });
      }
    }
  }

  /** What a process says to have lost is what its log says is missing. */
  async lookAtLosses(): Promise<void> {
    const { members, judge } = this.#options;
    for (const [index, { node, watch }] of members.entries()) {
      const before = this.#missingOf(index);
      const figures = await watch.figures(FIGURES_MS);
      if (figures === null || before !== this.#missingOf(index)) continue;
      let lost = 0;
      for (const [name, value] of figures)
        if (name.startsWith("event_dropped_total")) lost += value;
      const account = { appended: lost, stored: 0, lost, waiting: 0, waitingBytes: 0 };
      judge.ask(droppedIsCounted, node.id, account, { events: 0, missing: before });
    }
  }

  /** Events that the log of the present process says to be missing. */
  #missingOf(index: number): number {
    const follower = this.#followers[index];
    follower?.follow();
    return follower?.missing ?? 0;
  }

  /**
   * Waits until each neighbour has believed of a node, at one moment, what that node's own rows
   * make: the vehicles that it has counted. Who never has is in violation.
   */
  async agree(patienceMs: number): Promise<void> {
    const { members, judge } = this.#options;
    /** By who believes and of whom: what was seen last. */
    const open = new Map<string, string>();
    for (const { node } of members) {
      for (const { watch } of this.#neighbours(node.id)) open.set(`${watch.id} ${node.id}`, "");
    }
    for (let leftMs = patienceMs; leftMs > 0 && open.size > 0; leftMs -= AGREE_LOOK_MS) {
      for (const index of members.keys()) this.#compare(index, open);
      await sleep(AGREE_LOOK_MS);
    }
    for (const [name, seen] of open) {
      const [who = "", of = ""] = name.split(" ");
      judge.ask(sameDotsSameState, who, `vehicles of ${of}`, seen, "the same");
    }
  }

  /** What the neighbours of a node believe of it, and its own log. */
  #compare(index: number, open: Map<string, string>): void {
    const { members, judge } = this.#options;
    const [member, follower] = [members[index], this.#followers[index]];
    if (member === undefined || follower === undefined) return;
    const { id } = member.node;
    follower.follow();
    for (const { watch } of this.#neighbours(id)) {
      const believed = watch.neighbours.find((one) => one.id === id)?.vehicles;
      const name = `${watch.id} ${id}`;
      if (!open.has(name)) continue;
      open.set(name, `${believed} believed, ${follower.vehicles} counted`);
      if (believed !== follower.vehicles) continue;
      open.delete(name);
      judge.ask(sameDotsSameState, watch.id, `vehicles of ${id}`, "the same", "the same");
    }
  }
}

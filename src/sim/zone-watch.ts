// Compares the nodes of a zone with each other: what each knows of the state of the others.
import type { Replica } from "../core/state/replica.ts";
import type { StreamId } from "../core/state/schema.ts";
import type { Key } from "../core/state/value.ts";
import type { Version } from "../core/state/version.ts";
import type { Judge } from "./invariants/invariant.ts";
import {
  countersNeverStepBack,
  lagRecovers,
  noDotTwice,
  noHonestLiar,
  sameDotsSameState,
} from "./invariants/state.ts";
import { Meetings } from "./meetings.ts";
import type { SimNode } from "./node.ts";
import { hashText } from "./random.ts";
import { RevocationWatch } from "./revocation-watch.ts";
import { Witness } from "./witness.ts";
import type { World } from "./world.ts";
import { Elements, Leases, Promises } from "./zone-memory.ts";

const STREAMS: readonly StreamId[] = [0, 1, 2, 3];
/** States by version that are remembered for comparing. */
const MAX_SEEN = 20_000;
/** Two nodes understand each other: the neighbour has said hello and been answered. */
const CORRECTED_MS = 20_000;
/**
 * After two machines of one name neither is followed for ten minutes, and for a little more here.
 */
const TWIN_CALM_MS = 660_000;

function isBefore(a: Version, b: Version): boolean {
  return (
    a.incarnation < b.incarnation || (a.incarnation === b.incarnation && a.counter < b.counter)
  );
}

function versionText(version: Version | null): string {
  return version === null ? "nothing" : `${version.incarnation}.${version.counter}`;
}

/** What a node knew of another when that one's process ended. */
interface Knower {
  readonly node: SimNode;
  readonly start: number;
  readonly incarnation: number;
}

interface Sight {
  readonly text: string;
  /** The origin's start in which only it itself had this; null once another node had it. */
  life: number | null;
}

export class ZoneWatch {
  readonly #world: World;
  readonly #judge: Judge;
  /** Of each state by stream, origin and dots. */
  readonly #seen = new Map<string, Sight>();
  /** The version at which a node's copy was last looked at. */
  readonly #looked = new WeakMap<Replica, Map<string, string>>();
  /** Who shared an incarnation: the start, by node and number. */
  readonly #starts = new Map<string, number>();
  /** Nodes that share under a number that an earlier start had. */
  readonly #doubtful = new Set<string>();
  /** Who knew what of a node at the end of its last process. */
  readonly #knowers = new Map<string, readonly Knower[]>();
  /** Incarnations that two starts have used, by node and number. */
  readonly #ambiguous = new Set<string>();
  readonly #totals = new Map<string, number>();
  /** Where each origin stood at the last look, by stream and id. */
  #due = new Map<string, Version>();

  readonly #elements: Elements;
  readonly #promises: Promises;
  readonly #leases: Leases;
  readonly #revocations: RevocationWatch;
  readonly #witness: Witness;
  readonly #meetings: Meetings;

  constructor(world: World, judge: Judge) {
    this.#world = world;
    this.#judge = judge;
    this.#elements = new Elements(judge);
    this.#promises = new Promises(judge, world.nodes);
    this.#leases = new Leases(judge, world.observers);
    this.#revocations = new RevocationWatch(judge);
    this.#witness = new Witness(world.random.fork("witness"));
    this.#meetings = new Meetings(world.network, world.nodes);
  }

  /** A node goes on with an empty card. */
  cardLost(node: SimNode): void {
    this.#promises.cardLost(node);
  }

  /** A node's process is gone. */
  ended(node: SimNode): void {
    const knowers = this.#world.nodes.flatMap((other) => {
      if (other === node || other.mesh === null) return [];
      const { mesh } = other.mesh;
      const heard = STREAMS.map(
        (stream) => mesh.replica(stream).version(node.id)?.incarnation ?? 0,
      );
      return [{ node: other, start: other.starts, incarnation: Math.max(...heard) }];
    });
    this.#knowers.set(node.id, knowers);
  }

  /** After each step. */
  step(): void {
    this.#meetings.look(this.#world.time.nowMs);
    for (const node of this.#world.nodes) {
      const { mesh, process } = node;
      if (mesh === null || process === null || process.dead) continue;
      const version = mesh.mesh.replica(0).version(node.id);
      if (version !== null && mesh.mesh.state === "sharing")
        this.#shares(node, version.incarnation);
    }
  }

  /** A node shares under an incarnation: no other start of it did. */
  #shares(node: SimNode, incarnation: number): void {
    const name = `${node.id} ${incarnation}`;
    const known = this.#starts.get(name);
    if (known === node.starts) {
      this.#doubtful.delete(node.id);
      return;
    }
    if (known === undefined) {
      this.#starts.set(name, node.starts);
      this.#judge.ask(noDotTwice, node.id, incarnation, "", "");
      return;
    }
    if (this.#isDoubled(node.id)) return;
    // With everybody who knew better away, dots of two starts may have one name for a while.
    this.#ambiguous.add(name);
    if (node.damagesAtStart > 0 && this.#mayBeCorrected(node, incarnation)) return;
    this.#judge.ask(noDotTwice, node.id, incarnation, String(known), String(node.starts));
  }

  /**
   * A disk that lost rows by itself may have lost a start among them: then the first neighbour that
   * is met and knows of it refuses the incarnation. What all have forgotten nobody can object to.
   */
  #mayBeCorrected(node: SimNode, incarnation: number): boolean {
    this.#doubtful.add(node.id);
    const knowers = (this.#knowers.get(node.id) ?? []).filter(
      (knower) => knower.incarnation >= incarnation && knower.node.starts === knower.start,
    );
    if (knowers.length === 0) this.#starts.set(`${node.id} ${incarnation}`, node.starts);
    return knowers.every((knower) => this.#isNewlyMet(node, knower.node));
  }

  /** A neighbour has not had the time to tell what it remembers, or is none. */
  #isNewlyMet(node: SimNode, other: SimNode): boolean {
    const sinceMs = this.#meetings.since(node.id, other.id);
    if (sinceMs === null) return true;
    const bornMs = Math.max(node.startedMs, other.startedMs);
    return this.#world.time.nowMs - Math.max(sinceMs, bornMs) < CORRECTED_MS;
  }

  #askLiar(node: SimNode, neighbour: string, distrusted: string | null): void {
    if (this.#isDoubled(neighbour) || this.#isOff(this.#node(neighbour))) return;
    this.#judge.ask(noHonestLiar, node.id, neighbour, distrusted);
  }

  #node(id: string): SimNode | undefined {
    return this.#world.nodes.find((one) => one.id === id);
  }

  /**
   * A second board had its name, and somebody started it anew too early: it stays off, as its alarm
   * says.
   */
  #isOff(node: SimNode | undefined): boolean {
    const wasDoubled = node !== undefined && (node.twin !== null || node.hadTwinMs >= 0);
    return wasDoubled && node.mesh?.mesh.state === "off";
  }

  /** A second board has its name, or had so lately that it is not believed again. */
  #isDoubled(id: string): boolean {
    const node = this.#node(id);
    if (node === undefined) return false;
    return node.twin !== null || this.#world.time.nowMs - node.hadTwinMs < TWIN_CALM_MS;
  }

  /** Now and then. */
  look(): void {
    const due = new Map<string, Version>();
    this.#elements.nextRound();
    for (const node of this.#world.nodes) {
      const { mesh, process } = node;
      if (mesh === null || process === null || process.dead) continue;
      // Nobody follows one that is off, whatever it still says to itself.
      const heard = this.#isOff(node) ? null : due;
      for (const stream of STREAMS) this.#compare(node, mesh.mesh.replica(stream), heard);
      this.#count(node, mesh.mesh.replica(1));
      const { timers } = process.main;
      const now = { monoMs: timers.monoMs(), wallMs: timers.wallMs() };
      for (const { id, distrusted } of mesh.mesh.neighbours(now)) {
        this.#askLiar(node, id, distrusted);
      }
      this.#elements.look(node, mesh.mesh.replica(2));
      this.#promises.look(node, now);
      if (!this.#isDoubled(node.id)) this.#revocations.look(node);
      if (!this.#isDoubled(node.id))
        this.#leases.look(node, mesh.mesh.replica(3), now, this.#world.time.nowMs);
    }
    this.#due = due;
    this.#promises.endRound();
    this.#witness.hear(this.#world.time.nowMs, (replica, origin) => {
      if (!this.#isDoubled(origin)) this.#compareOrigin("witness", replica, origin);
    });
  }

  /** At the end: everybody has what everybody had to say at the last look. */
  settle(): void {
    this.#promises.settle();
    this.#revocations.settle(this.#world.nodes.filter((node) => !this.#isOff(node)));
    for (const node of this.#world.nodes) {
      if (this.#isOff(node)) continue;
      const neighbours = new Set(this.#world.network.neighbours(node.id));
      for (const [name, due] of this.#due) {
        const [stream, origin = ""] = name.split(" ");
        const id = Number(stream) as StreamId;
        if (id < 2 && !neighbours.has(origin)) continue;
        const has = node.mesh?.mesh.replica(id).version(origin) ?? null;
        const isBehind = has === null || isBefore(has, due);
        const texts = { due: versionText(due), has: versionText(has) };
        this.#judge.ask(lagRecovers, node.id, { origin, stream: id, isBehind, ...texts });
      }
    }
  }

  #compare(node: SimNode, replica: Replica, due: Map<string, Version> | null): void {
    let looked = this.#looked.get(replica);
    if (looked === undefined) {
      looked = new Map();
      this.#looked.set(replica, looked);
    }
    for (const [origin, version] of replica.versions()) {
      if (origin === node.id) {
        if (this.#doubtful.has(origin) || this.#isDoubled(origin)) continue;
        due?.set(`${replica.stream} ${origin}`, version);
        if (node.damages === 0) this.#witness.ask(origin, replica, this.#world.time.nowMs);
      }
      const at = versionText(version);
      if (looked.get(origin) === at) continue;
      looked.set(origin, at);
      this.#compareOrigin(node.id, replica, origin);
    }
  }

  #compareOrigin(who: string, replica: Replica, origin: string): void {
    const canonical = replica.canonical(origin);
    if (!Array.isArray(canonical)) return;
    const [incarnation, ranges, state] = canonical;
    // Two boards of one name may take the same number before they hear of each other.
    if (this.#isDoubled(origin)) this.#ambiguous.add(`${origin} ${incarnation}`);
    if (this.#ambiguous.has(`${origin} ${incarnation}`)) return;
    const dots = `${incarnation} ${JSON.stringify(ranges)}`;
    const what = `stream ${replica.stream} of ${origin} at ${dots}`;
    const text = JSON.stringify(state);
    // Only few differ; the text of those is what a person wants to see.
    const now = text.length < 400 ? text : `${hashText(text)} ${text.slice(0, 300)}`;
    const life = this.#lifeOf(who, origin);
    const known = this.#seen.get(what);
    if (known === undefined || this.#diedAlone(known.life, origin)) {
      this.#seen.set(what, { text: now, life });
      this.#forget();
      return;
    }
    if (life === null) known.life = null;
    this.#judge.ask(sameDotsSameState, who, what, now, known.text);
  }

  /**
   * In which of its starts the origin itself shows this, or the witness, who hears it directly;
   * null where another node does.
   */
  #lifeOf(who: string, origin: string): number | null {
    if (who !== origin && who !== "witness") return null;
    return this.#node(origin)?.starts ?? null;
  }

  /** What only the origin had, on a card that it has lost: nobody can know that it was. */
  #diedAlone(life: number | null, origin: string): boolean {
    const node = this.#node(origin);
    return life !== null && node !== undefined && node.damages > 0 && node.starts !== life;
  }

  /** The counts of each origin as this node reads them. */
  #count(node: SimNode, sensor: Replica): void {
    for (const origin of sensor.origins()) {
      if (this.#isDoubled(origin)) continue;
      for (const key of sensor.keys("counted", origin)) {
        this.#countOne(node, origin, key, sensor.total("counted", key, origin));
      }
    }
  }

  #countOne(node: SimNode, origin: string, key: Key, total: number): void {
    const own = origin === node.id;
    // What a disk has lost with its only copy is lost: each start has to be told by the others.
    const lives = own && node.damagesAtStart === 0 ? 0 : node.starts;
    const name = `${node.id} ${lives} ${origin} ${key}`;
    const seen = this.#totals.get(name) ?? 0;
    const before = own ? Math.max(seen, this.#toldOf(node, key)) : seen;
    if (total === before) return;
    this.#judge.ask(countersNeverStepBack, node.id, `detector ${key} of ${origin}`, before, total);
    this.#totals.set(name, total);
  }

  /**
   * What others know of a node's count that it may have forgotten: its disk lost rows by itself, or
   * a second board counted as well. They have had the time to tell.
   */
  #toldOf(node: SimNode, key: Key): number {
    if (node.damagesAtStart === 0 && node.hadTwinMs < 0) return 0;
    const totals = this.#world.nodes
      .filter((other) => other.mesh !== null && !this.#isNewlyMet(node, other))
      .map(({ mesh }) => mesh?.mesh.replica(1).total("counted", key, node.id) ?? 0);
    return Math.max(0, ...totals);
  }

  #forget(): void {
    if (this.#seen.size <= MAX_SEEN) return;
    for (const key of this.#seen.keys()) {
      this.#seen.delete(key);
      return;
    }
  }
}

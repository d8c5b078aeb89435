// Zones at work: where each client of a scoped role says it is, what it gets and may publish
// there, and what it is told when that changes. Rules are in `core/zones`; this is their edge.
// Only who shows a certificate has a place here: nobody else is named by anything but itself.
import type { SiteModel } from "../core/site/model.ts";
import { Presence, type PresenceEffect, type PresenceNow } from "../core/zones/presence.ts";
import { type RoleScope, type ScopeRefusal, ZoneScope } from "../core/zones/scope.ts";
import type { Zone } from "../core/zones/zone.ts";
import { ZoneSet } from "../core/zones/zone-set.ts";
import type { Role } from "../trust/identity.ts";
import { WireError } from "../wire/codec.ts";
import type { NodeTopics } from "../wire/topics.ts";
import { decodeVehicleReport, encodeZoneNotice, type ZoneNotice } from "../wire/vehicle.ts";
import type { Peer } from "./access.ts";
import { Bucket } from "./bucket.ts";
import type { Counting } from "./counters.ts";
import type { Send } from "./engine.ts";
import { matches } from "./filters.ts";
import type { BrokerLimits } from "./limits.ts";
import { Pseudonyms } from "./pseudonyms.ts";

/** What is kept with one connected client of a scoped role. */
export interface Visitor {
  readonly scope: RoleScope;
  readonly presence: Presence;
  /** The newest report that came faster than they are taken; null while there is none. */
  waiting: Uint8Array | null;
  /** When the newest one was looked at; monotonic, ms. */
  takenMs: number;
  /** The topic on which it may report, as bytes; null where it may not. */
  reports: Buffer | null;
}

/** A confirmed vehicle inside a zone, under a name of this node and day. */
export interface Sighting {
  readonly vehicle: string;
  readonly leaseMs: number;
}

export interface ZonePorts {
  readonly topics: NodeTopics;
  readonly limits: BrokerLimits;
  readonly counting: Counting;
  /** The way to the peer's connection, or null when it is gone. */
  readonly sendTo: (peer: Peer) => Send | null;
  /** Sends what who has just entered must know at once, as far as these filters want it. */
  readonly welcome: (filters: readonly string[], send: Send) => void;
  readonly onSighting: (sighting: Sighting) => void;
  /** The board is unwell: of each vehicle one report a second is looked at. */
  readonly samplesReports: () => boolean;
  readonly now: () => number;
  readonly wallMs: () => number;
  /** False while the wall clock can't be trusted: the age of reports is then not judged. */
  readonly isClockSure: () => boolean;
}

/** Silence ends a stay; with this pause it is noticed well within the second that MESH allows. */
const SWEEP_MS = 500;
/** One after the other, so that a change of lamps never waits for all visitors at once. */
const SWEEP_PARTS = 10;
/** A sighting lasts this long, and is told again after a third of it while reports come. */
const SIGHTING_LEASE_MS = 30_000;
const SIGHTING_PAUSE_MS = 10_000;

/** Between reports of a vehicle that are looked at while they are sampled; a stay ends at 5 s. */
const SAMPLE_MS = 1_000;
const NEVER = Number.NEGATIVE_INFINITY;

/** Twice what a report takes: nothing larger is kept until its turn. */
const MAX_REPORT_BYTES = 256;

type Move = Extract<PresenceEffect, { zone: string }>;

export class Zones {
  readonly #ports: ZonePorts;
  readonly #set: ZoneSet;
  readonly #scope: ZoneScope;
  readonly #zones: ReadonlyMap<string, Zone>;
  readonly #classes: ReadonlyMap<string, string>;
  /** Each with the part of a sweep in which it has its turn. */
  readonly #peers = new Map<Peer, number>();
  #nextPart = 0;
  #sweeps = 0;
  /** By name: several connections of one certificate share what it may report. */
  readonly #buckets = new Map<string, Bucket>();
  /** Of all together. */
  readonly #all: Bucket;
  /** Whose report waits because there are too many of all together, in the order they came. */
  readonly #crowd = new Set<Peer>();
  readonly #sighted = new Map<string, number>();
  readonly #pseudonyms = new Pseudonyms();
  #timer: NodeJS.Timeout | null = null;

  constructor(site: SiteModel, ports: ZonePorts) {
    this.#ports = ports;
    this.#set = new ZoneSet(site.zones);
    this.#scope = new ZoneScope(this.#set);
    this.#zones = new Map(site.zones.map((zone) => [zone.name, zone]));
    const { allReportsPerS } = ports.limits;
    // Room for a burst of half a second.
    this.#all = new Bucket(allReportsPerS, Math.max(1, allReportsPerS / 2), ports.now());
    const { topics } = ports;
    const usual = [topics.spat, topics.spatJson, topics.map, topics.mapJson, topics.health];
    const all = [...usual, topics.healthJson, topics.events, topics.stateJson];
    this.#classes = new Map(all.map((topic) => [topic, this.#cutClass(topic)]));
  }

  /** Begins to look for silence; without zones there is nobody who could fall silent. */
  start(): void {
    if (this.#set.zones.length === 0) return;
    this.#timer = setInterval(() => this.#sweep(), SWEEP_MS / SWEEP_PARTS);
    this.#timer.unref();
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
  }

  /** For a CONNECT: null where zones have nothing to do with such a client. */
  visitor(role: Role, name: string | null): Visitor | null {
    const scope = this.#scope.of(role);
    if (name === null || !scope.isScoped) return null;
    const presence = new Presence(this.#set);
    return { scope, presence, waiting: null, takenMs: NEVER, reports: null };
  }

  /** The client is connected: its time runs. */
  arrive(peer: Peer): void {
    if (peer.visitor == null) return;
    this.#peers.set(peer, this.#nextPart);
    this.#nextPart = (this.#nextPart + 1) % SWEEP_PARTS;
  }

  leave(peer: Peer): void {
    this.#crowd.delete(peer);
    this.#peers.delete(peer);
  }

  /** Who has gone is forgotten when coming back brings no more than staying would have. */
  #forget(): void {
    if (this.#buckets.size === 0) return;
    const here = new Set([...this.#peers.keys()].map(keyOf));
    const pastMs = this.#ports.now() - SIGHTING_PAUSE_MS;
    for (const key of this.#buckets.keys()) {
      if (here.has(key) || (this.#sighted.get(key) ?? Number.NEGATIVE_INFINITY) > pastMs) continue;
      this.#sighted.delete(key);
      this.#buckets.delete(key);
    }
  }

  /** Asked for every delivery to a visitor: one or two looks into maps, nothing is made. */
  mayReceive({ scope, presence }: Visitor, topic: string): boolean {
    const topicClass = this.#classes.get(topic) ?? this.#cutClass(topic);
    return scope.receiveRefusal(topicClass, presence) === null;
  }

  /** Why a class of this node's topics is not for the peer now, or null. */
  receiveRefusal({ visitor }: Peer, topicClass: string): ScopeRefusal | null {
    return visitor == null ? null : visitor.scope.receiveRefusal(topicClass, visitor.presence);
  }

  /** Why the peer may not publish to a class of this node's topics now, or null. */
  publishRefusal({ visitor }: Peer, topicClass: string): ScopeRefusal | null {
    return visitor == null ? null : visitor.scope.publishRefusal(topicClass, visitor.presence);
  }

  /**
   * One report of the peer's position. Of those that come too fast the newest counts; so it does of
   * each vehicle when there are too many of all together.
   */
  report(peer: Peer, payload: Uint8Array): void {
    const { visitor } = peer;
    if (visitor == null) return;
    if (payload.length > MAX_REPORT_BYTES) {
      this.#ports.counting.drop("vehicle", "malformed");
      return;
    }
    if (this.#ports.samplesReports() && this.#ports.now() - visitor.takenMs < SAMPLE_MS) {
      this.#ports.counting.drop("vehicle", "board");
      return;
    }
    if (visitor.waiting !== null) this.#ports.counting.drop("vehicle", "coalesced");
    visitor.waiting = payload;
    if (this.#crowd.size === 0) this.#takeWaiting(peer, visitor);
    else this.#crowd.add(peer);
    // Of its own from now on: what it came with is 64 kB of the socket's.
    if (visitor.waiting !== null) visitor.waiting = Uint8Array.from(payload);
  }

  /** The class of a topic of this node, empty for all others. */
  #cutClass(topic: string): string {
    const { prefix } = this.#ports.topics;
    if (!topic.startsWith(prefix)) return "";
    const end = topic.indexOf("/", prefix.length);
    return topic.slice(prefix.length, end === -1 ? topic.length : end);
  }

  #takeWaiting(peer: Peer, visitor: Visitor): void {
    const { waiting } = visitor;
    if (waiting === null) return;
    const bucket = this.#bucketOf(keyOf(peer));
    const now = this.#ports.now();
    if (bucket.waitMs(now) > 0) return;
    if (this.#all.waitMs(now) > 0) {
      this.#crowd.add(peer);
      return;
    }
    bucket.take(1);
    this.#all.take(1);
    visitor.waiting = null;
    visitor.takenMs = this.#ports.now();
    try {
      const { atWallMs: atMs, ...place } = decodeVehicleReport(waiting);
      const event = { kind: "position", report: { ...place, atMs } } as const;
      const effects = visitor.presence.step(event, this.#moment());
      this.#perform(peer, effects);
      if (!effects.some(({ kind }) => kind === "refused")) this.#sight(peer, visitor);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.#ports.counting.drop("vehicle", "malformed");
    }
  }

  #bucketOf(key: string): Bucket {
    const known = this.#buckets.get(key);
    if (known !== undefined) return known;
    const { reportsPerS, reportBurst } = this.#ports.limits;
    const bucket = new Bucket(reportsPerS, reportBurst, this.#ports.now());
    this.#buckets.set(key, bucket);
    return bucket;
  }

  #sweep(): void {
    const turn = this.#sweeps % SWEEP_PARTS;
    this.#sweeps += 1;
    if (turn === 0) this.#forget();
    this.#thinCrowd();
    for (const [peer, part] of this.#peers) {
      const { visitor } = peer;
      if (part !== turn || visitor == null) continue;
      this.#takeWaiting(peer, visitor);
      this.#perform(peer, visitor.presence.step({ kind: "time" }, this.#moment()));
    }
  }

  /** As many as may be taken by now, in the order in which they came. */
  #thinCrowd(): void {
    for (const peer of this.#crowd) {
      if (this.#all.waitMs(this.#ports.now()) > 0) return;
      this.#crowd.delete(peer);
      if (peer.visitor != null) this.#takeWaiting(peer, peer.visitor);
    }
  }

  #moment(): PresenceNow {
    const { now, wallMs, isClockSure } = this.#ports;
    return { monoMs: now(), wallMs: isClockSure() ? wallMs() : null };
  }

  #perform(peer: Peer, effects: readonly PresenceEffect[]): void {
    const moves: Move[] = [];
    for (const effect of effects) {
      if (effect.kind === "refused") this.#ports.counting.drop("vehicle", effect.reason);
      else if (effect.kind !== "confirmed" && this.#concerns(effect.zone, peer.role)) {
        moves.push(effect);
      }
    }
    if (moves.length > 0) this.#tell(peer, moves);
  }

  #concerns(zone: string, role: Role): boolean {
    const roles: readonly string[] = this.#zones.get(zone)?.roles ?? [];
    return roles.includes(role);
  }

  /** What was left first: who goes from one zone into another ends with what is open to him. */
  #tell(peer: Peer, moves: readonly Move[]): void {
    const { topics, sendTo, welcome, wallMs } = this.#ports;
    const send = sendTo(peer);
    if (send === null || peer.name === null) return;
    const filters = [...peer.granted];
    const topic = topics.reply(peer.name);
    if (filters.some((filter) => matches(filter, topic))) {
      for (const kind of ["left", "entered"] as const) {
        const notice: ZoneNotice["kind"] = `zone-${kind}`;
        for (const move of moves) {
          if (move.kind !== kind) continue;
          send(topic, encodeZoneNotice({ kind: notice, zone: move.zone, atWallMs: wallMs() }));
        }
      }
    }
    welcome(filters, send);
  }

  #sight(peer: Peer, { presence }: Visitor): void {
    const { role, name } = peer;
    if (role !== "vehicle" || name === null) return;
    if (presence.standing !== "confirmed" || presence.inside === 0) return;
    const { onSighting, now, wallMs } = this.#ports;
    const key = keyOf(peer);
    const lastMs = this.#sighted.get(key) ?? Number.NEGATIVE_INFINITY;
    if (now() - lastMs < SIGHTING_PAUSE_MS) return;
    this.#sighted.set(key, now());
    onSighting({ vehicle: this.#pseudonyms.of(name, wallMs()), leaseMs: SIGHTING_LEASE_MS });
  }
}

/** Who it is by its certificate, the same for all its connections. */
export function keyOf({ role, name }: Peer): string {
  return `${role}:${name}`;
}

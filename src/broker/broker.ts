// The node's MQTT broker: Aedes with the guards it lacks. Runs in the service thread; talks to the
// rest of the node through the callbacks of `BrokerOptions` and the methods of `Broker` only.
import type { Duplex } from "node:stream";
import type { SiteModel } from "../core/site/model.ts";
import type { NeighboursPicture } from "../core/site/neighbours.ts";
import type { ClockQuality, ControlView } from "../core/site/view.ts";
import type { Command, Reply } from "../wire/command.ts";
import type { EventRow } from "../wire/events.ts";
import type { Health } from "../wire/health.ts";
import { type NodeTopics, topicsOf } from "../wire/topics.ts";
import { Access } from "./access.ts";
import { Allowances, brokerLimits, roleOfId } from "./allowances.ts";
import { Commands } from "./commands.ts";
import { type BrokerCounters, Counting } from "./counters.ts";
import { CutOffs } from "./cut-offs.ts";
import { type ClientTrust, Doorway, type Origin } from "./doorway.ts";
import { Engine, type Outbound } from "./engine.ts";
import { EventFeed } from "./event-feed.ts";
import type { ReadPage } from "./follower.ts";
import type { KeptDisk } from "./keeper.ts";
import type { DiscardReason } from "./kept-sessions.ts";
import { type DetectorInput, DetectorLeases } from "./leases.ts";
import type { BrokerLimits } from "./limits.ts";
import { Listeners, type Listening } from "./listeners.ts";
import { BrokerPolicy } from "./policy.ts";
import { Publisher } from "./publisher.ts";
import { Replays } from "./replays.ts";
import { SessionStore } from "./sessions.ts";
import { type Sighting, Zones } from "./zones.ts";

/** Something for the log; everything else is only counted. */
export interface BrokerEvent {
  readonly what: "session-discarded";
  readonly client: string;
  readonly reason: DiscardReason;
  readonly messages: number;
}

export interface BrokerOptions {
  readonly site: SiteModel;
  /** The console secret: the password of the user `operator`. */
  readonly secret: string;
  /** Accepts a checked command; resolves with its answer, after the commit. */
  readonly onCommand: (command: Command) => Promise<Reply>;
  readonly onDetector: (input: DetectorInput) => void;
  readonly onEvent: (event: BrokerEvent) => void;
  /** A vehicle is in one of the site's zones; told again while it stays. */
  readonly onSighting?: (sighting: Sighting) => void;
  /** True while of each vehicle's reports only some are looked at; all are where it is absent. */
  readonly samplesReports?: () => boolean;
  readonly limits?: Partial<BrokerLimits>;
  /** Whom listeners with TLS believe; they stay closed without. */
  readonly trust?: ClientTrust;
  /** Keeps sessions and retained messages over a restart; without it they end with the process. */
  readonly disk?: KeptDisk;
  /** Reads the log, for replays and for what the `events` topic has missed. */
  readonly readLog?: ReadPage;
  /** A line for a person about what is kept. */
  readonly onNotice?: (text: string) => void;
  /** Monotonic and wall clock, ms; for tests. */
  readonly now?: () => number;
  readonly wallMs?: () => number;
}

export interface Broker {
  /** Opens the site file's listeners. */
  listen(): Promise<Listening>;
  /** Takes over a stream of MQTT bytes, such as a WebSocket's. */
  handleWebSocket(stream: Duplex, origin: Origin): void;
  /** True where its SPaT went out, with `trace` inside if there is one (`wire/trace.ts`). */
  publishView(view: ControlView, trace?: Uint8Array): boolean;
  publishHealth(health: Health): void;
  /** Rows after their commit, with the incarnation that they are of. */
  publishEvents(rows: readonly EventRow[], incarnation?: number): void;
  /** The neighbours as the node knows them. */
  publishNeighbours(picture: NeighboursPicture): void;
  /** The virtual street's lanes with their vehicles, for drawings. */
  publishStreet(lanes: unknown): void;
  /** Control is known to be gone: says so at once. */
  unavailable(): void;
  /** The disk may be there again: what waits for it is tried at once. */
  wakeDisk(): void;
  readonly counters: BrokerCounters;
  close(): Promise<void>;
}

const EXPIRY_CHECK_MS = 60_000;
/** Expired or revoked: cut within this time (MESH section 2). */
const SWEEP_MS = 5_000;
/** The disk's last chance; what it does not take by then is as after a crash. */
const CLOSING_MS = 2_000;

/** Builds the broker; nothing listens before `listen`. */
export async function createBroker(options: BrokerOptions): Promise<Broker> {
  const broker = new NodeBroker(options);
  await broker.open();
  return broker;
}

class NodeBroker implements Broker {
  readonly #options: BrokerOptions;
  readonly #limits: BrokerLimits;
  readonly #allowances: Allowances;
  readonly #counting = new Counting();
  readonly #now: () => number;
  readonly #access: Access;
  readonly #sessions: SessionStore;
  readonly #leases: DetectorLeases;
  readonly #publisher: Publisher;
  readonly #replays: Replays | null;
  readonly #feed: EventFeed | null;
  readonly #zones: Zones;
  readonly #engine: Engine;
  readonly #doorway: Doorway;
  readonly #listeners: Listeners;
  #sweep: NodeJS.Timeout | null = null;
  #clock: ClockQuality = "unsure";
  #expiry: NodeJS.Timeout | null = null;

  constructor(options: BrokerOptions) {
    this.#options = options;
    this.#limits = brokerLimits(options.site.limits, options.limits);
    this.#allowances = new Allowances(options.site.limits, this.#limits, options.limits);
    this.#now = options.now ?? (() => performance.now());
    const wallMs = options.wallMs ?? (() => Date.now());
    this.#access = new Access(options.site, options.secret);
    const topics = topicsOf(options.site.node);
    this.#sessions = this.#makeSessions(wallMs, topics.events);
    this.#leases = new DetectorLeases(options.site, options.onDetector, {
      changesPerS: this.#limits.detectorChangesPerS,
      now: this.#now,
      onCoalesced: () => this.#counting.drop("detector", "coalesced"),
    });
    const publish = (kind: string, message: Outbound) => this.#publish(kind, message);
    const hasListener = (topic: string, part?: number) =>
      this.#engine.hasListener(topic, part) || (part === undefined && this.#sessions.has(topic));
    const ports = { topics, publish, hasListener, wallMs, counting: this.#counting };
    this.#publisher = new Publisher(options.site, { ...ports, now: this.#now });
    this.#zones = this.#makeZones(topics, wallMs);
    this.#replays = this.#makeReplays(topics);
    this.#feed = this.#makeFeed(topics.events);
    const commands = new Commands({
      ...ports,
      ...(this.#replays === null
        ? {}
        : { onReplay: (peer, request) => this.#replays?.begin(peer, request) ?? null }),
      onCommand: options.onCommand,
      clock: () => this.#clock,
    });
    const policy = new BrokerPolicy({
      limits: this.#limits,
      topics,
      access: this.#access,
      allowances: this.#allowances,
      sessions: this.#sessions,
      counting: this.#counting,
      commands,
      leases: this.#leases,
      publisher: this.#publisher,
      replays: this.#replays,
      zones: this.#zones,
      cutOffs: new CutOffs(this.#limits),
      seatRefusal: (gate, role, replaces) => this.#doorway.seatRefusal(gate, role, replaces),
      disconnectAll: (key) => this.#doorway.disconnectAll(key),
      peerOf: (id) => this.#engine.peerOf(id),
      now: this.#now,
    });
    this.#engine = new Engine({ limits: this.#limits, sessions: this.#sessions, policy });
    this.#doorway = new Doorway({
      limits: this.#limits,
      counting: this.#counting,
      trust: options.trust ?? null,
      attach: (gate) => this.#engine.attach(gate),
      now: this.#now,
      wall: () => ({ wallMs: wallMs(), sure: this.#clock === "sure" }),
    });
    this.#listeners = new Listeners((socket) => {
      this.#doorway.accept(socket, { role: "reader", via: "mqtt" });
    }, this.#doorway.entrance);
  }

  async open(): Promise<void> {
    await this.#engine.open();
    this.#publisher.start();
    void this.#sessions.ready.then(() => this.#feed?.begin(this.#sessions.eventsTo));
    this.#leases.start();
    this.#zones.start();
    this.#expiry = setInterval(() => this.#sessions.expire(this.#now()), EXPIRY_CHECK_MS);
    this.#expiry.unref();
    this.#sweep = setInterval(() => this.#doorway.cutUnbelieved(), SWEEP_MS);
    this.#sweep.unref();
  }

  listen(): Promise<Listening> {
    return this.#listeners.open(this.#options.site.broker.listeners);
  }

  handleWebSocket(stream: Duplex, origin: Origin): void {
    this.#doorway.accept(stream, origin);
  }

  publishView(view: ControlView, trace?: Uint8Array): boolean {
    this.#clock = view.clock;
    return this.#publisher.publishView(view, trace);
  }

  publishHealth(health: Health): void {
    this.#publisher.publishHealth(health);
  }

  publishEvents(rows: readonly EventRow[], incarnation?: number): void {
    if (this.#feed === null || incarnation === undefined) {
      this.#publisher.publishEvents(rows, incarnation);
      return;
    }
    this.#feed.offer({ incarnation, rows });
    this.#replays?.offer({ incarnation, rows });
  }

  publishNeighbours(picture: NeighboursPicture): void {
    this.#publisher.publishNeighbours(picture);
  }

  publishStreet(lanes: unknown): void {
    this.#publisher.publishStreet(lanes);
  }

  unavailable(): void {
    this.#publisher.unavailable();
  }

  wakeDisk(): void {
    this.#sessions.wake();
  }

  get counters(): BrokerCounters {
    return this.#counting.snapshot({
      subscriptions: this.#doorway.subscriptions,
      sessions: this.#sessions.sessionCount,
      queuedMessages: this.#sessions.queuedMessages,
      retainedMessages: this.#sessions.retainedCount,
      diskCommits: this.#sessions.commits,
      diskTrouble: this.#sessions.trouble,
    });
  }

  async close(): Promise<void> {
    this.#publisher.stop();
    this.#replays?.stop();
    this.#feed?.stop();
    this.#leases.stop();
    this.#zones.stop();
    if (this.#expiry !== null) clearInterval(this.#expiry);
    if (this.#sweep !== null) clearInterval(this.#sweep);
    this.#doorway.entrance?.close();
    const closed = this.#listeners.close();
    await this.#engine.close();
    this.#doorway.close();
    await closed;
    await this.#sessions.close(CLOSING_MS);
  }

  #makeReplays(topics: NodeTopics): Replays | null {
    const { readLog: read } = this.#options;
    if (read === undefined) return null;
    return new Replays({
      topics,
      limits: this.#limits,
      read,
      laneOf: (peer) => this.#engine.laneOf(peer),
      mayReceive: (peer, topic) => this.#access.mayReceive(peer, topic),
      elsewhere: (peer) => this.#zones.receiveRefusal(peer, "events"),
      now: this.#now,
    });
  }

  #makeZones(topics: NodeTopics, wallMs: () => number): Zones {
    return new Zones(this.#options.site, {
      topics,
      limits: this.#limits,
      counting: this.#counting,
      sendTo: (peer) => this.#engine.laneOf(peer)?.send ?? null,
      welcome: (filters, send) => this.#publisher.welcome(filters, send),
      onSighting: this.#options.onSighting ?? (() => undefined),
      samplesReports: this.#options.samplesReports ?? (() => false),
      now: this.#now,
      wallMs,
      isClockSure: () => this.#clock === "sure",
    });
  }

  #makeFeed(topic: string): EventFeed | null {
    const { readLog: read } = this.#options;
    if (read === undefined) return null;
    return new EventFeed({
      read,
      publish: (incarnation, rows) => this.#publisher.publishEvents(rows, incarnation),
      onLost: () => this.#sessions.discardCollectors(topic, "events-lost"),
    });
  }

  #makeSessions(wallMs: () => number, eventsTopic: string): SessionStore {
    const { disk = null, onEvent, onNotice = () => undefined } = this.#options;
    const hooks = {
      isGranted: (id: string, filter: string) =>
        this.#engine.peerOf(id)?.granted.has(filter) ?? false,
      allowance: (id: string) => this.#allowances.of(roleOfId(id), id),
      mayKeep: (id: string, filter: string) => this.#access.mayKeep(id, filter),
      onDiscard: (client: string, reason: DiscardReason, messages: number) => {
        this.#counting.drop("session", reason, messages);
        onEvent({ what: "session-discarded", client, reason, messages });
        this.#engine.disconnect(client);
      },
      onUnsent: () => this.#counting.drop("own", "disk"),
      eventsTo: async () => {
        await this.#feed?.ready;
        return this.#feed?.to ?? null;
      },
      onNotice,
    };
    return new SessionStore(this.#limits, hooks, { disk, now: this.#now, wallMs, eventsTopic });
  }

  #publish(kind: string, message: Outbound): void {
    this.#counting.published.add(kind);
    this.#engine.publish(message);
  }
}

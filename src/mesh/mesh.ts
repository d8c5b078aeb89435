// The mesh machine: all that a node shares with others, as one pure state machine. Events go in
// with the time, effects come out (`mesh-types.ts`); bytes are all that it exchanges with other
// machines. It holds four replicas, one for each stream, and puts together who may speak (`birth`,
// `registry`, `introductions`), link scope (`link`), zone scope (`zone`) and custody.

import { Replica } from "../core/state/replica.ts";
import type { StreamId } from "../core/state/schema.ts";
import { decodeState, LogState } from "../log/fold.ts";
import { WireError } from "../wire/codec.ts";
import type { Keys } from "../wire/keys.ts";
import { Agreement } from "./agreement.ts";
import { Birth } from "./birth.ts";
import { Caching } from "./caching.ts";
import { ZoneClock } from "./clock.ts";
import { Custodian } from "./custodian.ts";
import { CustodyOwner } from "./custody-owner.ts";
import { Digests } from "./digests.ts";
import { Geometry } from "./geometry.ts";
import { Inbox } from "./inbox.ts";
import { Introductions } from "./introductions.ts";
import { LinkScope } from "./link.ts";
import type {
  CorridorNews,
  MeshEffect,
  MeshEvent,
  MeshFigures,
  MeshNow,
  MeshState,
  NeighbourView,
  StartEvent,
} from "./mesh-types.ts";
import { Neighbour } from "./neighbour.ts";
import { Outbox } from "./out.ts";
import { OwnState } from "./own-state.ts";
import { figuresOf, newsOf, type Sources, viewOf } from "./pictures.ts";
import { Recovery } from "./recovery.ts";
import { Registry } from "./registry.ts";
import { type RevocationCheck, Revoked } from "./revoked.ts";
import { Sharing } from "./sharing.ts";
import { Standing } from "./standing.ts";
import { Standstill } from "./standstill.ts";
import { Wishes } from "./wishes.ts";
import { ZoneScope } from "./zone.ts";
import { type OrderOpener, ZoneOrders } from "./zone-orders.ts";

export interface MeshOptions {
  /** This node's id. */
  readonly id: string;
  /** Ids of its neighbours; the first one is asked first to keep the log. */
  readonly neighbours: readonly string[];
  readonly keys: Keys;
  /** Without it no revocation is believed. */
  readonly checkRevocation?: RevocationCheck;
  /** Without it no order for the zone is believed. */
  readonly openOrder?: OrderOpener;
}

/** By stream. */
type Replicas = [Replica, Replica, Replica, Replica];

export class Mesh {
  readonly id: string;
  readonly wishes: Wishes;
  readonly #out: Outbox;
  readonly #birth: Birth;
  readonly #registry: Registry;
  readonly #revoked: Revoked;
  readonly #orders: ZoneOrders;
  readonly #clock = new ZoneClock();
  readonly #standstill = new Standstill();
  readonly #replicas: Readonly<Replicas>;
  readonly #neighbours = new Map<string, Neighbour>();
  readonly #introductions: Introductions;
  readonly #link: LinkScope;
  readonly #zone: ZoneScope;
  readonly #custodian: Custodian;
  readonly #custody: CustodyOwner;
  readonly #recovery: Recovery;
  readonly #caching: Caching;
  readonly #geometry: Geometry;
  readonly #sharing: Sharing;
  readonly #agreement: Agreement;
  readonly #inbox: Inbox;
  readonly #standing: Standing;
  /** What figures and pictures are made of. */
  readonly #sources: Sources;

  constructor({ id, neighbours, keys, checkRevocation = () => null, openOrder }: MeshOptions) {
    this.id = id;
    const out = new Outbox(id);
    const birth = new Birth(id, out);
    const registry = new Registry(out);
    const replicas = [0, 1, 2, 3].map((stream) => new Replica(stream as StreamId, id));
    const [control, sensor, zoneControl, zoneSensor] = replicas as Replicas;
    for (const other of neighbours) {
      if (other !== id) this.#neighbours.set(other, new Neighbour(other));
    }
    const revoked = new Revoked(out, checkRevocation);
    const shared = { id, out, birth, registry, revoked, neighbours: this.#neighbours };
    const digests = new Digests(replicas);
    this.#out = out;
    this.#birth = birth;
    this.#registry = registry;
    this.#revoked = revoked;
    this.#orders = new ZoneOrders({ ...shared, clock: this.#clock, openOrder });
    this.#replicas = [control, sensor, zoneControl, zoneSensor];
    this.#introductions = new Introductions({ ...shared, sensor });
    this.#link = new LinkScope({ ...shared, digests, replicas: [control, sensor] });
    this.#zone = new ZoneScope({
      ...shared,
      keys,
      clock: this.#clock,
      standstill: this.#standstill,
      replicas: [zoneControl, zoneSensor],
    });
    this.wishes = new Wishes({ out, birth, clock: this.#clock, replica: zoneControl });
    this.#caching = new Caching({ ...shared, zone: this.#zone, replicas: [control, sensor] });
    this.#sharing = new Sharing({
      ...shared,
      link: this.#link,
      zone: this.#zone,
      replicas: this.#replicas,
    });
    this.#geometry = new Geometry(out);
    this.#custodian = new Custodian(out);
    this.#recovery = new Recovery(out);
    this.#custody = new CustodyOwner(out, [...this.#neighbours.keys()], (held, now) =>
      this.#recovery.resume(held, this.#sharing.own.recoveredTo(), now),
    );
    this.#agreement = new Agreement(id, control);
    const [link, custody, agreement] = [this.#link, this.#custody, this.#agreement];
    this.#sources = { ...shared, control, sensor, zoneSensor, link, custody, agreement };
    this.#standing = new Standing({ ...shared, link: this.#link, zone: this.#zone });
    this.#inbox = new Inbox({
      ...shared,
      introductions: this.#introductions,
      link: this.#link,
      zone: this.#zone,
      custodian: this.#custodian,
      custody: this.#custody,
      recovery: this.#recovery,
      sharing: this.#sharing,
      geometry: this.#geometry,
      orders: this.#orders,
    });
  }

  /** One stream of the replicated state, to read from. */
  replica(stream: StreamId): Replica {
    return this.#replicas[stream];
  }

  /** What a person may know of the neighbours; made afresh with each call. */
  neighbours(now: MeshNow): NeighbourView[] {
    return [...this.#neighbours.values()].map((one) => viewOf(one, this.#sources, now));
  }

  /** What coordination may know of each neighbour, made afresh with each call. */
  corridor(): CorridorNews[] {
    return [...this.#neighbours.values()].map((one) => newsOf(one, this.#sources));
  }

  /** Serials of the certificates that this node knows to be revoked. */
  revoked(): string[] {
    return this.#revoked.serials();
  }

  /** Whether this node may share anything yet, or no more. */
  get state(): MeshState {
    return this.#birth.state;
  }

  figures(now: MeshNow): MeshFigures {
    return figuresOf(this.#neighbours, this.#sources, now);
  }

  /**
   * When the next repeat or acknowledgement is due, monotonic ms: a `due` event then, beside the
   * ticks. Null when there is none.
   */
  wakeMs(): number | null {
    let soonestMs: number | null = null;
    for (const neighbour of this.#neighbours.values()) {
      const wakeMs = this.#link.wakeMs(neighbour);
      if (wakeMs !== null) soonestMs = Math.min(soonestMs ?? wakeMs, wakeMs);
    }
    return soonestMs;
  }

  /** Takes one event; the effects are to be done in order. Throws on a broken invariant only. */
  step(event: MeshEvent, now: MeshNow): MeshEffect[] {
    this.#standstill.note(now);
    this.#take(event, now);
    for (const neighbour of this.#neighbours.values()) this.#link.acknowledge(neighbour, now);
    return this.#out.drain();
  }

  #take(event: MeshEvent, now: MeshNow): void {
    switch (event.kind) {
      case "start":
        this.#start(event, now);
        break;
      case "raised":
        if (this.#birth.raised(event.incarnation)) this.#open(now);
        break;
      case "own-phases":
        this.#sharing.change(0, this.#sharing.own.told(event.phases, now), now, event.traces);
        break;
      case "own-site":
        this.#agreement.site(event.site);
        this.#sharing.change(0, this.#sharing.own.corridor.site(event.site), now);
        break;
      case "announce":
        this.#announce(event, now);
        break;
      case "own-map":
        this.#geometry.own(event.map);
        break;
      case "committed":
        this.#committed(event, now);
        break;
      case "message":
        this.#inbox.take(event, now);
        break;
      case "link":
        this.#linkChanged(event.neighbour, event.up, now);
        break;
      case "tick":
        this.#tick(now);
        break;
      case "due":
        for (const neighbour of this.#neighbours.values()) this.#link.tick(neighbour, now);
        break;
      case "heard-again":
        this.#heardAgain(event.neighbour, now);
        break;
      case "clock":
        this.#clock.quality = event.quality;
        break;
      case "cached":
        this.#caching.restore(event.entries, now);
        break;
      case "removed":
        this.#removed(event.origin);
        break;
      default:
        this.#takeOther(event, now);
    }
  }

  #takeOther(event: MeshEvent, now: MeshNow): void {
    switch (event.kind) {
      case "sighting": {
        const { vehicle, leaseMs } = event;
        this.#sharing.change(3, [{ kind: "add", field: "vehicles", key: vehicle, leaseMs }], now);
        break;
      }
      case "write":
        this.wishes.write(event.direction, event.value, now);
        break;
      case "revocation":
        this.#revoked.told(event.signed, event.source, now);
        break;
      case "order":
        this.#orders.told(event.signed, now);
        break;
      case "passage": {
        const { link, into, outOf } = event;
        const pass = { kind: "pass", field: "occupancy", key: link, in: into, out: outOf } as const;
        this.#sharing.change(1, [pass], now);
        break;
      }
      case "link-empty":
        this.#sharing.change(1, [{ kind: "empty", field: "occupancy", key: event.link }], now);
        break;
      case "own-rows":
        this.#custody.onOwnRows(event.custodian, event.after, event.answer, now);
        break;
      case "custody-held":
        this.#custodian.held(event.owner, event.position, event.refused);
        break;
      case "custody-rows":
        this.#custodian.rowsRead(event.owner, event.rows);
        break;
      case "recovered":
        this.#recovery.recovered(event.upTo, now);
        break;
      default:
        throw new Error(`an event of the unknown kind ${event.kind}`);
    }
  }

  #announce(event: Extract<MeshEvent, { kind: "announce" }>, now: MeshNow): void {
    const changes = this.#sharing.own.corridor.announce(event.announcements);
    this.#sharing.change(0, changes, now, event.traces);
  }

  #start(event: StartEvent, now: MeshNow): void {
    let state = new LogState();
    try {
      state = decodeState(event.own);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.#out.count("own-state-unreadable");
    }
    this.#revoked.start(state.shared.revocations);
    this.#orders.start(state.shared.orders);
    this.#sharing.own = new OwnState(state, this.#sharing.own.corridor);
    this.#clock.recall(state.shared.clock);
    if (!event.trusted) this.#recovery.start(event.before, now);
    if (this.#birth.start(event, now)) this.#open(now);
    else for (const neighbour of this.#up()) this.#introductions.hello(neighbour, true, now);
  }

  #open(now: MeshNow): void {
    this.#sharing.open(now);
    for (const neighbour of this.#up()) this.#introductions.hello(neighbour, true, now);
  }

  #committed(event: Extract<MeshEvent, { kind: "committed" }>, now: MeshNow): void {
    const { own } = this.#sharing;
    const { counted, shared } = own.committed(event.rows);
    this.#revoked.committed(own.revocations);
    this.#orders.committed(own.orders);
    // A history that came back has stamps of its own, and a later wish must count as later.
    this.#clock.recall(own.clock);
    this.#sharing.change(1, counted, now, event.traces);
    this.#sharing.change(2, shared, now);
    const last = event.rows.at(-1);
    if (last !== undefined) this.#custody.committed(last.seq);
  }

  #up(): Neighbour[] {
    return [...this.#neighbours.values()].filter(({ up }) => up);
  }

  #linkChanged(id: string, up: boolean, now: MeshNow): void {
    const neighbour = this.#neighbours.get(id);
    if (neighbour === undefined) {
      this.#out.count("unknown-neighbour");
      return;
    }
    neighbour.up = up;
    neighbour.greeted = false;
    neighbour.vectorMs = null;
    this.#geometry.cut(neighbour);
    this.#orders.cut(neighbour);
    if (!up) return;
    neighbour.haveMs = Number.NEGATIVE_INFINITY;
    neighbour.zoneTold = -1;
    for (const sending of neighbour.sending) sending.repeatMs = now.monoMs;
    this.#introductions.hello(neighbour, true, now);
  }

  #heardAgain(id: string, now: MeshNow): void {
    const neighbour = this.#neighbours.get(id);
    if (neighbour !== undefined) this.#link.heardAgain(neighbour, now);
  }

  #removed(origin: string): void {
    if (origin === this.id) return;
    this.#zone.drop(origin);
    this.#replicas[0].drop(origin);
    this.#replicas[1].drop(origin);
    this.#registry.drop(origin);
  }

  #tick(now: MeshNow): void {
    if (this.#birth.tick(now)) this.#open(now);
    this.#sharing.tick(now);
    this.#zone.tick(now);
    this.#revoked.tick(now);
    this.#orders.tick(now);
    for (const neighbour of this.#neighbours.values()) {
      this.#introductions.tick(neighbour, now);
      this.#link.tick(neighbour, now);
      this.#geometry.tick(neighbour);
      this.#standing.tell(neighbour, now);
    }
    this.#agreement.tick(this.#neighbours, now);
    const answers = (id: string) => this.#neighbours.get(id)?.answers(now.monoMs) === true;
    if (this.#birth.state === "sharing") {
      // What comes back is of incarnations below this one, so that must be known first.
      this.#recovery.tick(now, [...this.#neighbours.keys()], answers);
      if (!this.#recovery.running) this.#custody.tick(now, answers);
    }
    this.#caching.tick(now);
  }
}

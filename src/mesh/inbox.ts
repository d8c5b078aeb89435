// What neighbours say, from bytes to the part of the machine that it concerns. A neighbour speaks
// for itself only, under the start that it introduced; everything else is refused with a counted
// reason and has no effect.
import { WireError } from "../wire/codec.ts";
import { decodeEnvelope, type Envelope } from "../wire/envelope.ts";
import {
  decodeCustodyPosition,
  decodeCustodyRows,
  decodeHave,
  decodeWant,
} from "../wire/mesh-messages.ts";
import type { Birth } from "./birth.ts";
import type { Custodian } from "./custodian.ts";
import type { CustodyOwner } from "./custody-owner.ts";
import type { Geometry } from "./geometry.ts";
import type { Introductions } from "./introductions.ts";
import { HELLO_EVERY_MS } from "./limits.ts";
import type { LinkScope } from "./link.ts";
import type { Lane, MeshEvent, MeshNow } from "./mesh-types.ts";
import type { Neighbour } from "./neighbour.ts";
import type { Outbox } from "./out.ts";
import type { Recovery } from "./recovery.ts";
import type { Sharing } from "./sharing.ts";
import type { ZoneScope } from "./zone.ts";
import type { ZoneOrders } from "./zone-orders.ts";

export interface InboxDoors {
  readonly id: string;
  readonly out: Outbox;
  readonly birth: Birth;
  readonly neighbours: ReadonlyMap<string, Neighbour>;
  readonly introductions: Introductions;
  readonly link: LinkScope;
  readonly zone: ZoneScope;
  readonly custodian: Custodian;
  readonly custody: CustodyOwner;
  readonly recovery: Recovery;
  readonly sharing: Sharing;
  readonly geometry: Geometry;
  readonly orders: ZoneOrders;
}

/** What a neighbour may say that does not know its own incarnation yet. */
const BEFORE_BIRTH: readonly (string | number)[] = [
  "hello",
  "known",
  "echo",
  "custody-offer",
  "custody-want",
];

export class Inbox {
  readonly #doors: InboxDoors;

  constructor(doors: InboxDoors) {
    this.#doors = doors;
  }

  take(event: Extract<MeshEvent, { kind: "message" }>, now: MeshNow): void {
    const { out, birth, introductions, neighbours } = this.#doors;
    const neighbour = neighbours.get(event.neighbour);
    if (neighbour === undefined || birth.state === "unstarted") {
      out.count(neighbour === undefined ? "unknown-neighbour" : "unstarted");
      return;
    }
    try {
      const envelope = decodeEnvelope(event.bytes);
      if (envelope.origin !== neighbour.id) out.count("re-attributed");
      else if (envelope.kind === "hello") this.#hello(neighbour, envelope, now);
      else {
        if (envelope.incarnation !== 0) introductions.remind(neighbour, now);
        if (!this.#admits(neighbour, envelope, now)) return;
        neighbour.heardMs = now.monoMs;
        this.#dispatch(neighbour, envelope, event.lane, now);
      }
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      out.count(error.reason);
    }
  }

  #hello(neighbour: Neighbour, envelope: Envelope, now: MeshNow): void {
    const { introductions, link } = this.#doors;
    const { incarnation, payload } = envelope;
    const follows = introductions.onHello(neighbour, incarnation, payload, now);
    neighbour.heardMs = now.monoMs;
    if (follows) link.tick(neighbour, now);
  }

  /** Whether a message is of the start that the neighbour introduced, and not taken before. */
  #admits(neighbour: Neighbour, envelope: Envelope, now: MeshNow): boolean {
    const { out } = this.#doors;
    const { incarnation, kind } = envelope;
    if (incarnation === 0) {
      const may = BEFORE_BIRTH.includes(kind);
      if (!may) out.count("not-introduced");
      return may;
    }
    if (!neighbour.greeted || incarnation !== (neighbour.introduced?.incarnation ?? 0)) {
      // Whoever knows a higher incarnation of us says so, even before it was introduced.
      if (kind === "known" || kind === "echo") return true;
      this.#ask(neighbour, incarnation, now);
      return false;
    }
    const refusal = neighbour.receiver.admit(envelope);
    if (refusal !== null) out.count(refusal);
    return refusal === null;
  }

  /** It speaks under a start that has not said hello: it says which, or hears the highest. */
  #ask(neighbour: Neighbour, incarnation: number, now: MeshNow): void {
    const { out, introductions } = this.#doors;
    const old = incarnation < (neighbour.introduced?.incarnation ?? 0);
    out.count(old ? "old-incarnation" : "not-introduced");
    if (now.monoMs - neighbour.helloMs < HELLO_EVERY_MS) return;
    introductions.hello(neighbour, true, now);
    if (old) introductions.tell(neighbour);
  }

  #dispatch(neighbour: Neighbour, envelope: Envelope, lane: Lane, now: MeshNow): void {
    const { out, link, zone, introductions } = this.#doors;
    const { kind, payload } = envelope;
    switch (kind) {
      case "have": {
        const have = decodeHave(payload);
        link.onHave(neighbour, have, now);
        if (have.zone !== null) zone.onVector(neighbour, have.zone, now);
        break;
      }
      case "part":
        link.onPart(neighbour, envelope, lane, now);
        break;
      case "want":
        link.onWant(neighbour, decodeWant(payload), now);
        break;
      case "batch":
        zone.onPassed(neighbour, payload, now);
        break;
      case "map":
        this.#doors.geometry.onMap(neighbour, payload, now);
        break;
      case "order":
        this.#doors.orders.heard(neighbour, payload);
        break;
      case "order-held":
        this.#doors.orders.isThere(neighbour, Buffer.from(payload).toString("hex"));
        break;
      case "known":
        introductions.onKnown(payload, now);
        break;
      case "echo":
        this.#doors.sharing.echoed(envelope, now);
        break;
      default:
        if (!this.#custody(neighbour, envelope, now)) out.count("unknown-kind");
    }
  }

  /** True when the message was one of custody. */
  #custody(neighbour: Neighbour, { kind, payload }: Envelope, now: MeshNow): boolean {
    const { custodian, custody, recovery } = this.#doors;
    switch (kind) {
      case "custody-offer":
        custodian.onOffer(neighbour.id, payload);
        return true;
      case "custody-position": {
        const answer = decodeCustodyPosition(payload);
        recovery.position(neighbour.id, answer.position, now);
        custody.onPosition(neighbour.id, answer, now);
        return true;
      }
      case "custody-rows": {
        const message = decodeCustodyRows(payload);
        if (message.back) recovery.rows(neighbour.id, message.rows);
        else custodian.onRows(neighbour, message, now);
        return true;
      }
      case "custody-want":
        custodian.onWant(neighbour.id, payload);
        return true;
      default:
        return false;
    }
  }
}

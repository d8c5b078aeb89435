// Who speaks over a link: each side says which start of which incarnation it is before anything
// else, and whoever claims one that is known otherwise is refused and told the highest. A node
// that comes back is given back what it said of itself before, so that its counters never step
// back.
import { isPlanted } from "../core/planted.ts";
import type { Replica } from "../core/state/replica.ts";
import {
  decodeHello,
  decodeKnown,
  encodeEcho,
  encodeHello,
  encodeKnown,
} from "../wire/mesh-messages.ts";
import { encodePart } from "../wire/part.ts";
import type { Birth } from "./birth.ts";
import { ECHO_EVERY_MS, HELLO_EVERY_MS } from "./limits.ts";
import type { MeshNow } from "./mesh-types.ts";
import type { Neighbour } from "./neighbour.ts";
import type { Outbox } from "./out.ts";
import type { Registry } from "./registry.ts";

/** A neighbour that says more than this is not believed: incarnations would soon be used up. */
const MAX_RISE = 1_000_000;

export interface IntroductionDoors {
  readonly id: string;
  readonly out: Outbox;
  readonly birth: Birth;
  readonly registry: Registry;
  /** The stream that holds counters which must not step back. */
  readonly sensor: Replica;
}

export class Introductions {
  readonly #doors: IntroductionDoors;

  constructor(doors: IntroductionDoors) {
    this.#doors = doors;
  }

  /** Says which start this is; `asks` that the neighbour says the same. */
  hello(neighbour: Neighbour, asks: boolean, now: MeshNow): void {
    const { birth, out } = this.#doors;
    if (birth.state === "unstarted" || birth.state === "off") return;
    if (asks) neighbour.helloMs = now.monoMs;
    const payload = encodeHello({ boot: birth.boot, sharing: birth.state === "sharing", asks });
    out.send({ neighbour: neighbour.id, lane: "reliable", kind: "hello", payload });
  }

  /**
   * Asks again while the neighbour has not said who it is, or has not answered; tells again what it
   * once said while it has not restated that.
   */
  tick(neighbour: Neighbour, now: MeshNow): void {
    if (!neighbour.up) return;
    const { birth, sensor } = this.#doors;
    const { introduced, greeted, helloMs, echoMs, id } = neighbour;
    if (now.monoMs - helloMs >= HELLO_EVERY_MS) {
      if (!greeted || birth.state === "asking") this.hello(neighbour, true, now);
    }
    if (introduced === null || now.monoMs - echoMs < ECHO_EVERY_MS) return;
    neighbour.echoMs = now.monoMs;
    if (sensor.remembers(id)) this.#echo(neighbour, introduced.incarnation);
  }

  /** True when a start of the neighbour begins to be followed. Throws `WireError`. */
  onHello(neighbour: Neighbour, incarnation: number, payload: Uint8Array, now: MeshNow): boolean {
    const { boot, sharing, asks } = decodeHello(payload);
    if (!sharing || incarnation === 0) {
      this.#answer(neighbour);
      if (asks) this.hello(neighbour, false, now);
      return false;
    }
    const claim = this.#doors.registry.claim(neighbour.id, incarnation, boot, now);
    if (claim !== "new" && claim !== "same") {
      this.#doors.out.count(claim);
      if (claim === "twin") neighbour.distrusted = "two machines have its identity";
      this.tell(neighbour, claim === "twin");
      return false;
    }
    neighbour.greeted = true;
    const before = neighbour.introduced;
    const follows = before === null || before.incarnation !== incarnation || claim === "new";
    if (follows) {
      this.#echo(neighbour, incarnation);
      neighbour.introduce({ incarnation, boot }, now.monoMs);
      this.#doors.out.settle("liar", neighbour.id);
    }
    if (asks) this.hello(neighbour, isPlanted("answer-asks"), now);
    return follows;
  }

  /** To a node that asks what is known of it: the highest incarnation, and its own old counts. */
  #answer(neighbour: Neighbour): void {
    this.tell(neighbour);
    this.#echo(neighbour);
  }

  /**
   * Tells a neighbour the highest incarnation that is known of it here. Whoever claims another may
   * be a second machine of that name, at an address that nobody here knows.
   */
  tell(neighbour: Neighbour, twin = false): void {
    const { registry, sensor, out } = this.#doors;
    const known = registry.known(neighbour.id);
    const held = sensor.version(neighbour.id)?.incarnation ?? 0;
    const incarnation = Math.max(known?.incarnation ?? 0, held);
    const boot = known?.incarnation === incarnation ? known.boot : null;
    const payload = encodeKnown({ origin: neighbour.id, incarnation, boot, twin });
    const answer = { neighbour: neighbour.id, lane: "reliable", kind: "known", payload } as const;
    out.send(answer);
    out.send({ ...answer, toAsker: true });
  }

  /**
   * Somebody still shares under a name that two machines have: the one that was not connected when
   * both were named, or whose link never went down.
   */
  remind(neighbour: Neighbour, now: MeshNow): void {
    if (!this.#doors.registry.isTwin(neighbour.id)) return;
    if (now.monoMs - neighbour.remindedMs < HELLO_EVERY_MS) return;
    neighbour.remindedMs = now.monoMs;
    this.tell(neighbour, true);
  }

  /** What a neighbour said in incarnations before the one that it has now. */
  #echo(neighbour: Neighbour, present?: number): void {
    const { sensor, out } = this.#doors;
    const part = sensor.echo(neighbour.id, present);
    if (part === null || part.ops.length === 0) return;
    const payload = encodeEcho({ incarnation: part.incarnation, parts: encodePart(part, 0) });
    out.send({ neighbour: neighbour.id, lane: "reliable", kind: "echo", payload });
  }

  /** What a neighbour knows of this node. Throws `WireError`. */
  onKnown(payload: Uint8Array, now: MeshNow): void {
    const { birth, out, id } = this.#doors;
    const known = decodeKnown(payload);
    if (known.origin !== id) return;
    if (known.incarnation > birth.incarnation + MAX_RISE) {
      out.count("absurd-incarnation");
      return;
    }
    if (known.twin) birth.twin();
    else birth.answered(known.incarnation, known.boot, now);
  }
}

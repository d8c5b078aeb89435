// Where this node stands, said once a second to each neighbour that has said who it is: what it has
// of that neighbour, what it has to give, and of the zone what has changed.
import { encodeHave } from "../wire/mesh-messages.ts";
import type { Birth } from "./birth.ts";
import { HAVE_EVERY_MS, ZONE_EVERY_MS } from "./limits.ts";
import type { LinkScope } from "./link.ts";
import type { MeshNow } from "./mesh-types.ts";
import type { Neighbour } from "./neighbour.ts";
import type { Outbox } from "./out.ts";
import type { ZoneScope } from "./zone.ts";

export interface StandingDoors {
  readonly id: string;
  readonly out: Outbox;
  readonly birth: Birth;
  readonly link: LinkScope;
  readonly zone: ZoneScope;
}

export class Standing {
  readonly #doors: StandingDoors;

  constructor(doors: StandingDoors) {
    this.#doors = doors;
  }

  /** Tells one neighbour, when it is time. */
  tell(neighbour: Neighbour, now: MeshNow): void {
    const { id, out, birth, link, zone } = this.#doors;
    const speaks = birth.state === "sharing" && neighbour.introduced !== null;
    if (!neighbour.up || !speaks || now.monoMs - neighbour.haveMs < HAVE_EVERY_MS) return;
    neighbour.haveMs = now.monoMs;
    zone.repeat(neighbour, now);
    const { revision } = zone.store;
    const whole = revision !== neighbour.zoneTold || now.monoMs - neighbour.zoneMs >= ZONE_EVERY_MS;
    if (whole) {
      neighbour.zoneTold = revision;
      neighbour.zoneMs = now.monoMs;
    }
    const payload = encodeHave({
      atMs: now.wallMs,
      own: link.marks(id, true),
      got: link.marks(neighbour.id, true),
      zone: whole ? zone.vector() : null,
    });
    out.send({ neighbour: neighbour.id, lane: "fast", kind: "have", payload });
  }
}

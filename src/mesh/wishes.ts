// Wishes for a direction: read from what all nodes have written, and written here. A write is a
// durable row first; its commit brings it back with its stamp.
import { HLC_ZERO } from "../core/state/hlc.ts";
import type { Replica } from "../core/state/replica.ts";
import type { Written } from "../core/state/view.ts";
import type { CborValue } from "../wire/codec.ts";
import type { Birth } from "./birth.ts";
import type { ZoneClock } from "./clock.ts";
import type { MeshNow } from "./mesh-types.ts";
import type { Outbox } from "./out.ts";

export interface WishDoors {
  readonly out: Outbox;
  readonly birth: Birth;
  readonly clock: ZoneClock;
  /** Zone scope, control. */
  readonly replica: Replica;
}

export class Wishes {
  readonly #doors: WishDoors;

  constructor(doors: WishDoors) {
    this.#doors = doors;
  }

  /** The wish for a direction that stands now: the newest write whose time has come. */
  read(direction: string, now: MeshNow): Written | undefined {
    const { clock, replica } = this.#doors;
    return replica.shared("wish", direction, clock.readableMs(now));
  }

  /** Refused, with its reason, while nothing may be shared or the clock is unsure. */
  write(direction: string, value: CborValue, now: MeshNow): void {
    const { birth, clock, out } = this.#doors;
    const read = this.read(direction, now)?.hlc ?? HLC_ZERO;
    const stamp = birth.state === "sharing" ? clock.next(now, read) : null;
    if (stamp === null) {
      const reason = birth.state === "sharing" ? "unsure-clock" : "not-sharing";
      out.count(reason);
      out.push({ kind: "write-refused", direction, reason });
      return;
    }
    out.log({ kind: "wish", body: [direction, value, stamp.wallMs, stamp.count] });
  }
}

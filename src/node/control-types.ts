// What goes into the control machine and what comes out of it.
import type { ClockQuality } from "../core/site/view.ts";
import type { NodeEvent } from "../log/events.ts";
import type { CorridorNews } from "../mesh/mesh-types.ts";
import type { Announcement } from "../mesh/own-corridor.ts";
import type { JunctionOrder as Order } from "../wire/command-body.ts";

/** A moment on both clocks: decisions use `monoMs`, the log writes `wallMs`. */
export interface Instant {
  readonly monoMs: number;
  readonly wallMs: number;
}

/** What a command may ask of control, and of the mesh thread. */
export type { JunctionOrder as Order, MeshOrder } from "../wire/command-body.ts";

export type ControlEvent =
  | { readonly kind: "port-opened" }
  | { readonly kind: "port-closed"; readonly reason: string }
  | { readonly kind: "bytes"; readonly bytes: Uint8Array }
  /** The port did not take the newest write. */
  | { readonly kind: "dropped" }
  /** Every 50 ms. */
  | { readonly kind: "tick" }
  /** A detector that comes over MQTT. */
  | { readonly kind: "detector"; readonly detector: number; readonly on: boolean }
  | { readonly kind: "detector-silent"; readonly detector: number }
  /**
   * The plan in force by the schedule, and the monotonic time of a local zero; told each second.
   */
  | { readonly kind: "plan"; readonly plan: number | "free"; readonly epochMs: number | null }
  /** Not refused by `refusalOf`; the author as the log names him. */
  | { readonly kind: "order"; readonly order: Order; readonly author: string }
  /** What the mesh thread knows of neighbours that has changed. */
  | { readonly kind: "neighbours"; readonly news: readonly CorridorNews[] }
  /** After the lamps of a beat: coordination with the neighbours has its turn. */
  | { readonly kind: "coordinate"; readonly clock: ClockQuality }
  /** An orderly stop for the end of the process; not counted as a lost host. */
  | { readonly kind: "shutdown" };

export type ControlEffect =
  | { readonly kind: "write"; readonly bytes: Uint8Array }
  | { readonly kind: "log"; readonly event: NodeEvent }
  /** For the neighbours, once a second. */
  | { readonly kind: "announce"; readonly announcements: readonly Announcement[] }
  /** The view differs in something that a person or a vehicle would want to know at once. */
  | { readonly kind: "changed" };

/** What the control machine can't know by itself. */
export interface ControlIdentity {
  readonly incarnation: number;
  readonly clock: ClockQuality;
}

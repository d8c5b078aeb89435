// What goes into the cabinet link and what comes out of it.
import type { Display, LampCode } from "../core/site/lamps.ts";
import type { ControlMode } from "../core/site/view.ts";
import type { StopCause } from "../wire/cabinet-codes.ts";
import type { DiscardReason } from "../wire/frame-types.ts";

export interface LinkOptions {
  /** The record of the site file, as `compileRecord` makes it. */
  readonly record: Uint8Array;
  readonly checksum: number;
  /** Names what differs between the site's record and the cabinet's, one line a difference. */
  readonly describeDifference: (ours: Uint8Array, theirs: Uint8Array) => string[];
  /** Every used channel red, the others dark. */
  readonly allRed: Display;
  /** Where nonces begin: another number at each start of the process. */
  readonly nonce: number;
}

export type LinkInput =
  /** The port is open (again). */
  | { readonly kind: "opened" }
  /** The port is gone; `reason` is one line with the way out. */
  | { readonly kind: "closed"; readonly reason: string }
  | { readonly kind: "bytes"; readonly bytes: Uint8Array }
  /** Every 50 ms; more often is harmless. */
  | { readonly kind: "tick" }
  /** What the interlock has let through. */
  | { readonly kind: "display"; readonly display: Display }
  /** Ask for the orderly stop and hold the failure display until `return`. */
  | { readonly kind: "stop"; readonly cause: StopCause }
  /** No stop is asked any more; a latched one still needs the button. */
  | { readonly kind: "return" }
  /** The port dropped the newest write, whole or in part. */
  | { readonly kind: "dropped" };

export type LinkEffect =
  | { readonly kind: "write"; readonly bytes: Uint8Array }
  | { readonly kind: "start" }
  | { readonly kind: "halt"; readonly cause: string }
  | { readonly kind: "mode"; readonly mode: ControlMode; readonly cause: string | null }
  | { readonly kind: "input"; readonly input: number; readonly on: boolean; readonly atMs: number }
  | { readonly kind: "inputs-lost" }
  | { readonly kind: "inputs-restored" }
  | {
      readonly kind: "sensed";
      readonly channel: number;
      readonly code: LampCode;
      readonly atMs: number;
    }
  /** The cabinet has latched; readings follow as a `cabinet` note when they have been read. */
  | { readonly kind: "trip"; readonly cause: string; readonly relay: boolean }
  /** The button at the cabinet has cleared the latch. */
  | { readonly kind: "released" }
  /** Something worth a line in the log. */
  | { readonly kind: "cabinet"; readonly what: string; readonly detail: string };

export interface LinkCounters {
  framesSent: number;
  /** Frames the port did not take. */
  framesDropped: number;
  /** Orderly stops and trips seen. */
  stops: number;
  trips: number;
  /** Times the cabinet held a display back, and the longest of them in its ms. */
  holds: number;
  longestHoldMs: number;
  /** What came from the cabinet and was no frame, by reason. */
  readonly linkErrors: Readonly<Record<DiscardReason, number>>;
}

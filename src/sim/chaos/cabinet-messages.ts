// What the process of the cabinets and the one that makes chaos say to each other.
import type { Violation } from "../invariants/invariant.ts";

/** After a cabinet ran late: what it may have measured wrong, a yellow and its red, is over. */
export const STARVED_FOR_MS = 10_000;

export interface CabinetPlan {
  readonly id: string;
  /** Its site file's text, with the street. */
  readonly site: string;
  readonly device: string;
}

export type ToCabinets =
  | { readonly kind: "open"; readonly plans: readonly CabinetPlan[]; readonly personMs: number }
  | {
      readonly kind: "says";
      readonly id: string;
      readonly mode: string | null;
      readonly cause: string | null;
    }
  | { readonly kind: "plug"; readonly id: string; readonly plugged: boolean }
  | { readonly kind: "relay"; readonly id: string; readonly broken: boolean }
  | { readonly kind: "deaf"; readonly id: string; readonly deaf: boolean }
  | { readonly kind: "close" };

/** How one cabinet is, once a second. */
export interface CabinetLook {
  readonly id: string;
  readonly failing: boolean;
  readonly greens: number;
  readonly greenAgoMs: number;
  readonly presses: number;
  readonly starved: number;
  readonly starvedAgoMs: number;
  /** The longest time that it ran late, ms. */
  readonly lateMs: number;
}

export type FromCabinets =
  /** `first`: this user may let a process go before others, as a node's control thread does. */
  | { readonly kind: "opened"; readonly first: boolean }
  | {
      readonly kind: "look";
      readonly looks: readonly CabinetLook[];
      readonly exercised: readonly (readonly [string, number])[];
      readonly violations: readonly Violation[];
    };

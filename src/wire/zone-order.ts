// What all nodes of a zone may be ordered, as trust signs it, the mesh carries it and the log
// keeps it.
import type { JunctionOrder } from "./command-body.ts";

/** `stop` is flash at each node, `return` its end. */
export type ZoneBody =
  | Extract<JunctionOrder, { kind: "plan" }>
  | { readonly kind: "stop" }
  | { readonly kind: "return" };

export const ZONE_KINDS = ["plan", "stop", "return"] as const satisfies ZoneBody["kind"][];

/** Of the orders of one slot the latest counts, whatever the order in which they come. */
export const ZONE_SLOTS = ["plan", "flash"] as const;
export type ZoneSlot = (typeof ZONE_SLOTS)[number];

/** Of two orders of a slot: which one counts. */
export interface ZoneStamp {
  /** 32 lower-case hexadecimal digits. */
  readonly id: string;
  /** It is carried out from this wall time on, ms, and the later of two counts. */
  readonly notBeforeMs: number;
}

/** An order for a zone lives at most this long: as long as a plan may be ordered for. */
export const MAX_ORDER_LIFE_MS = 24 * 3_600_000;
/** What begins further ahead is not kept: a clock of the zone is wrong by then. */
export const ORDER_AHEAD_MS = 60_000;
/** Two names, id, parameters, times, and a certificate of some 500 bytes, with room. */
export const MAX_ORDER_BYTES = 1_024;

export function slotOf({ kind }: ZoneBody): ZoneSlot {
  return kind === "plan" ? "plan" : "flash";
}

/** What one node is ordered by it. */
export function junctionOrder(body: ZoneBody): JunctionOrder {
  return body.kind === "stop" ? { kind: "flash" } : body;
}

/** Whether the first counts before the second: the later one, of two at once the greater id. */
export function isLaterOrder(one: ZoneStamp, other: ZoneStamp): boolean {
  if (one.notBeforeMs !== other.notBeforeMs) return one.notBeforeMs > other.notBeforeMs;
  return one.id > other.id;
}

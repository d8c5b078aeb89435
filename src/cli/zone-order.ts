// Orders for all nodes of a zone: what `stopline order --zone` makes of its words, and the
// operator's signature under it. Any node of the zone takes it and passes it on.
import { createPrivateKey, randomBytes } from "node:crypto";
import { encodeOrder } from "../trust/signed-order.ts";
import { WireError } from "../wire/codec.ts";
import type { CommandBody, ZoneOrder } from "../wire/command-body.ts";
import { MAX_ORDER_LIFE_MS, type ZoneBody } from "../wire/zone-order.ts";
import { OrderError, readOperator } from "./order-client.ts";

/** A node that comes back within this still stops; longer, somebody should have looked. */
const STOP_LIFE_MS = 3_600_000;

/** What the zone is ordered by a verb and its command for one node; null where it is for one. */
export function zoneBody(verb: string, body: CommandBody): ZoneBody | null {
  if (body.kind === "plan" || body.kind === "return") return body;
  return verb === "stop" ? { kind: "stop" } : null;
}

/**
 * How long nodes pass it on, ms: a plan until it ends. What takes back an order outlives whatever
 * it takes back, so that no node which was cut off meanwhile brings that one again.
 */
function lifeOf(body: ZoneBody, nowMs: number): number {
  if (body.kind === "stop") return STOP_LIFE_MS;
  if (body.kind === "return" || body.untilMs === null) return MAX_ORDER_LIFE_MS;
  return body.untilMs - nowMs;
}

/**
 * The command that hands a signed order to a node; `keys` is the operator's folder, `nowMs` the
 * wall time. Throws `OrderError` where the keys can't be used or the words make no order.
 */
export function signZoneOrder(body: ZoneBody, keys: string, nowMs: number): ZoneOrder {
  const { certificate, key } = readOperator(keys);
  const { region, zone } = certificate.identity;
  const expiresMs = nowMs + lifeOf(body, nowMs);
  const id = randomBytes(16).toString("hex");
  const order = { region, zone, id, body, notBeforeMs: nowMs, expiresMs };
  try {
    const author = { x509: certificate.x509, key: createPrivateKey(key) };
    return {
      kind: "zone-order",
      signed: Buffer.from(encodeOrder(order, author)).toString("base64"),
    };
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    throw new OrderError(error.message, { cause: error });
  }
}

// The keeping end of custody: rows of neighbours go to this node's log thread, and only what that
// has committed is acknowledged. Nothing is remembered here but what is under way.
import {
  type CustodyRows,
  decodeCustodyOffer,
  decodeCustodyWant,
  encodeCustodyPosition,
  encodeCustodyRows,
} from "../wire/mesh-messages.ts";
import { CUSTODY_CHUNK_BYTES, CUSTODY_GIVE_UP_MS } from "./limits.ts";
import type { LogPosition, MeshNow, RawRow } from "./mesh-types.ts";
import type { Neighbour } from "./neighbour.ts";
import type { Outbox } from "./out.ts";
import { hex } from "./registry.ts";

export class Custodian {
  readonly #out: Outbox;
  /** Owners whose rows the log has been given, and since when. */
  readonly #storing = new Map<string, number>();

  constructor(out: Outbox) {
    this.#out = out;
  }

  onOffer(owner: string, payload: Uint8Array): void {
    decodeCustodyOffer(payload);
    this.#out.push({ kind: "custody-asked", owner });
  }

  /** One message of rows of an owner at a time: the rest comes again. */
  onRows(neighbour: Neighbour, { rows, lapsed }: CustodyRows, now: MeshNow): void {
    const owner = neighbour.id;
    if (neighbour.introduced === null) return;
    const sinceMs = this.#storing.get(owner);
    if (sinceMs !== undefined && now.monoMs - sinceMs < CUSTODY_GIVE_UP_MS) {
      this.#out.count("custody-busy");
      return;
    }
    if (rows.length === 0) return;
    this.#storing.set(owner, now.monoMs);
    const { incarnation } = neighbour.introduced;
    const boot = hex(neighbour.introduced.boot);
    this.#out.push({ kind: "custody-put", owner, incarnation, boot, lapsed, rows });
  }

  onWant(owner: string, payload: Uint8Array): void {
    const after = decodeCustodyWant(payload);
    this.#out.push({ kind: "custody-read", owner, after, maxBytes: CUSTODY_CHUNK_BYTES });
  }

  /** The log has committed rows, or looked up what it holds. */
  held(owner: string, position: LogPosition | null, refused: string | null): void {
    this.#storing.delete(owner);
    if (refused !== null) this.#out.count("custody-refused");
    this.#out.send({
      neighbour: owner,
      lane: "reliable",
      kind: "custody-position",
      payload: encodeCustodyPosition({ position, refused }),
    });
  }

  rowsRead(owner: string, rows: readonly RawRow[]): void {
    this.#out.send({
      neighbour: owner,
      lane: "reliable",
      kind: "custody-rows",
      payload: encodeCustodyRows({ back: true, lapsed: false, rows }),
    });
  }
}

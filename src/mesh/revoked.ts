// Certificates that are revoked, as far as this node knows. Each proves itself by the signature of
// the zone's CA, so it does not matter who told of it; one that the CA did not sign is counted and
// forgotten. What is believed counts at once, whatever the disk does; it becomes a row of this
// node's log beside that, and is said to the zone after the commit, by every node that knows it:
// it stays in the zone while one of them does.
import type { Op } from "../core/state/part.ts";
import { FIELDS } from "../core/state/schema.ts";
import type { MeshNow, RevocationSource } from "./mesh-types.ts";
import type { Outbox } from "./out.ts";

/** The serial that the CA's signature revokes; null for bytes that this CA did not sign. */
export type RevocationCheck = (signed: Uint8Array) => string | null;

const FIELD = FIELDS.revocations;
/** What a node may say in its zone, and its log keeps. */
export const MAX_KNOWN = FIELD.maxKeys;
/** A check costs 0.12 ms; of each origin so many in a tick of 50 ms, so that a liar costs 1 %. */
const CHECKS_PER_TICK = 4;
/** A row that was not committed by then is handed to the log again. */
const ROW_PATIENCE_MS = 60_000;

interface Known {
  readonly signed: Uint8Array;
  readonly source: RevocationSource;
  /** A row of this log holds it. */
  stored: boolean;
  /** When the row was handed over, monotonic ms. */
  askedMs: number;
}

export class Revoked {
  readonly #out: Outbox;
  readonly #check: RevocationCheck;
  readonly #known = new Map<string, Known>();
  /** Not checked yet, by who said so and by the key that it was said under. */
  readonly #heard = new Map<string, Map<string, Uint8Array>>();
  #started = false;
  #stored = 0;

  constructor(out: Outbox, check: RevocationCheck) {
    this.#out = out;
    this.#check = check;
  }

  /** Serials of the certificates that are believed to be revoked. */
  serials(): string[] {
    return [...this.#known.keys()];
  }

  /** What the log knew at this start. */
  start(rows: Map<string, Uint8Array>): void {
    this.#started = true;
    this.committed(rows);
  }

  /**
   * What the log holds, by serial. An old history, or one of a zone that has a new CA, may hold
   * what is not believed: that is taken out of `rows`.
   */
  committed(rows: Map<string, Uint8Array>): void {
    if (rows.size === this.#stored) return;
    for (const [serial, signed] of rows) {
      if (this.#known.get(serial)?.stored === true) continue;
      if (this.#believe(signed, "log") === serial) this.#noteStored(serial);
      else rows.delete(serial);
    }
  }

  #noteStored(serial: string): void {
    const known = this.#known.get(serial);
    if (known === undefined || known.stored) return;
    known.stored = true;
    this.#stored += 1;
  }

  /** Somebody of this node tells of one; one that is refused is answered with the reason. */
  told(signed: Uint8Array, source: RevocationSource, now: MeshNow): void {
    const refused = this.#out.counts().get("revocations-full") ?? 0;
    if (this.#believe(signed, source) !== null) {
      this.#store(now);
      return;
    }
    const full = (this.#out.counts().get("revocations-full") ?? 0) > refused;
    const reason = full
      ? `${MAX_KNOWN} revocations are known, no more fit; begin with a new CA`
      : "not a revocation by this zone's CA; use the file that `stopline keys revoke` wrote";
    this.#out.push({ kind: "revocation-refused", reason });
  }

  /** What an origin of the zone said, now or in an older incarnation. */
  heard(origin: string, ops: readonly Op[]): void {
    for (const [id, key, signed] of ops) {
      if (id !== FIELD.id && id !== -1 - FIELD.id) continue;
      if (typeof key !== "string" || this.#known.has(key)) continue;
      if (!(signed instanceof Uint8Array)) {
        this.#out.count("revocation-refused");
        continue;
      }
      const waiting = this.#heard.get(origin) ?? new Map<string, Uint8Array>();
      if (waiting.size < MAX_KNOWN) waiting.set(key, signed);
      this.#heard.set(origin, waiting);
    }
  }

  tick(now: MeshNow): void {
    for (const [origin, waiting] of this.#heard) {
      let checks = 0;
      for (const [key, signed] of waiting) {
        waiting.delete(key);
        if (this.#known.has(key)) continue;
        this.#believe(signed, "zone");
        checks += 1;
        if (checks === CHECKS_PER_TICK) break;
      }
      if (waiting.size === 0) this.#heard.delete(origin);
    }
    this.#store(now);
  }

  /** The serial, once the CA's signature has held; what is new is told to the node. */
  #believe(signed: Uint8Array, source: RevocationSource): string | null {
    const serial = this.#check(signed);
    if (serial === null) {
      this.#out.count("revocation-refused");
      return null;
    }
    if (this.#known.has(serial)) return serial;
    if (this.#known.size >= MAX_KNOWN) {
      this.#out.count("revocations-full");
      return null;
    }
    const askedMs = Number.NEGATIVE_INFINITY;
    this.#known.set(serial, { signed, source, stored: false, askedMs });
    this.#out.push({ kind: "revoked", serial, signed, source });
    return serial;
  }

  /** Hands the log what it does not have. */
  #store(now: MeshNow): void {
    if (!this.#started || this.#stored === this.#known.size) return;
    for (const [serial, known] of this.#known) {
      if (known.stored || now.monoMs - known.askedMs < ROW_PATIENCE_MS) continue;
      known.askedMs = now.monoMs;
      this.#out.log({ kind: "revocation", body: [serial, known.signed, known.source] });
    }
  }
}

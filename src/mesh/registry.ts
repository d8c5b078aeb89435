// Which start of which node this node has heard of: its highest incarnation and that start's boot
// id. Whoever claims a known incarnation with another boot id, or a lower one, is refused and told
// the highest; it then takes the next.
//
// Two machines with one identity are told from one that restarts often by their boot ids: each
// start draws a new one, so a start that comes back *over* another one, again and again, is not
// the same machine. Then neither is followed.
import { isPlanted } from "../core/planted.ts";
import { sameBytes } from "./birth.ts";
import { MAX_RISES, RISES_WITHIN_MS, TWIN_CALM_MS } from "./limits.ts";
import type { MeshNow } from "./mesh-types.ts";
import type { Outbox } from "./out.ts";

export interface KnownStart {
  readonly incarnation: number;
  /** Null when it is known from a cache that did not have it. */
  readonly boot: Uint8Array | null;
}

interface Origin {
  start: KnownStart;
  /** Starts heard of lately, by boot id: when last. */
  readonly boots: Map<string, number>;
  /** When a start came back over another one. */
  rises: number[];
  /** Last conflict of a twin; null while there is none. */
  twinMs: number | null;
}

/** Boot ids remembered of one node. */
const MAX_BOOTS = 16;

/** Members of a zone are some 50; more origins than this are not remembered. */
const MAX_ORIGINS = 512;

export type Claim = "new" | "same" | "old-incarnation" | "other-boot" | "twin" | "too-many";

export class Registry {
  readonly #out: Outbox;
  readonly #origins = new Map<string, Origin>();

  constructor(out: Outbox) {
    this.#out = out;
  }

  known(origin: string): KnownStart | null {
    return this.#origins.get(origin)?.start ?? null;
  }

  /** Two machines have this identity, as far as this node can tell. */
  isTwin(origin: string): boolean {
    return this.#origins.get(origin)?.twinMs != null;
  }

  /** Judges what a node says of itself, and remembers it when it is new. */
  claim(origin: string, incarnation: number, boot: Uint8Array, now: MeshNow): Claim {
    let known = this.#origins.get(origin);
    if (known === undefined) {
      if (this.#origins.size >= MAX_ORIGINS) return "too-many";
      known = { start: { incarnation: 0, boot }, boots: new Map(), rises: [], twinMs: null };
      this.#origins.set(origin, known);
    }
    known.rises = known.rises.filter((ms) => now.monoMs - ms < RISES_WITHIN_MS);
    this.#calm(origin, known, boot, now);
    const claim = this.#judge(known, incarnation, boot, now);
    remember(known.boots, hex(boot), now.monoMs);
    if (known.rises.length > MAX_RISES) this.#nameTwins(origin, known, now);
    const fits = claim === "new" || claim === "same";
    return fits && known.twinMs !== null ? "twin" : claim;
  }

  #judge(known: Origin, incarnation: number, boot: Uint8Array, now: MeshNow): Claim {
    const { start } = known;
    const sameBoot = start.boot === null || sameBytes(start.boot, boot);
    if (incarnation < start.incarnation) return "old-incarnation";
    if (incarnation === start.incarnation) {
      if (!sameBoot && !isPlanted("incarnation-from-image")) return "other-boot";
      known.start = { incarnation, boot };
      return "same";
    }
    if (!sameBoot && known.boots.has(hex(boot))) known.rises.push(now.monoMs);
    known.start = { incarnation, boot };
    return "new";
  }

  /** What a cache from before a restart knows. */
  recall(origin: string, start: KnownStart): void {
    const known = this.#origins.get(origin);
    if (known !== undefined && known.start.incarnation >= start.incarnation) return;
    this.#origins.set(origin, { start, boots: new Map(), rises: [], twinMs: null });
  }

  drop(origin: string): void {
    this.#origins.delete(origin);
  }

  #nameTwins(origin: string, known: Origin, now: MeshNow): void {
    known.twinMs = now.monoMs;
    const boots = [...known.boots.keys()].slice(-2).join(" and ");
    this.#out.alarm(
      "twin",
      origin,
      `Two machines use the identity ${origin} (starts ${boots}): a copied card? Neither is ` +
        "followed; give one of them a card of its own and restart both a minute later.",
    );
  }

  /** A start that is new, after a minute without a conflict: somebody has seen to it. */
  #calm(origin: string, known: Origin, boot: Uint8Array, now: MeshNow): void {
    if (known.twinMs === null || known.rises.length > 0) return;
    const restarted = !known.boots.has(hex(boot));
    if (!restarted && now.monoMs - known.twinMs < TWIN_CALM_MS) return;
    known.twinMs = null;
    known.rises = [];
    this.#out.settle("twin", origin);
  }
}

function remember(boots: Map<string, number>, boot: string, atMs: number): void {
  boots.delete(boot);
  boots.set(boot, atMs);
  if (boots.size <= MAX_BOOTS) return;
  const [oldest] = boots.keys();
  boots.delete(oldest ?? "");
}

export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

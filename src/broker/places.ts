// Places for connections. Each role has places of its own, so that no crowd of vehicles keeps an
// operator out; so has the console, and so have those of whom nothing is known yet. When those
// places are full, one of the newcomers goes: the oldest from the address that has most of them.
// So a stranger with thousands of connections makes room with his own, and so does the holder of a
// certificate with more connections than anybody needs. Pure.
import type { ClientRole } from "../core/site/client-roles.ts";

/** `newcomer`: no CONNECT was accepted and no certificate seen. */
export type PlaceKind = ClientRole | "console" | "newcomer";

export type PlaceCounts = Readonly<Record<PlaceKind, number>>;

interface Place {
  readonly kind: PlaceKind;
  /** An address; of one who has shown a certificate, its name. */
  readonly from: string;
}

export class Places<Holder> {
  readonly #room: PlaceCounts;
  /** In the order in which they came. */
  readonly #held = new Map<Holder, Place>();
  readonly #taken: Record<PlaceKind, number>;

  constructor(room: PlaceCounts) {
    this.#room = room;
    this.#taken = { vehicle: 0, sensor: 0, operator: 0, reader: 0, console: 0, newcomer: 0 };
  }

  get size(): number {
    return this.#held.size;
  }

  get holders(): Iterable<Holder> {
    return this.#held.keys();
  }

  hasRoom(kind: PlaceKind): boolean {
    return this.#taken[kind] < this.#room[kind];
  }

  /** Takes a place; false when there is none of that kind. */
  take(holder: Holder, kind: PlaceKind, from: string): boolean {
    if (!this.hasRoom(kind)) return false;
    this.#held.set(holder, { kind, from });
    this.#taken[kind] += 1;
    return true;
  }

  /**
   * A newcomer that turned out to have a role gets a place of it; false when there is none.
   * `replaces`: it takes over from a connection of that role, which ends with that.
   */
  seat(holder: Holder, role: ClientRole, replaces: boolean): boolean {
    const place = this.#held.get(holder);
    if (place === undefined) return false;
    if (place.kind !== "newcomer") return true;
    if (!replaces && !this.hasRoom(role)) return false;
    this.#taken.newcomer -= 1;
    this.#taken[role] += 1;
    this.#held.set(holder, { ...place, kind: role });
    return true;
  }

  leave(holder: Holder): void {
    const place = this.#held.get(holder);
    if (place === undefined) return;
    this.#held.delete(holder);
    this.#taken[place.kind] -= 1;
  }

  /** All places of one kind that are held from somewhere, oldest first. */
  from(kind: PlaceKind, from: string): Holder[] {
    const own: Holder[] = [];
    for (const [holder, place] of this.#held) {
      if (place.kind === kind && place.from === from) own.push(holder);
    }
    return own;
  }

  /** Whom of the newcomers to turn away for another one; `mayGo` spares some of them. */
  crowding(mayGo: (holder: Holder) => boolean): Holder | null {
    const oldest = new Map<string, { holder: Holder; count: number }>();
    for (const [holder, { kind, from }] of this.#held) {
      if (kind !== "newcomer" || !mayGo(holder)) continue;
      const known = oldest.get(from);
      if (known === undefined) oldest.set(from, { holder, count: 1 });
      else known.count += 1;
    }
    let most: { holder: Holder; count: number } | null = null;
    for (const entry of oldest.values()) {
      if (most === null || entry.count > most.count) most = entry;
    }
    return most?.holder ?? null;
  }
}

// Places for connections of whom it is known who they are. Each role has places of its own, so that
// no crowd of vehicles keeps an operator out; so has the console. Pure.
import type { ClientRole } from "../core/site/client-roles.ts";

export type PlaceKind = ClientRole | "console";

export type PlaceCounts = Readonly<Record<PlaceKind, number>>;

interface Place {
  readonly kind: PlaceKind;
  /** Whose it is: the name in a certificate, else nobody's in particular. */
  readonly owner: string;
}

export class Places<Holder> {
  readonly #room: PlaceCounts;
  /** In the order in which they came. */
  readonly #held = new Map<Holder, Place>();
  readonly #taken: Record<PlaceKind, number>;

  constructor(room: PlaceCounts) {
    this.#room = room;
    this.#taken = { vehicle: 0, sensor: 0, operator: 0, reader: 0, console: 0 };
  }

  get size(): number {
    return this.#held.size;
  }

  get holders(): Iterable<Holder> {
    return this.#held.keys();
  }

  has(holder: Holder): boolean {
    return this.#held.has(holder);
  }

  hasRoom(kind: PlaceKind): boolean {
    return this.#taken[kind] < this.#room[kind];
  }

  /**
   * Takes a place; false when there is none of that kind. `replaces`: it takes over from a
   * connection of that kind, which ends with that.
   */
  take(holder: Holder, kind: PlaceKind, { owner = "", replaces = false } = {}): boolean {
    if (this.#held.has(holder)) return true;
    if (!replaces && !this.hasRoom(kind)) return false;
    this.#held.set(holder, { kind, owner });
    this.#taken[kind] += 1;
    return true;
  }

  leave(holder: Holder): void {
    const place = this.#held.get(holder);
    if (place === undefined) return;
    this.#held.delete(holder);
    this.#taken[place.kind] -= 1;
  }

  /** All places of one kind and owner, oldest first. */
  ownedBy(kind: PlaceKind, owner: string): Holder[] {
    const own: Holder[] = [];
    for (const [holder, place] of this.#held) {
      if (place.kind === kind && place.owner === owner) own.push(holder);
    }
    return own;
  }
}

// Connections of strangers before anything is known of them. Who says nothing makes room: when one
// address has its number of silent ones, its oldest goes for the next; when all places are taken,
// the oldest from the address that has most. So a crowd from one place makes room with its own,
// and who speaks at once, as every client does, is hardly ever in anybody's way. Pure.

export interface RoomSize {
  readonly places: number;
  /** Of one address that say nothing. */
  readonly silentEach: number;
}

interface Guest {
  readonly from: string;
  readonly sinceMs: number;
  spoken: boolean;
}

export class WaitingRoom<Holder> {
  readonly #size: RoomSize;
  /** In the order in which they came. */
  readonly #guests = new Map<Holder, Guest>();
  readonly #silent = new Map<string, Set<Holder>>();
  /** In the order in which they spoke. */
  readonly #spoken = new Set<Holder>();

  constructor(size: RoomSize) {
    this.#size = size;
  }

  get count(): number {
    return this.#guests.size;
  }

  get holders(): Iterable<Holder> {
    return this.#guests.keys();
  }

  /** Who has spoken and waits, first come first. */
  get waiting(): readonly Holder[] {
    return [...this.#spoken];
  }

  isWaiting(holder: Holder): boolean {
    return this.#spoken.has(holder);
  }

  /** Somebody comes in. `out`: who has left for it; `admitted`: false when nobody could. */
  enter(holder: Holder, from: string, nowMs: number): { admitted: boolean; out: Holder | null } {
    const out = this.#outFor(from);
    if (out !== null) this.leave(out);
    if (this.#guests.size >= this.#size.places) return { admitted: false, out };
    this.#guests.set(holder, { from, sinceMs: nowMs, spoken: false });
    const own = this.#silent.get(from) ?? new Set();
    this.#silent.set(from, own.add(holder));
    return { admitted: true, out };
  }

  /** It has said something: it waits for us now, and not the other way round. */
  spoke(holder: Holder): void {
    const guest = this.#guests.get(holder);
    if (guest === undefined || guest.spoken) return;
    guest.spoken = true;
    this.#unsilence(holder, guest);
    this.#spoken.add(holder);
  }

  /** True when it was there. */
  leave(holder: Holder): boolean {
    const guest = this.#guests.get(holder);
    if (guest === undefined) return false;
    this.#guests.delete(holder);
    this.#spoken.delete(holder);
    this.#unsilence(holder, guest);
    return true;
  }

  /** Who has been here since that moment or longer. */
  since(ms: number): Holder[] {
    const old: Holder[] = [];
    for (const [holder, { sinceMs }] of this.#guests) {
      if (sinceMs > ms) break;
      old.push(holder);
    }
    return old;
  }

  #unsilence(holder: Holder, { from }: Guest): void {
    const own = this.#silent.get(from);
    own?.delete(holder);
    if (own?.size === 0) this.#silent.delete(from);
  }

  #outFor(from: string): Holder | null {
    const own = this.#silent.get(from);
    if (own !== undefined && own.size >= this.#size.silentEach) return firstOf(own);
    if (this.#guests.size < this.#size.places) return null;
    let most: ReadonlySet<Holder> = new Set();
    for (const crowd of this.#silent.values()) if (crowd.size > most.size) most = crowd;
    return firstOf(most);
  }
}

function firstOf<Holder>(set: ReadonlySet<Holder>): Holder | null {
  for (const first of set) return first;
  return null;
}

/** Who an address stands for: of IPv6 the network, for one machine has any number of addresses. */
export function placeOf(address: string | undefined): string {
  if (address === undefined) return "?";
  const plain = address.replace(/^::ffff:/, "");
  if (!plain.includes(":")) return plain;
  const [head = "", tail] = plain.split("::");
  const groups = head.split(":").filter((group) => group !== "");
  // Whatever `::` stands for in the first four groups is zero.
  while (tail !== undefined && groups.length < 4) groups.push("0");
  return `${groups.slice(0, 4).join(":")}::`;
}

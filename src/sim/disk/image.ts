// The content of one file: what was written, and enough of what was there before to go back to any
// state in which a power cut may leave it. One image is kept, not two: every sector that changes is
// copied first into a trail, and a sync empties that. A cut therefore copies nothing but the
// sectors that were touched since the last sync.

/** What a disk writes whole or not at all. */
export const SECTOR_BYTES = 512;

/** Files grow by this much: a multiple of the sector, so that no sector lies in two chunks. */
const CHUNK_BYTES = 65_536;
const CHUNK_SECTORS = CHUNK_BYTES / SECTOR_BYTES;

/** Sectors a trail has room for at first, and that it keeps after a sync. */
const TRAIL_SECTORS = 64;
/**
 * At most this many: then the older half counts as written back, as a kernel does with old pages.
 */
const MAX_TRAIL_SECTORS = 16_384;
const MAX_SIZES = 64;

/** A page of the engine: what a torn write tears. */
const PAGE_SECTORS = 8;

/** How a cut chooses: with `keep` (0 to 1) the newest content, else any that was there before. */
export interface CutChoice {
  readonly random: () => number;
  readonly keep: number;
}

export class FileImage {
  readonly #chunks: (Uint8Array | undefined)[] = [];
  #size = 0;
  /** Contents before each change since the last sync, oldest first, and whose they were. */
  #trail = new Uint8Array(0);
  readonly #trailOf: number[] = [];
  /** Sizes before each change of size since the last sync, oldest first. */
  readonly #sizes: number[] = [];

  get size(): number {
    return this.#size;
  }

  /** Bytes of memory held. */
  get heldBytes(): number {
    const chunks = this.#chunks.reduce((sum, chunk) => sum + (chunk?.length ?? 0), 0);
    return chunks + this.#trail.length;
  }

  get isSynced(): boolean {
    return this.#trailOf.length === 0 && this.#sizes.length === 0;
  }

  /** Fills `into` from `offset` on; gives the bytes that the file had there. The rest is zeros. */
  read(offset: number, into: Uint8Array): number {
    const length = Math.max(0, Math.min(into.length, this.#size - offset));
    for (let done = 0; done < length; ) {
      const at = offset + done;
      const inChunk = at % CHUNK_BYTES;
      const part = Math.min(length - done, CHUNK_BYTES - inChunk);
      const chunk = this.#chunks[(at - inChunk) / CHUNK_BYTES];
      if (chunk === undefined) into.fill(0, done, done + part);
      else into.set(chunk.subarray(inChunk, inChunk + part), done);
      done += part;
    }
    if (length < into.length) into.fill(0, length);
    return length;
  }

  write(offset: number, bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length; ) {
      const at = offset + done;
      const inChunk = at % CHUNK_BYTES;
      const part = Math.min(bytes.length - done, CHUNK_BYTES - inChunk);
      const number = (at - inChunk) / CHUNK_BYTES;
      this.#remember(number, inChunk, part);
      const whole = done === 0 && part === bytes.length;
      this.#chunk(number).set(whole ? bytes : bytes.subarray(done, done + part), inChunk);
      done += part;
    }
    if (offset + bytes.length > this.#size) this.#resize(offset + bytes.length);
  }

  truncate(size: number): void {
    if (size < this.#size) {
      for (let at = size; at < this.#size; ) {
        const inChunk = at % CHUNK_BYTES;
        const part = Math.min(this.#size - at, CHUNK_BYTES - inChunk);
        const chunk = this.#chunks[(at - inChunk) / CHUNK_BYTES];
        if (chunk !== undefined) {
          this.#remember((at - inChunk) / CHUNK_BYTES, inChunk, part);
          chunk.fill(0, inChunk, inChunk + part);
        }
        at += part;
      }
    }
    if (size !== this.#size) this.#resize(size);
    this.#chunks.length = Math.min(this.#chunks.length, Math.ceil(size / CHUNK_BYTES));
  }

  /** From here on a power cut leaves what is written now. */
  sync(): void {
    this.#trailOf.length = 0;
    this.#sizes.length = 0;
    if (this.#trail.length > TRAIL_SECTORS * SECTOR_BYTES) {
      this.#trail = new Uint8Array(TRAIL_SECTORS * SECTOR_BYTES);
    }
  }

  /**
   * A power cut: each unsynced sector, and the size, becomes one of the contents that it had since
   * the last sync. What is left is synced. Gives the sectors that went back.
   */
  cut({ random, keep }: CutChoice): number {
    let lost = 0;
    for (const [sector, entries] of this.#changes()) {
      if (random() < keep) continue;
      this.#restore(sector, entries[Math.floor(random() * entries.length)] ?? 0);
      lost += 1;
    }
    const older = this.#sizes.length > 0 && random() >= keep;
    const size = older ? this.#sizes[Math.floor(random() * this.#sizes.length)] : this.#size;
    // What came back behind the end is gone, too.
    this.#size = this.#chunks.length * CHUNK_BYTES;
    this.truncate(size ?? 0);
    this.sync();
    return lost;
  }

  /**
   * Tears one page that has several unsynced sectors: its first half stays as written, the rest as
   * it was at the last sync. To be called before `cut`, which then finds the page settled. Gives
   * the page's first sector, or null when there is none to tear.
   */
  tear(random: () => number): number | null {
    const pages = new Map<number, number[]>();
    for (const sector of this.#changes().keys()) {
      const page = Math.floor(sector / PAGE_SECTORS);
      pages.set(page, [...(pages.get(page) ?? []), sector]);
    }
    const torn = [...pages].filter(([, sectors]) => sectors.length > 1);
    const [page, sectors] = torn[Math.floor(random() * torn.length)] ?? [0, []];
    if (sectors.length === 0) return null;
    sectors.sort((a, b) => a - b);
    const half = Math.ceil(sectors.length / 2);
    for (const sector of sectors.slice(half)) this.#restore(sector, this.#trailOf.indexOf(sector));
    this.#forget(new Set(sectors));
    return page * PAGE_SECTORS;
  }

  /** Flips one bit of what is on the disk, as ageing cells do; nothing notices before it reads. */
  flip(offset: number, bit: number): void {
    const chunk = this.#chunk(Math.floor(offset / CHUNK_BYTES));
    const at = offset % CHUNK_BYTES;
    chunk[at] = (chunk[at] ?? 0) ^ (1 << bit);
  }

  /** The same content, synced. */
  copy(): FileImage {
    const copy = new FileImage();
    copy.#chunks.push(...this.#chunks.map((chunk) => chunk?.slice()));
    copy.#size = this.#size;
    return copy;
  }

  bytes(): Uint8Array {
    const bytes = new Uint8Array(this.#size);
    this.read(0, bytes);
    return bytes;
  }

  #chunk(number: number): Uint8Array {
    const known = this.#chunks[number];
    if (known !== undefined) return known;
    const chunk = new Uint8Array(CHUNK_BYTES);
    while (this.#chunks.length < number) this.#chunks.push(undefined);
    this.#chunks[number] = chunk;
    return chunk;
  }

  #resize(size: number): void {
    if (this.#sizes.length === MAX_SIZES) this.#sizes.shift();
    this.#sizes.push(this.#size);
    this.#size = size;
  }

  /** Copies the sectors that a change touches; they lie side by side in their chunk. */
  #remember(number: number, inChunk: number, length: number): void {
    const first = Math.floor(inChunk / SECTOR_BYTES);
    const end = Math.ceil((inChunk + length) / SECTOR_BYTES);
    this.#makeRoom(end - first);
    const at = this.#trailOf.length * SECTOR_BYTES;
    const chunk = this.#chunks[number];
    if (chunk === undefined) this.#trail.fill(0, at, at + (end - first) * SECTOR_BYTES);
    else this.#trail.set(chunk.subarray(first * SECTOR_BYTES, end * SECTOR_BYTES), at);
    for (let sector = first; sector < end; sector += 1) {
      this.#trailOf.push(number * CHUNK_SECTORS + sector);
    }
  }

  #makeRoom(sectors: number): void {
    if (this.#trailOf.length + sectors > MAX_TRAIL_SECTORS) {
      const gone = MAX_TRAIL_SECTORS / 2;
      this.#trail.copyWithin(0, gone * SECTOR_BYTES);
      this.#trailOf.splice(0, gone);
    }
    const wanted = (this.#trailOf.length + sectors) * SECTOR_BYTES;
    if (wanted <= this.#trail.length) return;
    const grown = Math.max(wanted, this.#trail.length * 2, TRAIL_SECTORS * SECTOR_BYTES);
    const trail = new Uint8Array(grown);
    trail.set(this.#trail);
    this.#trail = trail;
  }

  /** Places in the trail by sector, oldest first. */
  #changes(): Map<number, number[]> {
    const changes = new Map<number, number[]>();
    for (const [entry, sector] of this.#trailOf.entries()) {
      const known = changes.get(sector);
      if (known === undefined) changes.set(sector, [entry]);
      else known.push(entry);
    }
    return changes;
  }

  #restore(sector: number, entry: number): void {
    const before = this.#trail.subarray(entry * SECTOR_BYTES, (entry + 1) * SECTOR_BYTES);
    const inChunk = (sector % CHUNK_SECTORS) * SECTOR_BYTES;
    this.#chunk(Math.floor(sector / CHUNK_SECTORS)).set(before, inChunk);
  }

  #forget(sectors: ReadonlySet<number>): void {
    let kept = 0;
    for (const [entry, sector] of [...this.#trailOf].entries()) {
      if (sectors.has(sector)) continue;
      this.#trail.copyWithin(kept * SECTOR_BYTES, entry * SECTOR_BYTES, (entry + 1) * SECTOR_BYTES);
      this.#trailOf[kept] = sector;
      kept += 1;
    }
    this.#trailOf.length = kept;
  }
}

// A disk that forgets. It takes a record of what a process did and, at any operation, gives what a
// power cut could leave, as harshly as POSIX allows:
//
// - A file's contents and size are durable up to its last `fsync` or `fdatasync`. Of what came
//   after, each 512-byte sector holds the synced contents or any of those written since, each by
//   itself, in no order; the size is the synced one or any since. Where the file had grown and the
//   sector did not arrive there are zeros, or noise.
// - A name in a folder (made, renamed, removed) is durable once the folder was synced. Syncing a
//   file does not make its name durable, though ext4 would; a new folder's own name needs a sync of
//   the folder above. Of names changed after that a seeded half of the cuts keeps a beginning (a
//   journal, such as ext4's) and the other half keeps any of them, in no order.
// - A rename is one step: the old name, the new one, never both. A sector is whole.
//
// Not covered: a disk that says "synced" and lies, tearing inside a sector.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Operation } from "./record.ts";

const SECTOR = 512;

/** SQLite's index of the WAL, shared memory: `record.c` says why. */
const UNFOLLOWED = "-shm";

/** Numbers from 0 to just under 1. */
export type Random = () => number;

function pick<T>(random: Random, from: readonly T[]): T {
  const chosen = from[Math.floor(random() * from.length)];
  if (chosen === undefined) throw new Error("nothing to choose from");
  return chosen;
}

function scribble(random: Random, bytes: Uint8Array): void {
  for (const at of bytes.keys()) bytes[at] = random() * 256;
}

/** Bytes that grow; beyond the size there are zeros. */
class Content {
  bytes = Buffer.alloc(0);
  size = 0;

  resize(size: number): void {
    if (size > this.bytes.length) {
      const larger = Buffer.alloc(Math.max(size, this.bytes.length * 2));
      this.bytes.copy(larger, 0, 0, this.size);
      this.bytes = larger;
    }
    if (size < this.size) this.bytes.fill(0, size, this.size);
    this.size = size;
  }

  write(offset: number, bytes: Uint8Array): void {
    if (offset + bytes.length > this.size) this.resize(offset + bytes.length);
    this.bytes.set(bytes, offset);
  }

  /** A copy of one sector, zeros beyond the end. */
  sector(index: number): Buffer {
    const copy = Buffer.alloc(SECTOR);
    this.bytes.copy(copy, 0, index * SECTOR, Math.min((index + 1) * SECTOR, this.size));
    return copy;
  }
}

/** How the unsynced fares in one cut. */
interface Fate {
  readonly random: Random;
  /** Share of unsynced sectors, sizes and names that made it. */
  readonly share: number;
  /** Names keep their order: what made it is a beginning. */
  readonly inOrder: boolean;
}

class File {
  readonly #synced = new Content();
  readonly #now = new Content();
  /** Contents of each sector since the last sync, oldest first. */
  readonly #written = new Map<number, Buffer[]>();
  #sizes: number[] = [];
  /** The smallest of them: what lay beyond is zeros once it is synced. */
  #smallest = Number.POSITIVE_INFINITY;

  get contents(): Uint8Array {
    return this.#now.bytes.subarray(0, this.#now.size);
  }

  /** True when a cut could not change it. */
  get isSynced(): boolean {
    return this.#written.size === 0 && this.#sizes.length === 0;
  }

  write(offset: number, bytes: Uint8Array): void {
    const before = this.#now.size;
    this.#now.write(offset, bytes);
    if (this.#now.size !== before) this.#sizes.push(this.#now.size);
    this.#note(offset, offset + bytes.length);
  }

  truncate(size: number): void {
    const { size: before } = this.#now;
    this.#now.resize(size);
    this.#sizes.push(size);
    this.#smallest = Math.min(this.#smallest, size);
    // The last sector's rest becomes zeros: a contents of its own.
    if (size < before && size % SECTOR !== 0) this.#note(size, size + 1);
  }

  #note(from: number, to: number): void {
    for (let index = Math.floor(from / SECTOR); index * SECTOR < to; index += 1) {
      const versions = this.#written.get(index) ?? [];
      this.#written.set(index, versions);
      versions.push(this.#now.sector(index));
    }
  }

  sync(): void {
    this.#synced.resize(Math.min(this.#synced.size, this.#smallest));
    this.#synced.resize(this.#now.size);
    for (const index of this.#written.keys()) {
      const from = index * SECTOR;
      const to = Math.min(from + SECTOR, this.#now.size);
      if (from < to) this.#now.bytes.copy(this.#synced.bytes, from, from, to);
    }
    this.#written.clear();
    this.#sizes = [];
    this.#smallest = Number.POSITIVE_INFINITY;
  }

  /** What is left after a cut. */
  remains({ random, share }: Fate): Uint8Array {
    const arrived = (): boolean => random() < share;
    const { size: durable } = this.#synced;
    const sizes = this.#sizes;
    const newest = sizes.at(-1) ?? durable;
    const size = arrived() ? newest : pick(random, [durable, ...sizes]);
    const image = Buffer.alloc(size);
    this.#synced.bytes.copy(image, 0, 0, Math.min(durable, size));
    const noise = random() < 0.3;
    for (const [index, versions] of this.#written) {
      const from = index * SECTOR;
      if (from >= size) continue;
      if (arrived()) (arrived() ? versions.at(-1) : pick(random, versions))?.copy(image, from);
      else if (noise && from >= durable) scribble(random, image.subarray(from, from + SECTOR));
    }
    return image;
  }
}

type Node = File | Folder;

/** A change of names in one folder: each name and what it now stands for. */
type NameChange = readonly (readonly [string, Node | null])[];

class Folder {
  readonly now = new Map<string, Node>();
  #durable = new Map<string, Node>();
  #pending: NameChange[] = [];

  change(change: NameChange): void {
    apply(this.now, change);
    this.#pending.push(change);
  }

  sync(): void {
    this.#durable = new Map(this.now);
    this.#pending = [];
  }

  remains({ random, share, inOrder }: Fate): Map<string, Node> {
    const names = new Map(this.#durable);
    const arrived = this.#pending.map(() => random() < share);
    const beginning = inOrder ? arrived.indexOf(false) : -1;
    for (const [index, change] of this.#pending.entries()) {
      const kept = inOrder ? beginning < 0 || index < beginning : arrived[index];
      if (kept === true) apply(names, change);
    }
    return names;
  }
}

function apply(names: Map<string, Node>, change: NameChange): void {
  for (const [name, node] of change) {
    if (node === null) names.delete(name);
    else names.set(name, node);
  }
}

/** Shares that a cut draws from: the extremes show what the middle hides. */
const SHARES = [0, 0.1, 0.5, 0.9, 1];

export class ForgetfulDisk {
  readonly #root = new Folder();
  readonly #handles = new Map<number, Node>();

  /** The files as they lie in a real folder, all durable: a machine that has just started. */
  static from(root: string): ForgetfulDisk {
    const disk = new ForgetfulDisk();
    load(disk.#root, root);
    return disk;
  }

  apply(operation: Operation): void {
    switch (operation.kind) {
      case "process":
        this.#handles.clear();
        break;
      case "create":
        this.#create(operation.path, operation.handle);
        break;
      case "open":
        this.#handles.set(operation.handle, this.#find(operation.path));
        break;
      case "write":
        this.#fileOf(operation.handle).write(operation.offset, operation.bytes);
        break;
      case "truncate":
        this.#fileOf(operation.handle).truncate(operation.size);
        break;
      case "sync":
        this.#handles.get(operation.handle)?.sync();
        break;
      case "rename":
        this.#rename(operation.from, operation.to);
        break;
      case "unlink":
        this.#changeAt(operation.path, null);
        break;
      case "mkdir":
        this.#changeAt(operation.path, new Folder());
        break;
      case "mark":
        break;
    }
  }

  #create(path: string, handle: number): void {
    const file = new File();
    this.#handles.set(handle, file);
    this.#changeAt(path, file);
  }

  #fileOf(handle: number): File {
    const node = this.#handles.get(handle);
    if (node instanceof File) return node;
    throw new Error(`handle ${handle} is no open file`);
  }

  #find(path: string): Node {
    let node: Node | undefined = this.#root;
    for (const name of path.split("/").filter((part) => part !== "")) {
      node = node instanceof Folder ? node.now.get(name) : undefined;
    }
    if (node === undefined) throw new Error(`${path} is not on the disk`);
    return node;
  }

  #above(path: string): { folder: Folder; name: string } {
    const at = path.lastIndexOf("/");
    const folder = this.#find(path.slice(0, Math.max(at, 0)));
    if (!(folder instanceof Folder)) throw new Error(`${path} lies in a file`);
    return { folder, name: path.slice(at + 1) };
  }

  #changeAt(path: string, node: Node | null): void {
    const { folder, name } = this.#above(path);
    folder.change([[name, node]]);
  }

  #rename(from: string, to: string): void {
    const [old, target] = [this.#above(from), this.#above(to)];
    if (old.folder !== target.folder) throw new Error(`${from} moved to another folder`);
    old.folder.change([
      [old.name, null],
      [target.name, this.#find(from)],
    ]);
  }

  /** Writes what a power cut at this moment could leave of `path` (all, when empty) into `dir`. */
  cut(random: Random, dir: string, path = ""): void {
    const fate = { random, share: pick(random, SHARES), inOrder: random() < 0.5 };
    const node = this.#find(path);
    if (node instanceof Folder) writeFolder(node, dir, fate);
  }

  /** Paths of all files and empty folders, sorted. */
  names(): string[] {
    return namesIn(this.#root).sort();
  }

  /** Paths whose contents here and in the real folder `dir` differ: none, when all is followed. */
  differences(dir: string): string[] {
    return differences(this.#root, dir, "");
  }
}

function namesIn(folder: Folder): string[] {
  return [...folder.now].flatMap(([name, node]) => {
    const inside = node instanceof Folder ? namesIn(node) : [];
    return inside.length === 0 ? [name] : inside.map((path) => `${name}/${path}`);
  });
}

function load(folder: Folder, dir: string): void {
  for (const entry of readdirSync(dir, { withFileTypes: true })) {
    if (entry.name.endsWith(UNFOLLOWED)) continue;
    const node = entry.isDirectory() ? new Folder() : new File();
    folder.change([[entry.name, node]]);
    if (node instanceof Folder) load(node, join(dir, entry.name));
    else {
      node.write(0, readFileSync(join(dir, entry.name)));
      node.sync();
    }
  }
  folder.sync();
}

function writeFolder(folder: Folder, dir: string, fate: Fate): void {
  mkdirSync(dir, { recursive: true });
  for (const [name, node] of folder.remains(fate)) {
    const path = join(dir, name);
    if (node instanceof Folder) writeFolder(node, path, fate);
    else writeFileSync(path, node.isSynced ? node.contents : node.remains(fate));
  }
}

function differences(folder: Folder, dir: string, path: string): string[] {
  const found: string[] = [];
  const there = new Set(readdirSync(dir).filter((name) => !name.endsWith(UNFOLLOWED)));
  for (const [name, node] of folder.now) {
    if (!there.delete(name)) found.push(`${path}${name} is missing`);
    else if (node instanceof Folder) {
      found.push(...differences(node, join(dir, name), `${path}${name}/`));
    } else if (Buffer.compare(readFileSync(join(dir, name)), node.contents) !== 0) {
      found.push(`${path}${name} differs`);
    }
  }
  return [...found, ...[...there].map((name) => `${path}${name} was not followed`)];
}

// A virtual disk for one simulated machine: the log's own code and SQL run on it unchanged, and a
// power cut takes back any part of what was not synced.
//
//   const disk = await createVirtualDisk({ random, nowMs });
//   const writer = openWriter("/data", options, disk.storage);
//   disk.stopAfter(37, "power");    // the 37th change from now on does not happen any more
//   …                               // the code on it sees I/O errors; `disk.isOff` says why
//   disk.start();                   // a new start of the machine: `disk.storage` is another one
//
// Between events of a simulated node everything acknowledged has been synced, so a cut finds little
// to take: arm `stopAfter` before an event, look at `isOff` after it, and let nothing that the node
// said after that moment leave it. `cut()` and `crash()` stop between events.
//
// What a stopped machine still does reaches the disk no more. Faults stand in `faults` until taken
// back; `takeCostMs` gives the virtual time that its work would have taken; `figures` counts. All
// that is drawn comes from `random`: the same seed and the same calls give the same bytes.

import type { Storage } from "../../log/storage.ts";
import { createRandom } from "../street/random.ts";
import { DiskDriver } from "./driver.ts";
import { loadEngine } from "./engine.ts";
import { DiskFiles } from "./files.ts";
import { type FileImage, SECTOR_BYTES } from "./image.ts";
import { DiskVfs, type Mount } from "./vfs.ts";
import { DiskError, type DiskFaults, type DiskFigures, type DiskTrace, Volume } from "./volume.ts";

export interface VirtualDiskOptions {
  /** Numbers from 0 to just under 1, from the simulation's seed. */
  readonly random: () => number;
  /** The machine's wall clock, for times of files and inside the engine. */
  readonly nowMs?: () => number;
  readonly capacityBytes?: number;
  /**
   * Sees every change, so that the simulator can hash it. What it throws comes out of the driver.
   */
  readonly trace?: DiskTrace;
}

/** `crash`: the process dies, its machine lives. `power`: what was not synced may be lost. */
export type StopKind = "crash" | "power";

export interface FlippedBit {
  readonly path: string;
  readonly offset: number;
  readonly bit: number;
}

/** All files of a disk as a machine that was shut down left them. */
export type DiskCopy = ReadonlyMap<string, FileImage>;

let vfs: DiskVfs | null = null;

/** A new, empty disk, its machine running. The SQL engine is loaded by the first. */
export async function createVirtualDisk(options: VirtualDiskOptions): Promise<VirtualDisk> {
  const engine = await loadEngine();
  vfs ??= new DiskVfs(engine);
  return new VirtualDisk(vfs, options);
}

/** Files that the engine holds open for all disks of this process, and bytes of its memory. */
export function engineFigures(): { readonly openFiles: number; readonly bytes: number } {
  return { openFiles: vfs?.openFiles ?? 0, bytes: vfs?.engine.memory.bytes.length ?? 0 };
}

interface Session {
  readonly mount: Mount;
  readonly number: number;
  readonly driver: DiskDriver;
  readonly storage: Storage;
}

export class VirtualDisk {
  readonly #vfs: DiskVfs;
  readonly #volume: Volume;
  readonly #random: () => number;
  readonly #engineRandom: () => number;
  #session: Session;
  #countdown: number | null = null;
  #stopKind: StopKind = "crash";
  #torn = false;

  constructor(vfs: DiskVfs, options: VirtualDiskOptions) {
    this.#vfs = vfs;
    this.#random = options.random;
    this.#engineRandom = createRandom(Math.floor(options.random() * 2 ** 32));
    this.#volume = new Volume({
      nowMs: options.nowMs ?? (() => 0),
      capacityBytes: options.capacityBytes ?? Number.POSITIVE_INFINITY,
      trace: options.trace ?? null,
    });
    this.#volume.beforeChange = () => this.#count();
    this.#session = this.#begin();
  }

  /** What the present start of the machine works on; another after each `start`. */
  get storage(): Storage {
    return this.#session.storage;
  }

  /** True from a stop until the next start. */
  get isOff(): boolean {
    return !this.#session.mount.alive;
  }

  get faults(): DiskFaults {
    return this.#volume.faults;
  }

  get figures(): Readonly<DiskFigures> {
    return this.#volume.figures;
  }

  /** Bytes of all files, and of memory that the disk takes; each counted when it is asked for. */
  sizes(): { readonly usedBytes: number; readonly heldBytes: number } {
    const volume = this.#volume;
    return {
      get usedBytes() {
        return volume.usedBytes();
      },
      get heldBytes() {
        return volume.heldBytes();
      },
    };
  }

  /** Virtual time that the work since the last call would have taken, ms. */
  takeCostMs(): number {
    const { costMs } = this.#volume;
    this.#volume.costMs = 0;
    return costMs;
  }

  /** The process dies here; everything written is still there. */
  crash(): void {
    this.#stop("crash");
  }

  /** The power fails here. `torn`: a page is left half written, where one is unsynced. */
  cut({ torn = false }: { readonly torn?: boolean } = {}): void {
    this.#torn = torn;
    this.#stop("power");
  }

  /**
   * Stops the machine inside its work: `changes` more writes, syncs and changes of names happen,
   * the next does not. Null takes that back.
   */
  stopAfter(changes: number | null, kind: StopKind = "power", torn = false): void {
    this.#countdown = changes;
    this.#stopKind = kind;
    this.#torn = torn;
  }

  /** A new start of the machine; stops the one before if it still runs. */
  start(): Storage {
    this.crash();
    const { driver, number } = this.#session;
    driver.closeAll();
    this.#vfs.unmount(number);
    this.#session = this.#begin();
    return this.storage;
  }

  /** Stops the machine for good and frees what the engine holds for it. */
  dispose(): void {
    this.start();
    this.crash();
    this.#vfs.unmount(this.#session.number);
  }

  /** Flips one bit in a file whose path `among` accepts; null where there is none. */
  rot(among: (path: string) => boolean = () => true): FlippedBit | null {
    const paths = this.#volume.paths().filter(among);
    const sectors = paths.map((path) => Math.floor(this.#sizeOf(path) / SECTOR_BYTES));
    const total = sectors.reduce((sum, count) => sum + count, 0);
    if (total === 0) return null;
    let left = Math.floor(this.#random() * total);
    const index = sectors.findIndex((count) => {
      left -= count;
      return left < 0;
    });
    const path = paths[index] ?? "";
    const sector = left + (sectors[index] ?? 0);
    const offset = sector * SECTOR_BYTES + Math.floor(this.#random() * SECTOR_BYTES);
    const bit = Math.floor(this.#random() * 8);
    this.#volume.find(path)?.image.flip(offset, bit);
    this.#volume.figures.flippedBits += 1;
    return { path, offset, bit };
  }

  /** The content of one file as written, or null. */
  read(path: string): Uint8Array | null {
    return this.#volume.find(path)?.image.bytes() ?? null;
  }

  paths(): string[] {
    return this.#volume.paths();
  }

  /** A copy of the card, for a second board or for the same one later. */
  copy(): DiskCopy {
    return this.#volume.copy();
  }

  /** Puts another card in, or an empty one; the machine stops and is to be started. */
  replace(copy: DiskCopy = new Map()): void {
    this.crash();
    this.#volume.restore(copy);
  }

  #sizeOf(path: string): number {
    return this.#volume.find(path)?.image.size ?? 0;
  }

  #begin(): Session {
    const mount: Mount = { volume: this.#volume, random: this.#engineRandom, alive: true };
    const number = this.#vfs.mount(mount);
    const driver = new DiskDriver(this.#vfs, mount, number);
    return { mount, number, driver, storage: { driver, files: new DiskFiles(mount) } };
  }

  #count(): void {
    if (this.#countdown === null) return;
    this.#countdown -= 1;
    if (this.#countdown >= 0) return;
    this.#stop(this.#stopKind);
    throw new DiskError("EIO", "the machine has stopped");
  }

  #stop(kind: StopKind): void {
    this.#countdown = null;
    if (kind === "crash" && this.isOff) return;
    this.#session.mount.alive = false;
    this.#volume.freeLocks();
    if (kind === "crash") this.#volume.figures.crashes += 1;
    else this.#volume.cut({ random: this.#random, torn: this.#torn });
    this.#torn = false;
  }
}

// The log's few operations on files, on the virtual disk.
import { dirname } from "node:path/posix";
import type { Files } from "../../log/storage.ts";
import type { Mount } from "./vfs.ts";
import { DiskError, type DiskFile, type Volume } from "./volume.ts";

export class DiskFiles implements Files {
  readonly #mount: Mount;

  constructor(mount: Mount) {
    this.#mount = mount;
  }

  exists(path: string): boolean {
    const volume = this.#volume();
    return volume.find(path) !== undefined || volume.isFolder(path);
  }

  read(path: string): Uint8Array {
    return this.#file(path).image.bytes();
  }

  readHead(path: string, bytes: number): Uint8Array {
    const { image } = this.#file(path);
    const head = new Uint8Array(Math.min(bytes, image.size));
    image.read(0, head);
    return head;
  }

  write(path: string, text: string): void {
    this.#put(path, Buffer.from(text));
  }

  writeAtomic(path: string, bytes: Uint8Array): void {
    const beside = `${path}.tmp`;
    this.#put(beside, bytes);
    this.syncFile(beside);
    this.rename(beside, path);
  }

  rename(from: string, to: string): void {
    this.#volume().rename(from, to);
    this.syncDir(dirname(to));
  }

  remove(path: string): void {
    const volume = this.#volume();
    if (volume.find(path) !== undefined) volume.remove(path);
  }

  names(dir: string): string[] {
    return this.#volume().namesIn(dir);
  }

  makeDir(dir: string): void {
    this.#volume().makeFolder(dir);
  }

  syncFile(path: string): void {
    this.#volume().sync(path, this.#file(path));
  }

  syncDir(dir: string): void {
    this.#volume().syncFolder(dir);
  }

  changedMs(path: string): number {
    return this.#volume().find(path)?.changedMs ?? 0;
  }

  #put(path: string, bytes: Uint8Array): void {
    const volume = this.#volume();
    const file = volume.find(path) ?? volume.create(path);
    if (file.image.size > 0) volume.truncate(path, file, 0);
    volume.write(path, file, 0, bytes);
  }

  #file(path: string): DiskFile {
    const file = this.#volume().find(path);
    if (file === undefined) throw new DiskError("ENOENT", `no file ${path}`);
    return file;
  }

  #volume(): Volume {
    if (!this.#mount.alive)
      throw new DiskError("EIO", "the machine that had this disk has stopped");
    return this.#mount.volume;
  }
}

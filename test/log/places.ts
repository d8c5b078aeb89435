// The two disks a log can lie on, for tests that run on both: the machine's own with
// better-sqlite3, and the simulator's with SQLite as WebAssembly.
import { join } from "node:path";
import type { TAP, Test } from "tap";
import { SqlError } from "../../src/log/driver.ts";
import { realStorage } from "../../src/log/real-storage.ts";
import type { Storage } from "../../src/log/storage.ts";
import { createVirtualDisk } from "../../src/sim/disk/disk.ts";
import { createRandom } from "../../src/sim/street/random.ts";
import { folder } from "./support.ts";

export interface DiskPlace {
  readonly storage: Storage;
  /** An empty folder. */
  readonly dir: string;
  path(name: string): string;
}

/** The machine's own, then the virtual one. */
export async function places(t: Test): Promise<readonly DiskPlace[]> {
  const dir = folder(t);
  const disk = await createVirtualDisk({ random: createRandom(1) });
  t.teardown(() => disk.dispose());
  // Under the same name: it stands in rows that say what was set aside.
  disk.storage.files.makeDir(dir);
  const path = (name: string): string => join(dir, name);
  return [realStorage, disk.storage].map((storage) => ({ storage, dir, path }));
}

/** What `work` threw, in words, without the folder's name. */
export function refusal(place: DiskPlace, work: () => unknown): string {
  try {
    work();
    return "no refusal";
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const code = "code" in error ? String(error.code) : "no code";
    // What the system says has other words on each disk; its codes are the same.
    const isOurs = error instanceof SqlError || code === "no code";
    const words = isOurs ? error.message.replaceAll(place.dir, "DIR") : "";
    return `${isOurs ? error.name : "Error"} ${code} ${words}`.trim();
  }
}

/**
 * Runs `work` on both disks, each empty. What it gives is to be the same on both, and on the
 * machine's own what is `wanted`.
 */
export function onBoth(
  t: TAP,
  name: string,
  work: (place: DiskPlace) => unknown,
  wanted: (t: Test, found: never) => void = () => undefined,
): void {
  t.test(name, async (t) => {
    const [real, virtual] = (await places(t)).map((place) => work(place));
    wanted(t, real as never);
    t.same(virtual, real, "the same on the virtual disk");
  });
}

// A process that takes more memory than its unit allows is ended and comes back; nothing else of
// the board is.
import type { GuestImage } from "./guest-image.ts";
import { evaluate } from "./inspector.ts";
import type { Findings } from "./result.ts";
import { checkLamps, recovery, startedGuest } from "./service-trial.ts";

/** 64 MB each tenth of a second, outside the heap, where no limit of Node's counts them. */
const HOG = "globalThis.hog = []; setInterval(() => hog.push(Buffer.alloc(64e6, 1)), 100)";

export async function trial(image: GuestImage, found: Findings): Promise<void> {
  const guest = await startedGuest(image, found);
  const limit = await guest.text("systemctl show -P MemoryMax stopline");
  found.check("the unit has a limit of memory", limit !== "infinity", limit);
  const ms = await recovery(guest, () => evaluate(guest, "main", HOG));
  found.time("oomS", "out of memory to another process that is well", ms);
  const kills = "journalctl -b -u stopline --no-pager | grep -ciE 'oom|out of memory' || true";
  const said = await guest.text(kills);
  found.check("systemd says why", said !== "0");
  const others = await guest.text("systemctl --failed --no-legend | grep -v stopline || true");
  found.check("nothing else failed", others === "", others);
  await checkLamps(guest, found);
  await guest.machine.cut();
}

// A card that gives up: the kernel remounts the data partition read-only at its first error. Lamps
// go on, and health says it.
import type { GuestImage } from "./guest-image.ts";
import type { Findings } from "./result.ts";
import { checkLamps, livesThrough, startedGuest } from "./service-trial.ts";

const GONE_MS = 45_000;
const HEALTH_MS = 90_000;
/** The kernel's own door for such tests. */
const FAIL = `
device=$(basename "$(findmnt -no SOURCE /var/lib/stopline)")
echo 1 >"/sys/fs/ext4/$device/trigger_fs_error"
sleep 1
touch /var/lib/stopline/probe 2>&1 || true`;

export async function trial(image: GuestImage, found: Findings): Promise<void> {
  const guest = await startedGuest(image, found);
  await checkLamps(guest, found);
  let answer = "";
  const lives = await livesThrough(guest, GONE_MS, async () => {
    answer = await guest.text(FAIL);
  });
  found.check("the kernel has made it read-only", answer.includes("Read-only"), answer);
  found.check("that restarts nothing", lives);
  found.check("health says it", await guest.partBecomes("log", /^(degraded|failed):/, HEALTH_MS));
  found.check("its words", true, await guest.part("log"));
  await checkLamps(guest, found);
  await guest.machine.cut();
}

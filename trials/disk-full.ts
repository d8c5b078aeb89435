// A data partition without room: lamps go on, health says it, and the log resumes with room.
import type { GuestImage } from "./guest-image.ts";
import type { Findings } from "./result.ts";
import { checkLamps, livesThrough, startedGuest } from "./service-trial.ts";

const FULL_MS = 45_000;
const HEALTH_MS = 90_000;
/** Ends when the disk is full: root's reserve too. */
const FILL = "dd if=/dev/zero of=/var/lib/stopline/filler bs=64K 2>/dev/null; sync; true";

export async function trial(image: GuestImage, found: Findings): Promise<void> {
  const guest = await startedGuest(image, found);
  await checkLamps(guest, found);
  const lives = await livesThrough(guest, FULL_MS, () => guest.text(FILL));
  found.check("a full data partition restarts nothing", lives);
  found.check("health says it", await guest.partBecomes("log", /^(degraded|failed):/, HEALTH_MS));
  found.check("its words", true, await guest.part("log"));
  await checkLamps(guest, found);
  await guest.text("rm /var/lib/stopline/filler");
  const resumed = await guest.partBecomes("log", /^ok:/, HEALTH_MS);
  found.check("with room the log resumes", resumed, await guest.part("log"));
  const verify = "/usr/bin/stopline snapshot verify --data /var/lib/stopline";
  found.check("its chain holds", true, await guest.text(verify));
  await guest.machine.cut();
}

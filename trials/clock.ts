// A clock that jumps: an hour either way, a day back. Lamps know nothing of it.
import type { GuestImage } from "./guest-image.ts";
import { sleep } from "./host.ts";
import type { Findings } from "./result.ts";
import { controls, livesThrough, startedGuest } from "./service-trial.ts";

const JUMPS = ["+1 hour", "-1 hour", "-1 day", "+1 day"] as const;
/** A cycle of the demo's junction, about. */
const LOOK_MS = 40_000;

export async function trial(image: GuestImage, found: Findings): Promise<void> {
  const guest = await startedGuest(image, found);
  found.check("the lamps are controlled", await controls(guest));
  const stops = await guest.figure("stopline_stops_total");
  for (const jump of JUMPS) {
    const set = `date -s "@$(( $(date +%s) + $(date -d "1970-01-01 UTC ${jump}" +%s) ))"`;
    const lives = await livesThrough(guest, LOOK_MS, () => guest.text(set));
    found.check(`${jump} restarts nothing`, lives);
    found.check("the lamps are controlled", await controls(guest), await guest.part("clock"));
    await sleep(1_000);
  }
  // A busy machine can starve the virtual cabinet of frames; that stop has another cause.
  found.figures.stopsBefore = stops ?? -1;
  found.figures.stopsAfter = (await guest.figure("stopline_stops_total")) ?? -1;
  found.check("no trip came of it", (await guest.figure("stopline_trips_total")) === 0);
  const verify = "/usr/bin/stopline snapshot verify --data /var/lib/stopline";
  found.check("the log's chain holds", true, await guest.text(verify));
  await guest.machine.cut();
}

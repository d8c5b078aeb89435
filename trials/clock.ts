// A clock that jumps: an hour either way, a day back. Lamps know nothing of it.
import type { GuestImage } from "./guest-image.ts";
import { sleep } from "./host.ts";
import type { Findings } from "./result.ts";
import { checkLamps, livesThrough, startedGuest } from "./service-trial.ts";

const JUMPS = ["+1 hour", "-1 hour", "-1 day", "+1 day"] as const;
/** A cycle of the demo's junction, about. */
const LOOK_MS = 40_000;

/** By then a stop that a jump caused has begun: a missing heartbeat counts after 300 ms. */
const AT_ONCE_MS = 3_000;

export async function trial(image: GuestImage, found: Findings): Promise<void> {
  const guest = await startedGuest(image, found);
  const stops = async (): Promise<number> => (await guest.figure("stopline_stops_total")) ?? -1;
  for (const jump of JUMPS) {
    await checkLamps(guest, found);
    const set = `date -s "@$(( $(date +%s) + $(date -d "1970-01-01 UTC ${jump}" +%s) ))"`;
    const before = await stops();
    let after = before;
    const lives = await livesThrough(guest, LOOK_MS, async () => {
      await guest.text(set);
      await sleep(AT_ONCE_MS);
      after = await stops();
    });
    found.check(`${jump} restarts nothing`, lives);
    found.check("it stops no lamp", after === before, `${before} stops, then ${after}`);
  }
  await checkLamps(guest, found);
  // A busy machine can starve the virtual cabinet of frames; those stops have another cause.
  found.figures.stopsInAll = await stops();
  found.check("no trip came of it", (await guest.figure("stopline_trips_total")) === 0);
  const verify = "/usr/bin/stopline snapshot verify --data /var/lib/stopline";
  found.check("the log's chain holds", true, await guest.text(verify));
  await guest.machine.cut();
}

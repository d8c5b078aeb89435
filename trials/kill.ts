// A process that is killed comes back by itself, as often as it is killed.
import type { GuestImage } from "./guest-image.ts";
import type { Findings } from "./result.ts";
import { checkLamps, recovery, startedGuest } from "./service-trial.ts";

/** More than systemd's own default allows in ten seconds. */
const KILLS = 8;

export async function trial(image: GuestImage, found: Findings): Promise<void> {
  const guest = await startedGuest(image, found);
  const times: number[] = [];
  for (let number = 1; number <= KILLS; number += 1) {
    const harm = "kill -9 $(systemctl show -P MainPID stopline)";
    const ms = await recovery(guest, () => guest.text(harm));
    found.time("lastKillS", `kill -9, the ${number}. time, to another that is well`, ms);
    if (ms !== null) times.push(ms);
  }
  found.figures.kills = times.length;
  found.figures.slowestS = Math.round(Math.max(...times) / 100) / 10;
  await checkLamps(guest, found);
  const verify = "/usr/bin/stopline snapshot verify --data /var/lib/stopline";
  found.check("the log's chain holds", true, await guest.text(verify));
  await guest.machine.cut();
}

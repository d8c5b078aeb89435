// A control loop that stands still is restarted by systemd; a busy log or a dead service thread is
// none of systemd's business.
import type { Guest } from "./guest.ts";
import type { GuestImage } from "./guest-image.ts";
import { until } from "./host.ts";
import { evaluate } from "./inspector.ts";
import type { Findings } from "./result.ts";
import { checkLamps, livesThrough, recovery, startedGuest } from "./service-trial.ts";

/** Well over the unit's WatchdogSec of 10. */
const BUSY_MS = 25_000;
const BACK_MS = 60_000;

/** What systemd wrote about the service's watchdog since the last look. */
async function timeouts(guest: Guest): Promise<number> {
  const lines = await guest.text(
    "journalctl -b -u stopline --no-pager | grep -c 'Watchdog timeout' || true",
  );
  return Number(lines);
}

export async function trial(image: GuestImage, found: Findings): Promise<void> {
  const guest = await startedGuest(image, found);
  const pid = "$(systemctl show -P MainPID stopline)";

  const stopped = await recovery(guest, () => guest.text(`kill -STOP ${pid}`));
  found.time("sigstopS", "SIGSTOP to another process that is well", stopped);
  found.check("the watchdog did it", (await timeouts(guest)) === 1);

  const blocked = await recovery(guest, () => evaluate(guest, "main", "while (true);"));
  found.time("blockedLoopS", "blocked event loop to another process that is well", blocked);
  found.check("the watchdog did it", (await timeouts(guest)) === 2);

  await checkLamps(guest, found);
  const busy = `{ const end = Date.now() + ${BUSY_MS}; while (Date.now() < end); }`;
  const afterBusy = await livesThrough(guest, BUSY_MS, () => evaluate(guest, "log", busy));
  found.check(`a log thread that is busy for ${BUSY_MS / 1000} s restarts nothing`, afterBusy);
  await checkLamps(guest, found);

  const dead = 'setTimeout(() => { throw new Error("trial") }, 100)';
  const afterDeath = await livesThrough(guest, BUSY_MS, () => evaluate(guest, "service", dead));
  found.check("a service thread that dies restarts nothing", afterDeath);
  const deaths = "journalctl -b -u stopline --no-pager | grep -c 'service thread died' || true";
  found.check("it had died", (await guest.text(deaths)) !== "0");
  const answers = await until(BACK_MS, async () => (await guest.get("/healthz")) !== null);
  found.check("the console answers again", answers);
  found.check("the watchdog left both alone", (await timeouts(guest)) === 2);
  await guest.machine.cut();
}

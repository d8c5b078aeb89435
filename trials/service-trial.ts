// What the trials of one service have in common: it begins well, something is done to it, and it
// is looked at again.
import { Guest } from "./guest.ts";
import type { GuestImage } from "./guest-image.ts";
import { say, sleep, until } from "./host.ts";
import { demoSite } from "./options.ts";
import type { Findings } from "./result.ts";

/** From power-on to a node that is well: emulated 30 s, beside a test run several times that. */
export const START_MS = 300_000;
/** From a death to a node that is well again. */
const RECOVERY_MS = 120_000;
const POLL_MS = 100;

/** A guest with the demo's junction, once its node is well. */
export async function startedGuest(
  image: GuestImage,
  found: Findings,
  site = demoSite(),
): Promise<Guest> {
  const fromMs = performance.now();
  const guest = Guest.start({ image, etc: new Map([["site.yaml", site]]) });
  await guest.shell();
  const well = await guest.wellWithin(START_MS);
  found.time("startS", "power on to a node that is well", well && performance.now() - fromMs);
  if (well === null) {
    say(await guest.text("systemctl status stopline; journalctl -b -n 60 --no-pager"));
    throw new Error(guest.machine.lastWords());
  }
  return guest;
}

/** Does `harm`, and waits for another process that is well; ms that it took, or null. */
export async function recovery(guest: Guest, harm: () => Promise<unknown>): Promise<number | null> {
  const before = await guest.service();
  const fromMs = performance.now();
  await harm();
  const back = await until(
    RECOVERY_MS,
    async () => {
      if (!(await guest.isWell())) return false;
      const { pid } = await guest.service();
      return pid !== 0 && pid !== before.pid;
    },
    POLL_MS,
  );
  return back ? performance.now() - fromMs : null;
}

/** Watches a service through trouble that must not restart it; false when it did. */
export async function livesThrough(
  guest: Guest,
  forMs: number,
  harm: () => Promise<unknown>,
): Promise<boolean> {
  const before = await guest.service();
  await harm();
  await sleep(forMs);
  const after = await guest.service();
  return after.pid === before.pid && after.restarts === before.restarts;
}

/** Who controls the lamps, as the node's health says it. */
async function controls(guest: Guest, patienceMs = RECOVERY_MS): Promise<boolean> {
  return await guest.partBecomes("control", /^ok:/, patienceMs);
}

/** The same as a finding; where they are not controlled, why. */
export async function checkLamps(
  guest: Guest,
  found: Findings,
  patienceMs = RECOVERY_MS,
): Promise<void> {
  const controlled = await controls(guest, patienceMs);
  const why = controlled ? "" : await guest.part("control");
  found.check("the lamps are controlled", controlled, why);
}

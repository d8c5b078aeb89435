// A board in an emulator with the package installed and the demo's junction running.
import { Guest } from "../../trials/guest.ts";
import { demoSite, imageOf, trialOptions } from "../../trials/options.ts";
import type { Ground } from "./places.ts";

/** From power-on to a node that is well, emulated, on a busy machine. */
const START_MS = 600_000;
/** What the page's commands find: a wired interface by the name that boards give it. */
const PREPARE = "ip link show eth0 || ip link add eth0 type veth peer name eth0-end; cd /root";

export async function boardGround(): Promise<Ground> {
  const image = await imageOf(trialOptions([]));
  const guest = await Guest.start({ image, etc: new Map([["site.yaml", demoSite()]]) });
  const shell = await guest.shell();
  if ((await guest.wellWithin(START_MS)) === null) throw new Error(guest.machine.lastWords());
  const sudo =
    "printf '#!/bin/sh\\nexec \"$@\"\\n' >/usr/local/bin/sudo; chmod 755 /usr/local/bin/sudo";
  await guest.text(`${sudo}; ${PREPARE}`);
  return {
    run: async ({ script, seconds }) => {
      const whole = `cd /root; timeout ${seconds} bash -euo pipefail <<'BLOCK'\n${script}\nBLOCK`;
      const answer = await shell.run(whole);
      if (answer === null) return { code: -1, words: "the board ended" };
      return { code: answer.code === 124 ? null : answer.code, words: answer.text };
    },
    close: async () => await guest.machine.cut(),
  };
}

// The package on a 64-bit ARM board, emulated as a whole with Debian's kernel.
import type { Guest } from "./guest.ts";
import type { GuestImage } from "./guest-image.ts";
import { until } from "./host.ts";
import type { Findings } from "./result.ts";
import { checkLamps, startedGuest } from "./service-trial.ts";
import { Witness } from "./witness.ts";

/** Emulated, a junction may need several starts before nothing starves its lamp frames. */
const LAMPS_MS = 300_000;
const WORK_MS = 120_000;
const ROWS = 20;

/** Lines of `stopline doctor` that complain; a running node has its ports. */
async function doctor(guest: Guest): Promise<string> {
  const command = "/usr/bin/stopline doctor /etc/stopline/site.yaml --data /var/lib/stopline";
  const answer = await (await guest.shell()).run(command);
  const lines = answer?.text.trimEnd().split("\n") ?? [];
  return lines.filter((line) => /^FAIL/.test(line)).join("; ");
}

export async function trial(image: GuestImage, found: Findings): Promise<void> {
  const guest = await startedGuest(image, found);
  const machine = await guest.text("uname -mr; systemctl is-active stopline");
  found.check("the service is active", machine.endsWith("active"), machine.replace("\n", ", "));
  await checkLamps(guest, found, LAMPS_MS);
  const secret = await guest.text("cat /var/lib/stopline/console-secret");
  const witness = new Witness();
  await witness.begin(guest.broker, secret);
  const works = (): boolean => witness.rows.size >= ROWS && witness.answers > 0;
  found.check("the broker tells rows and answers commands", await until(WORK_MS, works));
  witness.end();
  found.figures.rowsTold = witness.rowsTold;
  found.figures.commandsAnswered = witness.answers;
  const greens = await guest.figure("stopline_phase_greens_total");
  found.check("lamps have been green", (greens ?? 0) > 0, `${greens} times`);
  found.check("doctor is content", (await doctor(guest)) === "", await doctor(guest));
  await guest.machine.cut();
}

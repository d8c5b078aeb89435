// The plug is pulled at a random moment, again and again, on one data disk that grows old; beside
// it the same with a process whose flushes do nothing, which has to lose what it had told.
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { Random } from "../src/sim/random.ts";
import { lookAt } from "./cut-disk.ts";
import { CuttableDisk } from "./cuttable-disk.ts";
import { Guest, makeDataDisk } from "./guest.ts";
import type { GuestImage } from "./guest-image.ts";
import { say, scratch, sleep } from "./host.ts";
import { demoSite, type TrialOptions } from "./options.ts";
import type { Findings } from "./result.ts";
import { START_MS } from "./service-trial.ts";
import { Witness } from "./witness.ts";

/** After the node has begun to talk: within the start-up, the first greens, a snapshot's time. */
const CUT_AFTER_MS = [500, 12_000] as const;
/** So many cuts of the control for one that counts, and no fewer than three. */
const CONTROL_SHARE = 0.2;
const CONTROLS_LEAST = 3;
const PRELOADED = "LD_PRELOAD=libeatmydata.so\n";

interface Sums {
  cuts: number;
  startsS: number[];
  lostRows: number;
  lostCommands: number;
  lostMessages: number;
  badLogs: number;
  badFileSystems: number;
}

interface Series {
  readonly name: "kept" | "control";
  readonly image: GuestImage;
  readonly disk: string;
  readonly witness: Witness;
  readonly sums: Sums;
}

function series(name: Series["name"], image: GuestImage, folder: string): Series {
  const disk = join(folder, `${name}.img`);
  const sums = { lostRows: 0, lostCommands: 0, lostMessages: 0, badLogs: 0, badFileSystems: 0 };
  return { name, image, disk, witness: new Witness(), sums: { cuts: 0, startsS: [], ...sums } };
}

/** Power on, work, power off, and a look at the disk; what went wrong, in words. */
async function cutOnce(one: Series, number: number, random: Random): Promise<string[]> {
  const { name, image, witness, sums } = one;
  const folder = scratch();
  const disk = await CuttableDisk.open(one.disk);
  const etc = new Map([["site.yaml", demoSite()]]);
  if (name === "control") etc.set("trial-environment", PRELOADED);
  const fromMs = performance.now();
  const guest = Guest.start({ image, etc, data: "network" });
  const wrong: string[] = [];
  const afterMs = random.between(...CUT_AFTER_MS);
  try {
    await guest.shell();
    const well = await guest.wellWithin(START_MS);
    if (well === null) throw new Error(`it does not come up\n${guest.machine.lastWords()}`);
    sums.startsS.push((performance.now() - fromMs) / 1000);
    await armed(guest, name);
    const secret = await guest.text("cat /var/lib/stopline/console-secret");
    const undelivered = await witness.collect(guest.broker, secret);
    sums.lostMessages += undelivered;
    if (undelivered > 0) wrong.push(`${undelivered} acknowledged messages are gone`);
    await witness.begin(guest.broker, secret);
    await sleep(afterMs);
  } catch (error) {
    wrong.push(error instanceof Error ? error.message : String(error));
  }
  await disk.cut();
  witness.end();
  await guest.machine.cut();
  sums.cuts += 1;
  const left = lookAt(one.disk, folder, witness);
  sums.lostRows += left.lostRows;
  sums.lostCommands += left.lostCommands;
  if (left.lostRows > 0) wrong.push(`${left.lostRows} rows that were told are gone`);
  if (left.lostCommands > 0) wrong.push(`${left.lostCommands} answered commands are gone`);
  if (left.log !== "") wrong.push(`the log: ${left.log}`);
  if (left.fileSystem !== "") wrong.push(`the file system: ${left.fileSystem}`);
  if (left.log !== "") sums.badLogs += 1;
  if (left.fileSystem !== "") sums.badFileSystems += 1;
  const when = `${(afterMs / 1000).toFixed(1)} s after the first word`;
  const told = `${left.rows} rows on the disk, ${witness.rows.size} told and there`;
  say(`${name} ${number}: cut ${when}; ${told}${wrong.map((text) => `; ${text}`).join("")}`);
  return wrong;
}

/** Flushes reach the disk in the one series and not in the other. */
async function armed(guest: Guest, name: Series["name"]): Promise<void> {
  const maps = "/proc/$(systemctl show -P MainPID stopline)/maps";
  const found = await guest.text(`grep -c eatmydata ${maps} || true`);
  if ((found !== "0") !== (name === "control")) throw new Error(`${name}: the wrong flushes`);
}

export async function trial(
  image: GuestImage,
  found: Findings,
  options: TrialOptions,
): Promise<void> {
  const { cuts, from, seed, cache } = options;
  const folder = join(cache, `power-cuts-${seed}`);
  mkdirSync(folder, { recursive: true });
  const [kept, control] = [series("kept", image, folder), series("control", image, folder)];
  if (from === 1 || !existsSync(kept.disk)) makeDataDisk(kept.disk);
  makeDataDisk(control.disk);
  const controls = Math.max(CONTROLS_LEAST, Math.ceil((cuts - from + 1) * CONTROL_SHARE));
  const every = Math.max(1, Math.floor((cuts - from + 1) / controls));
  say(`cuts ${from} to ${cuts} with seed ${seed}, and ${controls} of the control`);
  for (let number = from; number <= cuts; number += 1) {
    const wrong = await cutOnce(kept, number, new Random(seed, `cut ${number}`));
    found.check(`cut ${number}`, wrong.length === 0, wrong.join("; "));
    const due = Math.min(controls, Math.floor((number - from + 1) / every));
    for (let more = control.sums.cuts + 1; more <= due; more += 1) {
      await cutOnce(control, more, new Random(seed, `control ${more}`));
    }
  }
  for (let more = control.sums.cuts + 1; more <= controls; more += 1) {
    await cutOnce(control, more, new Random(seed, `control ${more}`));
  }
  report(kept, control, found, options);
}

function report(kept: Series, control: Series, found: Findings, options: TrialOptions): void {
  const lost = control.sums.lostRows;
  found.check("the control lost rows that it had told", lost > 0, `${lost}`);
  const { sums, witness } = kept;
  Object.assign(found.figures, {
    seed: options.seed,
    from: options.from,
    cuts: sums.cuts,
    slowestStartS: Math.round(Math.max(0, ...sums.startsS)),
    rowsTold: witness.rowsTold,
    rowsLost: sums.lostRows,
    commandsAnswered: witness.answers,
    commandsLost: sums.lostCommands,
    messagesAcknowledged: witness.acknowledged,
    messagesLost: sums.lostMessages,
    logsBroken: sums.badLogs,
    fileSystemsUnclean: sums.badFileSystems,
    controlCuts: control.sums.cuts,
    controlRowsTold: control.witness.rowsTold,
    controlRowsLost: lost,
    controlCommandsLost: control.sums.lostCommands,
    controlMessagesLost: control.sums.lostMessages,
    controlLogsBroken: control.sums.badLogs,
  });
}

// What `stopline doctor` looks at in the cabinet: may the device be opened, does it answer, does it
// hold this site's record, and does opening the device restart it? It never sends a lamp frame.
import { randomInt } from "node:crypto";
import { accessSync, constants, existsSync } from "node:fs";
import type { CabinetPort } from "../cabinet/port.ts";
import { compileRecord, describeRecordDifference, recordChecksum } from "../cabinet/record.ts";
import { ServiceSession } from "../cabinet/service-session.ts";
import { deviceTrouble } from "../cabinet/tty.ts";
import { latchWords } from "../cabinet/words.ts";
import type { SiteModel } from "../core/site/model.ts";
import type { HelloAnswerFrame } from "../wire/frame-types.ts";
import { type Finding, textOf } from "./finding.ts";

/** May this user open the device? A tty belongs to a group, on Debian `dialout`. */
export function deviceFinding(device: string): Finding {
  const what = "cabinet";
  if (device === "virtual") return { state: "ok", what, says: "virtual, nothing is wired" };
  if (!existsSync(device)) {
    return { state: "fail", what, says: deviceTrouble(device, "ENOENT") };
  }
  try {
    accessSync(device, constants.R_OK | constants.W_OK);
    return { state: "ok", what, says: `${device} may be opened` };
  } catch {
    return { state: "fail", what, says: deviceTrouble(device, "EACCES") };
  }
}

interface Visit {
  readonly hello: HelloAnswerFrame;
  /** What the held record says otherwise than the site file; null when there is none. */
  readonly differences: readonly string[] | null;
}

/** Opens the device, asks, closes it again. */
async function visit(site: SiteModel, port: CabinetPort): Promise<Visit> {
  const session = new ServiceSession(port, randomInt(2 ** 32));
  const record = compileRecord(site);
  try {
    await session.open();
    const hello = await session.hello(recordChecksum(record));
    if (!hello.flags.recordValid) return { hello, differences: null };
    if (hello.flags.recordMatches) return { hello, differences: [] };
    const held = await session.readRecord(hello.recordLength);
    return { hello, differences: describeRecordDifference(record, held) };
  } finally {
    port.close();
  }
}

function recordFinding({ hello, differences }: Visit): Finding {
  const what = "record";
  const way = "stopline cabinet program writes it";
  if (differences === null) return { state: "fail", what, says: `the cabinet holds none; ${way}` };
  if (hello.flags.recordMatches)
    return { state: "ok", what, says: "the cabinet holds this site's" };
  const says = `not this site's: ${differences.join(", ")}; ${way}`;
  return { state: "fail", what, says };
}

function bootFinding(first: number, second: number): Finding {
  const what = "boots";
  if (first === second) {
    const says = `the boot counter stands at ${first} when the device is opened again`;
    return { state: "ok", what, says };
  }
  const says = `opening the device restarts the microcontroller (${first}, then ${second});`;
  return { state: "fail", what, says: `${says} cut its automatic reset, see docs/wiring.md` };
}

function latchFindings({ latch }: HelloAnswerFrame): Finding[] {
  if (latch === null) return [];
  const says = `latched: ${latchWords(latch)}; see stopline cabinet reset-help`;
  return [{ state: "fail", what: "latch", says }];
}

/** Findings of two visits to the cabinet; `open` gives a fresh port each time. */
export async function cabinetFindings(
  site: SiteModel,
  open: (site: SiteModel) => CabinetPort,
): Promise<Finding[]> {
  const device = deviceFinding(site.cabinet.device);
  if (device.state === "fail" || site.cabinet.device === "virtual") return [device];
  let first: Visit;
  try {
    first = await visit(site, open(site));
  } catch (error) {
    return [{ state: "fail", what: "cabinet", says: textOf(error) }];
  }
  const { hello } = first;
  const says = `${device.says}; firmware ${hello.firmwareVersion} answers`;
  const found: Finding[] = [{ ...device, says }, recordFinding(first), ...latchFindings(hello)];
  try {
    const second = await visit(site, open(site));
    return [...found, bootFinding(hello.boot, second.hello.boot)];
  } catch (error) {
    const text = `no answer when the device was opened again (${textOf(error)})`;
    const way = "is its automatic reset cut? see docs/wiring.md";
    return [...found, { state: "fail", what: "boots", says: `${text}; ${way}` }];
  }
}

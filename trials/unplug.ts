// The cabinet on USB: an emulated FT232R leads to the firmware's own rules in a process of ours.
// The hardened service opens it; the cable is pulled in mid-run and put back.
import { join } from "node:path";
import { Cabinets } from "../src/sim/chaos/cabinets.ts";
import { Guest } from "./guest.ts";
import type { GuestImage } from "./guest-image.ts";
import { scratch, until } from "./host.ts";
import { demoSite, wiredSite } from "./options.ts";
import { QemuMachine } from "./qemu.ts";
import type { Findings } from "./result.ts";
import { checkLamps, livesThrough, START_MS } from "./service-trial.ts";

const ID = "junction-1";
/** Somebody comes to press the button so long after a failure display began. */
const PERSON_MS = 60_000;
const GREENS_MS = 300_000;
const FAIL_MS = 30_000;
const UNPLUGGED_MS = 30_000;
const DEVICE = { driver: "usb-serial", chardev: "cabinet", bus: "usb.0", id: "cabinet" } as const;
/** What the service has open, who it is, and what the rule made of the device. */
const LOOK = `
pid=$(systemctl show -P MainPID stopline)
ls -l /proc/$pid/fd | grep -o '/dev/ttyUSB.*' | sort -u
stat -c 'process of %U' /proc/$pid
stat -Lc '%A %G' /dev/stopline-cabinet`;

export async function trial(given: GuestImage, found: Findings): Promise<void> {
  const device = join(scratch(), "cabinet");
  const cabinets = new Cabinets([{ id: ID, site: demoSite(), device }], PERSON_MS);
  await cabinets.opened();
  const words = ["-chardev", `serial,id=cabinet,path=${device}`];
  const usb = Object.entries(DEVICE).map(([key, value]) =>
    key === "driver" ? value : `${key}=${value}`,
  );
  const guest = Guest.start({
    image: { ...given, machine: "qemu" },
    etc: new Map([["site.yaml", wiredSite("/dev/stopline-cabinet")]]),
    extra: [...words, "-device", usb.join(",")],
  });
  await guest.shell();
  found.time("startS", "a node that is well", await guest.wellWithin(START_MS));
  const open = await guest.partBecomes("cabinet", /^ok: Firmware/, START_MS);
  found.check("the service talks to the cabinet", open, await guest.part("cabinet"));
  const look = await guest.text(LOOK);
  found.check("by its tty", look.includes("/dev/ttyUSB"), look.replaceAll("\n", ", "));
  await pulled(guest, cabinets, found);
  found.check("all lamps were lawful", cabinets.violations.length === 0);
  found.figures.starved = cabinets.look(ID)?.starved ?? -1;
  await guest.machine.cut();
  await cabinets.close();
}

async function pulled(guest: Guest, cabinets: Cabinets, found: Findings): Promise<void> {
  const { machine } = guest;
  if (!(machine instanceof QemuMachine)) throw new Error("USB needs an emulated computer");
  const failing = (): boolean => cabinets.look(ID)?.failing === true;
  const greens = (): number => cabinets.look(ID)?.greens ?? 0;
  found.check("lamps go on", await until(GREENS_MS, () => greens() >= 2 && !failing()));
  const fromMs = performance.now();
  const lives = await livesThrough(guest, UNPLUGGED_MS, async () => {
    await machine.ask("device_del", { id: DEVICE.id });
    const failed = await until(FAIL_MS, failing);
    const ms = failed ? performance.now() - fromMs : null;
    found.time("failureDisplayS", "unplugged: the failure display, in order", ms);
  });
  found.check("unplugging restarts nothing", lives);
  found.check("health says it", await guest.partBecomes("cabinet", /^failed:/, FAIL_MS));
  found.check("its words", true, await guest.part("cabinet"));
  const before = greens();
  await machine.ask("device_add", DEVICE);
  const backMs = performance.now();
  const back = await until(GREENS_MS, () => greens() > before && !failing());
  found.time("backS", "plugged in: green again", back ? performance.now() - backMs : null);
  await checkLamps(guest, found);
}

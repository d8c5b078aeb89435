// Two boards as neighbours, and a bad cable between them: both delay and lose what they send, by
// `tc netem` in their own kernels. Coordination holds; cut off, each runs on alone, and the two
// find each other again.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { corridorSite, type JunctionPlan, REGION, ZONE } from "../src/cli/corridor-site.ts";
import { Guest } from "./guest.ts";
import type { GuestImage } from "./guest-image.ts";
import { output, scratch, sleep } from "./host.ts";
import { demoSite, ROOT } from "./options.ts";
import type { Findings } from "./result.ts";
import { checkLamps, START_MS } from "./service-trial.ts";
import { guestAddress } from "./uml.ts";

const KEYS = "/etc/stopline/keys";
const KEY_FILES = ["ca.crt", "node.crt", "node.key"];
/** Worse than a radio link that anybody would leave in place. */
const BAD = "delay 40ms 10ms distribution normal loss 5%";
const HOLD_MS = 60_000;
/** A cable that is pulled is noticed within seconds; local-only takes two minutes of silence. */
const SILENT_MS = 30_000;
const FOUND_MS = 180_000;
const LOOK_MS = 2_000;

/** The interface that leads to the other board. */
const DEVICE = "dev=$(ip -o -4 address show | awk '$4 ~ /^10\\.0\\./ { print $2; exit }')";

function plan(number: number): JunctionPlan {
  const ports = { fastPort: 8_884, reliablePort: 8_885, consolePort: 8_080, streetPort: 0 };
  return { number, place: "", keyFolder: KEYS, offsetS: 0, ...ports };
}

/** The corridor's site file, with places on two boards instead of on one. */
function siteOf(number: number): string {
  const other = guestAddress(2 - number);
  return corridorSite(demoSite(), plan(number), [plan(1), plan(2)])
    .replace(/^ {2}join: .*\n/m, "")
    .replace(/listen: 127\.0\.0\.1:8080, corridor: \[[^\]]*\]/, "listen: 127.0.0.1:8080")
    .replace("links: { address: 127.0.0.1, fast", "links: { address: 0.0.0.0, fast")
    .replace(/(junction-\d: \{ address: )127\.0\.0\.1(, fast)/, `$1${other}$2`);
}

function files(number: number, folder: string): Map<string, string> {
  const out = join(folder, `junction-${number}`);
  const words = ["keys", "node", `junction-${number}`, "--ca", join(folder, "ca"), "--out", out];
  output(process.execPath, [join(ROOT, "src/cli/stopline.ts"), ...words]);
  const keys = KEY_FILES.map((name): [string, string] => [
    `keys/${name}`,
    readFileSync(join(out, name), "utf8"),
  ]);
  return new Map([["site.yaml", siteOf(number)], ...keys]);
}

/** Each of the two holds it; else what one of them says. */
async function both(guests: readonly Guest[], part: string, words: RegExp): Promise<string | null> {
  for (const guest of guests) {
    const said = await guest.part(part);
    if (!words.test(said)) return said;
  }
  return null;
}

const HEARD = ["neighbours", /^ok: 1 of 1 heard/] as const;
const COORDINATED = ["coordination", /^ok:/] as const;

async function becomes(
  guests: readonly Guest[],
  [part, words]: readonly [string, RegExp],
  patienceMs: number,
): Promise<number | null> {
  const fromMs = performance.now();
  while ((await both(guests, part, words)) !== null) {
    if (performance.now() - fromMs > patienceMs) return null;
    await sleep(LOOK_MS);
  }
  return performance.now() - fromMs;
}

/** Looks again and again; how often, and the first time that it did not hold. */
async function holds(guests: readonly Guest[]): Promise<{ looks: number; broken: string | null }> {
  const endMs = performance.now() + HOLD_MS;
  let looks = 0;
  for (; performance.now() < endMs; looks += 1) {
    for (const [part, words] of [HEARD, COORDINATED]) {
      const broken = await both(guests, part, words);
      if (broken !== null) return { looks, broken };
    }
    await sleep(LOOK_MS);
  }
  return { looks, broken: null };
}

async function cable(guests: readonly Guest[], words: string): Promise<void> {
  for (const guest of guests) {
    const verb = words === "" ? "del" : "replace";
    await guest.text(`${DEVICE}; modprobe sch_netem; tc qdisc ${verb} dev $dev root ${words}`);
  }
}

async function cutOff(guests: readonly Guest[], found: Findings): Promise<void> {
  // Nothing reaches the other board, and everything reaches us, who look.
  const drop = (verb: string) => async (guest: Guest, index: number) => {
    await guest.text(`ip route ${verb} blackhole ${guestAddress(1 - index)}/32`);
  };
  await Promise.all(guests.map(drop("add")));
  const alone = await becomes(guests, ["neighbours", /^degraded: 0 of 1/], FOUND_MS);
  found.time("silenceS", "cut off: each says that it hears nobody", alone);
  await sleep(SILENT_MS);
  for (const guest of guests) await checkLamps(guest, found);
  await Promise.all(guests.map(drop("del")));
  const back = await becomes(guests, HEARD, FOUND_MS);
  found.time("heardAgainS", "the cable is back: they hear each other", back);
  found.time("togetherAgainS", "and are coordinated", await becomes(guests, COORDINATED, FOUND_MS));
}

export async function trial(image: GuestImage, found: Findings): Promise<void> {
  if (image.machine !== "uml") throw new Error("two boards at once take --machine uml");
  const folder = scratch();
  const zone = ["--region", REGION, "--zone", ZONE];
  const stopline = join(ROOT, "src/cli/stopline.ts");
  output(process.execPath, [stopline, "keys", "init", "--ca", join(folder, "ca"), ...zone]);
  const guests = [1, 2].map((number, index) =>
    Guest.start({ image, etc: files(number, folder), number: index }),
  );
  // Their wires end here: this machine passes on what goes from one to the other.
  writeFileSync("/proc/sys/net/ipv4/ip_forward", "1");
  for (const [index, guest] of guests.entries()) {
    const gateway = guestAddress(index).replace(/\d+$/, "2");
    await guest.text(`ip route replace default via ${gateway}`);
  }
  for (const guest of guests) {
    found.time("startS", "a node that is well", await guest.wellWithin(START_MS));
  }
  found.time("heardS", "both hear their neighbour", await becomes(guests, HEARD, FOUND_MS));
  found.time("togetherS", "and are coordinated", await becomes(guests, COORDINATED, FOUND_MS));
  await cable(guests, `netem ${BAD}`);
  const { looks, broken } = await holds(guests);
  const words = broken ?? `${looks} looks in ${HOLD_MS / 1_000} s`;
  found.check(`with ${BAD} each way it stays so`, broken === null, words);
  found.figures.lagS = (await guests[0]?.figure("event_lag_seconds")) ?? -1;
  for (const guest of guests) await checkLamps(guest, found);
  await cable(guests, "");
  await cutOff(guests, found);
  await Promise.all(guests.map(({ machine }) => machine.cut()));
}

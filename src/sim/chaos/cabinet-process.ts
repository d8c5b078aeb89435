// All cabinets of a corridor under chaos, in a process of their own before all others: a
// microcontroller is not held up by what is done to the boards.
import { setPriority } from "node:os";
import { parseSite } from "../../sitefile/load.ts";
import { Judge } from "../invariants/invariant.ts";
import * as lamps from "../invariants/lamps.ts";
import { ChaosCabinet } from "./cabinet.ts";
import type { CabinetPlan, FromCabinets, ToCabinets } from "./cabinet-messages.ts";

const NICENESS = -15;
const WAKE_MS = 5;
const SECOND_MS = 1_000;

let first = true;
try {
  setPriority(NICENESS);
} catch {
  first = false;
  // An ordinary user's run: what a starved cabinet measures is not judged.
}

const judge = new Judge(
  [
    lamps.noConflictingDisplay,
    lamps.noShortenedYellow,
    lamps.noShortenedClearance,
    lamps.noShortenedMinimum,
    lamps.lampsGoOn,
  ].map(({ name }) => name),
  () => performance.timeOrigin + performance.now(),
);
const cabinets = new Map<string, ChaosCabinet>();

function tell(message: FromCabinets): void {
  process.send?.(message);
}

async function open(plans: readonly CabinetPlan[], personMs: number): Promise<void> {
  for (const { id, site, device } of plans) {
    const loaded = parseSite(site, id);
    if (!loaded.ok) throw new Error(loaded.problems.join("; "));
    const cabinet = new ChaosCabinet({ id, site: loaded.site, device, judge, personMs });
    await cabinet.plug();
    cabinets.set(id, cabinet);
  }
  const startMs = performance.now();
  setInterval(() => {
    const nowMs = performance.now() - startMs;
    for (const cabinet of cabinets.values()) cabinet.advance(nowMs);
  }, WAKE_MS);
  setInterval(second, SECOND_MS);
  tell({ kind: "opened", first });
}

function second(): void {
  for (const cabinet of cabinets.values()) cabinet.second();
  const looks = [...cabinets].map(([id, cabinet]) => ({
    id,
    failing: cabinet.failing,
    greens: cabinet.greens,
    greenAgoMs: cabinet.greenAgoMs,
    presses: cabinet.presses,
    starved: cabinet.starved,
    starvedAgoMs: cabinet.starvedAgoMs,
    lateMs: cabinet.lateMs,
  }));
  const { exercised, violations } = judge;
  tell({ kind: "look", looks, exercised: [...exercised], violations });
}

async function close(): Promise<void> {
  await Promise.all([...cabinets.values()].map((cabinet) => cabinet.unplug()));
  process.exit(0);
}

async function take(message: ToCabinets): Promise<void> {
  if (message.kind === "open") return await open(message.plans, message.personMs);
  if (message.kind === "close") return await close();
  const cabinet = cabinets.get(message.id);
  if (message.kind === "says") cabinet?.says(message.mode, message.cause);
  else if (message.kind === "relay") cabinet?.breakRelay(message.broken);
  else if (message.kind === "deaf") cabinet?.setDeaf(message.deaf);
  else if (message.plugged) await cabinet?.plug();
  else await cabinet?.unplug();
}

process.on("message", (message) => void take(message as ToCabinets));
process.on("disconnect", () => process.exit(0));

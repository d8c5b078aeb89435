// `stopline doctor wear --data DIR`: what the node writes in a day, by what for, and how long the
// card lasts at that. Reads what the log thread has counted, of a running or a stopped node.
import { type BlockDevice, blockDeviceOf } from "../log/block-device.ts";
import { readWear } from "../log/wear-diary.ts";
import { type WearRate, WRITE_SOURCES, wearRate } from "../log/written.ts";
import {
  CARD_AMPLIFICATION,
  type Card,
  DEFAULT_CYCLES,
  FILE_SYSTEM_AMPLIFICATION,
  forecast,
  type WearForecast,
  WRITE_BUDGET_BYTES,
} from "../observe/wear.ts";
import { type Finding, findingLine } from "./finding.ts";
import { fail, parseOptions } from "./options.ts";

const USAGE =
  "use: stopline doctor wear --data DIR [--card 32GB] [--endurance 300|64TBW] [--amplification 4]";
const UNIT_BYTES: ReadonlyMap<string, number> = new Map([
  ["MB", 1e6],
  ["GB", 1e9],
  ["TB", 1e12],
  ["TBW", 1e12],
]);
/** What a board has where nothing tells of its card. */
const USUAL_CARD_BYTES = 32e9;
const HOUR_MS = 3_600_000;
/** From less than this a day can't be told. */
const LEAST_MS = 600_000;
/** A card that lasts less is worth a word. */
const FEW_YEARS = 3;

export interface WearAsked {
  readonly dataDir: string;
  /** Null for the disk that lies under the folder. */
  readonly cardBytes: number | null;
  /** How often all of it may be written, or bytes in all. */
  readonly endurance: { readonly cycles: number } | { readonly bytes: number };
  readonly amplification: number;
}

/** `32GB` in bytes; null for what is no size. */
function sizeOf(text: string, units: readonly string[]): number | null {
  const match = /^(\d+(?:\.\d+)?)([A-Z]+)$/.exec(text);
  const unit = match?.[2] ?? "";
  const bytes = Number(match?.[1]) * (UNIT_BYTES.get(unit) ?? Number.NaN);
  return units.includes(unit) && bytes > 0 ? bytes : null;
}

function enduranceOf(text: string): WearAsked["endurance"] | null {
  if (/^[1-9]\d{0,6}$/.test(text)) return { cycles: Number(text) };
  const bytes = sizeOf(text, ["TBW"]);
  return bytes === null ? null : { bytes };
}

/** The options, or what is wrong with them in words. */
export function parseWear(args: readonly string[]): WearAsked | { readonly problem: string } {
  const text = { type: "string" } as const;
  const shapes = { data: text, card: text, endurance: text, amplification: text };
  const parsed = parseOptions(args, shapes);
  if (!parsed.ok) return { problem: parsed.problem };
  const { data, card, endurance = String(DEFAULT_CYCLES) } = parsed.values;
  if (typeof data !== "string" || parsed.rest.length > 0) return { problem: USAGE };
  const cardBytes = card === undefined ? null : sizeOf(String(card), ["MB", "GB", "TB"]);
  if (card !== undefined && cardBytes === null) {
    return { problem: `--card ${card} is no size such as 32GB` };
  }
  const may = enduranceOf(String(endurance));
  if (may === null) {
    return { problem: `--endurance ${endurance} is neither cycles such as 300 nor 64TBW` };
  }
  const amplification = Number(parsed.values.amplification ?? CARD_AMPLIFICATION);
  if (!(amplification >= 1 && amplification <= 100)) {
    return { problem: `--amplification ${amplification} is no number from 1 to 100` };
  }
  return { dataDir: data, cardBytes, endurance: may, amplification };
}

function amount(bytes: number): string {
  if (bytes >= 1e9) return `${(bytes / 1e9).toFixed(2)} GB`;
  return bytes >= 1e6 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e3).toFixed(1)} kB`;
}

function coveredWords(ms: number): string {
  const hours = ms / HOUR_MS;
  return hours >= 48 ? `${(hours / 24).toFixed(1)} days` : `${hours.toFixed(1)} hours`;
}

function budgetFinding({ nodePerDay, withinBudget }: WearForecast): Finding {
  const [now, most] = [amount(nodePerDay), amount(WRITE_BUDGET_BYTES)];
  if (withinBudget) return { state: "ok", what: "budget", says: `${now} a day, at most ${most}` };
  const way = "the largest source above says where; see Wear in docs/operations.md";
  return { state: "fail", what: "budget", says: `${now} a day, more than ${most}: ${way}` };
}

function cardFinding(asked: WearAsked, card: Card, { years }: WearForecast): Finding {
  const may =
    "cycles" in asked.endurance
      ? `each cell written ${asked.endurance.cycles} times`
      : `${amount(card.enduranceBytes)} in all`;
  const lasts = years >= 100 ? "more than 100 years" : `${years.toFixed(1)} years`;
  const says =
    `a card of ${amount(card.bytes)} lasts ${lasts}, if it bears ${may} ` +
    `and writes ${card.amplification} bytes inside for each that it is given`;
  if (years >= FEW_YEARS) return { state: "ok", what: "card", says };
  return { state: "warn", what: "card", says: `${says}; take a larger one, or one for recorders` };
}

function diskFinding(found: WearForecast, disk: BlockDevice | null): Finding {
  const all = `${amount(found.diskPerDay)} a day go to the disk`;
  const name = disk === null ? "" : ` ${disk.name}`;
  const own = disk?.wear === null || disk === null ? "" : `; it says of itself: ${disk.wear}`;
  if (found.isDiskMeasured) {
    return { state: "ok", what: "disk", says: `${all}${name}, by all there is${own}` };
  }
  const guess = `${all}${name}, taken as ${FILE_SYSTEM_AMPLIFICATION} times the node's own`;
  return { state: "ok", what: "disk", says: `${guess}: its own count can't be told${own}` };
}

function sourceFindings(rate: WearRate): Finding[] {
  return WRITE_SOURCES.filter((source) => rate.perDay[source] > 0)
    .sort((a, b) => rate.perDay[b] - rate.perDay[a])
    .map((what) => {
      const part = Math.round((rate.perDay[what] / rate.totalPerDay) * 100);
      return { state: "ok", what, says: `${amount(rate.perDay[what])} a day, ${part} %` };
    });
}

/** All that can be said of a data folder's writing. */
export function wearFindings(asked: WearAsked, disk: BlockDevice | null): Finding[] {
  const days = readWear(asked.dataDir);
  const rate = wearRate(days ?? []);
  if (rate === null || rate.coveredMs < LEAST_MS) {
    const says = `nothing was counted in ${asked.dataDir} yet: a node saves it every ten minutes`;
    return [{ state: "warn", what: "wear", says }];
  }
  const bytes = asked.cardBytes ?? disk?.sizeBytes ?? USUAL_CARD_BYTES;
  const { endurance, amplification } = asked;
  const enduranceBytes = "bytes" in endurance ? endurance.bytes : bytes * endurance.cycles;
  const card = { bytes, enduranceBytes, amplification };
  const found = forecast(rate, card);
  const covered = `of the ${coveredWords(rate.coveredMs)} that were counted last`;
  return [
    { state: "ok", what: "counted", says: `${amount(rate.totalPerDay)} a day, ${covered}` },
    ...sourceFindings(rate),
    diskFinding(found, disk),
    cardFinding(asked, card, found),
    budgetFinding(found),
  ];
}

/** Prints a line per finding; the exit code is 1 beyond the budget. */
export async function run(args: readonly string[]): Promise<number> {
  const asked = parseWear(args);
  if ("problem" in asked) return fail("doctor wear", asked.problem);
  const findings = wearFindings(asked, blockDeviceOf(asked.dataDir));
  process.stdout.write(`${findings.map(findingLine).join("\n")}\n`);
  return findings.some(({ state }) => state === "fail") ? 1 : 0;
}

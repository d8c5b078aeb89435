// `stopline offsets FILE FILE… --plan N`: the offsets with which a street has its widest green
// bands, from the site files of its junctions in order along it. Prints what to write into each.
import { writeFileSync } from "node:fs";
import type { SiteModel } from "../core/site/model.ts";
import { loadSite } from "../sitefile/load.ts";
import { fail, parseOptions } from "./options.ts";
import { type StreetBands, StreetError, streetBands } from "./street-bands.ts";
import { timeSpaceSvg } from "./time-space.ts";

const USE = "use: stopline offsets FILE FILE… --plan N [--favour ahead|back|both] [--svg FILE]";

const FAVOURS: Readonly<Record<string, { readonly ahead: number; readonly back: number }>> = {
  both: { ahead: 1, back: 1 },
  ahead: { ahead: 1, back: 0 },
  back: { ahead: 0, back: 1 },
};

export async function run(args: string[]): Promise<number> {
  const parsed = parseOptions(args, {
    plan: { type: "string" },
    favour: { type: "string" },
    svg: { type: "string" },
  });
  if (!parsed.ok) return fail("offsets", `${parsed.problem}; ${USE}`);
  const { plan, favour = "both", svg } = parsed.values;
  const number = Number(plan);
  if (!Number.isInteger(number) || number < 1) {
    return fail("offsets", `--plan ${plan ?? "is missing"}; ${USE}`);
  }
  const favoured = FAVOURS[String(favour)];
  if (favoured === undefined) return fail("offsets", `--favour ${favour}; ${USE}`);
  const sites: SiteModel[] = [];
  for (const file of parsed.rest) {
    const loaded = await loadSite(file);
    if (!loaded.ok) {
      process.stderr.write(`${loaded.problems.join("\n")}\n`);
      return 1;
    }
    sites.push(loaded.site);
  }
  return report(sites, number, favoured, typeof svg === "string" ? svg : null);
}

function report(
  sites: readonly SiteModel[],
  number: number,
  favour: { readonly ahead: number; readonly back: number },
  svg: string | null,
): number {
  let street: StreetBands;
  try {
    street = streetBands(sites, number, favour);
  } catch (error) {
    if (!(error instanceof StreetError)) throw error;
    return fail("offsets", error.message);
  }
  process.stdout.write(`${linesOf(street).join("\n")}\n`);
  if (svg !== null) writeFileSync(svg, timeSpaceSvg(street));
  return 0;
}

function linesOf({ plan, cycleMs, junctions, bands }: StreetBands): string[] {
  const seconds = (ms: number): string => `${ms / 1_000}`;
  const wide = (ms: number): string => `${seconds(ms)} s of ${seconds(cycleMs)} s`;
  return [
    `plan ${plan}, cycle ${seconds(cycleMs)} s`,
    ...junctions.map(({ id, atM }, index) => {
      const offset = seconds(bands.offsetsMs[index] ?? 0);
      return `${id.padEnd(16)} ${`${atM} m`.padStart(8)}   offset: ${offset}`;
    }),
    `band ahead       ${wide(bands.ahead.lengthMs)}`,
    `band back        ${wide(bands.back.lengthMs)}`,
  ];
}

// `stopline check`: is this site file right? Prints `ok`, or every problem with its line.
import { compileRecord, recordChecksum } from "../cabinet/record.ts";
import type { SiteModel } from "../core/site/model.ts";
import { planNotes, programCard, siteNotes } from "../sitefile/card.ts";
import { loadSite } from "../sitefile/load.ts";
import { siteSchema } from "../sitefile/schema.ts";
import { checksumText } from "./cabinet.ts";
import { fail, parseOptions } from "./options.ts";

/** The JSON Schema as it stands in docs/site.schema.json. */
export function schemaText(): string {
  return `${JSON.stringify(siteSchema(), null, 2)}\n`;
}

/** Exit code 0 for a right file, 1 for anything else. */
export async function run(args: string[]): Promise<number> {
  const parsed = parseOptions(args, {
    card: { type: "boolean" },
    schema: { type: "boolean" },
  });
  if (!parsed.ok) return fail("check", parsed.problem);
  if (parsed.values.schema === true) {
    process.stdout.write(schemaText());
    return 0;
  }
  const [file, ...more] = parsed.rest;
  if (file === undefined || more.length > 0) {
    return fail("check", "give one site file: stopline check FILE [--card|--schema]");
  }
  return await checkFile(file, parsed.values.card === true);
}

async function checkFile(file: string, card: boolean): Promise<number> {
  const loaded = await loadSite(file);
  if (!loaded.ok) {
    process.stdout.write(`${loaded.problems.join("\n")}\n`);
    return 1;
  }
  const text = card ? cardText(loaded.site) : okText(loaded.site);
  process.stdout.write(text);
  return 0;
}

function cardText(site: SiteModel): string {
  return programCard(site, checksumText(recordChecksum(compileRecord(site))));
}

function okText(site: SiteModel): string {
  return [...siteNotes(site), ...planNotes(site), "ok", ""].join("\n");
}

// `stopline firewall SITE`: the nft rule set of a board with this site file.
import { loadSite } from "../sitefile/load.ts";
import { ruleSet } from "./firewall-rules.ts";
import { fail, parseOptions } from "./options.ts";

/** Of a wrong site file the closed rule set is printed, its problems go to stderr; exit code 1. */
export async function run(args: string[]): Promise<number> {
  const parsed = parseOptions(args, { ssh: { type: "boolean" } });
  if (!parsed.ok) return fail("firewall", parsed.problem);
  const [file, ...more] = parsed.rest;
  if (file === undefined || more.length > 0) {
    return fail("firewall", "give one site file: stopline firewall FILE [--ssh] | nft -f -");
  }
  const ssh = parsed.values.ssh === true;
  const loaded = await loadSite(file);
  process.stdout.write(ruleSet(loaded.ok ? loaded.site : null, ssh));
  if (loaded.ok) return 0;
  process.stderr.write(`${loaded.problems.join("\n")}\n`);
  return 1;
}

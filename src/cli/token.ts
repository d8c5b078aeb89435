// `stopline token add|list|revoke`: who may log in to a node's console over the network. On the
// board, beside the running node, by whoever may read its data folder.
import {
  addToken,
  readTokens,
  revokeToken,
  TokenError,
  type TokenRole,
} from "../console/tokens.ts";
import { readSite } from "../node/read-site.ts";
import { fail, parseOptions } from "./options.ts";

const USAGE =
  "token add NAME --role reader|operator [--days N] --site FILE --data DIR, " +
  "token list|revoke NAME --data DIR";
const USUAL_DAYS = 30;

async function add(name: string, dir: string, values: Record<string, unknown>): Promise<number> {
  const { role, site, days = String(USUAL_DAYS) } = values;
  if (role !== "reader" && role !== "operator") return fail("token", `say --role; ${USAGE}`);
  if (typeof site !== "string") return fail("token", `--site is missing; ${USAGE}`);
  const read = await readSite(site);
  if (!read.ok) return fail("token", read.problems.join("\n"));
  const { region, zone, id } = read.site.node;
  const request = { name, role: role as TokenRole, node: `${region}/${zone}/${id}` };
  const token = addToken(dir, { ...request, days: Number(days), nowMs: Date.now() });
  process.stdout.write(`${token}\n`);
  process.stderr.write(`the token of ${name}, shown this once; good for ${String(days)} days\n`);
  return 0;
}

function list(dir: string): number {
  const lines = readTokens(dir).map(({ name, role, node, expiresMs, revokedMs }) => {
    const until = new Date(expiresMs).toISOString().slice(0, 10);
    const state = revokedMs === null ? `until ${until}` : "revoked";
    return `${name.padEnd(20)}  ${role.padEnd(8)}  ${state.padEnd(16)}  ${node}\n`;
  });
  process.stdout.write(lines.join(""));
  return 0;
}

/** Prints the new token on stdout, and nothing else there; 0 when done. */
export async function run(args: string[]): Promise<number> {
  const text = { type: "string" } as const;
  const parsed = parseOptions(args, { role: text, days: text, site: text, data: text });
  if (!parsed.ok) return fail("token", `${parsed.problem}; ${USAGE}`);
  const [verb, name = ""] = parsed.rest;
  const { data } = parsed.values;
  if (typeof data !== "string") return fail("token", `--data is missing; ${USAGE}`);
  try {
    if (verb === "add") return await add(name, data, parsed.values);
    if (verb === "list") return list(data);
    if (verb !== "revoke") return fail("token", USAGE);
    revokeToken(data, name, Date.now());
    process.stdout.write(`${name} is revoked\n`);
    return 0;
  } catch (error) {
    const known =
      error instanceof TokenError || (error as NodeJS.ErrnoException).code !== undefined;
    if (!known) throw error;
    return fail("token", (error as Error).message);
  }
}

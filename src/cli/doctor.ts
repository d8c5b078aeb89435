// `stopline doctor [FILE]`: is this board ready to run a junction? One line for each thing looked
// at, with the way out where something is wrong. The node should not run meanwhile.
import { existsSync } from "node:fs";
import { createServer, isIP } from "node:net";
import { networkInterfaces } from "node:os";
import type { CabinetPort } from "../cabinet/port.ts";
import { openTty } from "../cabinet/tty.ts";
import type { SiteModel } from "../core/site/model.ts";
import { readSite } from "../node/read-site.ts";
import { BOARD } from "./board-places.ts";
import { surroundings } from "./doctor-board.ts";
import { cabinetFindings } from "./doctor-cabinet.ts";
import { type Finding, findingLine } from "./finding.ts";
import { fail, parseOptions } from "./options.ts";

const NOT_OURS = "is no address of this machine; change the site file";
const PORT_FAULTS: ReadonlyMap<string, readonly [Finding["state"], string]> = new Map([
  ["EADDRINUSE", ["warn", "is taken; is a node running already?"]],
  ["EACCES", ["fail", "needs a permission; use a port above 1023 in the site file"]],
  ["EADDRNOTAVAIL", ["fail", NOT_OURS]],
]);

/** Names are the resolver's; the unspecified address and all of 127/8 are every machine's. */
function isOurs(address: string): boolean {
  if (isIP(address) === 0 || /^(127\.|0\.0\.0\.0$|::$)/.test(address)) return true;
  return Object.values(networkInterfaces()).some((entries) =>
    entries?.some((entry) => entry.address === address),
  );
}

async function portFinding(what: string, address: string, port: number): Promise<Finding> {
  if (port === 0) return { state: "ok", what, says: `${address}, any free port` };
  const place = `${address}:${port}`;
  // Asked of the interfaces: where a node may listen before its network is up, a bind says nothing.
  if (!isOurs(address)) return { state: "fail", what, says: `${place} ${NOT_OURS}` };
  return await new Promise((done) => {
    const server = createServer();
    server.once("error", ({ code, message }: NodeJS.ErrnoException) => {
      const [state, words] = PORT_FAULTS.get(code ?? "") ?? ["fail", `can't be used: ${message}`];
      done({ what, state, says: `${place} ${words}` });
    });
    server.listen({ host: address, port, exclusive: true }, () => {
      server.close(() => done({ state: "ok", what, says: `${place} is free` }));
    });
  });
}

/** What a monitor without current sensing can't tell; a person has to look. */
const BLIND_SPOTS: Finding = {
  state: "warn",
  what: "monitor",
  says: "one dark head of several in parallel, or an open LED, is not seen: look at the heads",
};

async function siteFindings(site: SiteModel, open: OpenCabinet): Promise<Finding[]> {
  const findings = await cabinetFindings(site, open);
  for (const { address, port } of site.broker.listeners) {
    findings.push(await portFinding("mqtt", address, port));
  }
  findings.push(await portFinding("console", site.console.address, site.console.port));
  return site.cabinet.device === "virtual" ? findings : [...findings, BLIND_SPOTS];
}

type OpenCabinet = (site: SiteModel) => CabinetPort;

function openDevice({ cabinet }: SiteModel): CabinetPort {
  return openTty({ path: cabinet.device, baud: cabinet.baud });
}

async function fileFindings(file: string, open: OpenCabinet): Promise<Finding[]> {
  const read = await readSite(file);
  if (!read.ok) return read.problems.map((says) => ({ state: "fail", what: "site", says }));
  const site: Finding = { state: "ok", what: "site", says: `${file}: ${read.site.name}` };
  return [site, ...(await siteFindings(read.site, open))];
}

/** Looks at everything; `open` is for tests. */
export async function examine(
  file: string | null,
  dataDir: string,
  open: OpenCabinet = openDevice,
): Promise<Finding[]> {
  const found = await surroundings(dataDir);
  return file === null ? found : [...found, ...(await fileFindings(file, open))];
}

/**
 * On a board, without words, its own site file and data folder. Prints a line per finding; the exit
 * code is 1 when one of them is a failure.
 */
export async function run(args: string[]): Promise<number> {
  // A site file of that name is called ./wear.
  if (args[0] === "wear") return await (await import("./doctor-wear.ts")).run(args.slice(1));
  const parsed = parseOptions(args, { data: { type: "string" }, config: { type: "string" } });
  if (!parsed.ok) return fail("doctor", parsed.problem);
  const { data, config } = parsed.values;
  const files = [config, ...parsed.rest].filter((value) => typeof value === "string");
  if (files.length > 1) return fail("doctor", `one site file, not ${files.length}`);
  const onBoard = data === undefined && files.length === 0 && existsSync(BOARD.data);
  const file = files[0] ?? (onBoard ? BOARD.site : null);
  const usualData = onBoard ? BOARD.data : ".";
  const findings = await examine(file, typeof data === "string" ? data : usualData);
  process.stdout.write(`${findings.map(findingLine).join("\n")}\n`);
  return findings.some(({ state }) => state === "fail") ? 1 : 0;
}

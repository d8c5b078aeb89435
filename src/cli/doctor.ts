// `stopline doctor`: is this board ready to run a junction? One line for each thing looked at, with
// the way out where something is wrong.
import { accessSync, constants, existsSync, mkdirSync, statSync } from "node:fs";
import { createServer } from "node:net";
import { resolve } from "node:path";
import type { SiteModel } from "../core/site/model.ts";
import { boardComplaints, readBoard } from "../observe/board.ts";
import { loadSite } from "../sitefile/load.ts";
import { fail, parseOptions } from "./options.ts";

export interface Finding {
  readonly state: "ok" | "warn" | "fail";
  readonly what: string;
  readonly says: string;
}

const NEEDED_NODE = 24;

function nodeFinding(): Finding {
  const major = Number(process.versions.node.split(".")[0]);
  const state = major >= NEEDED_NODE ? "ok" : "fail";
  return { state, what: "node", says: `Node ${process.versions.node} on ${process.arch}` };
}

/** The program's own files can't be younger than the true time. */
function clockFinding(nowMs: number): Finding {
  const builtMs = statSync(new URL("../../package.json", import.meta.url)).mtimeMs;
  const synchronised = existsSync("/run/systemd/timesync/synchronized");
  if (nowMs < builtMs - 86_400_000) {
    const says = `it is said to be ${new Date(nowMs).toISOString()}, before this program was built;`;
    return { state: "fail", what: "clock", says: `${says} set the time or connect a time server` };
  }
  if (synchronised) return { state: "ok", what: "clock", says: "set by a time server" };
  const says = "no time server seen by systemd-timesyncd; is chrony or a GPS clock in use?";
  return { state: "warn", what: "clock", says };
}

async function boardFindings(dataDir: string): Promise<Finding[]> {
  const board = await readBoard(resolve(dataDir));
  const complaints = boardComplaints(board);
  if (complaints.length > 0) {
    return complaints.map((says) => ({ state: "warn", what: "board", says }));
  }
  const free = board.diskFreeBytes === null ? "?" : Math.round(board.diskFreeBytes / 1e9);
  return [{ state: "ok", what: "board", says: `${free} GB free, ${board.temperatureC ?? "?"} °C` }];
}

function dataFinding(dataDir: string): Finding {
  try {
    mkdirSync(dataDir, { recursive: true });
    accessSync(dataDir, constants.W_OK);
    return { state: "ok", what: "data", says: `${dataDir} can be written` };
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    return { state: "fail", what: "data", says: `${text}; name another folder by --data DIR` };
  }
}

async function portFinding(what: string, address: string, port: number): Promise<Finding> {
  return await new Promise((done) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => {
      const says = `${address}:${port}: ${error.code ?? error.message}`;
      const way = error.code === "EADDRINUSE" ? "; is a node running already?" : "";
      done({ state: "warn", what, says: `${says}${way}` });
    });
    server.listen(port, address, () => {
      server.close(() => done({ state: "ok", what, says: `${address}:${port} is free` }));
    });
  });
}

/** May this user open the device? A tty belongs to a group, on Debian `dialout`. */
export function ttyFinding(device: string): Finding {
  const what = "cabinet";
  if (device === "virtual") return { state: "ok", what, says: "virtual, nothing is wired" };
  if (!existsSync(device)) {
    const says = `${device} is not there; is the cable in? see ls /dev/serial/by-id`;
    return { state: "fail", what, says };
  }
  try {
    accessSync(device, constants.R_OK | constants.W_OK);
    return { state: "ok", what, says: `${device} may be opened` };
  } catch {
    const says = `${device} may not be opened; add this user to the group dialout, log in anew`;
    return { state: "fail", what, says };
  }
}

/** What emulation and a monitor without current sensing can't tell; a person has to look. */
const BLIND_SPOTS: Finding = {
  state: "warn",
  what: "monitor",
  says: "one dark head of several in parallel, or an open LED, is not seen: look at the heads",
};

async function siteFindings(site: SiteModel): Promise<Finding[]> {
  const findings = [ttyFinding(site.cabinet.device)];
  for (const { address, port } of site.broker.listeners) {
    findings.push(await portFinding("mqtt", address, port));
  }
  findings.push(await portFinding("console", site.console.address, site.console.port));
  return findings;
}

const MARK: Readonly<Record<Finding["state"], string>> = { ok: "ok  ", warn: "warn", fail: "FAIL" };

/** Prints a line per finding; the exit code is 1 when one of them is a failure. */
export async function run(args: string[]): Promise<number> {
  const parsed = parseOptions(args, { data: { type: "string" }, config: { type: "string" } });
  if (!parsed.ok) return fail("doctor", parsed.problem);
  const dataDir = typeof parsed.values.data === "string" ? parsed.values.data : ".";
  const file = parsed.rest[0] ?? parsed.values.config;
  const findings = [nodeFinding(), clockFinding(Date.now()), dataFinding(dataDir)];
  findings.push(...(await boardFindings(dataDir)));
  if (typeof file === "string") {
    const loaded = await loadSite(file);
    if (loaded.ok) findings.push(...(await siteFindings(loaded.site)));
    else
      findings.push(
        ...loaded.problems.map((says) => ({ state: "fail" as const, what: "site", says })),
      );
  }
  findings.push(BLIND_SPOTS);
  for (const { state, what, says } of findings) {
    process.stdout.write(`${MARK[state]}  ${what.padEnd(8)} ${says}\n`);
  }
  return findings.some(({ state }) => state === "fail") ? 1 : 0;
}

// Real processes in a row over loopback, linked by their certificates, each with the site file of a
// corridor's junction.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Test } from "tap";
import { corridorSite, type JunctionPlan } from "../../src/cli/corridor-site.ts";
import type { Health } from "../../src/wire/health.ts";
import { Stopline, until } from "../cli/support.ts";
import { junctionPorts } from "../support/ports.ts";
import { folder, type TestAuthority, type TestKeys, writeKeyFolder } from "../trust/keys.ts";

const DEMO = readFileSync(new URL("../../config/demo.yaml", import.meta.url), "utf8");
const PLAIN = "listeners: [ { address: 127.0.0.1, port: 0 } ]";
const BOTH = PLAIN.replace(" ]", ", { address: 127.0.0.1, port: 0, tls: true } ]");
/** Less than a process lives here: what is not so by then fails at its own line. */
const PATIENCE_MS = 30_000;

export function soon(holds: () => boolean | Promise<boolean>): Promise<boolean> {
  return until(holds, PATIENCE_MS);
}

/** A site file that has a listener for clients with certificates too. */
export function withTls(site: string): string {
  return site.replace(PLAIN, BOTH);
}

export interface Corridor {
  readonly base: string;
  /** Keys of each node, the first junction's first. */
  readonly keys: readonly TestKeys[];
  readonly start: (number: number) => Stopline;
}

/** Site files and key folders of junctions in a row; `change` may edit each one's file. */
export async function corridor(
  t: Test,
  authority: TestAuthority,
  count: number,
  change: (number: number, site: string) => string,
): Promise<Corridor> {
  const base = folder(t);
  const plans: JunctionPlan[] = [];
  const keys: TestKeys[] = [];
  for (let number = 1; number <= count; number += 1) {
    const place = join(base, `junction-${number}`);
    const keyFolder = join(place, "keys");
    const issued = await authority.issue("node", `junction-${number}`);
    keys.push(issued);
    writeKeyFolder(keyFolder, issued);
    plans.push({ number, place, keyFolder, ...(await junctionPorts()), offsetS: 0 });
  }
  for (const plan of plans) {
    const site = change(plan.number, corridorSite(DEMO, plan, plans));
    writeFileSync(join(plan.place, "site.yaml"), site);
  }
  const start = (number: number): Stopline => {
    const place = join(base, `junction-${number}`);
    return new Stopline(t, ["run", join(place, "site.yaml"), "--data", join(place, "data")]);
  };
  return { base, keys, start };
}

/** "ok: …" or the like: one part of a node's health. */
export async function partOf(node: Stopline, name: string): Promise<string> {
  const { parts } = JSON.parse((await node.get("/api/health")).text) as Health;
  const part = parts.find((one) => one.name === name);
  return `${part?.state}: ${part?.text}`;
}

export function has(node: Stopline, name: string, words: RegExp): Promise<boolean> {
  return soon(async () => words.test(await partOf(node, name)));
}

/** Whether a line of the node's metrics comes to be there. */
export function measures(node: Stopline, line: RegExp): Promise<boolean> {
  return soon(async () => line.test((await node.get("/metrics")).text));
}

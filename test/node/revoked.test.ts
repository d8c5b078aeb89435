// A revocation and real processes: three junctions over loopback, linked by their certificates.
// What one of them is told cuts vehicles at another within seconds, ends the links of a junction
// whose key is stolen, and is known still to one that starts again with nobody there to tell it.
import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { corridorSite, type JunctionPlan, REGION, ZONE } from "../../src/cli/corridor-site.ts";
import type { Health } from "../../src/wire/health.ts";
import { connectClient } from "../broker/clients.ts";
import { rowsOf, runToEnd, Stopline, until } from "../cli/support.ts";
import { freePort } from "../support/ports.ts";
import { folder, type TestAuthority, testAuthority, writeKeyFolder } from "../trust/keys.ts";

const DEMO = readFileSync(new URL("../../config/demo.yaml", import.meta.url), "utf8");
const PLAIN = "listeners: [ { address: 127.0.0.1, port: 0 } ]";
const BOTH = PLAIN.replace(" ]", ", { address: 127.0.0.1, port: 0, tls: true } ]");
const JUNCTIONS = [1, 2, 3] as const;
/** Less than a process lives here: what is not so by then fails at its own line. */
const PATIENCE_MS = 30_000;

function soon(holds: () => boolean | Promise<boolean>): Promise<boolean> {
  return until(holds, PATIENCE_MS);
}

async function freePorts(): Promise<[number, number, number]> {
  return [await freePort(), await freePort(), await freePort()];
}

/** Site files and key folders of three junctions in a row; the middle one has clients over TLS. */
async function corridor(t: Test, authority: TestAuthority) {
  const base = folder(t);
  const plans: JunctionPlan[] = [];
  const stolen = await authority.issue("node", "junction-3");
  for (const number of JUNCTIONS) {
    const place = join(base, `junction-${number}`);
    const keyFolder = join(place, "keys");
    const issued = number === 3 ? stolen : await authority.issue("node", `junction-${number}`);
    writeKeyFolder(keyFolder, issued);
    const [fastPort, reliablePort, streetPort] = await freePorts();
    const ports = { fastPort, reliablePort, streetPort, consolePort: 0 };
    plans.push({ number, place, keyFolder, ...ports, offsetS: 0 });
  }
  for (const plan of plans) {
    const text = corridorSite(DEMO, plan, plans);
    const site = plan.number === 2 ? text.replace(PLAIN, BOTH) : text;
    writeFileSync(join(plan.place, "site.yaml"), site);
  }
  const start = (number: number) => {
    const place = join(base, `junction-${number}`);
    return new Stopline(t, ["run", join(place, "site.yaml"), "--data", join(place, "data")]);
  };
  return { base, stolen, start };
}

async function partOf(node: Stopline, name: string): Promise<string> {
  const { parts } = JSON.parse((await node.get("/api/health")).text) as Health;
  const part = parts.find((one) => one.name === name);
  return `${part?.state}: ${part?.text}`;
}

function has(node: Stopline, name: string, words: RegExp): Promise<boolean> {
  return soon(async () => words.test(await partOf(node, name)));
}

async function refuses(node: Stopline): Promise<boolean> {
  return /link_refused_total\{reason="revoked"\} [1-9]/.test((await node.get("/metrics")).text);
}

/** Sends a command as the operator at the console of a node; what it answers. */
async function revoke(t: Test, node: Stopline, number: number, signed: Uint8Array) {
  const prefix = `stopline/1/${REGION}/${ZONE}/junction-${number}`;
  const login = { username: "operator", password: node.secret() };
  const client = await connectClient(t, node.place("mqtt") ?? "", login);
  const id = randomBytes(16).toString("hex");
  await client.subscribe(`${prefix}/reply/${id}/json`);
  const issued = Date.now();
  const command = { id, issued, expires: issued + 30_000, command: "revoke" };
  const message = { ...command, signed: Buffer.from(signed).toString("base64") };
  client.mqtt.publish(`${prefix}/command/${id}`, JSON.stringify(message));
  await until(() => client.messages.length > 0);
  return JSON.parse(client.messages[0]?.payload.toString() ?? "{}");
}

t.test("a revocation told to one junction holds at the others, also after a restart", async (t) => {
  const authority = await testAuthority(t, { region: REGION, zone: ZONE });
  const { base, stolen, start } = await corridor(t, authority);
  const [first, middle, last] = [start(1), start(2), start(3)];
  for (const node of [first, middle, last]) t.ok(await node.opened(), node.err);
  t.ok(await has(middle, "neighbours", /ok: 2 of 2 heard/));
  t.ok(await has(middle, "keys", /^ok: .* ends in \d+ days\. No revocations are known\.$/));

  const bus = await authority.issue("vehicle", "bus-7");
  const secure = /mqtts:\S+/.exec(middle.out)?.[0] ?? "";
  const { certPem: cert, keyPem: key, caPem: ca } = bus;
  const shown = { cert, key, ca, clientId: "vehicle:bus-7", rejectUnauthorized: false };
  const client = await connectClient(t, secure, shown);
  const forged = authority.revoke(bus);
  forged[forged.length - 1] = (forged.at(-1) ?? 0) ^ 1;
  const refused = await revoke(t, first, 1, forged);
  t.match(refused, { ok: false, reason: /not a revocation by this zone's CA/ });
  t.match(await revoke(t, first, 1, authority.revoke(bus)), { ok: true });
  t.ok(await soon(() => !client.mqtt.connected), "cut two links away from the order");
  await t.rejects(connectClient(t, secure, shown));

  const revoked = join(base, "junction-1", "keys", "revoked");
  mkdirSync(revoked);
  writeFileSync(join(revoked, "stolen.revocation"), authority.revoke(stolen));
  const site = join(base, "junction-1", "site.yaml");
  const reload = await runToEnd(t, ["reload", site, "--data", join(base, "junction-1", "data")]);
  t.equal(reload.code, 0, reload.all);
  t.ok(await soon(() => refuses(middle)), "the stolen key dials in vain");
  t.ok(await has(middle, "keys", /^ok: .* 2 revocations are known, the newest less than an hour/));

  for (const node of [first, middle]) node.kill("SIGKILL");
  await Promise.all([first.exit, middle.exit]);
  const rows = rowsOf(join(base, "junction-2", "data")).filter(({ kind }) => kind === "revocation");
  t.same(
    rows.map(({ body }) => body[2]),
    ["zone", "zone"],
  );
  const again = start(2);
  t.ok(await again.opened(), again.err);
  t.ok(await soon(() => refuses(again)), "it has heard of it from nobody in this life");
  t.ok(await has(again, "keys", /2 revocations are known/));
});

// A revocation and real processes: three junctions over loopback, linked by their certificates.
// What one of them is told cuts vehicles at another within seconds, ends the links of a junction
// whose key is stolen, and is known still to one that starts again with nobody there to tell it.
import { randomBytes } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { REGION, ZONE } from "../../src/cli/corridor-site.ts";
import { connectClient } from "../broker/clients.ts";
import { rowsOf, runToEnd, type Stopline, until } from "../cli/support.ts";
import { type TestKeys, testAuthority } from "../trust/keys.ts";
import { corridor, has, soon, withTls } from "./corridor-rig.ts";

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
  const { base, keys, start } = await corridor(t, authority, 3, (number, site) =>
    number === 2 ? withTls(site) : site,
  );
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
  writeFileSync(join(revoked, "stolen.revocation"), authority.revoke(keys[2] as TestKeys));
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

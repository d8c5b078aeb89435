// A real node and everybody who is not to be believed, at each of its entrances: the connection is
// closed, one reason is counted, and no stack trace is in the log.
import { once } from "node:events";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { connect as connectTcp } from "node:net";
import { join } from "node:path";
import { connect, createServer, type TLSSocket } from "node:tls";
import t, { type Test } from "tap";
import { corridorSite, type JunctionPlan, REGION, ZONE } from "../../src/cli/corridor-site.ts";
import { connectClient } from "../broker/clients.ts";
import { Stopline, until } from "../cli/support.ts";
import { junctionPorts } from "../support/ports.ts";
import {
  folder,
  type TestAuthority,
  type TestPem,
  testAuthority,
  writeKeyFolder,
} from "../trust/keys.ts";

const DEMO = readFileSync(new URL("../../config/demo.yaml", import.meta.url), "utf8");
const PLAIN = "listeners: [ { address: 127.0.0.1, port: 0 } ]";
const BOTH = PLAIN.replace(" ]", ", { address: 127.0.0.1, port: 0, tls: true } ]");
const PATIENCE_MS = 30_000;
const BROKER = "stopline_broker_refused_total";
/** A line of one, in text or within a notice. */
const STACK = /(^|\\n)\s+at .*:\d+:\d+\)?/m;
const LINK = "stopline_link_refused_total";

interface Setting {
  readonly node: Stopline;
  readonly authority: TestAuthority;
  readonly revoked: TestPem;
  /** Ports of vehicles and of neighbours. */
  readonly secure: number;
  readonly reliable: number;
}

/** A server at a neighbour's port that shows these keys. */
async function impostor(t: Test, keys: TestPem, port: number): Promise<void> {
  const shown = { key: keys.keyPem, cert: keys.certPem };
  const server = createServer({ ...shown, requestCert: true, rejectUnauthorized: false });
  server.on("secureConnection", (socket) => socket.on("error", () => undefined));
  server.on("tlsClientError", () => undefined);
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  t.teardown(() => server.close());
}

/** Junction 2 of three, alone; with `impostors` somebody else answers at the others' addresses. */
async function start(t: Test, impostors: boolean): Promise<Setting> {
  const authority = await testAuthority(t, { region: REGION, zone: ZONE });
  const base = folder(t);
  const plans: JunctionPlan[] = [];
  for (const number of [1, 2, 3]) {
    const place = join(base, `junction-${number}`);
    const ports = await junctionPorts();
    plans.push({ number, place, keyFolder: join(place, "keys"), ...ports, offsetS: 0 });
  }
  const [south, own, north] = plans;
  if (south === undefined || own === undefined || north === undefined) throw new Error("no plan");
  if (impostors) {
    await impostor(t, await authority.issue("vehicle", "junction-1"), south.reliablePort);
    await impostor(t, await authority.issue("node", "junction-1"), north.reliablePort);
  }
  writeKeyFolder(own.keyFolder, await authority.issue("node", "junction-2"));
  const revoked = await authority.issue("vehicle", "stolen");
  mkdirSync(join(own.keyFolder, "revoked"));
  writeFileSync(join(own.keyFolder, "revoked", "v.revocation"), authority.revoke(revoked));
  const file = join(own.place, "site.yaml");
  writeFileSync(file, corridorSite(DEMO, own, plans).replace(PLAIN, BOTH));
  const node = new Stopline(t, ["run", file, "--data", join(own.place, "data")]);
  t.ok(await node.opened(), node.err);
  const secure = Number(new URL(/mqtts:\S+/.exec(node.out)?.[0] ?? "").port);
  return { node, authority, revoked, secure, reliable: own.reliablePort };
}

/** A metric's counts by reason. */
async function reasons(node: Stopline, metric: string): Promise<Record<string, number>> {
  const { text } = await node.get("/metrics");
  const rows = text.matchAll(new RegExp(`^${metric}\\{reason="([^"]+)"\\} (\\d+)$`, "gm"));
  return Object.fromEntries([...rows].map(([, reason = "", count]) => [reason, Number(count)]));
}

function dial(port: number, shown: TestPem | null, session?: Buffer): TLSSocket {
  const own = shown === null ? {} : { cert: shown.certPem, key: shown.keyPem };
  const socket = connect({
    // From an address that is no neighbour's.
    socket: connectTcp({ port, host: "127.0.0.1", localAddress: "127.0.0.7" }),
    ...own,
    ...(session === undefined ? {} : { session }),
    rejectUnauthorized: false,
  });
  return socket.on("error", () => undefined);
}

/** Resolves when the node has closed the connection. */
async function closed(socket: TLSSocket): Promise<void> {
  socket.resume();
  if (!socket.destroyed) await new Promise<void>((done) => socket.once("close", () => done()));
}

interface Case {
  readonly who: string;
  readonly shown: TestPem | null;
  readonly reason: string;
}

/** Each connects once: it is closed, and of all reasons its own alone is one higher. */
async function refuses(
  t: Test,
  node: Stopline,
  at: { port: number; metric: string; cases: Case[] },
) {
  for (const { who, shown, reason } of at.cases) {
    const before = await reasons(node, at.metric);
    await closed(dial(at.port, shown));
    const isCounted = async () => (await reasons(node, at.metric))[reason] !== before[reason];
    t.ok(await until(isCounted, PATIENCE_MS), `${who}: ${reason}`);
    const after = await reasons(node, at.metric);
    t.same(after, { ...before, [reason]: (before[reason] ?? 0) + 1 }, who);
  }
}

t.test("whoever is not to be believed is closed and counted once", async (t) => {
  const { node, authority, revoked, secure, reliable } = await start(t, false);
  const foreign = await testAuthority(t, { region: REGION, zone: ZONE });
  const old = { days: 1, nowMs: 1 };
  // The clock is sure once control has said so.
  const vehicle = await authority.issue("vehicle", "bus-7");
  const { certPem: cert, keyPem: key, caPem: ca } = vehicle;
  const shows = { cert, key, ca, clientId: "vehicle:bus-7", rejectUnauthorized: false };
  const url = `mqtts://127.0.0.1:${secure}`;
  const mayCome = () =>
    connectClient(t, url, shows).then(
      () => true,
      () => false,
    );
  t.ok(await until(mayCome, PATIENCE_MS), "a vehicle of the zone comes in");

  const cases: Case[] = [
    { who: "another CA", shown: await foreign.issue("vehicle", "bus-7"), reason: "wrong-ca" },
    { who: "expired", shown: await authority.issue("vehicle", "bus-8", old), reason: "expired" },
    { who: "revoked", shown: revoked, reason: "revoked" },
    {
      who: "a node, at the wrong port",
      shown: await authority.issue("node", "junction-1"),
      reason: "wrong-role",
    },
    { who: "nobody", shown: null, reason: "no-identity" },
  ];
  await refuses(t, node, { port: secure, metric: BROKER, cases });
  const neighbours: Case[] = [
    { who: "another CA", shown: await foreign.issue("node", "junction-1"), reason: "wrong-ca" },
    { who: "expired", shown: await authority.issue("node", "junction-1", old), reason: "expired" },
    { who: "a vehicle", shown: vehicle, reason: "wrong-role" },
    {
      who: "no neighbour",
      shown: await authority.issue("node", "junction-9"),
      reason: "not-listed",
    },
    { who: "nobody", shown: null, reason: "no-identity" },
  ];
  await refuses(t, node, { port: reliable, metric: LINK, cases: neighbours });

  const honest = dial(secure, vehicle);
  let session: Buffer | undefined;
  honest.on("session", (ticket: Buffer) => {
    session = ticket;
  });
  await once(honest, "secureConnect");
  await closed(honest);
  const before = await reasons(node, BROKER);
  const thief = dial(secure, null, session);
  await closed(thief);
  t.notOk(thief.isSessionReused(), "its owner's session is no way in");
  await until(async () => (await reasons(node, BROKER))["no-identity"] !== before["no-identity"]);
  const after = await reasons(node, BROKER);
  t.equal(after["no-identity"], (before["no-identity"] ?? 0) + 1);
  t.notMatch(node.all, STACK, "no stack trace");
});

t.test("whoever answers at a neighbour's address is not that neighbour", async (t) => {
  const { node } = await start(t, true);
  const areCounted = async () => {
    const counts = await reasons(node, LINK);
    return (counts["wrong-role"] ?? 0) > 0 && (counts["not-listed"] ?? 0) > 0;
  };
  t.ok(await until(areCounted, PATIENCE_MS), "a vehicle's certificate, and another junction's");
  t.same(Object.keys(await reasons(node, LINK)).sort(), ["not-listed", "wrong-role"]);
  t.match(node.all, /junction-1 at 127\.0\.0\.1:\d+ is not believed: wrong-role/);
  t.match(node.all, /junction-3 at 127\.0\.0\.1:\d+ is not believed: not-listed/);
  t.notMatch(node.all, STACK, "no stack trace");
  node.kill("SIGTERM");
  t.same(await node.exit, { code: 0, signal: null });
});

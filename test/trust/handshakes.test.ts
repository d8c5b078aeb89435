// Real TLS 1.3 over loopback. Both ends let the handshake pass for whoever holds the key of the
// certificate that they show, and ask the judge.
import { once } from "node:events";
import { type AddressInfo, connect as connectTcp } from "node:net";
import { connect, createServer, type TLSSocket } from "node:tls";
import t, { type Test } from "tap";
import { certificateOf, type Judgement, Trust, type Wanted } from "../../src/trust/judge.ts";
import { DAY_MS, NOW_MS, type TestAuthority, type TestKeys, testAuthority } from "./keys.ts";

const NOW = { wallMs: NOW_MS, sure: true };
const NEIGHBOUR: Wanted = { roles: ["node"], ids: ["a"], server: false };
const CLIENT: Wanted = { roles: ["vehicle", "operator"], ids: null, server: false };
const TO_B: Wanted = { roles: ["node"], ids: ["b"], server: true };

interface Credentials {
  readonly key: string;
  readonly cert: string;
}

function credentials({ keyPem, certPem }: TestKeys): Credentials {
  return { key: keyPem, cert: certPem };
}

function word(judgement: Judgement): string {
  if (!judgement.ok) return judgement.reason;
  const { role, id } = judgement.certificate.identity;
  return `${role}/${id}`;
}

interface Listener {
  readonly port: number;
  /** The next connection, as the server has it once its handshake is done. */
  accepted(): Promise<TLSSocket>;
}

/** A server of `keys` that asks for a certificate and leaves the judging to others. */
async function listen(t: Test, keys: TestKeys): Promise<Listener> {
  const server = createServer({
    ...credentials(keys),
    ca: keys.caPem,
    requestCert: true,
    rejectUnauthorized: false,
    minVersion: "TLSv1.3",
  });
  server.on("tlsClientError", () => undefined);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.teardown(() => server.close());
  const { port } = server.address() as AddressInfo;
  return {
    port,
    async accepted() {
      const [socket] = (await once(server, "secureConnection")) as [TLSSocket];
      socket.on("error", () => undefined);
      t.teardown(() => socket.destroy());
      return socket;
    },
  };
}

interface Dial {
  readonly port: number;
  /** What the client shows: a key and its certificate, or nothing. */
  readonly shows: Credentials | null;
  readonly session?: Buffer;
}

function dial(t: Test, { port, shows, session }: Dial): TLSSocket {
  const socket = connect({
    socket: connectTcp(port, "127.0.0.1"),
    ...(shows ?? {}),
    ...(session === undefined ? {} : { session }),
    rejectUnauthorized: false,
    minVersion: "TLSv1.3",
  });
  socket.on("error", () => undefined);
  t.teardown(() => socket.destroy());
  return socket;
}

/** Both ends of one connection after its handshake. */
async function meet(
  t: Test,
  server: TestKeys,
  shows: Credentials | null,
): Promise<{ readonly atServer: TLSSocket; readonly atClient: TLSSocket }> {
  const listener = await listen(t, server);
  const accepted = listener.accepted();
  const atClient = dial(t, { port: listener.port, shows });
  const [atServer] = await Promise.all([accepted, once(atClient, "secureConnect")]);
  t.equal(atServer.getProtocol(), "TLSv1.3");
  return { atServer, atClient };
}

function trustOf(keys: TestAuthority, ...revoked: TestKeys[]): Trust {
  const { ca, place } = keys;
  return new Trust({ ca, place, revocations: keys.revocations(...revoked) });
}

t.test("two neighbours know each other", async (t) => {
  const keys = await testAuthority(t);
  const [a, b] = [await keys.issue("node", "a"), await keys.issue("node", "b")];
  const { atServer, atClient } = await meet(t, b, credentials(a));
  const trust = trustOf(keys);
  t.equal(word(trust.judgePeer(atServer, NEIGHBOUR, NOW)), "node/a");
  t.equal(word(trust.judgePeer(atClient, TO_B, NOW)), "node/b");
});

t.test("a live connection can be judged again, at both ends", async (t) => {
  const keys = await testAuthority(t);
  const [a, b] = [await keys.issue("node", "a"), await keys.issue("node", "b")];
  const { atServer, atClient } = await meet(t, b, credentials(a));
  const { ca, place } = keys;
  const revocations = keys.revocations();
  const trust = new Trust({ ca, place, revocations });
  for (let time = 0; time < 3; time += 1) {
    t.equal(word(trust.judgePeer(atServer, NEIGHBOUR, NOW)), "node/a");
    t.equal(word(trust.judgePeer(atClient, TO_B, NOW)), "node/b");
  }
  for (const gone of [a, b]) revocations.add(keys.revoke(gone));
  t.equal(word(trust.judgePeer(atServer, NEIGHBOUR, NOW)), "revoked");
  t.equal(word(trust.judgePeer(atClient, TO_B, NOW)), "revoked");
  atClient.destroy();
  t.equal(word(trust.judgePeer(atClient, TO_B, NOW)), "no-identity", "closed meanwhile");
});

t.test("a vehicle with a P-256 key is known", async (t) => {
  const keys = await testAuthority(t);
  const vehicle = await keys.issue("vehicle", "v1", { curve: "p256" });
  const { atServer } = await meet(t, await keys.issue("node", "b"), credentials(vehicle));
  t.equal(word(trustOf(keys).judgePeer(atServer, CLIENT, NOW)), "vehicle/v1");
});

t.test("who shows what should not count, at the server", async (t) => {
  const keys = await testAuthority(t);
  const elsewhere = await testAuthority(t);
  const server = await keys.issue("node", "b");
  const past = { nowMs: NOW_MS - 20 * DAY_MS, days: 10 };
  const future = { nowMs: NOW_MS + 20 * DAY_MS };
  const gone = await keys.issue("node", "a");
  const trust = trustOf(keys, gone);
  const cases = [
    ["wrong-ca", await elsewhere.issue("node", "a")],
    ["expired", await keys.issue("node", "a", past)],
    ["not-yet-valid", await keys.issue("node", "a", future)],
    ["revoked", gone],
    ["wrong-role", await keys.issue("vehicle", "a")],
    ["not-listed", await keys.issue("node", "c")],
  ] as const;
  for (const [reason, shown] of cases) {
    const { atServer } = await meet(t, server, credentials(shown));
    t.equal(word(trust.judgePeer(atServer, NEIGHBOUR, NOW)), reason);
  }
  const { atServer } = await meet(t, server, null);
  t.equal(word(trust.judgePeer(atServer, NEIGHBOUR, NOW)), "no-identity", "no certificate");
});

t.test("a certificate that is right, in another zone", async (t) => {
  const keys = await testAuthority(t);
  const shown = await keys.issue("node", "a");
  const { atServer } = await meet(t, await keys.issue("node", "b"), credentials(shown));
  const { ca } = keys;
  const place = { region: "north", zone: "harbour" };
  const trust = new Trust({ ca, place, revocations: keys.revocations() });
  t.equal(word(trust.judgePeer(atServer, NEIGHBOUR, NOW)), "other-zone");
});

t.test("who answers where a neighbour should, at the client", async (t) => {
  const keys = await testAuthority(t);
  const shows = credentials(await keys.issue("node", "a"));
  const trust = trustOf(keys);
  const vehicle = await keys.issue("vehicle", "b");
  const { atClient } = await meet(t, vehicle, shows);
  t.equal(word(trust.judgePeer(atClient, TO_B, NOW)), "wrong-role", "a vehicle as a server");
  const anyRole: Wanted = { ...TO_B, roles: ["node", "vehicle"] };
  t.equal(word(trust.judgePeer(atClient, anyRole, NOW)), "no-server-use");

  const other = await meet(t, await keys.issue("node", "c"), shows);
  t.equal(word(trust.judgePeer(other.atClient, TO_B, NOW)), "not-listed", "C at B's address");
});

t.test("a stolen session ticket opens a session and is still refused", async (t) => {
  const keys = await testAuthority(t);
  const listener = await listen(t, await keys.issue("node", "b"));
  const owner = await keys.issue("node", "a");
  const first = listener.accepted();
  const honest = dial(t, { port: listener.port, shows: credentials(owner) });
  const ticket = once(honest, "session") as Promise<[Buffer]>;
  // Tickets come with the server's first bytes.
  (await first).write("x");
  honest.resume();
  const [session] = await ticket;

  const second = listener.accepted();
  dial(t, { port: listener.port, shows: null, session });
  const resumed = await second;
  t.equal(resumed.isSessionReused(), true, "the thief, who has no key, is in");
  const trust = trustOf(keys);
  const remembered = certificateOf(resumed);
  t.equal(word(trust.judge(remembered, NEIGHBOUR, NOW)), "node/a", "by its owner's certificate");
  t.equal(word(trust.judgePeer(resumed, NEIGHBOUR, NOW)), "resumed");
});

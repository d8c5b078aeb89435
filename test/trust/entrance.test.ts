// The way in: each handshake that began ends, so that the bound on them never closes by itself.
import { Socket } from "node:net";
import t from "tap";
import { TlsEntrance } from "../../src/trust/entrance.ts";
import { Trust } from "../../src/trust/judge.ts";
import { readKeyFolder } from "../../src/trust/key-folder.ts";
import { Revocations } from "../../src/trust/revocation.ts";
import { testAuthority } from "./keys.ts";

t.test("connections that have gone before they are looked at take no place", async (t) => {
  const authority = await testAuthority(t);
  const folder = readKeyFolder(await authority.keyFolder("a"));
  const place = { ...authority.place, id: "a" };
  const revocations = new Revocations(folder.ca);
  const trust = new Trust({ ca: folder.ca, place, revocations });
  let [begun, ended] = [0, 0];
  const entrance = new TlsEntrance({
    folder,
    trust,
    wanted: { roles: ["node"], ids: ["b"], server: false },
    bound: {
      begin: () => {
        begun += 1;
        return true;
      },
      ended: () => {
        ended += 1;
      },
    },
    room: { places: 8, silentEach: 8 },
    patienceMs: 1_000,
    now: () => ({ wallMs: Date.now(), sure: true }),
    onPeer: () => t.fail("nobody came"),
    onRefused: () => undefined,
  });
  const sockets = Array.from({ length: 5 }, () => new Socket());
  const closed = sockets.map((socket) => new Promise((resolve) => socket.once("close", resolve)));
  for (const socket of sockets) entrance.enter(socket);
  for (const socket of sockets) socket.destroy();
  await Promise.all(closed);
  t.equal(begun, ended);
});

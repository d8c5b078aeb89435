// A running broker with a listener for certificates beside a plain one, and a clock that can be
// put forward, for tests of clients beyond the machine.
import type { IClientOptions } from "mqtt";
import type { Test } from "tap";
import type { Broker, BrokerOptions } from "../../src/broker/broker.ts";
import type { SiteModel } from "../../src/core/site/model.ts";
import { Trust } from "../../src/trust/judge.ts";
import { readKeyFolder } from "../../src/trust/key-folder.ts";
import { type TestAuthority, type TestPem, testAuthority } from "../trust/keys.ts";
import { startBroker, testSite, testView } from "./support.ts";

export interface Secured {
  readonly authority: TestAuthority;
  readonly broker: Broker;
  /** `mqtts://` and `mqtt://` addresses. */
  readonly secure: string;
  readonly plain: string;
  /** The broker's clocks, ms. */
  readonly clock: { monoMs(): number; wallMs(): number };
  /** Both go on from a later moment, and control speaks. Not with clocks in the options. */
  forward(ms: number): void;
}

/** A broker of junction-1 in zone `zone` of region `test`; the view stays fresh. */
export async function startSecured(
  t: Test,
  parts: Partial<SiteModel> = {},
  options: Partial<BrokerOptions> = {},
): Promise<Secured> {
  const authority = await testAuthority(t, { region: "test", zone: "zone" });
  const folder = readKeyFolder(await authority.keyFolder("junction-1"));
  const revocations = authority.revocations();
  const trust = new Trust({ ca: folder.ca, place: authority.place, revocations });
  const site = { ...testSite(), ...parts };
  const listeners = [
    { address: "127.0.0.1", port: 0, tls: true },
    { address: "127.0.0.1", port: 0 },
  ];
  let aheadMs = 0;
  const clock = {
    monoMs: options.now ?? (() => performance.now() + aheadMs),
    wallMs: options.wallMs ?? (() => Date.now() + aheadMs),
  };
  const { broker } = await startBroker(t, {
    site: { ...site, broker: { ...site.broker, listeners } },
    trust: { folder, trust },
    ...options,
    now: clock.monoMs,
    wallMs: clock.wallMs,
  });
  let sequence = 0;
  const speak = () =>
    broker.publishView(testView(++sequence, { monoMs: clock.monoMs(), wallMs: clock.wallMs() }));
  speak();
  const beat = setInterval(speak, 100);
  t.teardown(() => clearInterval(beat));
  // The first start opened the same listeners on other ports; these are the ones to be used.
  const { bound } = await broker.listen();
  const [secure = 0, plain = 0] = bound.map(({ port }) => port);
  return {
    authority,
    broker,
    secure: `mqtts://127.0.0.1:${secure}`,
    plain: `mqtt://127.0.0.1:${plain}`,
    clock,
    forward: (ms) => {
      aheadMs += ms;
      speak();
    },
  };
}

/** Options of a client that shows these keys. */
export function shows(keys: TestPem, clientId: string): IClientOptions {
  const { certPem: cert, keyPem: key, caPem: ca } = keys;
  // Names are in certificates, never in addresses.
  return { clientId, cert, key, ca, rejectUnauthorized: false };
}

// Clients that say where they are, and a broker with one zone around its junction, for the tests of
// zones.
import type { Test } from "tap";
import type { BrokerOptions } from "../../src/broker/broker.ts";
import type { Zone } from "../../src/core/zones/zone.ts";
import type { Role } from "../../src/trust/identity.ts";
import { decodeZoneNotice, encodeVehicleReport } from "../../src/wire/vehicle.ts";
import { type Client, connectClient } from "./clients.ts";
import { type Secured, shows, startSecured } from "./secured.ts";
import { PREFIX, until } from "./support.ts";

/** Around the test site's junction at 45° N, 122° W: 400 m to the north and south of it. */
export const ZONE: Zone = {
  name: "arms",
  outline: [
    { latDeg: 44.9964, lonDeg: -122.002 },
    { latDeg: 44.9964, lonDeg: -121.998 },
    { latDeg: 45.0036, lonDeg: -121.998 },
    { latDeg: 45.0036, lonDeg: -122.002 },
  ],
  holes: [],
  hysteresisM: 10,
  roles: ["vehicle"],
  receive: ["spat", "map"],
  publish: [],
  approach: null,
};
export const INSIDE = 45.0035;
/** 17 m from the zone and 28 m from there: within reach at any moment. */
export const OUTSIDE = 45.00375;

/** A client with a certificate that says where it is. */
export class Mover {
  readonly client: Client;
  readonly #node: Secured;
  readonly #name: string;
  #sequence = 0;
  #lastMs = 0;

  constructor(node: Secured, name: string, client: Client) {
    this.#node = node;
    this.#name = name;
    this.client = client;
  }

  static async connect(
    t: Test,
    node: Secured,
    { role = "vehicle", name = "bus-7", clean = true }: Partial<Who> = {},
  ): Promise<Mover> {
    const keys = await node.authority.issue(role, name);
    const options = { ...shows(keys, `${role}:${name}`), clean };
    return new Mover(node, name, await connectClient(t, node.secure, options));
  }

  /** Says that it is there, at a moment later than the last; resolves when the node has it. */
  async at(latDeg: number): Promise<void> {
    this.#sequence += 1;
    this.#lastMs = Math.max(this.#lastMs + 1, Math.round(this.#node.clock.wallMs()));
    const place = { latDeg, lonDeg: -122, speedMps: 10, headingDeg: 0 };
    const report = { sequence: this.#sequence, atWallMs: this.#lastMs, ...place };
    const bytes = Buffer.from(encodeVehicleReport(report));
    await this.client.mqtt.publishAsync(`${PREFIX}vehicle/${this.#name}`, bytes, { qos: 1 });
  }

  /** What it was told about zones. */
  get notices(): string[] {
    const told = this.client.of(`${PREFIX}reply/${this.#name}`);
    return told.map(({ payload }) => {
      const { kind, zone } = decodeZoneNotice(payload);
      return `${kind} ${zone}`;
    });
  }

  count(kind: string): number {
    return this.client.of(`${PREFIX}${kind}`).length;
  }
}

export interface Who {
  readonly role: Role;
  readonly name: string;
  readonly clean: boolean;
}

export function startZones(
  t: Test,
  zone: Partial<Zone> = {},
  options: Partial<BrokerOptions> = {},
) {
  return startSecured(t, { zones: [{ ...ZONE, ...zone }] }, options);
}

/** A reader on this machine, by whose messages one sees that something was sent meanwhile. */
export async function startWitness(
  t: Test,
  node: Secured,
): Promise<(more: number) => Promise<void>> {
  const witness = await connectClient(t, node.plain);
  await witness.subscribe(`${PREFIX}spat`);
  const count = () => witness.of(`${PREFIX}spat`).length;
  return async (more) => {
    const enough = count() + more;
    await until(() => count() >= enough);
  };
}

export function dropped(node: Secured): Record<string, number> {
  const entries = node.broker.counters.dropped.map((entry): [string, number] => [
    `${entry.class} ${entry.reason}`,
    entry.count,
  ]);
  return Object.fromEntries(entries);
}

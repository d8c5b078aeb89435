// What one client may take up: by the site file's entry for its id, else by that of its role, else
// as usual. Pure.
import { fitsPattern } from "../core/site/client-pattern.ts";
import type { ClientRole } from "../core/site/client-roles.ts";
import {
  type ClientBounds,
  connectionsOf,
  DETECTOR_CHANGES_PER_S,
  REPORTS_EACH_PER_S,
  REPORTS_PER_S,
  ROLE_DEFAULTS,
  type SiteLimits,
} from "../core/site/limits.ts";
import { ROLES, type Role } from "../trust/identity.ts";
import { type BrokerLimits, DEFAULT_LIMITS } from "./limits.ts";

/** The bounds of one client. */
export type Allowance = Pick<
  BrokerLimits,
  | "packetsPerS"
  | "packetBurst"
  | "bytesPerS"
  | "byteBurst"
  | "maxSubscriptions"
  | "sessionMessages"
  | "sessionBytes"
>;

/** What a client may send at once, as if it had been silent so long before. */
const BURST_S = 2;
/** A client that connects has several filters to ask for, whatever its rate. */
const LEAST_BURST_PACKETS = 200;
const LEAST_BURST_BYTES = 65_536;

/** All bounds of a broker: its own, then the site file's. `own` is for tests, and comes last. */
export function brokerLimits(
  site: SiteLimits | undefined,
  own: Partial<BrokerLimits> | undefined,
): BrokerLimits {
  return {
    ...DEFAULT_LIMITS,
    connections: { ...DEFAULT_LIMITS.connections, ...connectionsOf(site) },
    reportsPerS: site?.reportsEachPerS ?? REPORTS_EACH_PER_S,
    reportBurst: site?.reportsEachPerS ?? REPORTS_EACH_PER_S,
    allReportsPerS: site?.reportsPerS ?? REPORTS_PER_S,
    detectorChangesPerS: site?.detectorChangesPerS ?? DETECTOR_CHANGES_PER_S,
    ...own,
  };
}

/** The role that a client id says, for who is away: on this machine everybody is a reader. */
export function roleOfId(clientId: string): Role {
  return ROLES.find((role) => clientId.startsWith(`${role}:`)) ?? "reader";
}

export class Allowances {
  readonly #site: SiteLimits | undefined;
  readonly #limits: BrokerLimits;
  readonly #own: Partial<Allowance>;

  constructor(
    site: SiteLimits | undefined,
    limits: BrokerLimits,
    own: Partial<BrokerLimits> | undefined,
  ) {
    this.#site = site;
    this.#limits = limits;
    this.#own = own ?? {};
  }

  of(role: Role, clientId: string): Allowance {
    if (role === "node") return this.#limits;
    const bounds = { ...ROLE_DEFAULTS[role], ...this.#siteBounds(role, clientId) };
    const { messagesPerS, bytesPerS } = bounds;
    return {
      packetsPerS: messagesPerS,
      packetBurst: Math.max(messagesPerS * BURST_S, LEAST_BURST_PACKETS),
      bytesPerS,
      byteBurst: Math.max(bytesPerS * BURST_S, LEAST_BURST_BYTES),
      maxSubscriptions: bounds.subscriptions,
      sessionMessages: bounds.queueMessages,
      sessionBytes: bounds.queueBytes,
      ...this.#own,
    };
  }

  #siteBounds(role: ClientRole, clientId: string): ClientBounds {
    const entry = this.#site?.clients.find(({ client }) => fitsPattern(client, clientId));
    const { client: _, ...own } = entry ?? { client: "" };
    return { ...this.#site?.roles[role], ...own };
  }
}

// What clients of the broker may take up, by role and by client id. The numbers are engineering
// choices for a board with 1 GB and four slow cores; docs/site-file.md gives the reasons.
import { CLIENT_ROLES, type ClientRole } from "./client-roles.ts";

/** Of one client. What is left out is as for its role, or as below. */
export interface ClientBounds {
  /** PUBLISH and other packets a second; a SUBSCRIBE counts as 20. */
  readonly messagesPerS?: number;
  readonly bytesPerS?: number;
  readonly subscriptions?: number;
  /** What may wait for it while it is away; beyond that its session ends. */
  readonly queueMessages?: number;
  readonly queueBytes?: number;
}

export interface RoleBounds extends ClientBounds {
  /** Of all clients of the role together. */
  readonly connections?: number;
}

/** For clients whose id fits a pattern with `*`; of several the first counts. */
export interface PatternBounds extends ClientBounds {
  readonly client: string;
}

export interface SiteLimits {
  readonly roles: Readonly<Partial<Record<ClientRole, RoleBounds>>>;
  readonly clients: readonly PatternBounds[];
  /** Positions a second that are taken of one name, and of all together. */
  readonly reportsEachPerS?: number;
  readonly reportsPerS?: number;
  /** Changes a second that are taken of one detector over MQTT. */
  readonly detectorChangesPerS?: number;
}

/**
 * Without a word in the site file. A vehicle reports up to ten times a second and listens; a sensor
 * counts axles; what a reader may do is for programs on the same board, such as an upstream link.
 */
export const ROLE_DEFAULTS: Readonly<Record<ClientRole, Required<RoleBounds>>> = {
  vehicle: {
    connections: 640,
    messagesPerS: 50,
    bytesPerS: 32_768,
    subscriptions: 32,
    queueMessages: 100,
    queueBytes: 65_536,
  },
  sensor: {
    connections: 64,
    messagesPerS: 100,
    bytesPerS: 65_536,
    subscriptions: 8,
    queueMessages: 100,
    queueBytes: 65_536,
  },
  operator: {
    connections: 32,
    messagesPerS: 200,
    bytesPerS: 262_144,
    subscriptions: 50,
    queueMessages: 1_000,
    queueBytes: 262_144,
  },
  reader: {
    connections: 256,
    messagesPerS: 1_000,
    bytesPerS: 1_048_576,
    subscriptions: 50,
    queueMessages: 1_000,
    queueBytes: 262_144,
  },
};

export const REPORTS_EACH_PER_S = 10;
/** Twice the 500 vehicles that report once a second. */
export const REPORTS_PER_S = 1_000;
/** A loop that sees an axle every 100 ms, on and off. */
export const DETECTOR_CHANGES_PER_S = 20;

/** Connections of all roles together: at about 200 kB each they are 400 MB. */
export const MAX_CONNECTIONS = 2_000;

/** Connections by role with what a file leaves out. */
export function connectionsOf(limits: SiteLimits | undefined): Record<ClientRole, number> {
  const entries = CLIENT_ROLES.map((role) => {
    const own = limits?.roles[role]?.connections;
    return [role, own ?? ROLE_DEFAULTS[role].connections] as const;
  });
  return Object.fromEntries(entries) as Record<ClientRole, number>;
}

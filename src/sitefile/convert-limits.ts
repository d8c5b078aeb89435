// The section `limits` into the model.
import { CLIENT_ROLES } from "../core/site/client-roles.ts";
import type { ClientBounds, RoleBounds, SiteLimits } from "../core/site/limits.ts";
import type { LimitsEntry } from "./schema-limits.ts";

type Entry = Omit<NonNullable<LimitsEntry["clients"]>[number], "client">;

/** Keys of the file with those of the model. */
const KEYS = {
  messages: "messagesPerS",
  bytes: "bytesPerS",
  subscriptions: "subscriptions",
  queueMessages: "queueMessages",
  queueBytes: "queueBytes",
} as const;

export function boundsOf(entry: Entry): ClientBounds {
  const bounds: Record<string, number> = {};
  for (const [key, name] of Object.entries(KEYS)) {
    const value = entry[key as keyof typeof KEYS];
    if (value !== undefined) bounds[name] = value;
  }
  return bounds;
}

/** The limits of a file whose shape and rules hold; nothing where it has none. */
export function limitsModel(entry: LimitsEntry | undefined): { limits?: SiteLimits } {
  if (entry === undefined) return {};
  const roles: Record<string, RoleBounds> = {};
  for (const role of CLIENT_ROLES) {
    const own = entry.roles?.[role];
    if (own === undefined) continue;
    const { connections, ...each } = own;
    roles[role] = { ...boundsOf(each), ...(connections === undefined ? {} : { connections }) };
  }
  const { reports, detectorChanges } = entry;
  const limits: SiteLimits = {
    roles,
    clients: (entry.clients ?? []).map(({ client, ...each }) => ({ client, ...boundsOf(each) })),
    ...(reports?.each === undefined ? {} : { reportsEachPerS: reports.each }),
    ...(reports?.total === undefined ? {} : { reportsPerS: reports.total }),
    ...(detectorChanges === undefined ? {} : { detectorChangesPerS: detectorChanges }),
  };
  return { limits };
}

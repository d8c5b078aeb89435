// Limits that make no sense together: more connections than the board holds, messages for which
// the bytes don't suffice, entries that never count.
import { fitsPattern } from "../core/site/client-pattern.ts";
import { CLIENT_ROLES } from "../core/site/client-roles.ts";
import {
  type ClientBounds,
  connectionsOf,
  MAX_CONNECTIONS,
  REPORTS_EACH_PER_S,
  REPORTS_PER_S,
  ROLE_DEFAULTS,
} from "../core/site/limits.ts";
import { boundsOf, limitsModel } from "./convert-limits.ts";
import type { Draft } from "./draft.ts";
import type { Problems } from "./problems.ts";
import type { LimitsEntry } from "./schema-limits.ts";
import type { Path } from "./yaml.ts";

/** A PUBLISH with the shortest of our topics and a byte of content. */
const LEAST_MESSAGE_BYTES = 32;

export function checkLimits({ limits }: Draft, problems: Problems): void {
  if (limits === undefined) return;
  checkConnections(limits, problems);
  for (const role of CLIENT_ROLES) {
    const own = limits.roles?.[role];
    if (own === undefined) continue;
    const bounds = { ...ROLE_DEFAULTS[role], ...boundsOf(own) };
    checkMeasure(problems, ["limits", "roles", role], own, bounds);
  }
  checkClients(limits.clients ?? [], problems);
  const { each = REPORTS_EACH_PER_S, total = REPORTS_PER_S } = limits.reports ?? {};
  if (total >= each) return;
  const what = `less than the ${each} of one vehicle`;
  problems.add({ path: ["limits", "reports", "total"], what, use: `${each} or more` });
}

function checkConnections(limits: LimitsEntry, problems: Problems): void {
  const counts = Object.entries(connectionsOf(limitsModel(limits).limits));
  const total = counts.reduce((sum, [, count]) => sum + count, 0);
  if (total <= MAX_CONNECTIONS) return;
  const value = counts.map(([role, count]) => `${count} of role ${role}`).join(", ");
  const what = `${total} connections together, more than a board holds`;
  problems.add({ path: ["limits", "roles"], value, what, use: `at most ${MAX_CONNECTIONS}` });
}

/** So many messages need so many bytes; what may wait fits into its bytes too. */
function checkMeasure(
  problems: Problems,
  path: Path,
  own: { readonly messages?: number | undefined; readonly bytes?: number | undefined },
  bounds: ClientBounds,
): void {
  const { messagesPerS = 1, bytesPerS = Number.POSITIVE_INFINITY } = bounds;
  const least = messagesPerS * LEAST_MESSAGE_BYTES;
  if (bytesPerS >= least) return;
  const key = own.bytes === undefined ? "messages" : "bytes";
  const [what, use] =
    key === "bytes"
      ? [`too little for ${messagesPerS} messages a second`, `${least} or more`]
      : [
          `more than ${bytesPerS} bytes a second can hold`,
          `${Math.floor(bytesPerS / LEAST_MESSAGE_BYTES)} or less`,
        ];
  problems.add({ path: [...path, key], what, use });
}

function checkClients(entries: NonNullable<LimitsEntry["clients"]>, problems: Problems): void {
  for (const [at, entry] of entries.entries()) {
    const path = ["limits", "clients", at];
    const { client, ...each } = entry;
    const bounds = boundsOf(each);
    if (Object.keys(bounds).length === 0) {
      const use = "messages, bytes, subscriptions, queueMessages or queueBytes beside it";
      problems.add({ path: [...path, "client"], what: "without a limit", use });
    }
    const before = entries.slice(0, at).findIndex((other) => fitsPattern(other.client, client));
    if (before !== -1) {
      const what = `covered by limits.clients.${before}, which counts first`;
      problems.add({ path: [...path, "client"], what, use: "the narrower pattern first" });
    }
    if (each.messages !== undefined && each.bytes !== undefined) {
      checkMeasure(problems, path, each, bounds);
    }
  }
}

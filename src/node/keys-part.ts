// What health says of keys: revocations that are known, the end of this node's certificate, and
// what an unsure clock does to both. Pure.
import type { HealthPart } from "../wire/health.ts";

/** A certificate's end is warned of so long before (MESH section 2). */
export const WARN_DAYS = 30;
const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;

export interface KeysSight {
  readonly wallMs: number;
  readonly clockSure: boolean;
  /** Whole days until this node's certificate ends; negative once it has. */
  readonly certificateDays: number;
  /** This node's own certificate was taken back. */
  readonly ownRevoked: boolean;
  readonly revocations: number;
  /** When the CA made the newest one, wall ms; null when there is none. */
  readonly newestMs: number | null;
}

function ageText(ageMs: number): string {
  if (ageMs < HOUR_MS) return "less than an hour old";
  if (ageMs < 2 * DAY_MS) return `${Math.floor(ageMs / HOUR_MS)} h old`;
  return `${Math.floor(ageMs / DAY_MS)} days old`;
}

function knownText({ revocations, newestMs, wallMs, clockSure }: KeysSight): string {
  if (revocations === 0 || newestMs === null) return "No revocations are known.";
  const known = `${revocations} ${revocations === 1 ? "revocation is" : "revocations are"} known`;
  return clockSure ? `${known}, the newest ${ageText(wallMs - newestMs)}.` : `${known}.`;
}

/** The part "keys" of a node's health. */
export function keysPart(sight: KeysSight): HealthPart {
  const { certificateDays, clockSure, ownRevoked } = sight;
  const known = knownText(sight);
  const part = (state: HealthPart["state"], text: string): HealthPart => ({
    name: "keys",
    state,
    text: `${text} ${known}`,
  });
  if (ownRevoked) {
    return part("failed", "This node's certificate is revoked: give it a new key and certificate.");
  }
  if (!clockSure) {
    return part(
      "degraded",
      "The clock is unsure: certificates' dates are not looked at, links to neighbours are marked.",
    );
  }
  if (certificateDays < 0) return part("failed", "This node's certificate has ended: renew it.");
  const days = `This node's certificate ends in ${certificateDays} days`;
  if (certificateDays < WARN_DAYS) return part("degraded", `${days}: stopline keys rotate.`);
  return part("ok", `${days}.`);
}

// Why a node does not take what another one sent: one word for each, so that each can be counted
// by its name. A refusal is ordinary; nothing of the refused bytes has had an effect.
import type { WireReason } from "./codec.ts";

const WIRE_REASONS = [
  "malformed",
  "truncated",
  "too-large",
  "unknown-version",
] as const satisfies WireReason[];

export const REFUSALS = [
  ...WIRE_REASONS,
  /** A lane's seal does not fit the bytes: changed on the way, or of another session. */
  "bad-seal",
  /** A batch was changed on the way, or somebody else signed it. */
  "bad-signature",
  /** Signed by a node whose key is not known here. */
  "unknown-origin",
  /** Sent over a link by somebody else than it names. */
  "re-attributed",
  /** Taken before. */
  "replayed",
  /** Two different batches under one number: two machines with one identity, or a lie. */
  "forked",
  /** Does not follow the batch that it names as the one before. */
  "broken-chain",
  /** Batches are missing in between; they are to be fetched. */
  "missing-before",
  "old-incarnation",
  "other-boot",
  "future-clock",
  /** More waits for verification than an origin is allowed. */
  "verify-queue-full",
] as const;

export type Refusal = (typeof REFUSALS)[number];

// Health of a node in plain words, for people and simple tools.
//
//   [1, wall, version, uptime, state, parts]   part [name, state, text]
import { decodeCbor, encodeCbor } from "./codec.ts";
import { integer, list, text, tuple, version, wordAt } from "./shape.ts";

export const HEALTH_VERSION = 1;

/** From best to worst; the whole is as bad as its worst part. */
export const HEALTH_STATES = ["ok", "degraded", "failed"] as const;
export type HealthState = (typeof HEALTH_STATES)[number];

export interface HealthPart {
  /** `board`, `cabinet`, `log`, `broker` and so on. */
  readonly name: string;
  readonly state: HealthState;
  /** What is wrong and what it means, or what is well. */
  readonly text: string;
}

export interface Health {
  readonly wallMs: number;
  /** Of the program. */
  readonly version: string;
  readonly uptimeS: number;
  readonly state: HealthState;
  readonly parts: readonly HealthPart[];
}

/** The worst state of the parts. */
export function worstState(parts: readonly HealthPart[]): HealthState {
  const worst = Math.max(0, ...parts.map((part) => HEALTH_STATES.indexOf(part.state)));
  return HEALTH_STATES[worst] ?? "failed";
}

export function encodeHealth(health: Health): Uint8Array {
  return encodeCbor([
    HEALTH_VERSION,
    Math.round(health.wallMs),
    health.version,
    Math.round(health.uptimeS),
    HEALTH_STATES.indexOf(health.state),
    health.parts.map((part) => [part.name, HEALTH_STATES.indexOf(part.state), part.text]),
  ]);
}

/** The JSON twin; its `version` is the message's, the program's is `program`. */
export function healthToJson(health: Health): Record<string, unknown> {
  return {
    version: HEALTH_VERSION,
    wallMs: Math.round(health.wallMs),
    program: health.version,
    uptimeS: Math.round(health.uptimeS),
    state: health.state,
    parts: health.parts,
  };
}

export function decodeHealth(bytes: Uint8Array): Health {
  const bounds = { maxBytes: 16_384, maxDepth: 3, maxItems: 512 };
  const fields = tuple(decodeCbor(bytes, bounds), 6, "health");
  version(fields[0], HEALTH_VERSION, "a health message");
  return {
    wallMs: integer(fields[1], "wall"),
    version: text(fields[2], "version"),
    uptimeS: integer(fields[3], "uptime"),
    state: wordAt(fields[4], HEALTH_STATES, "state"),
    parts: list(fields[5], 64, "parts").map((entry) => {
      const part = tuple(entry, 3, "part");
      return {
        name: text(part[0], "name"),
        state: wordAt(part[1], HEALTH_STATES, "part state"),
        text: text(part[2], "text", 1_024),
      };
    }),
  };
}

// Detectors on the wire. A client that owns a detector sends `[1, on]` (or `{"on": true}`) at
// least once per lease; the node tells everybody what it made of all of them:
//
//   [1, incarnation, sequence, wall, detector, on, failed]
import { decodeCbor, encodeCbor } from "./codec.ts";
import {
  flag,
  integer,
  looksLikeJson,
  optional,
  parseJson,
  record,
  text,
  tuple,
  version,
} from "./shape.ts";

export const DETECTOR_VERSION = 1;

const BOUNDS = { maxBytes: 512, maxDepth: 1, maxItems: 16 };

/** What a detector's client says: is there something on it now? */
export function decodeDetectorReport(bytes: Uint8Array): boolean {
  if (looksLikeJson(bytes)) {
    const fields = record(parseJson(bytes, BOUNDS.maxBytes), ["version", "on"], "detector");
    if (fields.version !== undefined) version(fields.version, DETECTOR_VERSION, "a detector");
    return flag(fields.on, "on");
  }
  const fields = tuple(decodeCbor(bytes, BOUNDS), 2, "detector");
  version(fields[0], DETECTOR_VERSION, "a detector");
  return flag(fields[1], "on");
}

export function encodeDetectorReport(on: boolean): Uint8Array {
  return encodeCbor([DETECTOR_VERSION, on]);
}

/** What the node publishes about one detector, vehicle or pedestrian. */
export interface DetectorState {
  readonly incarnation: number;
  readonly sequence: number;
  readonly wallMs: number;
  readonly detector: number;
  readonly on: boolean;
  /** Why the node does not believe it, or null while it works. */
  readonly failed: string | null;
}

export function encodeDetectorState(state: DetectorState): Uint8Array {
  const { incarnation, sequence, wallMs, detector, on, failed } = state;
  return encodeCbor([
    DETECTOR_VERSION,
    incarnation,
    sequence,
    Math.round(wallMs),
    detector,
    on,
    failed,
  ]);
}

export function decodeDetectorState(bytes: Uint8Array): DetectorState {
  const fields = tuple(decodeCbor(bytes, BOUNDS), 7, "detector");
  version(fields[0], DETECTOR_VERSION, "a detector");
  return {
    incarnation: integer(fields[1], "incarnation"),
    sequence: integer(fields[2], "sequence"),
    wallMs: integer(fields[3], "wall"),
    detector: integer(fields[4], "detector", 1, 65_535),
    on: flag(fields[5], "on"),
    failed: optional(fields[6], (value) => text(value, "failed")),
  };
}

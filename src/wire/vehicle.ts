// What a vehicle says of itself on `vehicle/{id}`, and what it is told about zones on `reply/{id}`.
//
//   report [1, sequence, at, lat, lon, speed, heading]
//   notice [1, kind, zone, at]
//
// The id in the topic is a pseudonym; nothing here names a person or a plate.
import { decodeCbor, encodeCbor } from "./codec.ts";
import { finite, integer, optional, text, tuple, version, wordAt } from "./shape.ts";

export const VEHICLE_VERSION = 1;

export interface VehicleReport {
  /** Rises by one with each report of this pseudonym. */
  readonly sequence: number;
  /** Wall clock of the vehicle when it was there, ms since 1970. */
  readonly atWallMs: number;
  /** WGS 84. */
  readonly latDeg: number;
  readonly lonDeg: number;
  readonly speedMps: number;
  /** Clockwise from north; null where it isn't known. */
  readonly headingDeg: number | null;
}

const NOTICES = ["zone-left", "zone-entered"] as const;

/** Deliveries of a zone's topics have stopped, or go on and a fresh SPaT follows. */
export interface ZoneNotice {
  readonly kind: (typeof NOTICES)[number];
  readonly zone: string;
  readonly atWallMs: number;
}

const BOUNDS = { maxBytes: 256, maxDepth: 1, maxItems: 16 };
/** Faster than anything on a street. */
const MAX_SPEED_MPS = 100;

export function encodeVehicleReport(report: VehicleReport): Uint8Array {
  const { sequence, atWallMs, latDeg, lonDeg, speedMps, headingDeg } = report;
  const at = Math.round(atWallMs);
  return encodeCbor([VEHICLE_VERSION, sequence, at, latDeg, lonDeg, speedMps, headingDeg]);
}

/** The report in `bytes`, every field checked; else a `WireError` that names the field. */
export function decodeVehicleReport(bytes: Uint8Array): VehicleReport {
  const fields = tuple(decodeCbor(bytes, BOUNDS), 7, "report");
  version(fields[0], VEHICLE_VERSION, "a vehicle's report");
  return {
    sequence: integer(fields[1], "sequence"),
    atWallMs: integer(fields[2], "at"),
    latDeg: finite(fields[3], "lat", -90, 90),
    lonDeg: finite(fields[4], "lon", -180, 180),
    speedMps: finite(fields[5], "speed", 0, MAX_SPEED_MPS),
    headingDeg: optional(fields[6], (value) => finite(value, "heading", 0, 360)),
  };
}

export function encodeZoneNotice({ kind, zone, atWallMs }: ZoneNotice): Uint8Array {
  return encodeCbor([VEHICLE_VERSION, NOTICES.indexOf(kind), zone, Math.round(atWallMs)]);
}

/** The notice in `bytes`, every field checked; else a `WireError` that names the field. */
export function decodeZoneNotice(bytes: Uint8Array): ZoneNotice {
  const fields = tuple(decodeCbor(bytes, BOUNDS), 4, "notice");
  version(fields[0], VEHICLE_VERSION, "a zone's notice");
  return {
    kind: wordAt(fields[1], NOTICES, "kind"),
    zone: text(fields[2], "zone", 32),
    atWallMs: integer(fields[3], "at"),
  };
}

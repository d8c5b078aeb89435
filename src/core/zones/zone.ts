// A zone as the site model has it: a named polygon and what it scopes. Zones scope load and data;
// a position is what a vehicle says of itself, so nothing that moves a lamp is granted by a zone.

export const ZONE_ROLES = ["vehicle", "sensor", "operator", "reader"] as const;
export type ZoneRole = (typeof ZONE_ROLES)[number];

/** Classes of topics whose deliveries a zone may scope. A reply always reaches who has asked. */
export const RECEIVE_CLASSES = [
  "spat",
  "map",
  "state",
  "events",
  "detector",
  "vehicle",
  "health",
  "aggregate",
] as const;
export type ReceiveClass = (typeof RECEIVE_CLASSES)[number];

/**
 * Classes that a zone may keep from being published outside. `vehicle` is none of them: positions
 * must arrive from everywhere, or nobody could ever enter.
 */
export const PUBLISH_CLASSES = ["detector", "command"] as const;
export type PublishClass = (typeof PUBLISH_CLASSES)[number];

/** WGS 84. */
export interface Corner {
  readonly latDeg: number;
  readonly lonDeg: number;
}

/** Corners in order, either way around; the last is joined to the first and is not that again. */
export type Outline = readonly Corner[];

export interface ZoneShape {
  readonly outline: Outline;
  /** Each inside the outline, apart from it and from the others. */
  readonly holes: readonly Outline[];
}

export interface Zone extends ZoneShape {
  readonly name: string;
  /** Who is inside leaves only farther than this from the zone. */
  readonly hysteresisM: number;
  /** Who must be inside for what follows; all others are not asked for a position. */
  readonly roles: readonly ZoneRole[];
  readonly receive: readonly ReceiveClass[];
  readonly publish: readonly PublishClass[];
  /** The approach that it belongs to, or null. */
  readonly approach: string | null;
}

/** A set of zones is the bits of one 32-bit number. */
export const MAX_ZONES = 32;

/** Corners of one outline or hole. */
export const MAX_CORNERS = 100;
export const MAX_HOLES = 8;

/** The most that a zone may ask of somebody before he is believed to have left. */
export const MAX_HYSTERESIS_M = 100;

/** How far from the junction a corner may lie. */
export const MAX_DISTANCE_M = 5_000;

/** Nearer to the poles a plane of latitude and longitude is no picture of the ground. */
export const MAX_LATITUDE_DEG = 85;

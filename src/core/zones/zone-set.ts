// All zones of a site, made ready once. A set of them is the bits of one 32-bit number, bit 0 the
// first zone of the site file, so that a right is checked by one `&`.
import { Polygon } from "./polygon.ts";
import { MAX_ZONES, type Zone } from "./zone.ts";

export interface PreparedZone {
  readonly zone: Zone;
  readonly polygon: Polygon;
  readonly bit: number;
}

export class ZoneSet {
  readonly zones: readonly PreparedZone[];

  /** Zones that the site file's rules have let through; throws a RangeError where they are none. */
  constructor(zones: readonly Zone[]) {
    if (zones.length > MAX_ZONES) throw new RangeError(`more than ${MAX_ZONES} zones`);
    this.zones = zones.map((zone, at) => ({ zone, polygon: new Polygon(zone), bit: 1 << at }));
  }

  /**
   * The zones that somebody at this place is in, who was in `before`: those he was in keep him up
   * to their hysteresis outside, the others take him from their edge on.
   */
  around(latDeg: number, lonDeg: number, before: number): number {
    let inside = 0;
    for (const { zone, polygon, bit } of this.zones) {
      if (polygon.contains(latDeg, lonDeg)) inside |= bit;
      else if ((before & bit) !== 0 && zone.hysteresisM > 0) {
        if (polygon.distanceToEdgeM(latDeg, lonDeg) <= zone.hysteresisM) inside |= bit;
      }
    }
    return inside;
  }
}

// Zones for the tests of zone scope: a line and a ring of four, and what is said and known there.
import { leaseNow } from "../../src/core/state/lease.ts";
import { type Links, Zone } from "./machines.ts";

export const LINE: Links = { a: ["b"], b: ["a", "c"], c: ["b", "d"], d: ["c"] };
export const RING: Links = { a: ["b", "d"], b: ["a", "c"], c: ["b", "d"], d: ["c", "a"] };

export function started(links: Links): Zone {
  const zone = new Zone(links);
  for (const id of Object.keys(links)) zone.start(id);
  zone.run(3_000);
  return zone;
}

export function fault(zone: Zone, id: string, part: string, active = true): void {
  zone.commit(id, { kind: "fault", body: [part, active, "text"] });
}

export function faultsAt(zone: Zone, id: string): string[] {
  const elements = zone
    .mesh(id)
    .replica(2)
    .elements("faults", leaseNow(zone.now(id)));
  return elements.map(({ key }) => String(key));
}

/** What is read there by the clock there. */
export function wishAt(zone: Zone, id: string, direction = "north"): unknown {
  return zone.mesh(id).wishes.read(direction, zone.now(id))?.value;
}

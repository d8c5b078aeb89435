// A street of junctions `j1`, `j2` … of links of 200 m, each on a broker of its own, for tests.
import type { Junction, Link, Route } from "../../src/vehicle/route.ts";

export function junction(id: string): Junction {
  return { region: "test", zone: "zone", id, url: `mqtt://${id}:1883` };
}

export function link(id: string, end: string | null): Link {
  const by = { phase: 2 };
  const line = end === null ? null : { junction: junction(end), by };
  return { id, lengthM: 200, speedMps: 10, end: line };
}

export function route(id: string, links: readonly Link[]): Route {
  return { id, links };
}

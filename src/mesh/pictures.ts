// What the machine shows of itself: a view of each neighbour, and the figures. Made
// when they are asked for; nothing is decided from them.
import type { Replica } from "../core/state/replica.ts";
import type { Birth } from "./birth.ts";
import type { CustodyOwner } from "./custody-owner.ts";
import type { LinkScope } from "./link.ts";
import type { MeshFigures, MeshNow, NeighbourView, PhaseReport } from "./mesh-types.ts";
import type { Neighbour } from "./neighbour.ts";
import type { Outbox } from "./out.ts";
import { PHASE_DISPLAYS } from "./own-state.ts";
import type { Registry } from "./registry.ts";

export interface Sources {
  readonly id: string;
  readonly out: Outbox;
  readonly birth: Birth;
  readonly registry: Registry;
  readonly link: LinkScope;
  readonly control: Replica;
  readonly sensor: Replica;
  readonly custody: CustodyOwner;
}

export function viewOf(neighbour: Neighbour, sources: Sources, now: MeshNow): NeighbourView {
  const { id, cachedAtMs, heardMs, completeAtMs } = neighbour;
  const cached = cachedAtMs !== null;
  const heardAgeMs = heardMs === null ? null : now.monoMs - heardMs;
  const cachedAgeMs = cachedAtMs === null ? null : Math.max(0, now.wallMs - cachedAtMs);
  const incarnation = neighbour.introduced?.incarnation ?? 0;
  const known = sources.control.version(id)?.incarnation ?? 0;
  return {
    id,
    up: neighbour.up,
    incarnation: Math.max(incarnation, known),
    ageMs: heardAgeMs ?? cachedAgeMs,
    lagMs: completeAtMs === null ? null : Math.max(0, now.wallMs - completeAtMs),
    // What was known before this start is shown, not used, until the neighbour has spoken.
    stale: cached || neighbour.isStale(now.monoMs),
    cached,
    distrusted: neighbour.distrusted,
    phases: phasesOf(id, sources.control),
    behind: sources.link.behind(neighbour),
    vehicles: vehiclesOf(id, sources.sensor),
    receivedBytes: neighbour.receivedBytes,
  };
}

function phasesOf(id: string, control: Replica): PhaseReport[] {
  const reports: PhaseReport[] = [];
  for (const key of control.keys("phase", id)) {
    const value = control.register("phase", id, key);
    if (!Array.isArray(value) || typeof key !== "number") continue;
    const [display, end] = value;
    reports.push({
      phase: key,
      display: PHASE_DISPLAYS[Number(display)] ?? "unknown",
      predictedEndWallMs: typeof end === "number" ? end : null,
    });
  }
  return reports;
}

function vehiclesOf(id: string, sensor: Replica): number {
  let vehicles = 0;
  for (const key of sensor.keys("counted", id)) vehicles += sensor.total("counted", key, id);
  return vehicles;
}

export function figuresOf(views: readonly NeighbourView[], sources: Sources): MeshFigures {
  const { birth, link, out, custody, id } = sources;
  const lags = views.map(
    ({ id: one, lagMs }) => [one, lagMs === null ? null : lagMs / 1_000] as const,
  );
  return {
    state: birth.state,
    eventLagSeconds: new Map(lags),
    deltas: link.deltas,
    deltaBytes: link.deltaBytes,
    counts: out.counts(),
    isolated: views.every(({ stale }) => stale),
    coordination: birth.state !== "off" && !out.stands("twin", id),
    custodian: custody.custodian,
    replicated: custody.replicated,
  };
}

// What the machine shows of itself: a view of each neighbour, and the figures. Made
// when they are asked for; nothing is decided from them.
import { leaseNow } from "../core/state/lease.ts";
import type { Replica } from "../core/state/replica.ts";
import { type Agreement, planIn } from "./agreement.ts";
import { departuresOf } from "./announcement.ts";
import type { Birth } from "./birth.ts";
import type { CustodyOwner } from "./custody-owner.ts";
import type { LinkScope } from "./link.ts";
import type {
  CorridorNews,
  MeshFigures,
  MeshNow,
  NeighbourView,
  PhaseReport,
} from "./mesh-types.ts";
import type { Neighbour } from "./neighbour.ts";
import type { Outbox } from "./out.ts";
import type { Registry } from "./registry.ts";
import { PHASE_DISPLAYS } from "./told-phases.ts";

export interface Sources {
  readonly id: string;
  readonly out: Outbox;
  readonly birth: Birth;
  readonly registry: Registry;
  readonly link: LinkScope;
  readonly control: Replica;
  readonly sensor: Replica;
  readonly zoneSensor: Replica;
  readonly custody: CustodyOwner;
  readonly agreement: Agreement;
}

export function viewOf(neighbour: Neighbour, sources: Sources, now: MeshNow): NeighbourView {
  const { id, cachedAtMs, heardMs } = neighbour;
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
    lagMs: lagMsOf(neighbour, now),
    stale: isStale(neighbour, now),
    cached,
    distrusted: neighbour.distrusted,
    differs: sources.agreement.difference(id),
    plan: planIn(sources.control, id),
    phases: phasesOf(id, sources.control),
    behind: sources.link.behind(neighbour),
    vehicles: sources.sensor.totalOfAll("counted", id),
    receivedBytes: neighbour.receivedBytes,
  };
}

/** What coordination may know of a neighbour: nothing that is from before this start. */
export function newsOf(neighbour: Neighbour, sources: Sources): CorridorNews {
  const { id, distrusted } = neighbour;
  const { agreement, birth, control, out } = sources;
  const known = neighbour.completeAtMs !== null && neighbour.cachedAtMs === null;
  const up = neighbour.up && known;
  const twin = birth.state === "off" || out.stands("twin", sources.id);
  const why = twin
    ? "two machines have this node's name"
    : (distrusted ?? agreement.difference(id));
  const departures = departuresOf(control.register("departures", id, sources.id));
  return { neighbour: id, up, agrees: why === null, why, departures: known ? departures : null };
}

function lagMsOf({ completeAtMs }: Neighbour, now: MeshNow): number | null {
  return completeAtMs === null ? null : Math.max(0, now.wallMs - completeAtMs);
}

/** What was known before this start is shown, not used, until the neighbour has spoken. */
function isStale(neighbour: Neighbour, now: MeshNow): boolean {
  return neighbour.cachedAtMs !== null || neighbour.isStale(now.monoMs);
}

function phasesOf(id: string, control: Replica): PhaseReport[] {
  const reports: PhaseReport[] = [];
  for (const [key, value] of control.registers("phase", id)) {
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

export function figuresOf(
  neighbours: ReadonlyMap<string, Neighbour>,
  sources: Sources,
  now: MeshNow,
): MeshFigures {
  const { birth, link, out, custody, id } = sources;
  const eventLagSeconds = new Map<string, number | null>();
  let isolated = true;
  for (const [one, neighbour] of neighbours) {
    const lagMs = lagMsOf(neighbour, now);
    eventLagSeconds.set(one, lagMs === null ? null : lagMs / 1_000);
    isolated &&= isStale(neighbour, now);
  }
  return {
    state: birth.state,
    eventLagSeconds,
    deltas: link.deltas,
    deltaBytes: link.deltaBytes,
    counts: out.counts(),
    zoneVehicles: sources.zoneSensor.elements("vehicles", leaseNow(now)).length,
    isolated,
    coordination: birth.state !== "off" && !out.stands("twin", id),
    custodian: custody.custodian,
    replicated: custody.replicated,
  };
}

// The mesh thread's part of page, health and metrics, from what its machine knows. Pure.
import type { NeighbourPhase, NeighbourPicture } from "../core/site/neighbours.ts";
import type { CacheFigures } from "../mesh/cache.ts";
import type { MeshFigures, MeshState, NeighbourView, PhaseReport } from "../mesh/mesh-types.ts";
import type { Figure } from "../observe/metrics.ts";
import type { HealthPart } from "../wire/health.ts";
import type { MeshPicture } from "./messages.ts";

export interface MeshSight {
  readonly wallMs: number;
  readonly neighbours: readonly NeighbourView[];
  readonly figures: MeshFigures;
  readonly cache: CacheFigures;
  /** What the lanes refused, by reason. */
  readonly refusals: ReadonlyMap<string, number>;
  /** Age of the newest state that is kept of a neighbour, ms; null where nothing is. */
  readonly keptMs: (id: string) => number | null;
  /** Spans beyond the thread's share. */
  readonly spansDropped: number;
}

const DISPLAYS: readonly NeighbourPhase["display"][] = ["red", "green", "yellow", "red-clearance"];

/** Nothing while the neighbour is not in control: its lamps may flash, whatever its phases say. */
function phaseOf({ phase, display, predictedEndWallMs }: PhaseReport): NeighbourPhase[] {
  const known = DISPLAYS.find((word) => word === display);
  return known === undefined ? [] : [{ phase, display: known, endWallMs: predictedEndWallMs }];
}

function neighbourOf(view: NeighbourView, keptMs: number | null): NeighbourPicture {
  const cached = view.cached ? "from before this start" : null;
  return {
    id: view.id,
    linkUp: view.up,
    stale: view.stale,
    incarnation: view.incarnation,
    // After a restart, until it is heard: how old what was known before has become.
    ageMs: view.ageMs ?? keptMs,
    lagMs: view.lagMs,
    phases: view.phases.flatMap(phaseOf),
    vehicles: view.vehicles,
    deltaBytes: view.receivedBytes,
    trouble: view.distrusted ?? view.differs ?? cached,
    plan: view.plan,
  };
}

const STATE_WORDS: Readonly<Record<MeshState, string>> = {
  unstarted: "Waits for the log before it shares anything.",
  asking: "Shares nothing until a neighbour has said what it knows of this node.",
  raising: "Takes a new incarnation.",
  sharing: "Shares its state.",
  off: "Two machines have this node's name; coordination is off.",
};

function partOf({ neighbours, figures }: MeshSight): HealthPart {
  const heard = neighbours.filter(({ stale }) => !stale).length;
  const text = `${heard} of ${neighbours.length} heard. ${STATE_WORDS[figures.state]}`;
  if (figures.state === "off") return { name: "neighbours", state: "failed", text };
  const troubles = neighbours.flatMap(({ id, distrusted }) => {
    return distrusted === null ? [] : [` ${id}: ${distrusted}.`];
  });
  const trusts = troubles.length === 0;
  const well = heard === neighbours.length && figures.state === "sharing" && trusts;
  return { name: "neighbours", state: well ? "ok" : "degraded", text: text + troubles.join("") };
}

function figuresOf({ figures, cache, refusals, spansDropped }: MeshSight): Figure[] {
  const found: Figure[] = [
    { name: "delta_bytes", help: "Bytes of changes sent, repeats too", value: figures.deltaBytes },
    { name: "stopline_deltas_total", help: "Changes sent, repeats too", value: figures.deltas },
    { name: "cache_hits_total", help: "Cache reads that found something", value: cache.hits },
    { name: "cache_requests_total", help: "Cache reads", value: cache.requests },
    {
      name: "stopline_zone_vehicles",
      help: "Vehicles in the zone, whoever saw them",
      value: figures.zoneVehicles,
    },
    { name: "stopline_cache_bytes", help: "Held in memory of neighbours", value: cache.bytes },
  ];
  if (figures.replicated !== null) {
    const help = "Newest row of this log that a custodian has on its disk";
    found.push({ name: "stopline_replicated_seq", help, value: figures.replicated.seq });
  }
  for (const [neighbour, seconds] of figures.eventLagSeconds) {
    if (seconds === null) continue;
    const help = "Now minus the time of the newest event applied from a neighbour";
    found.push({ name: "event_lag_seconds", help, value: seconds, labels: { neighbour } });
  }
  for (const [reason, value] of figures.counts) {
    const help = "What came from neighbours and was refused or worth counting";
    found.push({ name: "stopline_mesh_counts_total", help, value, labels: { reason } });
  }
  for (const [reason, value] of refusals) {
    const help = "Connections and datagrams of who is not believed";
    found.push({ name: "stopline_link_refused_total", help, value, labels: { reason } });
  }
  if (spansDropped > 0) {
    const help = "Events lost, by class and reason";
    const labels = { class: "span", reason: "rate-mesh" };
    found.push({ name: "event_dropped_total", help, value: spansDropped, labels });
  }
  return found;
}

/** What page, health and metrics get. */
export function meshPicture(sight: MeshSight): MeshPicture {
  const neighbours = {
    wallMs: sight.wallMs,
    neighbours: sight.neighbours.map((view) => neighbourOf(view, sight.keptMs(view.id))),
  };
  return { neighbours, part: partOf(sight), figures: figuresOf(sight) };
}

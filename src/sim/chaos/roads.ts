// The roads between neighbours of a corridor: each end dials the other through a bad road of its
// own for each lane, so that both directions of both lanes can be spoiled.
import type { Timers } from "../../log/timers.ts";
import { CLEAR_ROAD, type RoadCounts, type RoadFaults } from "../proxy/road.ts";
import type { ScriptStep, Way } from "../proxy/script.ts";
import { TcpProxy } from "../proxy/tcp-proxy.ts";
import { UdpProxy } from "../proxy/udp-proxy.ts";
import type { ChaosFault } from "./plan.ts";

type Lane = "fast" | "reliable";

/** Half a second on, half a second off. */
const FLAP_MS = 500;

/** What a kind of weather sets, by how bad it is; null for what is no weather. */
function weather({ kind, much }: ChaosFault): Partial<RoadFaults> | null {
  switch (kind) {
    case "cut":
    case "one-way-cut":
    case "flapping-cut":
    case "black-hole":
      return { blackHole: true };
    case "delay":
      return { delayMs: 20 + 480 * much };
    case "jitter":
      return { jitterMs: 10 + 190 * much };
    case "loss":
      return { loss: 0.05 + 0.35 * much };
    case "duplication":
      return { duplication: 0.2 + 0.6 * much };
    case "reordering":
      return { reordering: 0.2 + 0.5 * much };
    case "bandwidth":
      return { bytesPerS: 2_000 + 60_000 * much };
    default:
      return null;
  }
}

/** The same names as they are on a clear road. */
function cleared(set: Partial<RoadFaults>): Partial<RoadFaults> {
  const names = Object.keys(set) as (keyof RoadFaults)[];
  return Object.fromEntries(names.map((name) => [name, CLEAR_ROAD[name]]));
}

/**
 * What one proxy does for a fault of its road, times from the fault's beginning. `bound`: where
 * those go who dial through it.
 */
export function stepsOf(fault: ChaosFault, lane: Lane, bound: "north" | "south"): ScriptStep[] {
  const { kind, forMs, way } = fault;
  if (kind === "reset") return lane === "reliable" ? [{ atMs: 0, reset: true }] : [];
  const set = weather(fault);
  if (set === null || (kind === "black-hole" && lane === "reliable")) return [];
  const ways: { way?: Way } = way === null ? {} : { way: way === bound ? "there" : "back" };
  const steps: ScriptStep[] = [];
  const slice = kind === "flapping-cut" ? FLAP_MS : Math.max(1, forMs);
  for (let atMs = 0; atMs < forMs; atMs += 2 * slice) {
    steps.push({ ...ways, atMs, set });
    steps.push({ ...ways, atMs: Math.min(forMs, atMs + slice), set: cleared(set) });
  }
  // What was cut for long has lost its connections.
  if (kind === "cut") steps.push({ atMs: forMs, reset: true });
  return steps;
}

/** One end's way to the other. */
export interface RoadPlace {
  readonly from: number;
  readonly to: number;
  /** Where the other end listens itself. */
  readonly fastPort: number;
  readonly reliablePort: number;
}

interface Open {
  readonly place: RoadPlace;
  readonly fast: UdpProxy;
  readonly reliable: TcpProxy;
}

export class Roads {
  readonly #open: readonly Open[];

  private constructor(open: readonly Open[]) {
    this.#open = open;
  }

  static async open(places: readonly RoadPlace[], seed: number, timers: Timers): Promise<Roads> {
    const open: Open[] = [];
    for (const [index, place] of places.entries()) {
      const script = { seed: seed * 1_000 + index, steps: [] };
      const [fast, reliable] = [
        await UdpProxy.open({ targetPort: place.fastPort, script, timers }),
        await TcpProxy.open({ targetPort: place.reliablePort, script, timers }),
      ];
      open.push({ place, fast, reliable });
    }
    return new Roads(open);
  }

  /** Ports by which `from` reaches `to`. */
  ports(from: number, to: number): { readonly fast: number; readonly reliable: number } {
    const found = this.#open.find(({ place }) => place.from === from && place.to === to);
    if (found === undefined) throw new Error(`no road from ${from} to ${to}`);
    return { fast: found.fast.port, reliable: found.reliable.port };
  }

  /** Lets the weather of a fault begin now; it ends by itself. */
  begin(fault: ChaosFault): void {
    for (const { place, fast, reliable } of this.#open) {
      if (Math.min(place.from, place.to) !== fault.at) continue;
      const bound = place.from < place.to ? "north" : "south";
      fast.play(stepsOf(fault, "fast", bound));
      reliable.play(stepsOf(fault, "reliable", bound));
    }
  }

  /** What has happened to everything on all roads. */
  counts(): RoadCounts {
    const all = this.#open.flatMap(({ fast, reliable }) => [fast.counts, reliable.counts]);
    const sum = (name: keyof RoadCounts): number =>
      all.reduce((total, counts) => total + counts[name], 0);
    return {
      passed: sum("passed"),
      bytes: sum("bytes"),
      lost: sum("lost"),
      doubled: sum("doubled"),
      reordered: sum("reordered"),
      swallowed: sum("swallowed"),
      crowdedOut: sum("crowdedOut"),
      resets: sum("resets"),
    };
  }

  close(): void {
    for (const { fast, reliable } of this.#open) {
      fast.close();
      reliable.close();
    }
  }
}

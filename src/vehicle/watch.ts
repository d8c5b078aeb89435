// One junction that a vehicle listens to: its belief, its map, and when to subscribe (again).
//
// SUBSCRIBE is sent when the connection comes up, and again, with a growing pause, while the
// channel is not proven: the node answers each with a fresh message (`channel.ts`).
import type { SiteMap } from "../wire/map.ts";
import type { Spat } from "../wire/spat.ts";
import { JunctionBelief, type PhaseBelief, unknownLight } from "./belief.ts";
import { type Junction, junctionKey, type StopLine } from "./route.ts";

/** From the first to the second SUBSCRIBE; each further pause is twice as long. */
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 16_000;

export class Watch {
  readonly junction: Junction;
  readonly key: string;
  readonly belief = new JunctionBelief();
  #map: SiteMap | null = null;
  #connected = false;
  #heard = false;
  #shown: Spat | null = null;
  #ask = 0;
  #askFromMs = Number.NEGATIVE_INFINITY;
  #pauseMs = FIRST_PAUSE_MS;

  constructor(junction: Junction) {
    this.junction = junction;
    this.key = junctionKey(junction);
  }

  /** A message has come since the connection was made: nothing is missed from here on. */
  get ready(): boolean {
    return this.#connected && this.#heard;
  }

  connected(up: boolean): void {
    this.#connected = up;
    this.#heard = false;
    this.#askFromMs = Number.NEGATIVE_INFINITY;
    this.#pauseMs = FIRST_PAUSE_MS;
    if (!up) this.belief.disconnected();
  }

  /** When a SUBSCRIBE is due, ms; null while none is. */
  dueAtMs(nowMs: number): number | null {
    if (!this.#connected) return null;
    return this.#heard && !this.belief.wantsProof(nowMs) ? null : this.#askFromMs;
  }

  /** A SUBSCRIBE leaves now; its number, and whether it is the connection's first. */
  subscribe(nowMs: number): { readonly ask: number; readonly first: boolean } {
    const first = this.#askFromMs === Number.NEGATIVE_INFINITY;
    this.#askFromMs = nowMs + this.#pauseMs;
    this.#pauseMs = Math.min(LONGEST_PAUSE_MS, this.#pauseMs * 2);
    this.#ask = this.belief.asked(nowMs);
    return { ask: this.#ask, first };
  }

  granted(ask: number): void {
    this.belief.granted(ask);
  }

  /** Not granted: asked again after the longest pause. */
  refused(ask: number, nowMs: number): void {
    if (ask === this.#ask) this.#askFromMs = nowMs + LONGEST_PAUSE_MS;
  }

  /** Takes a message; what became of it, and whether it shows something else than the last. */
  hear(spat: Spat, nowMs: number): { readonly taken: boolean; readonly changed: boolean } {
    const taken = this.belief.hear(spat, nowMs) === "taken";
    // The first on a connection is an answer, made when it was asked for.
    const changed = taken && this.#heard && !showsSame(spat, this.#shown);
    if (taken) this.#shown = spat;
    this.#heard = true;
    if (!this.belief.wantsProof(nowMs)) this.#pauseMs = FIRST_PAUSE_MS;
    return { taken, changed };
  }

  /** The zone's deliveries stopped, or go on: what was asked for outside is then asked for anew. */
  zone(entered: boolean): void {
    if (!entered) {
      this.belief.drop("left-zone");
      return;
    }
    this.#askFromMs = Number.NEGATIVE_INFINITY;
    this.#pauseMs = FIRST_PAUSE_MS;
  }

  learn(map: SiteMap): void {
    this.#map = map;
  }

  /** The phase of a stop line; null where its map has not come or has no such movement. */
  phaseOf({ by }: StopLine): number | null {
    if ("phase" in by) return by.phase;
    const lanes = this.#map?.approaches.find(({ id }) => id === by.approach)?.lanes ?? [];
    const movements = lanes.flatMap((lane) => lane.movements);
    return movements.find(({ movement }) => movement === by.movement)?.phase ?? null;
  }

  lightOf(line: StopLine, nowMs: number): PhaseBelief {
    const phase = this.phaseOf(line);
    return phase === null ? unknownLight("no-phase") : this.belief.of(phase, nowMs);
  }

  /** When belief in a line's light changes by time alone, ms. */
  changesAtMs(line: StopLine, nowMs: number): number | null {
    const phase = this.phaseOf(line);
    return phase === null ? null : this.belief.changesAtMs(phase, nowMs);
  }
}

function showsSame({ mode, lamps }: Spat, before: Spat | null): boolean {
  if (before === null || mode !== before.mode || lamps.length !== before.lamps.length) return false;
  return lamps.every((code, index) => code === before.lamps[index]);
}

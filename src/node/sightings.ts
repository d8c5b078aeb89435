// Vehicles that the broker saw, on their way from the service thread to the mesh thread: over a
// channel between the two, so that no crowd of vehicles comes by the control thread. Of each the
// newest waits, so many at most, and a message goes only when the one before it was taken.
import type { Sighting } from "../broker/zones.ts";
import { FIELDS } from "../core/state/schema.ts";
import type { ChannelPort } from "../log/channel.ts";

/** Twice a second: a lease lasts thirty. */
export const SIGHTINGS_EVERY_MS = 500;
/** More than the zone's set holds are of no use to it. */
const MAX_WAITING = FIELDS.vehicles.maxKeys;

/** What crosses the channel. */
export interface SightingsMessage {
  readonly sightings: readonly Sighting[];
}

/** The service thread's end. */
export class Sightings {
  readonly #waiting = new Map<string, Sighting>();
  #port: ChannelPort | null = null;
  /** A message is under way. */
  #busy = false;
  passed = 0;
  /** Those that found no room, or no mesh thread that takes them. */
  dropped = 0;

  /** A mesh thread listens: perhaps a new one, which knows nothing of what was under way. */
  attach(port: ChannelPort): void {
    this.#port?.close();
    this.#port = port;
    this.#busy = false;
    port.on("message", () => {
      this.#busy = false;
    });
  }

  take(sighting: Sighting): void {
    const { vehicle } = sighting;
    const fits = this.#waiting.has(vehicle) || this.#waiting.size < MAX_WAITING;
    if (this.#port === null || !fits) this.dropped += 1;
    else this.#waiting.set(vehicle, sighting);
  }

  /** Every SIGHTINGS_EVERY_MS. */
  flush(): void {
    if (this.#port === null || this.#busy || this.#waiting.size === 0) return;
    const sightings = [...this.#waiting.values()];
    this.#waiting.clear();
    this.#busy = true;
    this.passed += sightings.length;
    this.#port.postMessage({ sightings } satisfies SightingsMessage);
  }

  close(): void {
    this.#port?.close();
    this.#port = null;
  }
}

/** The mesh thread's end: each sighting, and then that the message was taken. */
export function hearSightings(port: ChannelPort, see: (sighting: Sighting) => void): void {
  port.on("message", (message) => {
    for (const sighting of (message as SightingsMessage).sightings) see(sighting);
    port.postMessage("taken");
  });
}

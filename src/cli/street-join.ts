// Streets of virtual cabinets on one machine, joined: who leaves one of them comes to the next when
// the road between them has been driven. Vehicles cross as datagrams on loopback, between the
// threads of the streets: they are the world outside, of which no node hears but by its detectors.
import { createSocket, type Socket } from "node:dgram";
import type { SiteModel, StreetRoad } from "../core/site/model.ts";
import { driveMs, roadOf } from "../sim/street/roads.ts";
import type { VirtualStreet } from "../sim/street/street.ts";

const HOST = "127.0.0.1";
const VERSION = 1;
/** A vehicle is some hundred bytes. */
const MAX_BYTES = 512;
/** Nobody is longer on the way than this; what says so is not one of our vehicles. */
const MAX_DRIVE_MS = 3_600_000;
const ID = /^[\x21-\x7e]{1,64}$/;

/** Somebody on the way from one street to another. */
export interface Passing {
  readonly id: string;
  /** On which it arrives there. */
  readonly approach: string;
  /** When it left, and the road from there; the rest is the other street's affair. */
  readonly leftWallMs: number;
  readonly lengthM: number;
  readonly speedMps: number;
}

export function encodePassing(passing: Passing): Uint8Array {
  const { id, approach, leftWallMs, lengthM, speedMps } = passing;
  return Buffer.from(JSON.stringify([VERSION, id, approach, leftWallMs, lengthM, speedMps]));
}

/** Null for what is no vehicle. */
export function decodePassing(bytes: Uint8Array): Passing | null {
  if (bytes.length > MAX_BYTES) return null;
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(bytes).toString("utf8"));
  } catch {
    return null;
  }
  if (!Array.isArray(value) || value.length !== 6 || value[0] !== VERSION) return null;
  const [, id, approach, leftWallMs, lengthM, speedMps] = value as unknown[];
  if (typeof id !== "string" || !ID.test(id) || typeof approach !== "string") return null;
  const numbers = [leftWallMs, lengthM, speedMps];
  if (!numbers.every((one) => typeof one === "number" && Number.isFinite(one) && one > 0)) {
    return null;
  }
  return { id, approach, leftWallMs, lengthM, speedMps } as Passing;
}

export class StreetLink {
  readonly #site: SiteModel;
  readonly #street: VirtualStreet;
  readonly #socket: Socket;
  readonly #roads: readonly StreetRoad[];
  /** One clock for all streets of the machine. */
  readonly #wallMs: () => number;
  /** The street's clock at its newest step. */
  #nowMs = 0;

  constructor(
    site: SiteModel,
    street: VirtualStreet,
    roads: readonly StreetRoad[],
    wallMs: () => number = Date.now,
  ) {
    this.#wallMs = wallMs;
    this.#site = site;
    this.#street = street;
    this.#roads = roads;
    this.#socket = createSocket("udp4");
    this.#socket.on("message", (bytes) => this.#take(bytes));
  }

  /** Listens; `onError` says what has gone wrong, now or later: then nobody comes or goes. */
  open(port: number, onError: (text: string) => void): void {
    this.#socket.on("error", (error) =>
      onError(`UDP port ${port} of the street: ${error.message}`),
    );
    this.#socket.bind(port, HOST);
    this.#socket.unref();
  }

  /** Who has left goes on its way. `nowMs` is the street's clock. */
  advance(nowMs: number): void {
    this.#nowMs = nowMs;
    for (const vehicle of this.#street.leaving()) {
      const road = roadOf(vehicle, this.#roads, this.#site.approaches);
      if (road === undefined) continue;
      const { farApproach: approach, lengthM, speedMps, port } = road;
      const leftWallMs = this.#wallMs() - (nowMs - vehicle.atMs);
      const passing = { id: vehicle.id, approach, leftWallMs, lengthM, speedMps };
      // Whoever is not there yet misses the vehicle: it took another way.
      this.#socket.send(encodePassing(passing), port, HOST, () => undefined);
    }
  }

  #take(bytes: Uint8Array): void {
    const passing = decodePassing(bytes);
    if (passing === null) return;
    const { id, leftWallMs } = passing;
    const approach = this.#site.approaches.find((one) => one.id === passing.approach);
    if (approach === undefined) return;
    const inMs = leftWallMs + driveMs(passing, approach) - this.#wallMs();
    if (inMs > MAX_DRIVE_MS) return;
    this.#street.enter({ id, approach: approach.id, atMs: this.#nowMs + inMs });
  }

  close(): void {
    this.#socket.close();
  }
}

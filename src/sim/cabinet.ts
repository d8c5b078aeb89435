// A cabinet at its junction: the safety core with its lamps, the traffic that obeys them, the
// person with the key, and the cable to the board. It has its own supply and its own clock: nothing
// that happens to the node stops it.
import type { CabinetPort } from "../cabinet/port.ts";
import { VirtualCabinet } from "../cabinet/virtual.ts";
import type { SiteModel } from "../core/site/model.ts";
import type { LampMasks } from "../wire/frame-types.ts";
import type { Random } from "./random.ts";
import {
  createStreet,
  type EnteringVehicle,
  type LeavingVehicle,
  type VirtualStreet,
} from "./street/street.ts";
import type { SimThread } from "./thread.ts";
import type { VirtualTime } from "./time.ts";

/** How often the board reads its cable: the latency timer of a USB serial converter. */
const READ_MS = 20;
/** The street moves in steps of its own. */
const STREET_MS = 100;
/** Bytes that the system keeps for a process that does not read. */
const TTY_BYTES = 4_096;

export interface SimCabinetOptions {
  readonly site: SiteModel;
  readonly time: VirtualTime;
  readonly random: Random;
  /** Told of each change of what shines, with the true time. */
  readonly onLamps: (lamps: LampMasks, atMs: number) => void;
  /** Told of all bytes either way. */
  readonly onBytes: (bytes: Uint8Array) => void;
}

export class SimCabinet {
  readonly cabinet: VirtualCabinet;
  readonly site: SiteModel;
  /** Told of who has left the junction. */
  onLeaving: (vehicle: LeavingVehicle) => void = () => undefined;
  readonly #options: SimCabinetOptions;
  readonly #street: VirtualStreet;
  readonly #cableMs: number;
  /** Inputs that something holds, whatever the street does. */
  readonly #forced = new Map<number, boolean>();
  readonly #inputs = new Map<number, boolean>();
  #plugged = true;
  #broken = false;
  #port: SimPort | null = null;
  #lit: LampMasks = { red: -1, yellow: 0, green: 0 };
  #streetMs = 0;
  #disturbedMs = Number.NEGATIVE_INFINITY;
  #lastWriteMs = 0;

  constructor(options: SimCabinetOptions) {
    const { site, time, random } = options;
    this.#options = options;
    this.site = site;
    // A microcontroller's crystal or resonator against true time.
    this.cabinet = new VirtualCabinet({ site, clockRate: 1 + random.between(-0.003, 0.003) });
    this.#cableMs = random.between(0.2, 6);
    this.#street = createStreet(site, random.word(), {
      scale: random.between(0.4, 1.2),
      joined: site.neighbours.flatMap(({ road }) => (road === null ? [] : [road.approach])),
    });
    this.cabinet.onBytes = (bytes) => this.#port?.arrive(bytes);
    time.after(random.between(1, READ_MS), () => this.#read());
  }

  /** The device as one process opens it. */
  open(thread: SimThread): CabinetPort {
    const port = new SimPort(thread, this);
    this.#port = port;
    if (this.#plugged) this.#options.time.after(1, () => port.opened());
    return port;
  }

  /** What a process wrote, on its way through the cable. */
  write(bytes: Uint8Array, from: SimPort): boolean {
    if (!this.#plugged || from !== this.#port) return false;
    this.#options.onBytes(bytes);
    const { time } = this.#options;
    this.#lastWriteMs = Math.max(this.#lastWriteMs, time.nowMs + this.#cableMs);
    const atMs = this.#lastWriteMs;
    time.at(atMs, () => {
      this.#advance(atMs);
      this.cabinet.receive(bytes);
    });
    return true;
  }

  closed(port: SimPort): void {
    if (this.#port === port) this.#port = null;
  }

  get plugged(): boolean {
    return this.#plugged;
  }

  setPlugged(plugged: boolean): void {
    this.#advance(this.#options.time.nowMs);
    this.#plugged = plugged;
    this.cabinet.setPlugged(plugged);
    if (plugged) this.#port?.opened();
    else this.#port?.lost("the cabinet's device is gone");
  }

  /** Holds an input on or off; null gives it back to the street. */
  force(input: number, on: boolean | null): void {
    this.#advance(this.#options.time.nowMs);
    if (on === null) this.#forced.delete(input);
    else this.#forced.set(input, on);
    this.cabinet.setInput(input, on ?? this.#inputs.get(input) ?? false);
  }

  /** Lets a control be worked or a part broken at this moment. */
  now(work: (cabinet: VirtualCabinet) => void): void {
    this.#advance(this.#options.time.nowMs);
    work(this.cabinet);
  }

  /** A part of the cabinet itself has just been broken or mended. */
  disturb(): void {
    this.#disturbedMs = this.#options.time.nowMs;
  }

  /** Whether that was within the last so many ms, or a broken part is still there. */
  isDisturbed(withinMs: number): boolean {
    return this.#broken || this.#options.time.nowMs - this.#disturbedMs < withinMs;
  }

  /** Breaks a part of it, until mended. */
  set broken(broken: boolean) {
    this.#broken = broken;
    this.disturb();
  }

  /** Somebody comes from another junction; times are true ones. */
  enter(vehicle: EnteringVehicle): void {
    this.#street.enter(vehicle);
  }

  get vehicles(): number {
    return this.#street.report().vehicles;
  }

  #read(): void {
    const { time } = this.#options;
    this.#advance(time.nowMs);
    if (time.nowMs - this.#streetMs >= STREET_MS) this.#moveStreet(time.nowMs);
    time.after(READ_MS, () => this.#read());
  }

  #advance(toMs: number): void {
    while (this.cabinet.advanceToNext(toMs)) this.#look();
    this.#look();
  }

  #look(): void {
    const lamps = this.cabinet.lamps();
    const { red, yellow, green } = this.#lit;
    if (lamps.red === red && lamps.yellow === yellow && lamps.green === green) return;
    this.#lit = lamps;
    this.#options.onLamps(lamps, this.cabinet.nowMs);
  }

  #moveStreet(nowMs: number): void {
    this.#streetMs = nowMs;
    for (const { input, on } of this.#street.advance(nowMs, this.cabinet.lamps())) {
      this.#inputs.set(input, on);
      if (!this.#forced.has(input)) this.cabinet.setInput(input, on);
    }
    for (const vehicle of this.#street.leaving()) this.onLeaving(vehicle);
  }

  /** Bytes that the cabinet sent, for the trace. */
  heard(bytes: Uint8Array): void {
    this.#options.onBytes(bytes);
  }
}

/** The board's end of the cable, for one process. */
class SimPort implements CabinetPort {
  onBytes: ((bytes: Uint8Array) => void) | null = null;
  onOpen: (() => void) | null = null;
  onClose: ((reason: string) => void) | null = null;
  readonly #thread: SimThread;
  readonly #cabinet: SimCabinet;
  #waiting = 0;
  #open = false;

  constructor(thread: SimThread, cabinet: SimCabinet) {
    this.#thread = thread;
    this.#cabinet = cabinet;
  }

  write(bytes: Uint8Array): boolean {
    return this.#open && this.#cabinet.write(bytes, this);
  }

  close(): void {
    this.#open = false;
    this.onClose = null;
    this.#cabinet.closed(this);
  }

  opened(): void {
    this.#open = true;
    this.#thread.deliver(() => this.onOpen?.());
  }

  lost(reason: string): void {
    this.#open = false;
    this.#thread.deliver(() => this.onClose?.(reason));
  }

  /** A process that does not read loses what the system can't keep. */
  arrive(bytes: Uint8Array): void {
    if (!this.#open || this.#waiting + bytes.length > TTY_BYTES) return;
    this.#waiting += bytes.length;
    this.#thread.deliver(() => {
      this.#waiting -= bytes.length;
      this.#cabinet.heard(bytes);
      this.onBytes?.(bytes);
    });
  }
}

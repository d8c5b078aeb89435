// One cabinet of a corridor under chaos: the virtual cabinet with its street behind a
// pseudo-terminal, on wall time. No fault of the node's process reaches it; its lamps are watched
// all the time, and somebody comes to press its button.
import { rmSync, symlinkSync } from "node:fs";
import { VirtualCabinet } from "../../cabinet/virtual.ts";
import type { SiteModel } from "../../core/site/model.ts";
import type { LampMasks } from "../../wire/frame-types.ts";
import type { Judge } from "../invariants/invariant.ts";
import { LampWatch } from "../lamp-watch.ts";
import { PseudoTerminal } from "../pseudo-terminal.ts";
import { createStreet, type VirtualStreet } from "../street/street.ts";
import { STARVED_FOR_MS } from "./cabinet-messages.ts";

const STREET_MS = 100;
/** What the system keeps for a process that does not read. */
const TTY_BYTES = 4_096;
/** The button counts when it is held for a second. */
const PRESS_MS = 1_500;
/** Ends each frame of the link. */
const DELIMITER = 0;
/**
 * A cabinet that wakes so much late takes what waits in its cable first, and each frame in its turn
 * over the time that it slept: about when the node sent it. What it measures then may be wrong by
 * as much; its lamps are lawful all the same.
 */
const STARVED_MS = 60;

export interface CabinetOptions {
  readonly id: string;
  readonly site: SiteModel;
  /** A link at this path leads to the device while it is plugged. */
  readonly device: string;
  readonly judge: Judge;
  /** Somebody is there so long after the failure display began, ms. */
  readonly personMs: number;
}

export class ChaosCabinet {
  readonly #options: CabinetOptions;
  readonly #cabinet: VirtualCabinet;
  readonly #street: VirtualStreet | null;
  readonly #watch: LampWatch;
  #terminal: PseudoTerminal | null = null;
  #lit: LampMasks = { red: -1, yellow: 0, green: 0 };
  #nowMs = 0;
  #streetMs = 0;
  #broken = false;
  #disturbedMs = Number.NEGATIVE_INFINITY;
  #starvedMs = Number.NEGATIVE_INFINITY;
  /** It has slept, and its cable is being read. */
  #isWaking = false;
  /** What has come through the cable. */
  #inbox: Uint8Array[] = [];
  #deafBytes: number | null = null;
  #failingSinceMs: number | null = null;
  #releaseMs: number | null = null;
  #says: { mode: string | null; cause: string | null } = { mode: null, cause: null };
  presses = 0;
  /** Times that it ran late. */
  starved = 0;
  /** The longest of them, ms. */
  lateMs = 0;

  constructor(options: CabinetOptions) {
    const { site, id, judge } = options;
    this.#options = options;
    this.#cabinet = new VirtualCabinet({ site });
    this.#street = site.street === null ? null : createStreet(site, site.street.seed);
    this.#cabinet.onBytes = (bytes) => this.#send(bytes);
    this.#watch = new LampWatch(id, site, judge, {
      isDisturbed: (withinMs) => this.isDisturbed(withinMs),
      relayDropped: () => !this.#cabinet.relay.contact,
      lateMs: () => this.lateMs,
    });
  }

  async plug(): Promise<void> {
    const terminal = await PseudoTerminal.open();
    terminal.onBytes = (bytes) => this.#inbox.push(bytes);
    this.#terminal = terminal;
    this.#cabinet.setPlugged(true);
    symlinkSync(terminal.path, this.#options.device);
  }

  async unplug(): Promise<void> {
    const terminal = this.#terminal;
    this.#terminal = null;
    this.#cabinet.setPlugged(false);
    rmSync(this.#options.device, { force: true });
    await terminal?.close();
  }

  breakRelay(broken: boolean): void {
    this.#cabinet.setRelayFault(broken ? "stuck-released" : "none");
    this.#broken = broken;
    this.#disturbedMs = this.#nowMs;
  }

  /** Nobody reads its device: what the system can't keep is lost. */
  setDeaf(deaf: boolean): void {
    this.#deafBytes = deaf ? 0 : null;
  }

  /** What the node says of itself; null while no process runs. */
  says(mode: string | null, cause: string | null): void {
    this.#says = { mode, cause };
  }

  isDisturbed(withinMs: number): boolean {
    if (this.#broken || this.#nowMs - this.#disturbedMs < withinMs) return true;
    return this.starvedAgoMs < Math.min(withinMs, STARVED_FOR_MS);
  }

  /** Since it ran late. */
  get starvedAgoMs(): number {
    return this.#nowMs - this.#starvedMs;
  }

  get failing(): boolean {
    return this.#watch.failing(this.#nowMs);
  }

  get greens(): number {
    return this.#watch.greens;
  }

  get greenAgoMs(): number {
    return this.#nowMs - this.#watch.lastGreenMs;
  }

  /** Lets time pass up to `toMs`; called each few ms. */
  advance(toMs: number): void {
    const lateMs = toMs - this.#nowMs;
    if (lateMs > STARVED_MS && !this.#isWaking) {
      // Timers come before the cable: the next call has what waits in it.
      this.#isWaking = true;
      return;
    }
    this.#isWaking = false;
    this.lateMs = Math.max(this.lateMs, lateMs);
    if (lateMs > STARVED_MS) {
      this.starved += 1;
      this.#starvedMs = toMs;
    }
    const fromMs = this.#nowMs;
    const frames = framesOf(this.#inbox);
    this.#inbox = [];
    for (const [index, frame] of frames.entries()) {
      this.#runTo(fromMs + (lateMs * index) / frames.length);
      this.#cabinet.receive(frame);
    }
    this.#runTo(toMs);
  }

  #runTo(toMs: number): void {
    this.#nowMs = toMs;
    if (toMs - this.#streetMs >= STREET_MS) this.#moveStreet(toMs);
    if (this.#releaseMs !== null && toMs >= this.#releaseMs) {
      this.#releaseMs = null;
      this.#cabinet.setControl("button", false);
    }
    while (this.#cabinet.advanceToNext(toMs)) this.#look();
    this.#look();
  }

  /** Once a second: the watch looks, and the person. */
  second(): void {
    this.#watch.look(this.#nowMs, this.#says);
    if (!this.failing) {
      this.#failingSinceMs = null;
      return;
    }
    this.#failingSinceMs ??= this.#nowMs;
    if (this.#nowMs - this.#failingSinceMs < this.#options.personMs) return;
    this.#failingSinceMs = this.#nowMs;
    this.presses += 1;
    this.#cabinet.setControl("button", true);
    this.#releaseMs = this.#nowMs + PRESS_MS;
  }

  #send(bytes: Uint8Array): void {
    const terminal = this.#terminal;
    if (terminal === null || terminal.waitingBytes > TTY_BYTES) return;
    if (this.#deafBytes !== null) {
      this.#deafBytes += bytes.length;
      if (this.#deafBytes > TTY_BYTES) return;
    }
    terminal.write(bytes.slice());
  }

  #look(): void {
    const lamps = this.#cabinet.lamps();
    const { red, yellow, green } = this.#lit;
    if (lamps.red === red && lamps.yellow === yellow && lamps.green === green) return;
    this.#lit = lamps;
    this.#watch.change(lamps, this.#cabinet.nowMs);
  }

  #moveStreet(toMs: number): void {
    this.#streetMs = toMs;
    for (const { input, on } of this.#street?.advance(toMs, this.#cabinet.lamps()) ?? []) {
      this.#cabinet.setInput(input, on);
    }
  }
}

/** What came through the cable, cut behind each delimiter. */
function framesOf(parts: readonly Uint8Array[]): Uint8Array[] {
  const all = Buffer.concat(parts);
  const frames: Uint8Array[] = [];
  for (let from = 0; from < all.length; ) {
    const end = all.indexOf(DELIMITER, from);
    const to = end === -1 ? all.length : end + 1;
    frames.push(all.subarray(from, to));
    from = to;
  }
  return frames;
}

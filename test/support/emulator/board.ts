// What hangs on the microcontroller's pins, as docs/wiring.md draws it: shift registers, charge
// pump, flash-transfer relay with its own flasher, lamp drivers, field terminals and what senses
// them. Faults are switched on by the test. Times are cycles of the microcontroller.
import { CYCLES_PER_MS } from "./mcu.ts";

/** Bit 0 is channel 1. */
export interface Lamps {
  red: number;
  yellow: number;
  green: number;
}
export const COLOURS = ["red", "yellow", "green"] as const;
export type Colour = (typeof COLOURS)[number];

const PIN = { inputLoad: 1 << 1, lampLatch: 1 << 2, chargePump: 1 << 2, relay: 1 << 3 } as const;

/** 68 kohm on 1 uF, from 4.4 V; a small MOSFET lets go at 1.6 V, 69 ms after the last edge. */
const PUMP_DECAY_CYCLES = 68 * CYCLES_PER_MS;
const PUMP_TOP_V = 4.4;
const PUMP_STEP = 0.2;
const PUMP_ON_V = 1.6;
/** A force-guided relay pulls in and drops out in about this. */
const PULL_IN_MS = 15;
const DROP_OUT_MS = 10;
const FLASH_HALF_CYCLES = 500 * CYCLES_PER_MS;

export const dark = (): Lamps => ({ red: 0, yellow: 0, green: 0 });

export class Board {
  /** Inputs 1 to 32, active = 1; input 1 in bit 0. */
  inputs = 0;
  jumper = false;
  button = false;
  manualFlash = false;
  relayWelded = false;
  /** Driver transistors that conduct whatever they are told. */
  readonly stuckOn: Lamps = dark();
  /** Fuses blown, wires off: nothing at the field terminal. */
  readonly open: Lamps = dark();
  /** Lamps that are dark although their terminal is live. */
  readonly burnt: Lamps = dark();
  /** Foreign voltage on a field terminal. */
  readonly foreign: Lamps = dark();
  /** Channels whose red hangs on the flasher's diodes. */
  flasher = 0xffff;
  /** At the field terminals now. */
  field: Lamps = dark();
  contact = false;
  enabled = false;
  /** Called when the terminals, the contact or the output enable have changed. */
  onChange: (() => void) | null = null;
  /** What the 595s show when they are enabled: anything at power-up. */
  private readonly latched: number[];
  private readonly shifting: number[];
  private readonly loaded: number[] = [];
  private pumpV = 0;
  private pumpAt = 0;
  /** Longest scan, from taking the inputs to latching the lamps, cycles. */
  longestScan = 0;
  private scanAt = 0;
  private portB = 0;
  private portD = 0;
  private moving = 0;

  constructor(powerUp: (index: number) => number = (index) => (index * 73 + 41) & 0xff) {
    this.latched = Array.from({ length: 6 }, (_, index) => powerUp(index) & 0xff);
    this.shifting = Array.from({ length: 6 }, (_, index) => powerUp(index + 6) & 0xff);
  }

  /** The 48 outputs as they are latched in the 595s. */
  outputs(): Lamps {
    const word = (at: number) => (this.latched[at] ?? 0) | ((this.latched[at + 1] ?? 0) << 8);
    return { red: word(0), yellow: word(2), green: word(4) };
  }

  /** Lit as a driver of a car sees it. */
  seen(): Lamps {
    const { field, burnt } = this;
    return {
      red: field.red & ~burnt.red,
      yellow: field.yellow & ~burnt.yellow,
      green: field.green & ~burnt.green,
    };
  }

  setPortB(high: number, now: number): void {
    const rising = high & ~this.portB;
    this.portB = high;
    if ((rising & PIN.inputLoad) !== 0) {
      this.load();
      this.scanAt = now;
    }
    if ((rising & PIN.lampLatch) !== 0) {
      this.longestScan = Math.max(this.longestScan, now - this.scanAt);
      for (let at = 0; at < 6; at++) this.latched[at] = this.shifting[at] ?? 0;
    }
  }

  setPortD(high: number, now: number): void {
    if (((high ^ this.portD) & PIN.chargePump) !== 0) {
      this.decay(now);
      this.pumpV += (PUMP_TOP_V - this.pumpV) * PUMP_STEP;
    }
    this.portD = high;
  }

  /** Through both chains: the first 595 is the one whose data pin is on the microcontroller. */
  spi(out: number): number {
    this.shifting.unshift(out);
    this.shifting.pop();
    return this.loaded.shift() ?? 0xff;
  }

  /** Everything that moves by time, up to `now`. */
  advance(now: number): void {
    this.decay(now);
    const enabled = this.pumpV > PUMP_ON_V;
    const contact = this.nextContact(enabled, now);
    const field = this.fieldOf(enabled, contact, now);
    const changed =
      enabled !== this.enabled ||
      contact !== this.contact ||
      COLOURS.some((colour) => field[colour] !== this.field[colour]);
    this.enabled = enabled;
    this.contact = contact;
    this.field = field;
    if (changed) this.onChange?.();
  }

  private decay(now: number): void {
    this.pumpV *= Math.exp(-(now - this.pumpAt) / PUMP_DECAY_CYCLES);
    this.pumpAt = now;
  }

  private nextContact(enabled: boolean, now: number): boolean {
    const driven = (this.portD & PIN.relay) !== 0;
    const coil = this.relayWelded || (driven && enabled && !this.manualFlash);
    if (coil === this.contact) {
      this.moving = now;
      return coil;
    }
    const delayMs = coil ? PULL_IN_MS : DROP_OUT_MS;
    return now - this.moving >= delayMs * CYCLES_PER_MS ? coil : this.contact;
  }

  /** Relay in: the drivers' supply. Relay out: the flasher's, on the reds alone. */
  private fieldOf(enabled: boolean, contact: boolean, now: number): Lamps {
    const field = dark();
    const outputs = this.outputs();
    for (const colour of COLOURS) {
      const driven = (enabled ? outputs[colour] : 0) | this.stuckOn[colour];
      if (contact) field[colour] = driven;
      field[colour] = (field[colour] & ~this.open[colour]) | this.foreign[colour];
    }
    const lit = Math.floor(now / FLASH_HALF_CYCLES) % 2 === 0;
    if (!contact && lit) field.red |= this.flasher & ~this.open.red;
    return field;
  }

  /** Opto-couplers pull down what is lit; the mirror contact and manual flash open when active. */
  private load(): void {
    const { red, yellow, green } = this.field;
    const words = [red, yellow, green, this.inputs & 0xffff, this.inputs >>> 16];
    const control =
      (this.jumper ? 0 : 1) |
      (this.button ? 0 : 2) |
      (this.manualFlash ? 4 : 0) |
      (this.contact ? 8 : 0) |
      0xf0;
    this.loaded.length = 0;
    for (const word of words) this.loaded.push(~word & 0xff, (~word >> 8) & 0xff);
    this.loaded.push(control);
  }
}

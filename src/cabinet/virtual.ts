// The virtual cabinet: the safety core itself, compiled to WebAssembly, with drivers, relay, heads
// and sensing around it, behind the same bytes as a real one. Time is virtual: it passes only in
// `advance`, one core tick a millisecond.
//
//   const cabinet = new VirtualCabinet({ site });
//   cabinet.onBytes = (bytes, atMs) => …;    // what the microcontroller sends, and when
//   cabinet.receive(bytes);                  // what reaches it now
//   cabinet.setInput(4, true);               // a detector, from now on
//   cabinet.advance(1000);                   // everything up to that time
//   cabinet.lamps();                         // what shines at the heads
//   cabinet.setFault("driverOn", { red: 0, yellow: 0, green: 2 });   // break something
//
// It starts programmed with the record of its site and without a latch; `eeprom` starts it with any
// other memory: "blank", or the bytes of another cabinet (`cabinet.eeprom`), latched or not.
import type { SiteModel } from "../core/site/model.ts";
import { RESET_CAUSE, type ResetCause } from "../wire/cabinet-codes.ts";
import type { LampMasks } from "../wire/frame-types.ts";
import { compileRecord } from "./record.ts";
import {
  createSafetyCore,
  type FaultMasks,
  programmedEeprom,
  type RelayFault,
  type SafetyCore,
} from "./safety-core.ts";

export interface VirtualCabinetOptions {
  readonly site: SiteModel;
  /** What its memory holds at the start; without it, the record of the site. */
  readonly eeprom?: "blank" | Uint8Array;
  /** Its clock against true time: 1.01 is 1 % fast. */
  readonly clockRate?: number;
}

const NONE: LampMasks = { red: 0, yellow: 0, green: 0 };

/** Channels with a red on the relay's flasher: the vehicles'; pedestrians are dark in flash. */
function flasherOf(site: SiteModel): number {
  const vehicles = site.channels.filter((channel) => channel.kind === "vehicle");
  return vehicles.reduce((mask, { channel }) => mask | (1 << (channel - 1)), 0);
}

export class VirtualCabinet {
  /** Bytes of the microcontroller, with the virtual time at which they leave it. */
  onBytes: ((bytes: Uint8Array, atMs: number) => void) | null = null;
  private readonly core: SafetyCore;
  private readonly clockRate: number;
  /** Virtual time in ms, up to which everything has happened. */
  private timeMs = 0;
  private ticks = 0;
  private plugged = true;
  private burnt: LampMasks = NONE;

  constructor(options: VirtualCabinetOptions) {
    const { site, eeprom } = options;
    this.clockRate = options.clockRate ?? 1;
    const flasher = flasherOf(site);
    if (eeprom === "blank") this.core = createSafetyCore({ flasher });
    else {
      const memory = eeprom ?? programmedEeprom(compileRecord(site));
      this.core = createSafetyCore({ flasher, eeprom: memory });
    }
  }

  /** Virtual time in ms. */
  get nowMs(): number {
    return this.timeMs;
  }

  /** Lets everything happen up to `toMs`; a time that has passed already changes nothing. */
  advance(toMs: number): void {
    while (this.advanceToNext(toMs)) {
      // Everything that happened has been told through onBytes.
    }
  }

  /**
   * Goes on until `toMs` at the most, and stops (true) right after a millisecond in which bytes
   * were sent or lamps changed: for whoever has to answer before time goes on.
   */
  advanceToNext(toMs: number): boolean {
    const target = Math.floor(toMs * this.clockRate);
    if (this.ticks < target) this.ticks += this.core.tick(target - this.ticks);
    const early = this.ticks < target;
    this.timeMs = early ? this.ticks / this.clockRate : Math.max(this.timeMs, toMs);
    this.send();
    return early;
  }

  /** Bytes from the host reach the microcontroller now. */
  receive(bytes: Uint8Array): void {
    if (this.plugged) this.core.receive(bytes);
  }

  /** Input 1 to 32 at the terminals. */
  setInput(input: number, on: boolean): void {
    this.core.setInput(input, on);
  }

  /** The program jumper, the reset button, the manual flash switch. */
  setControl(name: "jumper" | "button" | "manualFlash", on: boolean): void {
    this.core.setControl(name, on);
  }

  /** The cable to the host: pulled, bytes are lost both ways; the cabinet keeps its power. */
  setPlugged(plugged: boolean): void {
    this.plugged = plugged;
  }

  /**
   * Breaks lamps: drivers stuck on, or off (a blown fuse, a broken wire: nothing is lit and nothing
   * is sensed), or sensing that reads lit or dark whatever is there. Three zeros mend it.
   */
  setFault(fault: FaultMasks, masks: LampMasks): void {
    this.core.setFault(fault, masks);
  }

  /** Lamps that stay dark with voltage on them: the sensing cannot see it. */
  setBurnt(masks: LampMasks): void {
    this.burnt = masks;
  }

  setRelayFault(fault: RelayFault): void {
    this.core.setRelayFault(fault);
  }

  /** The main loop stands still: no frames, and the charge pump falls off. */
  setHalted(halted: boolean): void {
    this.core.setHalted(halted);
  }

  /** A reset by itself, by the watchdog or by a brown-out; the EEPROM keeps what it has. */
  reset(cause: ResetCause): void {
    this.core.reset(RESET_CAUSE[cause]);
  }

  /** What shines at the heads, one mask a colour, channel 1 in bit 0. */
  lamps(): LampMasks {
    const { field } = this.core;
    return {
      red: field.red & ~this.burnt.red,
      yellow: field.yellow & ~this.burnt.yellow,
      green: field.green & ~this.burnt.green,
    };
  }

  /** The flash-transfer relay: what the core asks for and where its contact is. */
  get relay(): { readonly energised: boolean; readonly contact: boolean } {
    return this.core.relay;
  }

  /** A copy of the memory: what a power cut would leave. */
  get eeprom(): Uint8Array {
    return this.core.eeprom;
  }

  private send(): void {
    const bytes = this.core.takeBytes();
    if (bytes.length > 0 && this.plugged) this.onBytes?.(bytes, this.timeMs);
  }
}

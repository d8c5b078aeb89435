// What stands between the safety core's outputs and the heads in a virtual cabinet: drivers with
// their output enable on a charge pump, the flash-transfer relay with its flasher, fuses, lamps and
// the sensing of voltage at the field terminals. Faults can be put in at any time.
import { CHANNEL_COUNT } from "../core/site/lamps.ts";

/** One bit a lamp: channel 1 in bit 0. For a pedestrian channel red is don't walk. */
export interface LampBits {
  red: number;
  yellow: number;
  green: number;
}

/** What is broken. Masks are by channel, as in LampBits; everything is whole at first. */
export interface CabinetFaults {
  /** Drivers that conduct whatever they are told. */
  readonly stuckOn: LampBits;
  /** Outputs without voltage at the terminal: a blown fuse, a broken wire, a dead driver. */
  readonly dead: LampBits;
  /** Lamps that stay dark with voltage on them: the sensing cannot see this. */
  readonly burnt: LampBits;
  /** Sensing that reads lit, or dark, whatever is there. */
  readonly sensedLit: LampBits;
  readonly sensedDark: LampBits;
  /** The relay's contact stays in the controller's position. */
  relayWelded: boolean;
  /** The main loop stands still: no pump, no frames, outputs as they were. */
  halted: boolean;
}

/** What the core asks of the hardware. */
export interface CoreOutputs {
  readonly red: number;
  readonly yellow: number;
  readonly green: number;
  readonly relay: boolean;
  readonly pump: boolean;
}

/** A small relay: coil on to contact made, coil off to contact dropped, ms. */
const RELAY_PULL_MS = 10;
const RELAY_DROP_MS = 8;
/** The pump's capacitor holds the output enable this long; the cabinet allows 120 ms. */
const PUMP_HOLD_MS = 80;
/** The relay's own flasher: half a second on, half a second off. */
const FLASH_HALF_MS = 500;

export const ALL_CHANNELS = 2 ** CHANNEL_COUNT - 1;

function noLamps(): LampBits {
  return { red: 0, yellow: 0, green: 0 };
}

export function noFaults(): CabinetFaults {
  return {
    stuckOn: noLamps(),
    dead: noLamps(),
    burnt: noLamps(),
    sensedLit: noLamps(),
    sensedDark: noLamps(),
    relayWelded: false,
    halted: false,
  };
}

/** The power side of one virtual cabinet; stepped once a millisecond. */
export class CabinetHardware {
  readonly faults: CabinetFaults = noFaults();
  /** Voltage at the field terminals. */
  readonly field: LampBits = noLamps();
  /** What the sensing reads there. */
  readonly sensed: LampBits = noLamps();
  /** The relay's contact: true is the controller's position. */
  contact = false;
  private readonly flashing: number;
  private pumpMs = PUMP_HOLD_MS;
  private coilMs = 0;
  private coil = false;
  private flashMs = 0;

  /** `flashing` are the channels whose red hangs on the relay's flasher. */
  constructor(flashing: number) {
    this.flashing = flashing;
  }

  /** One millisecond with these outputs; `manualFlash` is the switch in the relay's coil circuit. */
  step(outputs: CoreOutputs, manualFlash: boolean): void {
    this.pumpMs = outputs.pump && !this.faults.halted ? 0 : Math.min(this.pumpMs + 1, PUMP_HOLD_MS);
    const enabled = this.pumpMs < PUMP_HOLD_MS;
    this.moveRelay(outputs.relay && enabled && !manualFlash);
    this.flashMs = (this.flashMs + 1) % (2 * FLASH_HALF_MS);
    this.feed(outputs, enabled);
    this.read();
  }

  private moveRelay(coil: boolean): void {
    this.coilMs = coil === this.coil ? this.coilMs + 1 : 0;
    this.coil = coil;
    if (coil && this.coilMs >= RELAY_PULL_MS) this.contact = true;
    if (!coil && this.coilMs >= RELAY_DROP_MS) this.contact = false;
    if (this.faults.relayWelded) this.contact = true;
  }

  private feed(outputs: CoreOutputs, enabled: boolean): void {
    const { stuckOn, dead } = this.faults;
    const { field } = this;
    if (this.contact) {
      const mask = enabled ? ALL_CHANNELS : 0;
      field.red = ((outputs.red & mask) | stuckOn.red) & ~dead.red;
      field.yellow = ((outputs.yellow & mask) | stuckOn.yellow) & ~dead.yellow;
      field.green = ((outputs.green & mask) | stuckOn.green) & ~dead.green;
      return;
    }
    const lit = this.flashMs < FLASH_HALF_MS ? this.flashing : 0;
    field.red = lit & ~dead.red;
    field.yellow = 0;
    field.green = 0;
  }

  private read(): void {
    const { sensedLit, sensedDark } = this.faults;
    const { field, sensed } = this;
    sensed.red = (field.red | sensedLit.red) & ~sensedDark.red;
    sensed.yellow = (field.yellow | sensedLit.yellow) & ~sensedDark.yellow;
    sensed.green = (field.green | sensedLit.green) & ~sensedDark.green;
  }

  /** What shines at the heads. */
  lamps(): LampBits {
    const { burnt } = this.faults;
    const { field } = this;
    return {
      red: field.red & ~burnt.red,
      yellow: field.yellow & ~burnt.yellow,
      green: field.green & ~burnt.green,
    };
  }
}

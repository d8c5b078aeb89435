// Microcontroller and board together, in the microcontroller's own time: nothing here waits for a
// clock on the wall.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Board, type Lamps } from "./board.ts";
import { CYCLES_PER_MS, Mcu, type ResetCause } from "./mcu.ts";

const IMAGE = fileURLToPath(
  new URL("../../../firmware-bridge/images/stopline-atmega328p.hex", import.meta.url),
);
const RECORD_A = 128;
const RECORD_B = 384;
/** How finely relay, pump and terminals are followed: a tenth of a millisecond. */
const SLICE = CYCLES_PER_MS / 10;

/** One change at the terminals, the relay's contact or the output enable. */
export interface Change {
  readonly cycles: number;
  readonly field: Lamps;
  readonly contact: boolean;
  readonly enabled: boolean;
}

export interface BenchOptions {
  /** Record in both places of the EEPROM; without it the EEPROM is blank. */
  readonly record?: Uint8Array;
  readonly watchdog?: boolean;
  /** Trace cut, or 10 uF from RESET to ground: opening the port does not reset. */
  readonly autoResetDisconnected?: boolean;
  /** Contents of the 595s at power-up. */
  readonly powerUp?: (index: number) => number;
  /** Path of another image than the committed one. */
  readonly image?: string;
}

export class Bench {
  readonly board: Board;
  readonly mcu: Mcu;
  readonly changes: Change[] = [];
  /** Bytes from the microcontroller, as each one leaves its pin whole. */
  onByte: ((byte: number) => void) | null = null;
  private readonly autoReset: boolean;

  constructor(options: BenchOptions = {}) {
    this.board = new Board(options.powerUp);
    this.autoReset = options.autoResetDisconnected !== true;
    const pins = {
      portB: (high: number) => this.board.setPortB(high, this.mcu.cycles),
      portD: (high: number) => this.board.setPortD(high, this.mcu.cycles),
      spi: (out: number) => this.board.spi(out),
      sent: (byte: number) => this.onByte?.(byte),
    };
    this.mcu = new Mcu(readFileSync(options.image ?? IMAGE, "utf8"), pins, options.watchdog);
    if (options.record !== undefined) {
      this.mcu.eeprom.memory.set(options.record, RECORD_A);
      this.mcu.eeprom.memory.set(options.record, RECORD_B);
    }
    this.board.onChange = () => {
      const { field, contact, enabled } = this.board;
      this.changes.push({ cycles: this.mcu.cycles, field: { ...field }, contact, enabled });
    };
    this.mcu.reset("power");
  }

  /** Milliseconds of the microcontroller's crystal since power-up. */
  get nowMs(): number {
    return this.mcu.cycles / CYCLES_PER_MS;
  }

  /** Lets `ms` go by; `until` ends it early, and is looked at every tenth of a millisecond. */
  run(ms: number, until: () => boolean = () => false): boolean {
    const end = this.mcu.cycles + Math.max(1, Math.ceil(ms * CYCLES_PER_MS));
    while (this.mcu.cycles < end) {
      if (until()) return true;
      this.mcu.runTo(Math.min(end, this.mcu.cycles + SLICE));
      this.board.advance(this.mcu.cycles);
    }
    return until();
  }

  /** Bytes onto the line to the microcontroller. */
  receive(bytes: Uint8Array): void {
    this.mcu.usart.receive(bytes);
  }

  /** A host opens the device: DTR falls, which resets a stock board. */
  openPort(): void {
    if (this.autoReset) this.reset("external");
  }

  reset(cause: ResetCause): void {
    this.mcu.reset(cause);
  }

  /** Changes since `cycles`, oldest first. */
  since(cycles: number): Change[] {
    return this.changes.filter((change) => change.cycles >= cycles);
  }
}

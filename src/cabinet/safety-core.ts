// The firmware's safety core as WebAssembly: the same C that runs in the microcontroller, with a
// small electrical model on its pins (firmware-bridge/wasm/adapter.c). One instance is one
// cabinet; an instance costs 64 KiB and about 0.2 ms to make.
import { readFileSync } from "node:fs";
import { CONTROL_INPUT, RESET_CAUSE } from "../wire/cabinet-codes.ts";
import type { LampMasks } from "../wire/frame-types.ts";
import { EEPROM_BYTES, EEPROM_RECORD_A, EEPROM_RECORD_B } from "./limits.ts";

// The part of the platform's WebAssembly that is used here; the compiler's own types for it come
// only with a browser's.
declare namespace WebAssembly {
  class Module {
    constructor(bytes: Uint8Array);
  }
  class Instance {
    constructor(module: Module, imports: object);
    readonly exports: object;
  }
  interface Memory {
    readonly buffer: ArrayBuffer;
  }
}

/** Offsets in the adapter's `virtual_cabinet`. */
const AT = {
  inputs: 0,
  control: 4,
  relayFault: 5,
  model: 6,
  halted: 7,
  driverOn: 8,
  driverOff: 14,
  senseOn: 20,
  senseOff: 26,
  forced: 32,
  flasher: 38,
  field: 40,
  outputs: 46,
  relay: 52,
  pump: 53,
  contact: 54,
  enabled: 55,
  now: 56,
  txLength: 60,
} as const;

const NOTHING = new Uint8Array(0);

const RELAY_FAULTS = ["none", "welded", "stuck-released"] as const;
export type RelayFault = (typeof RELAY_FAULTS)[number];

/**
 * Faults of the electrical model. Drivers fail before the relay; `sense` bits fail in the reading
 * at the field terminals.
 */
export type FaultMasks = "driverOn" | "driverOff" | "senseOn" | "senseOff";

interface Exports {
  readonly memory: WebAssembly.Memory;
  eepromAddress(): number;
  rxAddress(): number;
  txAddress(): number;
  cabinetAddress(): number;
  bufferBytes(): number;
  init(resetCause: number): void;
  receive(length: number): void;
  clearTx(): void;
  run(ticks: number): number;
}

export interface SafetyCoreOptions {
  /** 1,024 bytes; without it, erased (blank record, no latch). */
  readonly eeprom?: Uint8Array;
  /** Channels whose red the independent flasher drives, bit 0 is channel 1; default all. */
  readonly flasher?: number;
  /** Another image than the committed one, for the firmware's tests. */
  readonly image?: Uint8Array;
}

let committed: WebAssembly.Module | undefined;

function moduleOf(image: Uint8Array | undefined): WebAssembly.Module {
  if (image !== undefined) return new WebAssembly.Module(new Uint8Array(image));
  const file = new URL("../../firmware-bridge/images/stopline-core.wasm", import.meta.url);
  committed ??= new WebAssembly.Module(readFileSync(file));
  return committed;
}

/** An erased EEPROM with both copies of a record in it: how a programmed cabinet starts. */
export function programmedEeprom(record: Uint8Array): Uint8Array {
  const eeprom = new Uint8Array(EEPROM_BYTES).fill(0xff);
  eeprom.set(record, EEPROM_RECORD_A);
  eeprom.set(record, EEPROM_RECORD_B);
  return eeprom;
}

export class SafetyCore {
  private readonly wasm: Exports;
  private readonly view: DataView;
  private readonly bytes: Uint8Array;
  private readonly cabinet: number;
  private readonly rx: number;
  private readonly tx: number;
  private readonly eepromAt: number;
  private readonly bufferBytes: number;

  constructor(options: SafetyCoreOptions = {}) {
    const instance = new WebAssembly.Instance(moduleOf(options.image), {});
    this.wasm = instance.exports as unknown as Exports;
    this.view = new DataView(this.wasm.memory.buffer);
    this.bytes = new Uint8Array(this.wasm.memory.buffer);
    this.cabinet = this.wasm.cabinetAddress();
    this.rx = this.wasm.rxAddress();
    this.tx = this.wasm.txAddress();
    this.eepromAt = this.wasm.eepromAddress();
    this.bufferBytes = this.wasm.bufferBytes();
    this.bytes.fill(0xff, this.eepromAt, this.eepromAt + EEPROM_BYTES);
    if (options.eeprom !== undefined) {
      this.bytes.set(options.eeprom.subarray(0, EEPROM_BYTES), this.eepromAt);
    }
    this.view.setUint16(this.cabinet + AT.flasher, options.flasher ?? 0xffff, true);
    this.bytes[this.cabinet + AT.model] = 1;
    this.reset(RESET_CAUSE.power);
  }

  /** A reset with its causes as bits of RESET_CAUSE; EEPROM, inputs and faults stay. */
  reset(causes: number): void {
    this.wasm.init(causes);
  }

  /** Bytes from the host; a frame acts in the next tick. */
  receive(bytes: Uint8Array): void {
    const { bufferBytes } = this;
    for (let at = 0; at < bytes.length; at += bufferBytes) {
      // A frame or two as it stands: a view of a short array costs more than the bytes in it.
      const whole = bytes.length <= bufferBytes;
      const part = whole ? bytes : bytes.subarray(at, at + bufferBytes);
      this.bytes.set(part, this.rx);
      this.wasm.receive(part.length);
    }
  }

  /**
   * Runs up to `count` milliseconds and ends early after one in which bytes for the host came out
   * or the lamps at the field changed. Returns how many ran; never 0 for a count above 0.
   */
  tick(count = 1): number {
    return this.wasm.run(count);
  }

  /** Bytes for the host since the last call; a copy. */
  takeBytes(): Uint8Array {
    const length = this.view.getUint16(this.cabinet + AT.txLength, true);
    if (length === 0) return NOTHING;
    const out = this.bytes.slice(this.tx, this.tx + length);
    this.wasm.clearTx();
    return out;
  }

  /** Input 1 to 32 as it is at the terminals; the core debounces it by 4 ms. */
  setInput(input: number, on: boolean): void {
    const at = this.cabinet + AT.inputs + ((input - 1) >> 3);
    const bit = 1 << ((input - 1) & 7);
    this.bytes[at] = on ? (this.bytes[at] ?? 0) | bit : (this.bytes[at] ?? 0) & ~bit;
  }

  setControl(name: "jumper" | "button" | "manualFlash", on: boolean): void {
    this.setControlBit(CONTROL_INPUT[name], on);
  }

  setRelayFault(fault: RelayFault): void {
    this.bytes[this.cabinet + AT.relayFault] = RELAY_FAULTS.indexOf(fault);
  }

  /** Lamps stuck on or off, at the drivers or in the sensing; all clear = three zeros. */
  setFault(fault: FaultMasks, masks: LampMasks): void {
    this.writeMasks(AT[fault], masks);
  }

  /**
   * For a caller with hardware of its own: what is sensed at the field terminals, and whether the
   * relay's contact is in the controller's position, until the next call. From the first call on
   * the core's own electrical model and its faults are out of use; null brings them back.
   */
  setSensed(masks: LampMasks | null, contact = false): void {
    this.bytes[this.cabinet + AT.model] = masks === null ? 1 : 0;
    if (masks === null) return;
    this.writeMasks(AT.forced, masks);
    this.setControlBit(CONTROL_INPUT.relay, contact);
  }

  /** The main loop stands: the core gets no ticks and the charge pump falls off. */
  setHalted(halted: boolean): void {
    this.bytes[this.cabinet + AT.halted] = halted ? 1 : 0;
  }

  /** What is lit at the field terminals now. */
  get field(): LampMasks {
    return this.readMasks(AT.field);
  }

  /** What the core drives, before relay and charge pump. */
  get outputs(): LampMasks {
    return this.readMasks(AT.outputs);
  }

  /** Relay energised by the core, and its contact. */
  get relay(): { readonly energised: boolean; readonly contact: boolean } {
    const at = this.cabinet;
    return {
      energised: this.bytes[at + AT.relay] === 1,
      contact: this.bytes[at + AT.contact] === 1,
    };
  }

  /** Outputs enabled: the core permits the charge pump and it has not fallen off. */
  get enabled(): boolean {
    return this.bytes[this.cabinet + AT.enabled] === 1;
  }

  /** Milliseconds since the reset, 32 bits. */
  get stamp(): number {
    return this.view.getUint32(this.cabinet + AT.now, true);
  }

  /** A copy of the EEPROM: what a power cut would leave. */
  get eeprom(): Uint8Array {
    return this.bytes.slice(this.eepromAt, this.eepromAt + EEPROM_BYTES);
  }

  /** The charge pump is permitted by the core. */
  get pump(): boolean {
    return this.bytes[this.cabinet + AT.pump] === 1;
  }

  private setControlBit(bit: number, on: boolean): void {
    const at = this.cabinet + AT.control;
    this.bytes[at] = on ? (this.bytes[at] ?? 0) | bit : (this.bytes[at] ?? 0) & ~bit;
  }

  private readMasks(offset: number): LampMasks {
    const at = this.cabinet + offset;
    return {
      red: this.view.getUint16(at, true),
      yellow: this.view.getUint16(at + 2, true),
      green: this.view.getUint16(at + 4, true),
    };
  }

  private writeMasks(offset: number, masks: LampMasks): void {
    const at = this.cabinet + offset;
    this.view.setUint16(at, masks.red, true);
    this.view.setUint16(at + 2, masks.yellow, true);
    this.view.setUint16(at + 4, masks.green, true);
  }
}

/** One cabinet's core, just reset by power-up. */
export function createSafetyCore(options: SafetyCoreOptions = {}): SafetyCore {
  return new SafetyCore(options);
}

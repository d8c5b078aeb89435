// An ATmega328P at 16 MHz that runs a .hex file cycle by cycle: avr8js's processor and peripherals,
// with a serial port of our own. Reset, fuses and pins as the firmware's board has them.
import {
  AVRClock,
  AVREEPROM,
  AVRIOPort,
  AVRSPI,
  AVRTimer,
  AVRWatchdog,
  avrInstruction,
  CPU,
  EEPROMMemoryBackend,
  eepromConfig,
  portBConfig,
  portDConfig,
  spiConfig,
  timer0Config,
  watchdogConfig,
} from "avr8js";
import { Usart } from "./usart.ts";

export const CYCLES_PER_MS = 16_000;
const FREQUENCY_HZ = 16_000_000;
const FLASH_WORDS = 16_384;
const RAM_BYTES = 2048;
const MCUSR = 0x54;
const SLEEP = 0x9588;
const SEI = 0x9478;
const RETI = 0x9518;
/** `rjmp .-2`: a loop that never ends. */
const LOOP_FOREVER = 0xcfff;
/** SUT fuses: the chip starts 65 ms after the reset's end. */
const START_UP_MS = 65;

export type ResetCause = "power" | "external" | "brown-out" | "watchdog";
const RESET_BIT = { power: 1, external: 2, "brown-out": 4, watchdog: 8 } as const;

/** What the chip's pins are wired to. */
export interface Pins {
  /** Driven-high pins of a port: levels of outputs, 0 for inputs. */
  portB(high: number): void;
  portD(high: number): void;
  /** One byte over SPI: what goes out, and what came in. */
  spi(out: number): number;
  sent(byte: number): void;
}

/** Program memory from Intel HEX text; throws on a line that is damaged. */
export function readHex(text: string): Uint8Array {
  const bytes = new Uint8Array(FLASH_WORDS * 2).fill(0xff);
  for (const line of text.split("\n")) {
    if (line.trim() === "") continue;
    const row = Buffer.from(line.trim().slice(1), "hex");
    const sum = row.reduce((total, byte) => total + byte, 0) & 0xff;
    if (!line.startsWith(":") || sum !== 0) throw new Error(`damaged line in the image: ${line}`);
    if (row[3] === 0) bytes.set(row.subarray(4, -1), row.readUInt16BE(1));
  }
  return bytes;
}

interface ClockQueue {
  readonly nextClockEvent: { readonly cycles: number } | null;
}

export class Mcu {
  /** Kept over every reset and power cut. */
  readonly eeprom = new EEPROMMemoryBackend(1024);
  /** Lowest stack pointer seen, sampled whenever an interrupt may come. */
  lowestStack = 0xffff;
  /** Cycles asleep and in all, since the last reset. */
  asleep = 0;
  resets = 0;
  usart: Usart;
  private readonly image: Uint8Array;
  private readonly pins: Pins;
  private readonly watchdog: boolean;
  private cpu: CPU;
  private startAt = 0;
  private sleeping = false;
  private resetWanted = false;
  private overheld = 0;
  private longest = 0;

  /** `watchdog: false` leaves the hardware watchdog out, to see what works without it. */
  constructor(hex: string, pins: Pins, watchdog = true) {
    this.image = readHex(hex);
    this.pins = pins;
    this.watchdog = watchdog;
    this.cpu = this.build(0);
    this.usart = this.wire();
  }

  get cycles(): number {
    return this.cpu.cycles;
  }

  /** Longest wait of a received byte for its interrupt, cycles, over all resets. */
  get longestWait(): number {
    return Math.max(this.longest, this.usart.longestWait);
  }

  get overruns(): number {
    return this.overheld + this.usart.overruns;
  }

  /** Pins let go at once; the program starts `START_UP_MS` later. */
  reset(cause: ResetCause): void {
    this.longest = this.longestWait;
    this.overheld = this.overruns;
    this.resets += 1;
    this.cpu = this.build(this.cpu.cycles);
    this.cpu.data[MCUSR] = RESET_BIT[cause];
    this.usart = this.wire();
    this.startAt = this.cpu.cycles + START_UP_MS * CYCLES_PER_MS;
    this.sleeping = false;
    this.asleep = 0;
    this.pins.portB(0);
    this.pins.portD(0);
  }

  /** The main loop never goes on; interrupts still come. */
  halt(): void {
    this.cpu.progMem[FLASH_WORDS - 1] = LOOP_FOREVER;
    this.cpu.pc = FLASH_WORDS - 1;
    this.sleeping = false;
  }

  /** Runs to a cycle count. */
  runTo(end: number): void {
    while (this.cpu.cycles < end) {
      if (this.cpu.cycles < this.startAt) {
        this.cpu.cycles = Math.min(end, this.startAt);
      } else if (this.sleeping) {
        this.doze(end);
      } else {
        this.step();
      }
      if (this.resetWanted) {
        this.resetWanted = false;
        this.reset("watchdog");
      }
    }
  }

  /** One instruction; behind SEI and RETI one more, before any interrupt is taken. */
  private step(): void {
    const { cpu } = this;
    const first = cpu.progMem[cpu.pc];
    avrInstruction(cpu);
    this.sleeping = first === SLEEP;
    if (first === SEI || first === RETI) {
      this.sleeping = cpu.progMem[cpu.pc] === SLEEP;
      avrInstruction(cpu);
    }
    this.serve();
  }

  /** What is due, and at most one interrupt, which wakes. */
  private serve(): void {
    const { cpu } = this;
    const before = cpu.pc;
    if (cpu.nextInterrupt >= 0) this.lowestStack = Math.min(this.lowestStack, cpu.SP);
    cpu.tick();
    if (cpu.pc !== before) this.sleeping = false;
  }

  /** Idle sleep: time goes on to the next thing that happens; an interrupt wakes. */
  private doze(end: number): void {
    const { cpu } = this;
    const next = (cpu as unknown as ClockQueue).nextClockEvent?.cycles ?? end;
    if (cpu.nextInterrupt < 0) {
      const wake = Math.max(cpu.cycles, Math.min(end, next));
      this.asleep += wake - cpu.cycles;
      cpu.cycles = wake;
    }
    if (cpu.nextInterrupt >= 0 || next <= cpu.cycles) this.serve();
  }

  private build(cycles: number): CPU {
    const words = new Uint16Array(this.image.slice().buffer);
    const cpu = new CPU(words, RAM_BYTES);
    cpu.cycles = cycles;
    for (let at = 0x100; at < cpu.data.length; at++) cpu.data[at] = (at * 167 + cycles) & 0xff;
    cpu.reset = () => {
      this.resetWanted = true;
    };
    new AVRTimer(cpu, timer0Config);
    new AVREEPROM(cpu, this.eeprom, eepromConfig);
    if (this.watchdog) new AVRWatchdog(cpu, watchdogConfig, new AVRClock(cpu, FREQUENCY_HZ));
    const portB = new AVRIOPort(cpu, portBConfig);
    const portD = new AVRIOPort(cpu, portDConfig);
    portB.addListener((value) => this.pins.portB(value & (cpu.data[portBConfig.DDR] ?? 0)));
    portD.addListener((value) => this.pins.portD(value & (cpu.data[portDConfig.DDR] ?? 0)));
    const spi = new AVRSPI(cpu, spiConfig, FREQUENCY_HZ);
    spi.onByte = (out) => {
      if (spi.spiMode !== 0 || spi.dataOrder !== "msbFirst") throw new Error("wrong SPI mode");
      const back = this.pins.spi(out);
      cpu.addClockEvent(() => spi.completeTransfer(back), spi.transferCycles);
    };
    return cpu;
  }

  private wire(): Usart {
    const usart = new Usart(this.cpu as unknown as ConstructorParameters<typeof Usart>[0]);
    usart.onSent = (byte) => this.pins.sent(byte);
    return usart;
  }
}

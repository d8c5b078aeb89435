// The serial port of the ATmega328P as the data sheet has it: two received bytes wait in a buffer
// and a third in the shift register, the next is an overrun; one byte to send waits behind the one
// that is going. (The one in avr8js holds a single byte and clears UDRE on interrupt entry.)

/** What the model needs of the processor; avr8js's CPU has it. */
export interface UsartCpu {
  readonly data: Uint8Array;
  cycles: number;
  readonly readHooks: { [address: number]: (address: number) => number };
  readonly writeHooks: {
    [address: number]: (value: number, old: number, address: number, mask: number) => boolean;
  };
  addClockEvent(callback: () => void, cycles: number): () => void;
  setInterruptFlag(interrupt: UsartInterrupt): void;
  clearInterrupt(interrupt: UsartInterrupt): void;
  updateInterruptEnable(interrupt: UsartInterrupt, value: number): void;
}

export interface UsartInterrupt {
  readonly address: number;
  readonly flagRegister: number;
  readonly flagMask: number;
  readonly enableRegister: number;
  readonly enableMask: number;
  /** The flag stays until its cause is gone. */
  readonly constant: boolean;
}

const UCSRA = 0xc0;
const UCSRB = 0xc1;
const UBRRL = 0xc4;
const UDR = 0xc6;
const RXC = 0x80;
const UDRE = 0x20;
const DOR = 0x08;
const RXEN = 0x10;
/** Start bit, eight bits, stop bit. */
const BITS = 10;

const INTERRUPT = { flagRegister: UCSRA, enableRegister: UCSRB, constant: true };
const RECEIVED: UsartInterrupt = { ...INTERRUPT, address: 0x24, flagMask: RXC, enableMask: 0x80 };
const EMPTY: UsartInterrupt = { ...INTERRUPT, address: 0x26, flagMask: UDRE, enableMask: 0x20 };

export class Usart {
  /** A byte has left the chip whole. */
  onSent: ((byte: number) => void) | null = null;
  /** Longest time from a byte's arrival to its being read, cycles. */
  longestWait = 0;
  overruns = 0;
  private readonly cpu: UsartCpu;
  private readonly line: number[] = [];
  private lineBusy = false;
  private readonly waiting: { byte: number; at: number }[] = [];
  private sending: number | null = null;
  private next: number | null = null;

  constructor(cpu: UsartCpu) {
    this.cpu = cpu;
    cpu.data[UCSRA] = UDRE;
    cpu.writeHooks[UCSRA] = () => true;
    cpu.writeHooks[UCSRB] = (value) => {
      cpu.data[UCSRB] = value;
      cpu.updateInterruptEnable(RECEIVED, value);
      cpu.updateInterruptEnable(EMPTY, value);
      return true;
    };
    cpu.readHooks[UDR] = () => this.read();
    cpu.writeHooks[UDR] = (value) => this.write(value);
  }

  /** Bytes onto the chip's RX pin, one after the other at line rate. */
  receive(bytes: Uint8Array): void {
    for (const byte of bytes) this.line.push(byte);
    if (!this.lineBusy) this.startByte();
  }

  /** Bytes that are still on their way in. */
  pending(): number {
    return this.line.length;
  }

  /** Cycles for a byte at the rate that the firmware has set; UCSR0A's U2X is not modelled. */
  private cyclesPerByte(): number {
    return ((this.cpu.data[UBRRL] ?? 0) + 1) * 16 * BITS;
  }

  private startByte(): void {
    const byte = this.line.shift();
    this.lineBusy = byte !== undefined;
    if (byte === undefined) return;
    this.cpu.addClockEvent(() => {
      this.arrive(byte);
      this.startByte();
    }, this.cyclesPerByte());
  }

  private arrive(byte: number): void {
    const { cpu } = this;
    if (((cpu.data[UCSRB] ?? 0) & RXEN) === 0) return;
    if (this.waiting.length === 3) {
      this.overruns += 1;
      cpu.data[UCSRA] = (cpu.data[UCSRA] ?? 0) | DOR;
      this.waiting.pop();
    }
    this.waiting.push({ byte, at: cpu.cycles });
    cpu.setInterruptFlag(RECEIVED);
  }

  private read(): number {
    const { cpu } = this;
    const first = this.waiting.shift();
    cpu.data[UCSRA] = (cpu.data[UCSRA] ?? 0) & ~DOR;
    if (this.waiting.length === 0) cpu.clearInterrupt(RECEIVED);
    if (first === undefined) return 0;
    this.longestWait = Math.max(this.longestWait, cpu.cycles - first.at);
    return first.byte;
  }

  private write(value: number): boolean {
    if (this.sending === null) {
      this.send(value);
    } else {
      this.next = value;
      this.cpu.clearInterrupt(EMPTY);
    }
    return true;
  }

  private send(value: number): void {
    this.sending = value;
    this.cpu.addClockEvent(() => {
      this.sending = null;
      this.onSent?.(value);
      const { next } = this;
      this.next = null;
      if (next === null) return;
      this.send(next);
      this.cpu.setInterruptFlag(EMPTY);
    }, this.cyclesPerByte());
  }
}

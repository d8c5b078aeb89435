// The least that keeps a cabinet lit: opens a session and sends the wanted display every 50 ms and
// at once on a change. It trusts and mends nothing, so what a test sees is the firmware's doing.
import { CHANNEL_COUNT, LAMP, type LampCode } from "../../../src/core/site/lamps.ts";
import { FrameReader } from "../../../src/wire/frame-reader.ts";
import type { CabinetFrame, HelloAnswerFrame, StatusFrame } from "../../../src/wire/frame-types.ts";
import { decodeCabinetFrame, encodeHostFrame } from "../../../src/wire/frames.ts";
import type { Bench } from "./bench.ts";

const FRAME_MS = 50;
const CHECKSUM_AT = 196;

export class PlainHost {
  readonly bench: Bench;
  readonly reader = new FrameReader<CabinetFrame>(decodeCabinetFrame);
  status: StatusFrame | null = null;
  hello: HelloAnswerFrame | null = null;
  /** Newest value of each counter that came by. */
  readonly counters = new Map<string, number>();
  /** Cycles at which the last lamp frame lay whole on the line. */
  lastFrameAt = 0;
  /** Off: the host is stopped, it neither reads nor writes. */
  running = true;
  private readonly checksum: number;
  private readonly display: LampCode[];
  private session = 0;
  private sequence = 0;
  private nextMs = 0;

  constructor(bench: Bench, record: Uint8Array) {
    this.bench = bench;
    this.checksum = new DataView(record.buffer).getUint32(CHECKSUM_AT, true);
    this.display = Array.from({ length: CHANNEL_COUNT }, (_, index) => {
      const used = ((record[36 + 8 * index] ?? 0) & 0x0f) !== 0;
      return used ? LAMP.red : LAMP.dark;
    });
    bench.onByte = (byte) => {
      if (!this.running) return;
      for (const frame of this.reader.push(Uint8Array.of(byte))) this.take(frame);
    };
  }

  /** Opens a session; the answer is there some milliseconds later. */
  greet(): void {
    this.hello = null;
    const { checksum } = this;
    this.bench.receive(encodeHostFrame({ kind: "hello", nonce: 1, recordChecksum: checksum }));
  }

  /** Changes some channels, 1 to 16, and sends the whole display at once. */
  show(codes: Readonly<Record<number, LampCode>>): void {
    for (const [channel, code] of Object.entries(codes)) this.display[Number(channel) - 1] = code;
    this.send();
  }

  /** Lets time go by with a frame every 50 ms; `until` as in the bench. */
  run(ms: number, until: () => boolean = () => false): boolean {
    const endMs = this.bench.nowMs + ms;
    while (this.bench.nowMs < endMs) {
      if (this.running && this.session !== 0 && this.bench.nowMs >= this.nextMs) this.send();
      const nextMs = this.session === 0 ? this.bench.nowMs + 1 : this.nextMs;
      const stepMs = this.running ? nextMs - this.bench.nowMs : FRAME_MS;
      if (this.bench.run(Math.min(endMs - this.bench.nowMs, Math.max(0.1, stepMs)), until)) {
        return true;
      }
    }
    return until();
  }

  /** Power-up to control: the start-up red is over. Throws when the cabinet doesn't come. */
  start(): this {
    this.bench.run(80);
    this.greet();
    this.reach("controlled", 12_000);
    return this;
  }

  reach(mode: StatusFrame["mode"], withinMs: number): void {
    if (this.run(withinMs, () => this.status?.mode === mode)) return;
    throw new Error(`the cabinet is in ${this.status?.mode} (${this.status?.cause}), not ${mode}`);
  }

  private send(): void {
    this.nextMs = this.bench.nowMs + FRAME_MS;
    if (this.session === 0 || this.status === null) return;
    this.sequence += 1;
    const { session, sequence, display } = this;
    const { stamp } = this.status;
    const bytes = encodeHostFrame({ kind: "lamp", session, sequence, stamp, display });
    this.bench.receive(bytes);
    this.lastFrameAt = this.bench.mcu.cycles + bytes.length * 320;
  }

  private take(frame: CabinetFrame): void {
    if (frame.kind === "hello-answer") {
      this.hello = frame;
      this.session = frame.session;
      this.sequence = 0;
    } else if (frame.kind === "status") {
      this.status = frame;
      this.counters.set(frame.counter, frame.counterValue);
    }
  }
}

// The host's own link code against the emulated board in virtual time, over a line with latency.
import { allRedOf, CabinetLink } from "../../../src/cabinet/link.ts";
import type { LinkEffect, LinkInput } from "../../../src/cabinet/link-types.ts";
import {
  compileRecord,
  describeRecordDifference,
  recordChecksum,
} from "../../../src/cabinet/record.ts";
import type { Display } from "../../../src/core/site/lamps.ts";
import type { SiteModel } from "../../../src/core/site/model.ts";
import { Bench } from "./bench.ts";

const TICK_MS = 50;

/** First in, first out; nothing overtakes. */
class Line {
  private readonly queue: { bytes: Uint8Array; atMs: number }[] = [];
  private lastMs = 0;

  push(bytes: Uint8Array, atMs: number): void {
    this.lastMs = Math.max(this.lastMs, atMs);
    this.queue.push({ bytes, atMs: this.lastMs });
  }

  take(nowMs: number): Uint8Array | null {
    if ((this.queue[0]?.atMs ?? Number.POSITIVE_INFINITY) > nowMs) return null;
    return this.queue.shift()?.bytes ?? null;
  }
}

export class LinkHost {
  readonly bench: Bench;
  readonly link: CabinetLink;
  readonly effects: LinkEffect[] = [];
  onEffect: ((effect: LinkEffect, nowMs: number) => void) | null = null;
  private readonly latencyMs: () => number;
  private readonly up = new Line();
  private readonly down = new Line();
  private readonly partial: number[] = [];
  private nextTickMs = 0;

  constructor(site: SiteModel, latencyMs: () => number) {
    const record = compileRecord(site);
    this.bench = new Bench({ record, autoResetDisconnected: true });
    this.latencyMs = latencyMs;
    this.link = new CabinetLink({
      record,
      checksum: recordChecksum(record),
      describeDifference: describeRecordDifference,
      allRed: allRedOf(site.channels),
      nonce: 1,
    });
    this.bench.onByte = (byte) => {
      this.partial.push(byte);
      if (byte !== 0) return;
      this.down.push(Uint8Array.from(this.partial), this.bench.nowMs + this.latencyMs());
      this.partial.length = 0;
    };
    this.bench.run(80);
    this.input({ kind: "opened" });
  }

  show(display: Display): void {
    this.input({ kind: "display", display });
  }

  /** A millisecond at a time; `each` is called in every one. */
  run(ms: number, each: (nowMs: number) => void = () => undefined): void {
    for (let passed = 0; passed < ms; passed += 1) {
      const { nowMs } = this.bench;
      for (let got = this.down.take(nowMs); got !== null; got = this.down.take(nowMs)) {
        this.input({ kind: "bytes", bytes: got });
      }
      each(nowMs);
      if (nowMs >= this.nextTickMs) {
        this.nextTickMs = nowMs + TICK_MS;
        this.input({ kind: "tick" });
      }
      for (let sent = this.up.take(nowMs); sent !== null; sent = this.up.take(nowMs)) {
        this.bench.receive(sent);
      }
      this.bench.run(1);
    }
  }

  private input(input: LinkInput): void {
    const { nowMs } = this.bench;
    for (const effect of this.link.step(input, nowMs)) {
      if (effect.kind === "write") this.up.push(effect.bytes, nowMs + this.latencyMs());
      else this.effects.push(effect);
      this.onEffect?.(effect, nowMs);
    }
  }
}

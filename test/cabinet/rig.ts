// Link, interlock and virtual cabinet in virtual time, with a line between them that has latency.
// It stands where the node's control thread stands; what is shown is whatever the test wants shown.
import { allRedOf, CabinetLink } from "../../src/cabinet/link.ts";
import type { LinkEffect, LinkInput } from "../../src/cabinet/link-types.ts";
import {
  compileRecord,
  describeRecordDifference,
  recordChecksum,
} from "../../src/cabinet/record.ts";
import { VirtualCabinet, type VirtualCabinetOptions } from "../../src/cabinet/virtual.ts";
import {
  compileTable,
  createInterlock,
  type Interlock,
} from "../../src/core/interlock/interlock.ts";
import type { Display } from "../../src/core/site/lamps.ts";
import type { SiteModel } from "../../src/core/site/model.ts";

const TICK_MS = 50;

export interface RigOptions extends VirtualCabinetOptions {
  /** One way on the line, ms, drawn anew for each run of bytes; order is kept. Default 1 ms. */
  readonly latencyMs?: () => number;
}

interface Flight {
  readonly atMs: number;
  readonly bytes: Uint8Array;
}

/** A line of one direction: first in, first out, each entry not before its time. */
class Line {
  private readonly queue: Flight[] = [];
  private head = 0;
  private lastMs = 0;

  push(bytes: Uint8Array, atMs: number): void {
    this.lastMs = Math.max(this.lastMs, atMs);
    this.queue.push({ bytes, atMs: this.lastMs });
  }

  nextMs(): number {
    return this.queue[this.head]?.atMs ?? Number.POSITIVE_INFINITY;
  }

  take(): Uint8Array {
    const flight = this.queue[this.head];
    this.head += 1;
    if (this.head > 1000) {
      this.queue.splice(0, this.head);
      this.head = 0;
    }
    return flight?.bytes ?? new Uint8Array();
  }

  clear(): void {
    this.queue.length = 0;
    this.head = 0;
  }
}

/** What the link told, with its time; frames it wrote are left out. */
export interface Told {
  readonly atMs: number;
  readonly effect: LinkEffect;
}

export class Rig {
  readonly site: SiteModel;
  readonly cabinet: VirtualCabinet;
  readonly link: CabinetLink;
  readonly interlock: Interlock;
  readonly told: Told[] = [];
  /** Times at which the link wrote, newest last, cleared by the test when it likes. */
  readonly writtenMs: number[] = [];
  /** What the controller asks for at `nowMs`; `startMs` is when the cabinet took our frames. */
  wants: (nowMs: number, startMs: number) => Display;
  /** Edges of the inputs, as the control thread hears of them. */
  onInput: ((input: number, on: boolean) => void) | null = null;
  /** Off: the interlock is left out, so that a test can provoke the cabinet itself. */
  guarded = true;
  nowMs = 0;
  holds = 0;
  violations = 0;
  private readonly latencyMs: () => number;
  private readonly up = new Line();
  private readonly down = new Line();
  private nextTickMs = 0;
  private startMs = 0;
  private stalledUntilMs = 0;
  private keepNotes = true;

  constructor(options: RigOptions) {
    const { site } = options;
    const record = compileRecord(site);
    this.site = site;
    this.latencyMs = options.latencyMs ?? (() => 1);
    this.cabinet = new VirtualCabinet(options);
    this.cabinet.onBytes = (bytes, atMs) => this.down.push(bytes, atMs + this.latencyMs());
    this.link = new CabinetLink({
      record,
      checksum: recordChecksum(record),
      describeDifference: describeRecordDifference,
      allRed: allRedOf(site.channels),
      nonce: 7,
    });
    this.interlock = createInterlock(compileTable(site), 0);
    this.wants = () => allRedOf(site.channels);
    this.input({ kind: "opened" });
  }

  /** Long runs keep no record of what was told. */
  forget(): void {
    this.keepNotes = false;
  }

  input(input: LinkInput): void {
    for (const effect of this.link.step(input, this.nowMs)) this.onEffect(effect);
  }

  /** Lets `ms` of virtual time pass. */
  run(ms: number): void {
    const endMs = this.nowMs + ms;
    while (this.nowMs < endMs) this.toNext(endMs);
  }

  /** Runs until `done`, at most `withinMs`; false when it never was. */
  runUntil(done: () => boolean, withinMs: number): boolean {
    const endMs = this.nowMs + withinMs;
    while (this.nowMs < endMs && !done()) this.toNext(endMs);
    return done();
  }

  /** The host does nothing for `ms`: no tick, no reading. */
  stall(ms: number): void {
    this.stalledUntilMs = this.nowMs + ms;
    this.run(ms);
  }

  /** The cable is pulled: what is on the line is lost. */
  unplug(): void {
    this.cabinet.setPlugged(false);
    this.up.clear();
    this.down.clear();
    this.input({ kind: "closed", reason: "unplugged by the test" });
  }

  replug(): void {
    this.cabinet.setPlugged(true);
    this.input({ kind: "opened" });
  }

  /** Told effects of one kind, in order. */
  of<K extends LinkEffect["kind"]>(kind: K): (Extract<LinkEffect, { kind: K }> & { at: number })[] {
    return this.told.flatMap(({ atMs, effect }) =>
      effect.kind === kind ? [{ ...(effect as Extract<LinkEffect, { kind: K }>), at: atMs }] : [],
    );
  }

  private toNext(endMs: number): void {
    const hostMs = Math.max(this.stalledUntilMs, Math.min(this.nextTickMs, this.down.nextMs()));
    const nextMs = Math.min(endMs, hostMs, this.up.nextMs());
    this.cabinet.advanceToNext(nextMs);
    this.nowMs = Math.max(this.nowMs, this.cabinet.nowMs);
    while (this.up.nextMs() <= this.nowMs) this.cabinet.receive(this.up.take());
    if (this.nowMs < this.stalledUntilMs) return;
    while (this.down.nextMs() <= this.nowMs) {
      this.input({ kind: "bytes", bytes: this.down.take() });
      this.show();
    }
    if (this.nowMs < this.nextTickMs) return;
    this.nextTickMs = Math.max(this.nextTickMs + TICK_MS, this.nowMs);
    this.show();
    this.input({ kind: "tick" });
  }

  private show(): void {
    if (!this.link.isStarted()) return;
    const wanted = this.wants(this.nowMs, this.startMs);
    if (!this.guarded) {
      this.input({ kind: "display", display: wanted });
      return;
    }
    const result = this.interlock.step(wanted, this.link.feedback(this.nowMs), this.nowMs);
    if (result.holds.length > 0) this.holds += 1;
    if (result.violation !== null) this.violations += 1;
    if (result.stop) this.input({ kind: "stop", cause: "interlock" });
    else this.input({ kind: "display", display: result.display });
  }

  private onEffect(effect: LinkEffect): void {
    if (effect.kind === "write") {
      if (this.keepNotes) this.writtenMs.push(this.nowMs);
      this.up.push(effect.bytes, this.nowMs + this.latencyMs());
      return;
    }
    if (effect.kind === "start") {
      this.startMs = this.nowMs;
      this.interlock.restart(this.nowMs);
    }
    if (effect.kind === "input") this.onInput?.(effect.input, effect.on);
    if (effect.kind === "released") this.interlock.release();
    if (this.keepNotes) this.told.push({ atMs: this.nowMs, effect });
  }
}

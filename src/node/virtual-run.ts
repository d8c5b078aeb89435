// A node's control machine and a virtual cabinet in virtual time: what `replay` and tests drive.
// The cable costs nothing; whatever the cabinet says is answered before time goes on.
import { VirtualCabinet } from "../cabinet/virtual.ts";
import type { SiteModel } from "../core/site/model.ts";
import { Control, type ControlOptions } from "./control.ts";
import type { ControlEffect, ControlEvent, Instant } from "./control-types.ts";
import { TICK_MS } from "./pace.ts";

export interface VirtualRunOptions extends Partial<ControlOptions> {
  readonly site: SiteModel;
  /** Wall time at a virtual time, both ms. */
  readonly wallMs: (monoMs: number) => number;
  readonly cabinet?: VirtualCabinet;
  /** Everything control wants done but the writing of bytes, which the run does itself. */
  readonly onEffect: (effect: ControlEffect, now: Instant) => void;
}

export class VirtualRun {
  readonly cabinet: VirtualCabinet;
  readonly control: Control;
  private readonly options: VirtualRunOptions;
  private nextTickMs = TICK_MS;
  private inbox: Uint8Array[] = [];

  constructor(options: VirtualRunOptions) {
    this.options = options;
    this.cabinet = options.cabinet ?? new VirtualCabinet({ site: options.site });
    this.cabinet.onBytes = (bytes) => this.inbox.push(bytes.slice());
    this.control = new Control(options.site, this.instant(0), { nonce: 1, ...options });
    this.step({ kind: "port-opened" });
  }

  /** Lets time pass up to `toMs`, with every tick and every answer in its order. */
  advance(toMs: number): void {
    while (this.cabinet.nowMs < toMs) {
      const untilMs = Math.min(toMs, this.nextTickMs);
      while (this.cabinet.advanceToNext(untilMs)) this.answer();
      this.answer();
      if (untilMs < this.nextTickMs) continue;
      this.nextTickMs += TICK_MS;
      this.step({ kind: "tick" });
    }
  }

  /** An event from elsewhere, now. */
  step(event: ControlEvent): void {
    const now = this.instant(this.cabinet.nowMs);
    for (const effect of this.control.step(event, now)) {
      if (effect.kind === "write") this.cabinet.receive(effect.bytes);
      else this.options.onEffect(effect, now);
    }
  }

  private answer(): void {
    if (this.inbox.length === 0) return;
    const arrived = this.inbox;
    this.inbox = [];
    for (const bytes of arrived) this.step({ kind: "bytes", bytes });
  }

  private instant(monoMs: number): Instant {
    return { monoMs, wallMs: this.options.wallMs(monoMs) };
  }
}

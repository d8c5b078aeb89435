// The control machine on wall time: it owns the beat and the cabinet's port, and does the effects
// in their order. Lamps first; everything else after them.
import { createHistogram, type RecordableHistogram } from "node:perf_hooks";
import type { CabinetPort } from "../cabinet/port.ts";
import { PlanClock } from "../core/signal/schedule.ts";
import type { SiteModel } from "../core/site/model.ts";
import type { ControlView } from "../core/site/view.ts";
import type { NodeEvent } from "../log/events.ts";
import { sleep, type Timers } from "../log/timers.ts";
import type { CorridorNews } from "../mesh/mesh-types.ts";
import type { Announcement } from "../mesh/own-corridor.ts";
import type { TraceContext } from "../wire/trace.ts";
import { Control } from "./control.ts";
import type {
  ControlEffect,
  ControlEvent,
  ControlIdentity,
  Instant,
  Order,
} from "./control-types.ts";
import type { TracedEdge } from "./counted-edges.ts";
import type { EdgeTrace } from "./edge-trace.ts";
import { type Beat, startBeat } from "./pace.ts";
import type { Standing } from "./supervision.ts";

/** The rest of the node hears of the junction at least this often (DESIGN section 9: 300 ms). */
const VIEW_MS = 100;
/** An orderly stop takes the longest pedestrian clearance, yellow, red clearance and 2 s. */
const STOP_PATIENCE_MS = 90_000;
/** With no cabinet in the session there is nothing to stop. */
const STOP_POLL_MS = 50;
const FIRST_LAMP_POLL_MS = 10;
/** The schedule is looked at this often: its lines begin at whole minutes. */
const PLAN_MS = 1000;

export interface LiveOptions {
  readonly timers: Timers;
  readonly site: SiteModel;
  readonly port: CabinetPort;
  readonly identity: () => ControlIdentity;
  /** Never blocks. */
  readonly append: (event: NodeEvent) => void;
  readonly publish: (view: ControlView, trace: TraceContext | null) => void;
  /** For the neighbours; never blocks. */
  readonly announce: (announcements: readonly Announcement[], trace: TraceContext | null) => void;
  /** For the mesh: a traced edge whose row counts a vehicle; never blocks. */
  readonly counting: (edge: TracedEdge) => void;
  /** Where traces begin, as the site file has it now; null, or absent, while nothing is traced. */
  readonly edges?: () => EdgeTrace | null;
  /** Called on each beat, after the lamps. */
  readonly onBeat: (nowMs: number) => void;
}

/** How well the loop keeps its promises, for metrics and benches. */
export interface LoopFigures {
  readonly edgeToFrameUs: RecordableHistogram;
  readonly jitterUs: RecordableHistogram;
  readonly gapMaxMs: number;
  /** Wall time at which the cabinet had accepted the first lamp frame; null before. */
  readonly firstLampWallMs: number | null;
}

export class LiveControl {
  private readonly options: LiveOptions;
  private readonly edgeToFrameUs = createHistogram({ lowest: 1, highest: 60_000_000, figures: 3 });
  private control: Control;
  private next: SiteModel | null = null;
  private portOpen = false;
  private beat: Beat | null = null;
  private lastViewMs = 0;
  /** A view leaves at the end of this turn, with this context. */
  private viewDue = false;
  private viewTrace: TraceContext | null = null;
  private planClock: PlanClock | null = null;
  private lastPlanMs = Number.NEGATIVE_INFINITY;
  private firstLampWallMs: number | null = null;
  /** The newest of each neighbour, for the control machine of another site. */
  private readonly news = new Map<string, CorridorNews>();

  constructor(options: LiveOptions) {
    this.options = options;
    this.control = this.newControl(options.site);
  }

  private newControl(site: SiteModel): Control {
    const nonce = this.options.timers.wallMs();
    this.planClock = site.plans === undefined ? null : new PlanClock(site);
    this.lastPlanMs = Number.NEGATIVE_INFINITY;
    return new Control(site, this.instant(), { nonce, takesOver: true });
  }

  private instant(): Instant {
    const { timers } = this.options;
    return { monoMs: timers.monoMs(), wallMs: timers.wallMs() };
  }

  start(): void {
    const { port } = this.options;
    port.onOpen = () => {
      this.portOpen = true;
      this.step({ kind: "port-opened" });
    };
    port.onClose = (reason) => {
      this.portOpen = false;
      this.step({ kind: "port-closed", reason });
    };
    port.onBytes = (bytes) => this.step({ kind: "bytes", bytes });
    this.beat = startBeat(this.options.timers, (nowMs) => {
      this.tellPlan();
      this.step({ kind: "tick" });
      this.step({ kind: "coordinate", clock: this.options.identity().clock });
      if (this.next !== null && this.control.isStopped()) this.begin(this.next);
      this.options.onBeat(nowMs);
    });
  }

  private tellPlan(): void {
    if (this.planClock === null) return;
    const now = this.instant();
    if (now.monoMs - this.lastPlanMs < PLAN_MS) return;
    this.lastPlanMs = now.monoMs;
    const sure = this.options.identity().clock === "sure";
    const { chosenPlan } = this.control;
    this.step({ kind: "plan", ...this.planClock.at(now, sure, chosenPlan) });
  }

  /** Stops the junction in order and starts it again, through start-up, with another site. */
  replaceSite(site: SiteModel): void {
    this.next = site;
    this.step({ kind: "shutdown" });
  }

  private begin(site: SiteModel): void {
    this.next = null;
    this.control = this.newControl(site);
    this.step({ kind: "neighbours", news: [...this.news.values()] });
    if (this.portOpen) this.step({ kind: "port-opened" });
  }

  /** What the mesh thread knows of neighbours that has changed. */
  hear(news: readonly CorridorNews[]): void {
    for (const entry of news) this.news.set(entry.neighbour, entry);
    this.step({ kind: "neighbours", news });
  }

  /** One event through the machine, its effects done; also what the service thread passes on. */
  step(event: ControlEvent): void {
    const now = this.instant();
    const effects = this.control.step(event, now);
    // An ordered plan begins at once.
    if (event.kind === "order") this.lastPlanMs = Number.NEGATIVE_INFINITY;
    if (effects.length > 0) this.perform(effects, now, event);
    if (now.monoMs - this.lastViewMs >= VIEW_MS) this.publishSoon(null);
  }

  /** Why an order of that author can't be carried out now, or null. */
  refusalOf(order: Order, author: string): string | null {
    return this.control.refusalOf(order, author, this.instant());
  }

  figures(): LoopFigures {
    return {
      edgeToFrameUs: this.edgeToFrameUs,
      jitterUs: this.beat?.jitterUs ?? createHistogram(),
      gapMaxMs: this.beat?.gapMaxMs() ?? 0,
      firstLampWallMs: this.firstLampWallMs,
    };
  }

  /** Forgets the figures of the start-up: what a bench reads counts from now on. */
  measureAnew(): void {
    this.edgeToFrameUs.reset();
    this.beat?.measureAnew();
  }

  /** For the service manager; `lit` once the cabinet has accepted a lamp frame. */
  standing(): Standing {
    return { ...this.control.standing(), lit: this.firstLampWallMs !== null };
  }

  /** Resolves when the cabinet has accepted a first lamp frame, or after `patienceMs`. */
  async firstLamp(patienceMs: number): Promise<void> {
    const { timers } = this.options;
    const endMs = timers.monoMs() + patienceMs;
    while (this.firstLampWallMs === null && timers.monoMs() < endMs) {
      await sleep(timers, FIRST_LAMP_POLL_MS);
    }
  }

  view(): ControlView {
    return this.control.view(this.instant(), this.options.identity());
  }

  /** Asks for the orderly stop and waits until the failure display stands. */
  async stop(): Promise<void> {
    this.next = null;
    const { timers } = this.options;
    const endMs = timers.monoMs() + STOP_PATIENCE_MS;
    this.step({ kind: "shutdown" });
    while (!this.control.isStopped() && timers.monoMs() < endMs) {
      await sleep(timers, STOP_POLL_MS);
    }
    this.publish();
    this.beat?.stop();
    this.options.port.close();
  }

  private perform(effects: readonly ControlEffect[], now: Instant, event: ControlEvent): void {
    let changed = false;
    for (const effect of effects) {
      if (effect.kind === "write") {
        if (!this.options.port.write(effect.bytes)) this.control.step({ kind: "dropped" }, now);
      } else if (effect.kind === "changed") {
        changed = true;
      }
    }
    if (changed && event.kind === "bytes") {
      const us = Math.round((this.options.timers.monoMs() - now.monoMs) * 1000);
      this.edgeToFrameUs.record(Math.max(1, us));
    }
    for (const effect of effects) this.pass(effect, now);
    this.noteFirstLamp();
    const trace = this.traceOf(effects, now);
    if (changed) this.publishSoon(trace);
  }

  private pass(effect: ControlEffect, { monoMs }: Instant): void {
    if (effect.kind === "log") this.options.append(effect.event);
    else if (effect.kind === "announce") {
      const trace = this.options.edges?.()?.announced(monoMs) ?? null;
      this.options.announce(effect.announcements, trace);
    }
  }

  private noteFirstLamp(): void {
    if (this.firstLampWallMs !== null || this.control.acceptedSequence() === 0) return;
    this.firstLampWallMs = this.options.timers.wallMs();
  }

  private traceOf(effects: readonly ControlEffect[], { monoMs }: Instant): TraceContext | null {
    const edges = this.options.edges?.() ?? null;
    if (edges === null) return null;
    const times = { startMs: monoMs, edgeMs: this.control.newestInputMs() };
    const trace = edges.look(effects, times);
    const edge = trace === null ? null : edges.counting();
    if (edge !== null) this.options.counting(edge);
    return trace;
  }

  /**
   * Events of one turn, as frames that come together, are one view: else whoever hears the second
   * waits until the first has gone round to all.
   */
  private publishSoon(trace: TraceContext | null): void {
    this.viewTrace = trace ?? this.viewTrace;
    if (this.viewDue) return;
    this.viewDue = true;
    this.options.timers.soon(() => {
      if (this.viewDue) this.publish();
    });
  }

  private publish(): void {
    const now = this.instant();
    const trace = this.viewTrace;
    this.viewDue = false;
    this.viewTrace = null;
    this.lastViewMs = now.monoMs;
    this.options.publish(this.control.view(now, this.options.identity()), trace);
  }
}

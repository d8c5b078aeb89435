// Traces of a node as its control thread has them: whether there are any, where they begin, and
// the bounded way of all finished spans to the service thread, which alone speaks to a collector.
import type { TraceSetting } from "../core/site/model.ts";
import type { Timers } from "../log/timers.ts";
import type { Span, TraceContext } from "../wire/trace.ts";
import { EdgeTrace } from "./edge-trace.ts";
import type { DropCount, ToService } from "./messages.ts";
import { Spans } from "./spans.ts";

/** Spans that the service thread has not taken yet; more are dropped. */
const MAX_WAITING = 512;

export interface TracingOptions {
  readonly timers: Timers;
  /** To the service thread; false while none runs. */
  readonly tell: (message: ToService) => boolean;
}

export class Tracing {
  /** Null while the site file has no `traces`. */
  spans: Spans | null = null;
  edges: EdgeTrace | null = null;
  readonly #options: TracingOptions;
  #waiting = 0;
  #dropped = 0;
  #unsampled = 0;

  constructor(options: TracingOptions) {
    this.#options = options;
  }

  /** What the site file says, at the start and after a reload. */
  set(setting: TraceSetting | undefined): void {
    this.#unsampled += this.spans?.dropped ?? 0;
    const { timers } = this.#options;
    this.spans =
      setting === undefined
        ? null
        : new Spans({ setting, timers, emit: (span) => this.forward([span]) });
    this.edges = this.spans === null ? null : new EdgeTrace(this.spans);
  }

  /** Finished spans to the exporter, or dropped and counted. */
  forward(spans: readonly Span[]): void {
    const room = this.#waiting + spans.length <= MAX_WAITING;
    if (room && this.#options.tell({ kind: "spans", spans })) this.#waiting += spans.length;
    else this.#dropped += spans.length;
  }

  taken(count: number): void {
    this.#waiting = Math.max(0, this.#waiting - count);
  }

  /** A new service thread: what was on its way to the last one is lost. */
  restarted(): void {
    this.#dropped += this.#waiting;
    this.#waiting = 0;
  }

  /** Coordination hears of neighbours: what it makes of their traced changes is done in `run`. */
  decided(traces: ReadonlyMap<string, TraceContext> | null, run: () => void): void {
    const { spans } = this;
    const startMs = spans?.now() ?? 0;
    run();
    if (spans === null || traces === null) return;
    for (const [neighbour, trace] of traces) {
      spans.decide(trace, { startMs, attributes: { neighbour, outcome: "coordination" } });
    }
  }

  /**
   * A traced change of a neighbour has reached the control thread: it is known, and
   * nothing has to be decided from it.
   */
  applied(neighbour: string, trace: TraceContext): void {
    const { spans } = this;
    if (spans === null) return;
    const attributes = { neighbour, outcome: "noted" };
    spans.decide(trace, { startMs: spans.now(), attributes });
  }

  dropped(): DropCount[] {
    const beyond = this.#unsampled + (this.spans?.dropped ?? 0);
    return [
      { class: "span", reason: "full", count: this.#dropped },
      { class: "span", reason: "rate", count: beyond },
    ].filter(({ count }) => count > 0);
  }
}

// Spans of one thread of a node: made where something is done, handed on as plain data. A node
// without `traces` in its site file has none of these, and asks nobody.
import { randomBytes } from "node:crypto";
import type { TraceSetting } from "../core/site/model.ts";
import type { Timers } from "../log/timers.ts";
import type { Span, SpanName, TraceContext } from "../wire/trace.ts";

/** Of one thread: a neighbour that marks all it says as sampled must not fill the channels. */
const SPANS_PER_S = 100;
const BURST = 200;

export interface SpansOptions {
  readonly setting: TraceSetting;
  readonly timers: Timers;
  /** Takes a finished span; false where it was dropped. */
  readonly emit: (span: Span) => void;
  readonly random?: (bytes: number) => Uint8Array;
  /** From 0 to below 1. */
  readonly chance?: () => number;
}

export class Spans {
  /** Spans beyond the thread's share. */
  dropped = 0;
  readonly #options: SpansOptions;
  readonly #random: (bytes: number) => Uint8Array;
  readonly #chance: () => number;
  /** Span ids count from a random number, so that no two of a trace are the same. */
  #next: bigint;
  #allowance = BURST;
  #filledMs: number;

  constructor(options: SpansOptions) {
    this.#options = options;
    this.#random = options.random ?? randomBytes;
    this.#chance = options.chance ?? Math.random;
    this.#next = BigInt(`0x${this.#hex(8)}`);
    this.#filledMs = options.timers.monoMs();
  }

  /** Begins a trace, or not, as often as `sample` says. */
  root(): TraceContext | null {
    if (this.#chance() >= this.#options.setting.sample) return null;
    return { traceId: this.#hex(16), spanId: this.#spanId() };
  }

  /** A span of the same trace, to be ended with `end`. */
  child({ traceId }: TraceContext): TraceContext {
    return { traceId, spanId: this.#spanId() };
  }

  /** Monotonic time, ms: where a span begins. */
  now(): number {
    return this.#options.timers.monoMs();
  }

  /**
   * Ends a span that began at `startMs` of the monotonic clock, now unless `endMs` says else.
   * False where it is beyond this thread's share.
   */
  end(
    name: SpanName,
    context: TraceContext,
    parent: TraceContext | null,
    { startMs, endMs, attributes = {} }: SpanWords,
  ): boolean {
    const { timers, emit } = this.#options;
    const nowMs = timers.monoMs();
    if (!this.#mayEmit(nowMs)) {
      this.dropped += 1;
      return false;
    }
    const wallMs = timers.wallMs() - nowMs;
    emit({
      ...context,
      parentId: parent?.spanId ?? null,
      name,
      startMs: wallMs + Math.min(startMs, nowMs),
      endMs: wallMs + (endMs ?? nowMs),
      attributes,
    });
    return true;
  }

  /**
   * What this node made of a neighbour's change, as the last span of its trace; the context is
   * that of `apply`.
   */
  decide(applied: TraceContext, words: SpanWords): void {
    this.end("decide", this.child(applied), applied, words);
  }

  #hex(bytes: number): string {
    return Buffer.from(this.#random(bytes)).toString("hex");
  }

  #spanId(): string {
    this.#next = BigInt.asUintN(64, this.#next + 1n) || 1n;
    return this.#next.toString(16).padStart(16, "0");
  }

  #mayEmit(nowMs: number): boolean {
    const more = ((nowMs - this.#filledMs) / 1000) * SPANS_PER_S;
    this.#filledMs = nowMs;
    this.#allowance = Math.min(BURST, this.#allowance + more);
    if (this.#allowance < 1) return false;
    this.#allowance -= 1;
    return true;
  }
}

/** When a span began and, unless it ends now, when it ended, monotonic ms; what it was about. */
export interface SpanWords {
  readonly startMs: number;
  readonly endMs?: number;
  readonly attributes?: Span["attributes"];
}

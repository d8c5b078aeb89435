// One own change on its way to the neighbours, with a trace: `delta` is its making, `mesh` the
// handing over to the lane of each neighbour, whose context goes along inside the envelope.
import type { TraceSetting } from "../core/site/model.ts";
import { realTimers } from "../log/timers.ts";
import type { MeshEffect } from "../mesh/mesh-types.ts";
import { encodeTrace, type Span, type TraceContext } from "../wire/trace.ts";
import type { FromMesh } from "./mesh-messages.ts";
import { Spans } from "./spans.ts";

type SendEffect = Extract<MeshEffect, { kind: "send" }>;

/** The mesh thread's spans, as an option of its body; none where the site file has no traces. */
export function meshSpans(
  setting: TraceSetting | undefined,
  tell: (message: FromMesh) => void,
): { readonly spans?: Spans } {
  if (setting === undefined) return {};
  const emit = (span: Span): void => tell({ kind: "spans", spans: [span] });
  return { spans: new Spans({ setting, timers: realTimers, emit }) };
}

/** What changes, and who is told. */
export interface TracedWords {
  readonly what: "phases" | "departures" | "counted";
  readonly neighbours: readonly string[];
}

export class TracedChange {
  /** What each neighbour's envelope carries. */
  readonly traces: ReadonlyMap<string, Uint8Array>;
  readonly #spans: Spans;
  readonly #what: TracedWords["what"];
  readonly #parent: TraceContext;
  readonly #delta: TraceContext;
  readonly #mesh: ReadonlyMap<string, TraceContext>;
  readonly #startMs: number;
  #sendMs = 0;
  #told = false;

  constructor(spans: Spans, parent: TraceContext, { what, neighbours }: TracedWords) {
    this.#spans = spans;
    this.#what = what;
    this.#parent = parent;
    this.#startMs = spans.now();
    this.#delta = spans.child(parent);
    this.#mesh = new Map(neighbours.map((id) => [id, spans.child(parent)]));
    this.traces = new Map([...this.#mesh].map(([id, context]) => [id, encodeTrace(context)]));
  }

  /** The change is made and its bytes are about to leave. */
  begin(): void {
    this.#sendMs = this.#spans.now();
    if (this.#told) return;
    this.#told = true;
    const times = { startMs: this.#startMs, endMs: this.#sendMs };
    const attributes = { change: this.#what };
    this.#spans.end("delta", this.#delta, this.#parent, { ...times, attributes });
  }

  /** It has left. */
  sent({ neighbour, lane, bytes }: SendEffect): void {
    const context = this.#mesh.get(neighbour);
    if (context === undefined) return;
    const attributes = { neighbour, lane, bytes: bytes.length };
    this.#spans.end("mesh", context, this.#delta, { startMs: this.#sendMs, attributes });
  }
}

// What of the messages between threads goes into the trace. Most of them whole; of those that come
// often and are large what tells them apart: a view by what its lamps are, rows by their hash,
// which covers them all.
import type { ControlView } from "../core/site/view.ts";
import type { Trace } from "./trace.ts";

interface AnyMessage {
  readonly kind?: string;
  readonly view?: ControlView;
  readonly hash?: string;
  readonly picture?: { readonly neighbours?: { readonly wallMs?: number } };
  readonly input?: { readonly detector?: number; readonly on?: boolean };
  readonly page?: { readonly from: number; readonly to: number };
}

export class MessageTrace {
  readonly #trace: Trace;
  /** The same view goes to several threads. */
  #view: ControlView | null = null;
  #lamps = new Uint8Array(0);

  constructor(trace: Trace) {
    this.#trace = trace;
  }

  take(value: unknown): void {
    const message = value as AnyMessage;
    switch (message.kind) {
      case "view":
        if (message.view !== undefined) this.#takeView(message.view);
        break;
      case "committed":
        if (message.hash === undefined) this.#trace.value(message);
        else this.#trace.text(message.hash);
        break;
      case "picture":
      case "mesh":
        this.#trace.number(message.picture?.neighbours?.wallMs ?? 0);
        break;
      case "detector":
        this.#trace.number((message.input?.detector ?? 0) * (message.input?.on === true ? 1 : -1));
        break;
      case "page":
        this.#trace.number(message.page?.from ?? 0);
        this.#trace.number(message.page?.to ?? 0);
        break;
      default:
        this.#trace.value(value);
    }
  }

  #takeView(view: ControlView): void {
    if (view === this.#view) return;
    this.#view = view;
    this.#trace.number(view.monoMs);
    this.#trace.text(view.mode);
    this.#trace.bytes(this.#lampsOf(view));
  }

  /** What is commanded and what is sensed, in one piece; overwritten by the next call. */
  #lampsOf({ commanded, sensed }: ControlView): Uint8Array {
    const bytes = commanded.length + sensed.length;
    if (this.#lamps.length !== bytes) this.#lamps = new Uint8Array(bytes);
    this.#lamps.set(commanded);
    this.#lamps.set(sensed, commanded.length);
    return this.#lamps;
  }
}

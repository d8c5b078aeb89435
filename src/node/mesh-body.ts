// What runs in the mesh thread: the mesh machine, and its effects done in their order. It reaches
// neighbours, the log and the control thread through what it is given, so that the simulator runs
// this same body.
import type { ClockQuality } from "../core/site/view.ts";
import type { TimerHandle, Timers } from "../log/timers.ts";
import { type CacheStore, cacheKey, MeshCache } from "../mesh/cache.ts";
import { Mesh } from "../mesh/mesh.ts";
import type {
  CorridorNews,
  Lane,
  MeshEffect,
  MeshEvent,
  MeshNow,
  RevocationSource,
  SendClass,
} from "../mesh/mesh-types.ts";
import type { RevocationCheck } from "../mesh/revoked.ts";
import { toldClock } from "../mesh/told-phases.ts";
import type { OrderOpener } from "../mesh/zone-orders.ts";
import type { HealthPart } from "../wire/health.ts";
import type { Keys } from "../wire/keys.ts";
import { encodeMap, mapFromSite } from "../wire/map.ts";
import { decodeTrace, type TraceContext } from "../wire/trace.ts";
import { CountedEdges } from "./counted-edges.ts";
import { LogAsker } from "./log-asker.ts";
import { type FromMesh, isTold, type ToMesh } from "./mesh-messages.ts";
import { meshPicture } from "./mesh-picture.ts";
import { logRequestOf } from "./mesh-requests.ts";
import { hearSightings } from "./sightings.ts";
import type { Spans } from "./spans.ts";
import { TracedChange } from "./traced-change.ts";

const TICK_MS = 50;
/** A repeat that is due at once comes behind what waits in the loop. */
const SOONEST_MS = 1;
const PICTURE_MS = 500;
const RETRY_MS = 1_000;

export interface MeshBodyOptions {
  readonly node: string;
  readonly neighbours: readonly string[];
  readonly keys: Keys;
  readonly timers: Timers;
  readonly send: (neighbour: string, lane: Lane, bytes: Uint8Array, klass: SendClass) => void;
  /** Back on the way by which somebody speaks under that name; absent where there is none. */
  readonly answer?: (neighbour: string, bytes: Uint8Array) => void;
  readonly tell: (message: FromMesh) => void;
  /** What the lanes refused, by reason. */
  readonly refusals?: () => ReadonlyMap<string, number>;
  /** Absent where there is no CA: no revocation is believed. */
  readonly checkRevocation?: RevocationCheck;
  /** Absent where there is no CA: no order for the zone is believed. */
  readonly openOrder?: OrderOpener;
  /** Before the control thread hears of it. */
  readonly onRevoked?: (signed: Uint8Array) => void;
  readonly keysPart?: () => HealthPart;
  /** Absent where nothing is traced. */
  readonly spans?: Spans;
}

type OwnEvent = Extract<MeshEvent, { kind: "own-phases" | "announce" | "committed" }>;

/** What a traced change is, as its span says. */
const WHAT = { "own-phases": "phases", announce: "departures", committed: "counted" } as const;

export class MeshBody {
  readonly mesh: Mesh;
  readonly cache: MeshCache;
  readonly #options: MeshBodyOptions;
  readonly #log: LogAsker;
  readonly #timers: TimerHandle[] = [];
  /** For the machine's next repeat or acknowledgement, when it comes before the next tick. */
  #wake: TimerHandle | null = null;
  #wakeMs = Number.POSITIVE_INFINITY;
  #clock: ClockQuality | null = null;
  #started = false;
  /** A view came since control was told of neighbours: it takes what it is sent. */
  #mayTell = false;
  /** What control knows, by neighbour. */
  readonly #toldCorridor = new Map<string, string>();
  /** When the present step began, while there are traces. */
  #stepMs = 0;
  /** Contexts of `apply` that control has not heard of, by neighbour: the newest of each. */
  readonly #appliedTraces = new Map<string, TraceContext>();
  /** Traced edges whose rows are not committed yet. */
  readonly #counting = new CountedEdges();
  /** The traced change that is being sent. */
  #traced: TracedChange | null = null;
  /** Why the revocation or the order of the present step was refused. */
  #refusal: string | null = null;

  constructor(options: MeshBodyOptions) {
    const { node, neighbours, keys, timers, checkRevocation, openOrder } = options;
    this.#options = options;
    this.mesh = new Mesh({
      id: node,
      neighbours,
      keys,
      ...(checkRevocation === undefined ? {} : { checkRevocation }),
      ...(openOrder === undefined ? {} : { openOrder }),
    });
    this.#log = new LogAsker({
      timers,
      onRows: (rows, hash) => {
        const event = { kind: "committed", rows, ...(hash === null ? {} : { hash }) } as const;
        this.#own(event, this.#counting.take(rows) ?? undefined);
      },
    });
    this.cache = new MeshCache(this.#cacheStore());
    this.#timers.push(
      timers.every(TICK_MS, () => {
        this.step({ kind: "tick" });
        this.#tellCorridor();
      }),
      timers.every(PICTURE_MS, () => this.#tellPicture()),
    );
  }

  /** A message of the control thread; `stop` is its caller's business after `close`. */
  take(message: ToMesh): void {
    if (isTold(message)) {
      this.#setClock(toldClock(message));
      this.step({ kind: "own-phases", phases: message });
      this.#mayTell = true;
      return;
    }
    switch (message.kind) {
      case "log-port":
        this.#log.attach(message.port);
        if (!this.#started) this.#begin(message.again);
        break;
      case "service-port":
        hearSightings(message.port, (sighting) => this.step({ kind: "sighting", ...sighting }));
        break;
      case "traced-phases":
        this.#setClock(toldClock(message.phases));
        this.#own({ kind: "own-phases", phases: message.phases }, message.trace);
        this.#mayTell = true;
        break;
      case "announce":
        this.#own({ kind: "announce", announcements: message.announcements }, message.trace);
        break;
      case "counting":
        this.#counting.add(message.edge);
        break;
      case "site":
        this.step({ kind: "own-site", site: message.site });
        this.step({ kind: "own-map", map: encodeMap(mapFromSite(message.site)) });
        break;
      case "raised":
        this.step({ kind: "raised", incarnation: message.incarnation });
        break;
      case "revoke":
      case "zone-order": {
        const { kind, token, signed } = message;
        const refusal = kind === "revoke" ? this.revoke(signed, "operator") : this.#order(signed);
        this.#options.tell({ kind: "ordered", token, refusal });
        break;
      }
      case "stop":
        this.close();
        break;
    }
  }

  /** Tells of a revocation; null, or why it is not taken. */
  revoke(signed: Uint8Array, source: RevocationSource): string | null {
    this.#refusal = null;
    this.step({ kind: "revocation", signed, source });
    return this.#refusal;
  }

  #order(signed: Uint8Array): string | null {
    this.#refusal = null;
    this.step({ kind: "order", signed });
    return this.#refusal;
  }

  /** What this node says of itself; where that is traced, with a span for each neighbour. */
  #own(event: OwnEvent, trace: TraceContext | undefined): void {
    const { spans, neighbours } = this.#options;
    if (spans === undefined || trace === undefined) {
      this.step(event);
      return;
    }
    this.#traced = new TracedChange(spans, trace, { what: WHAT[event.kind], neighbours });
    this.step({ ...event, traces: this.#traced.traces });
    this.#traced = null;
  }

  /** One event through the machine, its effects done. */
  step(event: MeshEvent): void {
    const { spans } = this.#options;
    if (spans !== undefined) this.#stepMs = spans.now();
    for (const effect of this.mesh.step(event, this.#now())) this.#perform(effect);
    this.#setWake();
  }

  /**
   * A timer that comes too early stays, and looks again: what is due moves with each message. Times
   * further off are the ticks' business.
   */
  #setWake(): void {
    const wakeMs = this.mesh.wakeMs();
    if (wakeMs === null || wakeMs >= this.#wakeMs) return;
    const { timers } = this.#options;
    const nowMs = timers.monoMs();
    if (wakeMs - nowMs >= TICK_MS) return;
    this.#wake?.cancel();
    // Timers leave out fractions, and would come a moment before anything is due.
    const ms = Math.max(SOONEST_MS, Math.ceil(wakeMs - nowMs));
    this.#wakeMs = nowMs + ms;
    this.#wake = timers.after(ms, () => this.#onWake());
  }

  #onWake(): void {
    this.#wakeMs = Number.POSITIVE_INFINITY;
    const wakeMs = this.mesh.wakeMs();
    if (wakeMs !== null && wakeMs <= this.#options.timers.monoMs()) this.step({ kind: "due" });
    else this.#setWake();
  }

  close(): void {
    for (const timer of this.#timers) timer.cancel();
    this.#wake?.cancel();
    this.#log.close();
  }

  #now(): MeshNow {
    const { timers } = this.#options;
    return { monoMs: timers.monoMs(), wallMs: timers.wallMs() };
  }

  #setClock(quality: ClockQuality): void {
    if (quality === this.#clock) return;
    this.#clock = quality;
    this.step({ kind: "clock", quality });
  }

  /** First what was known of the neighbours, then what this node says of itself. */
  #begin(again: boolean): void {
    this.#started = true;
    this.cache.restore((entries) => {
      if (entries.length > 0) this.step({ kind: "cached", entries });
    });
    this.#askOwn(again);
  }

  #askOwn(again: boolean): void {
    this.#log.ask({ kind: "own-state" }, (answer) => {
      if (answer?.kind !== "own-state") {
        this.#options.timers.after(RETRY_MS, () => this.#askOwn(again));
        return;
      }
      const { incarnation, boot, trusted, state, position, before } = answer.own;
      this.#log.beginAfter(position.seq);
      const start = { incarnation, boot: new Uint8Array(Buffer.from(boot, "hex")), trusted };
      this.step({ kind: "start", ...start, again, own: state, before });
    });
  }

  #perform(effect: MeshEffect): void {
    const { send, answer, tell } = this.#options;
    switch (effect.kind) {
      case "send":
        if (effect.trace !== undefined) this.#traced?.begin();
        if (effect.toAsker === true) answer?.(effect.neighbour, effect.bytes);
        else send(effect.neighbour, effect.lane, effect.bytes, effect.class);
        if (effect.trace !== undefined) this.#traced?.sent(effect);
        break;
      case "applied":
        this.#applied(effect.neighbour, effect.trace);
        break;
      case "log":
        tell({ kind: "log", event: effect.event });
        break;
      case "raise":
        tell(effect);
        break;
      case "alarm":
        if (effect.active) tell({ kind: "notice", level: "warn", text: effect.text });
        break;
      case "write-refused":
        tell({ kind: "notice", level: "warn", text: `a wish was refused: ${effect.reason}` });
        break;
      case "revoked": {
        const { serial, signed } = effect;
        this.#options.onRevoked?.(signed);
        tell({ kind: "revoked", serial, signed });
        break;
      }
      case "zone-order":
        tell(effect);
        break;
      case "revocation-refused":
      case "order-refused":
        this.#refusal = effect.reason;
        break;
      case "cache-put":
        this.cache.put(effect.entry, this.#now(), effect.keep);
        break;
      case "count":
        break;
      default:
        this.#askLog(effect);
    }
  }

  /** A neighbour's traced change: `apply`, and the control thread goes on with the trace. */
  #applied(neighbour: string, bytes: Uint8Array): void {
    const { spans } = this.#options;
    const sent = spans === undefined ? null : decodeTrace(bytes);
    if (spans === undefined || sent === null) return;
    const trace = spans.child(sent);
    const words = { startMs: this.#stepMs, attributes: { neighbour } };
    const told = spans.end("apply", trace, sent, words);
    if (told) this.#appliedTraces.set(neighbour, trace);
  }

  /** Traced changes that made no news of a neighbour end here as far as control is concerned. */
  #tellApplied(): void {
    if (this.#appliedTraces.size === 0) return;
    for (const [neighbour, trace] of this.#appliedTraces) {
      this.#options.tell({ kind: "applied", neighbour, trace });
    }
    this.#appliedTraces.clear();
  }

  /** Of a neighbour that control is told of now, and then no more. */
  #takeTraces(news: readonly CorridorNews[]): Map<string, TraceContext> {
    const taken = new Map<string, TraceContext>();
    for (const { neighbour } of news) {
      const trace = this.#appliedTraces.get(neighbour);
      if (trace !== undefined) taken.set(neighbour, trace);
      this.#appliedTraces.delete(neighbour);
    }
    return taken;
  }

  /** Without an answer the machine asks again by itself. */
  #askLog(effect: MeshEffect): void {
    const request = logRequestOf(effect);
    if (request === null) throw new Error(`an effect of the unknown kind ${effect.kind}`);
    this.#log.ask(request.question, (answer) => {
      const event = answer === null ? null : request.eventOf(answer);
      if (event !== null) this.step(event);
    });
  }

  /** What has changed of each neighbour since it was told last, in one message. */
  #tellCorridor(): void {
    if (!this.#mayTell) return;
    const news = this.mesh.corridor().filter((entry) => {
      const { neighbour, up, agrees, why, departures } = entry;
      const key = `${up} ${agrees} ${why} ${departures?.toWallMs}`;
      if (this.#toldCorridor.get(neighbour) === key) return false;
      this.#toldCorridor.set(neighbour, key);
      return true;
    });
    if (news.length > 0) {
      this.#mayTell = false;
      const traces = this.#takeTraces(news);
      const { tell } = this.#options;
      tell(traces.size === 0 ? { kind: "corridor", news } : { kind: "corridor", news, traces });
    }
    this.#tellApplied();
  }

  #cacheStore(): CacheStore {
    return {
      put: (changes, keep) => this.#log.ask({ kind: "cache-put", changes, keep }, () => undefined),
      load: (done) =>
        this.#log.ask({ kind: "cache-load" }, (answer) => {
          done(answer?.kind === "cache-copies" ? answer.copies : []);
        }),
    };
  }

  #tellPicture(): void {
    const now = this.#now();
    const picture = meshPicture({
      wallMs: now.wallMs,
      neighbours: this.mesh.neighbours(now),
      figures: this.mesh.figures(now),
      cache: this.cache.figures(),
      refusals: this.#options.refusals?.() ?? new Map(),
      keptMs: (id) => this.cache.get(cacheKey(id, "state"), now)?.ageMs ?? null,
      spansDropped: this.#options.spans?.dropped ?? 0,
    });
    const keys = this.#options.keysPart?.();
    const whole = keys === undefined ? picture : { ...picture, keys };
    this.#options.tell({ kind: "picture", picture: whole });
  }
}

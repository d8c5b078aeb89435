// `stopline/vehicle`: a vehicle that listens to the lights ahead and decides from them. The agent
// is the thin edge of `machine.ts`: connections, one timer, the clock.
import { randomBytes } from "node:crypto";
import { EventEmitter } from "node:events";
import { WireError } from "../wire/codec.ts";
import { decodeMap } from "../wire/map.ts";
import { topicsOf } from "../wire/topics.ts";
import { decodeTrace, type Span } from "../wire/trace.ts";
import { decodeZoneNotice, encodeVehicleReport } from "../wire/vehicle.ts";
import type { Advice } from "./advice.ts";
import { Client } from "./client.ts";
import { decodedSpat } from "./decoded.ts";
import {
  type Decision,
  type VehicleCounts,
  type VehicleEffect,
  type VehicleEvent,
  VehicleMachine,
} from "./machine.ts";
import {
  type CheckedOptions,
  checkedOptions,
  checkPosition,
  type Position,
  type VehicleOptions,
} from "./options.ts";
import { type Junction, junctionKey } from "./route.ts";

/** What stands in options and events, under the one name by which others import. */
export type { Advice, AdviceKind } from "./advice.ts";
export type { Doubt, Light, PhaseBelief } from "./belief.ts";
export type { TlsMaterial } from "./client.ts";
export type { Decision } from "./machine.ts";
export type { Limits } from "./motion.ts";
export type { Position, VehicleOptions } from "./options.ts";
export type { Junction, Link, Route, StopLine } from "./route.ts";
export type { Span };

export interface ConnectionChange {
  readonly url: string;
  readonly up: boolean;
  /** Why it went down or could not be made; null when up. */
  readonly reason: string | null;
}

export interface VehicleEvents {
  /** After every change that matters, within the turn in which it came. */
  decision: [Decision];
  /** When the advised speed or its kind has changed noticeably. */
  advice: [Advice, Decision];
  connection: [ConnectionChange];
}

export interface AgentCounts extends VehicleCounts {
  /** Messages that could not be read. */
  readonly garbled: number;
}

/** Finer changes of the target are not told. */
const ADVICE_STEP_MPS = 0.5;

/** A name that says nothing of whose it is: to be taken anew for each journey. */
export function newPseudonym(): string {
  return `v-${randomBytes(8).toString("hex")}`;
}

export class VehicleAgent extends EventEmitter<VehicleEvents> {
  readonly id: string;
  readonly #options: CheckedOptions;
  readonly #machine: VehicleMachine;
  readonly #clients = new Map<string, Client>();
  readonly #reportTopics = new Map<Junction, string>();
  #timer: NodeJS.Timeout | null = null;
  /** When the timer comes, and when it should. */
  #timerMs = 0;
  #wakeMs = 0;
  #garbled = 0;
  /** When the newest message came. */
  #heardMs = 0;
  #advised = "";
  #closed = false;

  /** Connects at once; throws a `RangeError` in one line for options that can't be right. */
  constructor(options: VehicleOptions) {
    super();
    this.#options = checkedOptions(options);
    this.id = options.id ?? newPseudonym();
    this.#machine = new VehicleMachine(this.#options);
    // After the caller has had the chance to listen.
    setImmediate(() => this.#step({ kind: "tick" }));
  }

  get counts(): AgentCounts {
    return { ...this.#machine.counts(), garbled: this.#garbled };
  }

  /**
   * Where the vehicle is: as often as it knows, ten times a second is plenty. Throws a `RangeError`
   * for what is no position: a vehicle that doesn't know where it is must not be told to go.
   */
  position(position: Position): void {
    checkPosition(position);
    const { atM, speedMps, latDeg, lonDeg, headingDeg } = position;
    const known = latDeg !== undefined && lonDeg !== undefined;
    const place = known ? { latDeg, lonDeg, headingDeg: headingDeg ?? null } : null;
    this.#step({ kind: "position", atM, speedMps, place });
  }

  /** What it thinks at this moment, for a loop that asks rather than listens. */
  look(): Decision {
    return this.#machine.look(performance.now());
  }

  /** Leaves every node; no event comes any more. */
  close(): void {
    this.#closed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    for (const client of this.#clients.values()) client.close();
    this.#clients.clear();
  }

  #step(event: VehicleEvent): void {
    if (this.#closed) return;
    const now = { monoMs: performance.now(), wallMs: Date.now() };
    for (const effect of this.#machine.step(event, now)) this.#perform(effect);
  }

  #perform(effect: VehicleEffect): void {
    // A listener may have closed this agent.
    if (this.#closed) return;
    switch (effect.kind) {
      case "connect":
        this.#connect(effect.junction);
        break;
      case "disconnect":
        this.#clients.get(effect.url)?.close();
        this.#clients.delete(effect.url);
        break;
      case "subscribe":
        this.#subscribe(effect);
        break;
      case "unsubscribe":
        this.#clients.get(effect.junction.url)?.unsubscribe(this.#filtersOf(effect.junction));
        break;
      case "report": {
        const topic = this.#reportTopic(effect.junction);
        this.#clients.get(effect.junction.url)?.publish(topic, encodeVehicleReport(effect.report));
        break;
      }
      case "decide":
        this.#tell(effect.decision);
        break;
      case "wake":
        this.#wake(effect.atMs);
        break;
    }
  }

  /** The end of a trace that came with the message behind this decision. */
  #tellSpan({ spat, light }: Decision, onSpan: (span: Span) => void): void {
    const from = spat?.trace === undefined ? null : decodeTrace(spat.trace);
    if (from === null) return;
    const endMs = Date.now();
    onSpan({
      traceId: from.traceId,
      spanId: randomBytes(8).toString("hex"),
      parentId: from.spanId,
      name: "decide",
      startMs: endMs - (performance.now() - this.#heardMs),
      endMs,
      attributes: { vehicle: this.id, light: light?.light ?? "none" },
    });
  }

  #tell(decision: Decision): void {
    const { onSpan } = this.#options;
    if (onSpan !== null) this.#tellSpan(decision, onSpan);
    this.emit("decision", decision);
    const { kind, targetMps } = decision.advice;
    const advised = `${kind} ${Math.round(targetMps / ADVICE_STEP_MPS)}`;
    if (advised === this.#advised || this.#closed) return;
    this.#advised = advised;
    this.emit("advice", decision.advice, decision);
  }

  /** A timer that comes too early waits on; most steps then leave it as it is. */
  #wake(atMs: number): void {
    this.#wakeMs = atMs;
    if (this.#timer === null || atMs < this.#timerMs) this.#setTimer();
  }

  #setTimer(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timerMs = this.#wakeMs;
    const waitMs = Math.max(0, Math.ceil(this.#wakeMs - performance.now()));
    this.#timer = setTimeout(() => {
      this.#timer = null;
      if (performance.now() < this.#wakeMs) this.#setTimer();
      else this.#step({ kind: "tick" });
    }, waitMs);
  }

  #reportTopic(junction: Junction): string {
    const known = this.#reportTopics.get(junction);
    if (known !== undefined) return known;
    const topic = topicsOf(junction).vehicle(this.id);
    this.#reportTopics.set(junction, topic);
    return topic;
  }

  #connect(junction: Junction): void {
    const { url } = junction;
    const { tls } = this.#options;
    const change = (up: boolean, reason: string | null): void => {
      this.#step({ kind: "connection", url, up });
      if (!this.#closed) this.emit("connection", { url, up, reason });
    };
    const client = new Client(
      { url, id: tls === null ? this.id : `vehicle:${this.id}`, tls, node: junction },
      {
        onUp: () => change(true, null),
        onDown: (reason) => change(false, reason),
        onMessage: (topic, payload) => this.#hear(url, topic, payload),
      },
    );
    this.#clients.set(url, client);
  }

  #filtersOf(junction: Junction): string[] {
    const { spat, map, reply } = topicsOf(junction);
    return [spat, map, reply(this.id)];
  }

  #subscribe({ junction, ask, first }: VehicleEffect & { kind: "subscribe" }): void {
    const key = junctionKey(junction);
    const filters = first ? this.#filtersOf(junction) : [topicsOf(junction).spat];
    this.#clients.get(junction.url)?.subscribe(filters, (granted) => {
      this.#step({ kind: granted ? "granted" : "refused", key, ask });
    });
  }

  #hear(url: string, topic: string, payload: Uint8Array): void {
    this.#heardMs = performance.now();
    let event: VehicleEvent;
    try {
      event = eventOf(url, topic, payload);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.#garbled += 1;
      return;
    }
    this.#step(event);
  }
}

interface Place {
  readonly key: string;
  readonly kind: string;
}

/** More topics than an agent hears at once. */
const MAX_PLACES = 256;

const placeOf = new Map<string, Place>();

/** Of what junction and class a topic is; agents hear few of them, and those all the time. */
function placeOfTopic(topic: string): Place {
  const known = placeOf.get(topic);
  if (known !== undefined) return known;
  const [, , region = "", zone = "", node = "", kind = ""] = topic.split("/");
  const place = { key: `${region}/${zone}/${node}`, kind };
  if (placeOf.size >= MAX_PLACES) placeOf.clear();
  placeOf.set(topic, place);
  return place;
}

/** The message as an event; throws `WireError`. Only topics that were subscribed to come here. */
function eventOf(url: string, topic: string, payload: Uint8Array): VehicleEvent {
  const { key, kind } = placeOfTopic(topic);
  if (kind === "spat") return { kind, key, spat: decodedSpat(url + topic, payload) };
  if (kind === "map") return { kind, key, map: decodeMap(payload) };
  return { kind: "notice", key, notice: decodeZoneNotice(payload) };
}

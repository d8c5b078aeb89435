// What the node says by itself: SPaT, MAP, health, detectors, committed events.
//
// A message is encoded once and only while somebody listens to its topic. SPaT goes out on every
// change of a lamp or mode, at least every 500 ms, and at once, made afresh, to a new subscriber;
// it is never retained. When control was not heard for 300 ms the picture is withdrawn.
import type { SiteModel } from "../core/site/model.ts";
import type { NeighboursPicture } from "../core/site/neighbours.ts";
import type { ControlView, DetectorView } from "../core/site/view.ts";
import { encodeDetectorState } from "../wire/detector.ts";
import { EVENTS_PER_MESSAGE, type EventRow, encodeEvents } from "../wire/events.ts";
import { encodeHealth, type Health, healthToJson } from "../wire/health.ts";
import { encodeMap, mapFromSite, mapToJson } from "../wire/map.ts";
import {
  encodeSpat,
  phaseHeads,
  type Spat,
  spatFromView,
  spatToJson,
  unavailableSpat,
} from "../wire/spat.ts";
import { type NodeTopics, topicsOf } from "../wire/topics.ts";
import { PARTS } from "./emitter.ts";
import type { Outbound, Send } from "./engine.ts";
import { matches } from "./filters.ts";

/** SPaT to every subscriber at least this often. */
const SPAT_BEAT_MS = 500;
/** The beat goes round: a part of the subscribers after each of these. */
const PART_MS = SPAT_BEAT_MS / PARTS;
/** Timers may come so much too early. */
const EARLY_MS = 1;
/** Control speaks every 100 ms: after three missed pictures the lamps are not known. */
const SILENCE_MS = 300;
const HEALTH_BEAT_MS = 5_000;
/** Of the picture on `state/json`. */
const NEIGHBOURS_VERSION = 1;

export interface PublisherPorts {
  readonly publish: (kind: string, message: Outbound) => void;
  /** Whether anybody would get it, or anybody in that part of the subscribers. */
  readonly hasListener: (topic: string, part?: number) => boolean;
  /** Monotonic clock of this thread, ms. */
  readonly now: () => number;
  readonly wallMs: () => number;
}

/** One content in both forms, each made when first asked for. */
class Twin {
  readonly #cbor: () => Uint8Array;
  readonly #json: () => unknown;
  #bytes: Uint8Array | null = null;
  #text: Uint8Array | null = null;

  constructor(cbor: () => Uint8Array, json: () => unknown) {
    this.#cbor = cbor;
    this.#json = json;
  }

  get cbor(): Uint8Array {
    this.#bytes ??= this.#cbor();
    return this.#bytes;
  }

  get json(): Uint8Array {
    this.#text ??= Buffer.from(JSON.stringify(this.#json()));
    return this.#text;
  }
}

export class Publisher {
  readonly #ports: PublisherPorts;
  readonly #topics: NodeTopics;
  readonly #heads: ReturnType<typeof phaseHeads>;
  readonly #detectors = new Map<string, string>();
  readonly #map: Twin;
  #view: ControlView | null = null;
  #heardAt: number;
  #spat: Spat;
  #twin: Twin;
  #shown = "";
  /** Whose turn is next, and since when nobody has had a turn. */
  #part = 0;
  #partedAt: number;
  #health: { readonly key: string; readonly twin: Twin } | null = null;
  #healthAt = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | null = null;

  constructor(site: SiteModel, ports: PublisherPorts) {
    this.#ports = ports;
    this.#topics = topicsOf(site.node);
    this.#heads = phaseHeads(site);
    this.#heardAt = ports.now();
    this.#partedAt = this.#heardAt;
    this.#spat = unavailableSpat(null, ports.wallMs());
    this.#twin = spatTwin(this.#spat);
    const map = mapFromSite(site);
    this.#map = new Twin(
      () => encodeMap(map),
      () => mapToJson(map),
    );
  }

  /** Publishes the retained MAP and begins to watch for silence. */
  start(): void {
    const { map: topic, mapJson } = this.#topics;
    const { cbor, json } = this.#map;
    this.#ports.publish("map", { topic, payload: cbor, qos: 1, retain: true });
    this.#ports.publish("map", { topic: mapJson, payload: json, qos: 1, retain: true });
    this.#timer = setInterval(() => this.#watch(), PART_MS);
    this.#timer.unref();
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
  }

  /** A new picture from control; true where SPaT went out, with the trace if there is one. */
  publishView(view: ControlView, trace?: Uint8Array): boolean {
    this.#view = view;
    this.#heardAt = this.#ports.now();
    const spat = spatFromView(view, this.#heads);
    this.#spat = trace === undefined ? spat : { ...spat, trace };
    this.#twin = spatTwin(this.#spat);
    this.#publishDetectors(view);
    return this.#publishSpat();
  }

  /** Withdraws the picture at once: control is known to be gone. */
  unavailable(): void {
    this.#heardAt = Number.NEGATIVE_INFINITY;
    this.#withdraw();
  }

  /** Health on change, else every five seconds. */
  publishHealth(health: Health): void {
    // Numbers in the words move all the time; they ride on the beat.
    const key = JSON.stringify([health.state, health.parts]).replace(/\d+/g, "#");
    const due = this.#ports.now() - this.#healthAt >= HEALTH_BEAT_MS;
    const changed = key !== this.#health?.key;
    const twin = new Twin(
      () => encodeHealth(health),
      () => healthToJson(health),
    );
    this.#health = { key, twin };
    if (!changed && !due) return;
    this.#healthAt = this.#ports.now();
    this.#sayBoth("health", [this.#topics.health, this.#topics.healthJson], twin);
  }

  /** Rows after their commit, in order; made into messages only while somebody would get them. */
  publishEvents(rows: readonly EventRow[], incarnation = this.#view?.incarnation ?? 0): void {
    const { events: topic } = this.#topics;
    if (!this.#ports.hasListener(topic)) return;
    for (let from = 0; from < rows.length; from += EVENTS_PER_MESSAGE) {
      const some = rows.slice(from, from + EVENTS_PER_MESSAGE);
      const payload = encodeEvents(incarnation, some);
      const position = some.at(-1)?.seq ?? 0;
      this.#ports.publish("events", { topic, payload, qos: 1, position });
    }
  }

  /** The neighbours as the node knows them. */
  publishNeighbours(picture: NeighboursPicture): void {
    const { stateJson: topic } = this.#topics;
    if (!this.#ports.hasListener(topic)) return;
    const payload = Buffer.from(JSON.stringify({ version: NEIGHBOURS_VERSION, ...picture }));
    this.#ports.publish("state", { topic, payload, qos: 0 });
  }

  /** Where the virtual street's vehicles are: `lanes` is what the street gives for a drawing. */
  publishStreet(lanes: unknown): void {
    const { streetJson: topic } = this.#topics;
    if (!this.#ports.hasListener(topic)) return;
    const wallMs = Math.round(this.#ports.wallMs());
    const payload = Buffer.from(JSON.stringify({ version: 1, wallMs, lanes }));
    this.#ports.publish("street", { topic, payload, qos: 0 });
  }

  /** The present state of everything not retained, to a client that has just subscribed. */
  greet(filters: readonly string[], send: Send): void {
    const wanted = (topic: string) => filters.some((filter) => matches(filter, topic));
    const { spat, spatJson, health, healthJson } = this.#topics;
    if (this.#silent()) this.#withdraw();
    if (wanted(spat)) send(spat, this.#twin.cbor);
    if (wanted(spatJson)) send(spatJson, this.#twin.json);
    const twin = this.#health?.twin;
    if (twin !== undefined && wanted(health)) send(health, twin.cbor);
    if (twin !== undefined && wanted(healthJson)) send(healthJson, twin.json);
    if (this.#view === null) return;
    for (const [topic, detector] of this.#detectorTopics(this.#view)) {
      if (wanted(topic)) send(topic, this.#detectorState(this.#view, detector));
    }
  }

  /** Junction and lights afresh, to a client to whom they are open again. */
  welcome(filters: readonly string[], send: Send): void {
    const wanted = (topic: string) => filters.some((filter) => matches(filter, topic));
    const { map, mapJson, spat, spatJson } = this.#topics;
    if (this.#silent()) this.#withdraw();
    if (wanted(map)) send(map, this.#map.cbor);
    if (wanted(mapJson)) send(mapJson, this.#map.json);
    if (wanted(spat)) send(spat, this.#twin.cbor);
    if (wanted(spatJson)) send(spatJson, this.#twin.json);
  }

  #silent(): boolean {
    return this.#ports.now() - this.#heardAt > SILENCE_MS;
  }

  #watch(): void {
    if (this.#silent()) this.#withdraw();
    this.#publishSpat();
  }

  #withdraw(): void {
    if (this.#spat.mode !== "unavailable") {
      this.#spat = unavailableSpat(this.#spat, this.#ports.wallMs());
      this.#twin = spatTwin(this.#spat);
    }
    this.#publishSpat();
  }

  /** What shows something else goes to all at once; else whose turn it is hears the newest. */
  #publishSpat(): boolean {
    const shown = whatIsShown(this.#spat);
    if (shown === this.#shown) return this.#beat();
    this.#shown = shown;
    // The round goes on from there: the next turn is a whole pause later.
    this.#partedAt = this.#ports.now();
    this.#timer?.refresh();
    this.#sayBoth("spat", [this.#topics.spat, this.#topics.spatJson], this.#twin);
    return true;
  }

  /**
   * A beat to all at once would be in the way of a change of lamps that comes just behind it, in
   * the node and in its subscribers.
   */
  #beat(): boolean {
    const sinceMs = this.#ports.now() - this.#partedAt;
    const due = Math.floor((sinceMs + EARLY_MS) / PART_MS);
    this.#partedAt += due * PART_MS;
    for (let turn = 0; turn < Math.min(due, PARTS); turn += 1) {
      const topics = [this.#topics.spat, this.#topics.spatJson] as const;
      this.#sayBoth("spat", topics, this.#twin, { part: this.#part });
      this.#part = (this.#part + 1) % PARTS;
    }
    return due > 0;
  }

  #sayBoth(
    kind: string,
    [topic, jsonTopic]: readonly [string, string],
    twin: Twin,
    to: { readonly part?: number } = {},
  ): void {
    const { hasListener, publish } = this.#ports;
    const says = (one: string): boolean => hasListener(one, to.part);
    if (says(topic)) publish(kind, { topic, payload: twin.cbor, qos: 0, ...to });
    if (says(jsonTopic)) publish(kind, { topic: jsonTopic, payload: twin.json, qos: 0, ...to });
  }

  #detectorTopics(view: ControlView): [string, DetectorView][] {
    return [
      ...view.detectors.map((entry): [string, DetectorView] => [
        this.#topics.detector(entry.detector),
        entry,
      ]),
      ...view.pedestrianDetectors.map((entry): [string, DetectorView] => [
        this.#topics.pedestrianDetector(entry.detector),
        entry,
      ]),
    ];
  }

  #detectorState(view: ControlView, { detector, on, failed }: DetectorView): Uint8Array {
    const { incarnation, sequence, wallMs } = view;
    return encodeDetectorState({ incarnation, sequence, wallMs, detector, on, failed });
  }

  #publishDetectors(view: ControlView): void {
    for (const [topic, detector] of this.#detectorTopics(view)) {
      const key = `${detector.on} ${detector.failed}`;
      if (this.#detectors.get(topic) === key) continue;
      this.#detectors.set(topic, key);
      if (!this.#ports.hasListener(topic)) continue;
      const payload = this.#detectorState(view, detector);
      this.#ports.publish("detector", { topic, payload, qos: 0 });
    }
  }
}

function spatTwin(spat: Spat): Twin {
  return new Twin(
    () => encodeSpat(spat),
    () => spatToJson(spat),
  );
}

/** What goes to all at once; expected ends move with every car and ride on the beat. */
function whatIsShown(spat: Spat): string {
  const { incarnation, mode, cause, clock, lamps, preempts } = spat;
  return JSON.stringify([incarnation, mode, cause, clock, lamps, preempts]);
}

// One vehicle: what happens to it in, what it wants done out. Pure: no clock, no socket.
//
// It listens to the stop lines ahead on every route that is still open, and leaves one that it has
// passed only when the next ones have been heard. After each change it decides anew: which route,
// which light is next and what is believed of it, which speed.
import type { SiteMap } from "../wire/map.ts";
import type { Spat } from "../wire/spat.ts";
import type { VehicleReport, ZoneNotice } from "../wire/vehicle.ts";
import { type Advice, advise } from "./advice.ts";
import { type Hearing, type PhaseBelief, unknownLight } from "./belief.ts";
import { type Limits, travelMs } from "./motion.ts";
import { type Moment, type Place, Reports } from "./reports.ts";
import {
  type Ahead,
  aheadOf,
  chooseRoute,
  type Junction,
  junctionKey,
  linkAt,
  openRoutes,
  type Predicted,
  predictMs,
  type Route,
  type StopLine,
} from "./route.ts";
import { Watch } from "./watch.ts";

export interface VehiclePlan {
  /** The first one is driven unless another is faster. */
  readonly routes: readonly [Route, ...Route[]];
  readonly limits: Limits;
  /** Pause between two reports of the position, ms; infinite for none. */
  readonly reportEveryMs: number;
}

export type VehicleEvent =
  | {
      readonly kind: "position";
      /** Along the route, from its beginning, m. */
      readonly atM: number;
      readonly speedMps: number;
      /** Null: nothing is reported. */
      readonly place: Place | null;
    }
  | { readonly kind: "connection"; readonly url: string; readonly up: boolean }
  | { readonly kind: "granted" | "refused"; readonly key: string; readonly ask: number }
  | { readonly kind: "spat"; readonly key: string; readonly spat: Spat }
  | { readonly kind: "map"; readonly key: string; readonly map: SiteMap }
  | { readonly kind: "notice"; readonly key: string; readonly notice: ZoneNotice }
  | { readonly kind: "tick" };

/** What the vehicle thinks after a change. */
export interface Decision {
  readonly atMs: number;
  readonly cause: VehicleEvent["kind"];
  readonly route: string;
  /** Expected time to the end of the route, ms. */
  readonly predictedMs: number;
  /** `region/zone/id` of the next stop line; null beyond the last. */
  readonly junction: string | null;
  readonly distanceM: number | null;
  readonly light: PhaseBelief | null;
  readonly advice: Advice;
  /**
   * The message that caused it, by its numbers and the sender's clocks; `changed` if lamps or mode
   * are others than before. Beats in between may carry a picture of up to 100 ms ago.
   */
  readonly spat:
    | (Pick<Spat, "incarnation" | "sequence" | "monoMs" | "wallMs" | "trace"> & {
        readonly changed: boolean;
      })
    | null;
}

export type VehicleEffect =
  | { readonly kind: "connect"; readonly junction: Junction }
  | { readonly kind: "disconnect"; readonly url: string }
  | {
      readonly kind: "subscribe";
      readonly junction: Junction;
      readonly ask: number;
      /** To everything; else to `spat` alone, for a fresh message. */
      readonly first: boolean;
    }
  | { readonly kind: "unsubscribe"; readonly junction: Junction }
  | { readonly kind: "report"; readonly junction: Junction; readonly report: VehicleReport }
  | { readonly kind: "decide"; readonly decision: Decision }
  /** Call again with a `tick` then; replaces the one before. */
  | { readonly kind: "wake"; readonly atMs: number };

export interface VehicleCounts extends Record<Hearing, number> {
  /** Reports of its position that left, and connections that nodes closed on one. */
  readonly reports: number;
  readonly reportsRefused: number;
}

/** What follows from the place on the route; most messages find the vehicle where it was. */
interface Where {
  readonly route: Route;
  readonly atM: number;
  /** Still to be chosen, without the present one. */
  readonly others: readonly Route[];
  readonly next: Ahead | null;
  readonly wanted: ReadonlyMap<string, Junction>;
}

/** Stop lines that are listened to in any case, and how far beyond them. */
const LINES_AHEAD = 2;
const LOOK_AHEAD_M = 800;
/** When nothing else is due. */
const IDLE_MS = 5_000;

export class VehicleMachine {
  readonly #plan: VehiclePlan;
  readonly #watches = new Map<string, Watch>();
  /** Connections by address, and whether each is up. */
  readonly #urls = new Map<string, boolean>();
  readonly #reports: Reports;
  readonly #dropped: Record<Hearing, number> = {
    taken: 0,
    repeat: 0,
    "old-incarnation": 0,
    "old-sequence": 0,
  };
  #route: Route;
  #atM = 0;
  #speedMps = 0;
  #place: Place | null = null;
  #said: Said | null = null;
  #where: Where | null = null;
  /** Of the message that is being looked at. */
  #changed = false;

  constructor(plan: VehiclePlan) {
    this.#plan = plan;
    this.#route = plan.routes[0];
    this.#reports = new Reports(plan.reportEveryMs);
  }

  /** Messages by what became of them, of all junctions so far. */
  counts(): VehicleCounts {
    const counts = { ...this.#dropped };
    for (const { belief } of this.#watches.values()) addCounts(counts, belief.counts);
    return { ...counts, reports: this.#reports.made, reportsRefused: this.#reports.refused };
  }

  /** What it thinks at `nowMs`, without anything having happened. */
  look(nowMs: number): Decision {
    return this.#decide({ kind: "tick" }, nowMs);
  }

  /** One thing that happened at `now`; what is to be done, in order. */
  step(event: VehicleEvent, now: Moment): VehicleEffect[] {
    const effects: VehicleEffect[] = [];
    const news = this.#take(event, now.monoMs);
    this.#look(effects, now.monoMs);
    const decision = this.#decide(event, now.monoMs);
    if (news || !saysSame(decision, this.#said)) effects.push({ kind: "decide", decision });
    this.#said = decision;
    // Another route may go by other junctions.
    if (decision.route !== this.#route.id) {
      this.#route = this.#plan.routes.find(({ id }) => id === decision.route) ?? this.#route;
      this.#look(effects, now.monoMs);
    }
    this.#report(effects, now);
    effects.push({ kind: "wake", atMs: this.#wakeAtMs(now.monoMs) });
    return effects;
  }

  /** Takes the event in; true if it deserves a decision whatever that is. */
  #take(event: VehicleEvent, nowMs: number): boolean {
    switch (event.kind) {
      case "position":
        this.#atM = event.atM;
        this.#speedMps = event.speedMps;
        this.#place = event.place;
        return true;
      case "connection":
        this.#connection(event.url, event.up, nowMs);
        return true;
      case "tick":
        return false;
      default:
        break;
    }
    const watch = this.#watches.get(event.key);
    if (watch === undefined) return false;
    switch (event.kind) {
      case "granted":
        watch.granted(event.ask);
        return false;
      case "refused":
        watch.refused(event.ask, nowMs);
        return false;
      case "map":
        watch.learn(event.map);
        return true;
      case "notice":
        watch.zone(event.notice.kind === "zone-entered");
        return true;
      default: {
        const { taken, changed } = watch.hear(event.spat, nowMs);
        this.#changed = changed;
        return taken;
      }
    }
  }

  #connection(url: string, up: boolean, nowMs: number): void {
    if (!this.#urls.has(url)) return;
    this.#urls.set(url, up);
    if (!up) this.#reports.disconnected(url, nowMs);
    for (const watch of this.#watches.values()) {
      if (watch.junction.url === url) watch.connected(up);
    }
  }

  /** Subscribes to what is ahead, then leaves what is not. */
  #look(effects: VehicleEffect[], nowMs: number): void {
    const { wanted } = this.#here();
    for (const [key, junction] of wanted) {
      if (this.#watches.has(key)) continue;
      const watch = new Watch(junction);
      this.#watches.set(key, watch);
      const up = this.#urls.get(junction.url);
      if (up === undefined) {
        this.#urls.set(junction.url, false);
        effects.push({ kind: "connect", junction });
      } else if (up) {
        watch.connected(true);
      }
    }
    for (const watch of this.#watches.values()) {
      const dueMs = watch.dueAtMs(nowMs);
      if (dueMs === null || dueMs > nowMs) continue;
      const { junction } = watch;
      effects.push({ kind: "subscribe", junction, ...watch.subscribe(nowMs) });
    }
    this.#leave(wanted, effects);
  }

  #here(): Where {
    const [route, atM] = [this.#route, this.#atM];
    if (this.#where?.route === route && this.#where.atM === atM) return this.#where;
    const open = openRoutes(this.#plan.routes, route, atM);
    const wanted = new Map<string, Junction>();
    for (const one of open) {
      for (const [index, { line, distanceM }] of aheadOf(one, atM).entries()) {
        if (index >= LINES_AHEAD && distanceM > LOOK_AHEAD_M) break;
        wanted.set(junctionKey(line.junction), line.junction);
      }
    }
    const others = open.filter(({ id }) => id !== route.id);
    this.#where = { route, atM, others, next: aheadOf(route, atM)[0] ?? null, wanted };
    return this.#where;
  }

  /** What was passed goes when the next ones were heard; before that the newest of it stays. */
  #leave(wanted: ReadonlyMap<string, Junction>, effects: VehicleEffect[]): void {
    // All that is wanted is watched by now.
    if (this.#watches.size === wanted.size) return;
    const left = [...this.#watches.values()].filter(({ key }) => !wanted.has(key));
    const ready = [...wanted.keys()].every((key) => this.#watches.get(key)?.ready ?? false);
    for (const watch of ready ? left : left.slice(0, -1)) {
      this.#watches.delete(watch.key);
      addCounts(this.#dropped, watch.belief.counts);
      const { url } = watch.junction;
      if (this.#urls.get(url)) effects.push({ kind: "unsubscribe", junction: watch.junction });
      if ([...this.#watches.values()].some(({ junction }) => junction.url === url)) continue;
      this.#urls.delete(url);
      effects.push({ kind: "disconnect", url });
    }
  }

  #lightOf(line: StopLine, nowMs: number): PhaseBelief {
    const watch = this.#watches.get(junctionKey(line.junction));
    return watch?.lightOf(line, nowMs) ?? unknownLight("not-heard");
  }

  #decide(event: VehicleEvent, nowMs: number): Decision {
    const { limits } = this.#plan;
    const here = this.#here();
    const predicted = (route: Route): Predicted => ({
      route,
      predictedMs: predictMs(route, this.#atM, limits.maxMps, (line) => this.#lightOf(line, nowMs)),
    });
    const present = predicted(this.#route);
    const { route, predictedMs } = chooseRoute(
      [present, ...here.others.map(predicted)],
      this.#route,
    );
    const next = route === here.route ? here.next : (aheadOf(route, this.#atM)[0] ?? null);
    const light = next === null ? null : this.#lightOf(next.line, nowMs);
    return {
      atMs: nowMs,
      cause: event.kind,
      route: route.id,
      predictedMs,
      junction: next === null ? null : junctionKey(next.line.junction),
      distanceM: next?.distanceM ?? null,
      light,
      advice: this.#advice(route, next?.distanceM ?? null, light),
      spat: event.kind === "spat" ? this.#causeOf(event.spat) : null,
    };
  }

  #causeOf({ incarnation, sequence, monoMs, wallMs, trace }: Spat): Decision["spat"] {
    const cause = { incarnation, sequence, monoMs, wallMs, changed: this.#changed };
    return trace === undefined ? cause : { ...cause, trace };
  }

  #advice(route: Route, distanceM: number | null, light: PhaseBelief | null): Advice {
    const { limits } = this.#plan;
    const roadMps = route.links[linkAt(route, this.#atM)]?.speedMps ?? limits.maxMps;
    const maxMps = Math.min(limits.maxMps, roadMps);
    const own = { ...limits, maxMps, minMps: Math.min(limits.minMps, maxMps) };
    const speedMps = this.#speedMps;
    if (distanceM !== null && light !== null) {
      return advise({ distanceM, speedMps, limits: own, light });
    }
    const leftM = route.links.reduce((sum, { lengthM }) => sum + lengthM, -this.#atM);
    const arrivalMs = travelMs(leftM, speedMps, maxMps, own);
    return { kind: "go", targetMps: maxMps, arrivalMs, passes: false, marginMs: null };
  }

  /** To every node that it listens to: each speaks only to who is in its zones. */
  #report(effects: VehicleEffect[], now: Moment): void {
    if (this.#place === null) return;
    for (const junction of this.#reachable()) {
      if (this.#reports.dueAtMs(junction.url) > now.monoMs) continue;
      const report = this.#reports.make(junction.url, this.#place, this.#speedMps, now);
      effects.push({ kind: "report", junction, report });
    }
  }

  *#reachable(): Iterable<Junction> {
    for (const { junction } of this.#watches.values()) {
      if (this.#urls.get(junction.url)) yield junction;
    }
  }

  #wakeAtMs(nowMs: number): number {
    let dueMs = nowMs + IDLE_MS;
    for (const watch of this.#watches.values()) {
      dueMs = Math.min(dueMs, watch.dueAtMs(nowMs) ?? dueMs);
    }
    const { next } = this.#here();
    if (next !== null) {
      const { junction } = next.line;
      const watch = this.#watches.get(junctionKey(junction));
      dueMs = Math.min(dueMs, watch?.changesAtMs(next.line, nowMs) ?? dueMs);
    }
    if (this.#place !== null) {
      for (const { url } of this.#reachable()) dueMs = Math.min(dueMs, this.#reports.dueAtMs(url));
    }
    return Math.max(nowMs, dueMs);
  }
}

function addCounts(sum: Record<Hearing, number>, counts: Readonly<Record<Hearing, number>>): void {
  for (const key of Object.keys(sum) as Hearing[]) sum[key] += counts[key];
}

type Said = Pick<Decision, "route" | "junction" | "light">;

function saysSame(now: Said, before: Said | null): boolean {
  if (now.route !== before?.route || now.junction !== before.junction) return false;
  return now.light?.light === before.light?.light;
}

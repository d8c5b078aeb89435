// Preemption for fire, ambulance and police: which request is served, its entry, dwell and exit.
//
// One request is served at a time, the lowest number first. An entry that has begun is carried to
// its minimum dwell, even if the request goes. While it is served the rings only reach for its
// phases (`Junction.targets`): greens end after their minimum, walk and clearance, a clearance
// under way is finished, and what would have come after it does not begin. Calls are kept.
import type { Preempt } from "../site/model.ts";
import type { PreemptView } from "../site/view.ts";
import { restartWaits } from "./demand.ts";
import { type Junction, type PhaseState, stateOf } from "./junction.ts";
import { CODE, type Outbox } from "./outbox.ts";

/** An ignored request is heard again after it has been off this long (CABINET section 2). */
export const REARM_MS = 10_000;

interface Request {
  readonly config: Preempt;
  readonly phases: readonly PhaseState[];
  readonly exit: readonly PhaseState[];
  on: boolean;
  /** Time of the newest edge. */
  sinceMs: number;
  ignored: boolean;
}

type ServiceState = "entry" | "dwell" | "exit";

interface Service {
  readonly request: Request;
  state: ServiceState;
  sinceMs: number;
}

export class Preemption {
  private readonly junction: Junction;
  private readonly out: Outbox;
  private readonly requests: readonly Request[];
  private service: Service | null = null;

  constructor(junction: Junction, out: Outbox) {
    this.junction = junction;
    this.out = out;
    const states = (phases: readonly number[]): PhaseState[] =>
      phases.map((phase) => stateOf(junction, phase));
    this.requests = [...junction.site.preempts]
      .sort((a, b) => a.preempt - b.preempt)
      .map((config) => ({
        config,
        phases: states(config.phases),
        exit: states(config.exit),
        on: false,
        sinceMs: Number.NEGATIVE_INFINITY,
        ignored: false,
      }));
  }

  /** A reading of a preempt's input. */
  input(preempt: number, on: boolean, nowMs: number): void {
    const request = this.requests.find(({ config }) => config.preempt === preempt);
    if (request === undefined) throw new Error(`the site has no preempt ${preempt}`);
    if (request.on === on) return;
    request.on = on;
    request.sinceMs = nowMs;
    this.out.code(on ? CODE.preemptOn : CODE.preemptOff, preempt);
  }

  /** The start-up: a request that is on already is a stuck input until it has been off. */
  start(): void {
    for (const request of this.requests) if (request.on) this.ignore(request);
  }

  /** Back to no preemption: at the end of an exit, or because the failure display stands. */
  release(): void {
    this.service = null;
    this.junction.targets = null;
    this.junction.exiting = false;
    restartWaits(this.junction);
  }

  /** Requests that come, go or stay too long; then the service. True if the targets changed. */
  advance(nowMs: number): boolean {
    if (this.requests.length === 0) return false;
    for (const request of this.requests) this.watch(request, nowMs);
    if (this.junction.mode !== "running") return false;
    const wanted = this.wanted(nowMs);
    if (wanted !== null && this.outranks(wanted)) {
      this.enter(wanted, nowMs);
      return true;
    }
    return this.carryOn(nowMs);
  }

  views(): PreemptView[] {
    return this.requests.map((request) => ({
      preempt: request.config.preempt,
      on: request.on,
      state: this.stateOf(request),
    }));
  }

  private stateOf(request: Request): PreemptView["state"] {
    if (this.service?.request === request) return this.service.state;
    if (request.ignored) return "ignored";
    return request.on ? "delay" : "idle";
  }

  private watch(request: Request, nowMs: number): void {
    const stoodMs = nowMs - request.sinceMs;
    if (request.ignored) {
      if (request.on || stoodMs < REARM_MS) return;
      request.ignored = false;
      this.out.alarm("preempt ignored", request.config.preempt, false);
    } else if (request.on && stoodMs > request.config.maxPresenceMs) {
      this.ignore(request);
    }
  }

  private ignore(request: Request): void {
    if (request.ignored) return;
    request.ignored = true;
    this.out.alarm("preempt ignored", request.config.preempt, true);
  }

  private isWanted(request: Request, nowMs: number): boolean {
    if (!request.on || request.ignored) return false;
    return nowMs - request.sinceMs >= request.config.delayMs;
  }

  /** The lowest-numbered request whose delay is over. */
  private wanted(nowMs: number): Request | null {
    for (const request of this.requests) if (this.isWanted(request, nowMs)) return request;
    return null;
  }

  private outranks(request: Request): boolean {
    const { service } = this;
    if (service === null || service.state === "exit") return true;
    return request.config.preempt < service.request.config.preempt;
  }

  private enter(request: Request, nowMs: number): void {
    this.service = { request, state: "entry", sinceMs: nowMs };
    this.reachFor(request.phases, false);
    this.out.code(CODE.preemptEntry, request.config.preempt);
  }

  private reachFor(targets: readonly PhaseState[], exiting: boolean): void {
    this.junction.targets = targets;
    this.junction.exiting = exiting;
    this.junction.crossing = null;
    for (const ring of this.junction.rings) ring.next = null;
  }

  private carryOn(nowMs: number): boolean {
    const { service } = this;
    if (service === null) return false;
    if (service.state === "dwell") return this.dwell(service, nowMs);
    const targets = this.junction.targets ?? [];
    if (!targets.every((phase) => phase.stage === "green")) return false;
    if (service.state === "exit") {
      this.release();
      return true;
    }
    service.state = "dwell";
    service.sinceMs = nowMs;
    this.out.code(CODE.preemptDwell, service.request.config.preempt);
    return true;
  }

  private dwell(service: Service, nowMs: number): boolean {
    const { request } = service;
    if (nowMs - service.sinceMs < request.config.minDwellMs) return false;
    if (this.isWanted(request, nowMs)) return false;
    this.out.code(CODE.preemptExit, request.config.preempt);
    service.state = "exit";
    service.sinceMs = nowMs;
    const next = this.wanted(nowMs);
    if (next === null) this.reachFor(request.exit, true);
    else this.enter(next, nowMs);
    return true;
  }
}

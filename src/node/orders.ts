// What operators have ordered of a junction and what of it is in force: plan, hold, priority and
// flash, each with its author and its end. Pure: it says what the controller is to be told and what
// is to be written; the control machine does both.
//
// Orders live as long as the control machine. A restart ends all of them, and so does a site file
// that is read anew: the schedule has the junction again.

import type { SignalInput } from "../core/signal/controller.ts";
import { HOLD_MAX_MS } from "../core/signal/hold.ts";
import { REQUEST_MAX_MS, REQUESTS_MAX } from "../core/signal/priority.ts";
import type { SiteModel } from "../core/site/model.ts";
import type { OrdersView, OrderView } from "../core/site/view.ts";
import type { NodeEvent } from "../log/events.ts";
import type { Instant, Order } from "./control-types.ts";
import { type CheckInEdge, type Claim, Corroboration, newsRefusal } from "./corroboration.ts";

/** A plan is ordered for at most this long. */
const PLAN_MAX_MS = 24 * 3_600_000;
/** How far a vehicle's departure may lie ahead. */
const PRIORITY_AHEAD_MS = REQUEST_MAX_MS;

type Write = (kind: NodeEvent["kind"], body: NodeEvent["body"]) => void;

/** What orders need of the control machine. */
export interface OrderPorts {
  readonly site: SiteModel;
  readonly toController: (input: SignalInput) => void;
  readonly holdRefusal: (phase: number) => string | null;
  readonly hasFailed: (detector: number) => boolean;
  readonly write: Write;
}

interface Ordered extends OrderView {
  /** Monotonic end; Infinity where it has none. */
  readonly endMs: number;
}

/** A request, and what has borne it out; null where its author needs nobody to. */
type Requested = Ordered & PriorityOrder & { readonly edge: CheckInEdge | null };

type PlanOrder = Extract<Order, { kind: "plan" }>;
type PriorityOrder = Extract<Order, { kind: "priority" }>;

export class Orders {
  private readonly ports: OrderPorts;
  private flash: Ordered | null = null;
  private hold: (Ordered & { readonly phase: number }) | null = null;
  private plan: (Ordered & { readonly plan: number | "free" }) | null = null;
  /** By the number that the controller knows the request by. */
  private readonly priorities = new Map<number, Requested>();
  private readonly corroboration: Corroboration;
  private nextRequest = 1;

  constructor(ports: OrderPorts) {
    this.ports = ports;
    this.corroboration = new Corroboration(ports.site.detectors, ports.hasFailed);
  }

  /** A reading of a detector: it may be what a vehicle's request needs. */
  detected(detector: number, on: boolean, { monoMs }: Instant): void {
    this.corroboration.read(detector, on, monoMs);
  }

  /** Why an order of that author can't be carried out now, or null. */
  refusalOf(order: Order, author: string, now: Instant): string | null {
    switch (order.kind) {
      case "flash":
      case "return":
        return null;
      case "call":
        return this.phaseFault(order.phase, order.pedestrian);
      case "hold":
        return this.phaseFault(order.phase, false) ?? this.holdFault(order);
      case "plan":
        return this.planFault(order, now);
      case "priority":
        return this.phaseFault(order.phase, false) ?? this.priorityFault(order, author, now);
    }
  }

  /** Takes an order that is not refused; what the cabinet link does is not done here. */
  take(order: Order, author: string, now: Instant): void {
    switch (order.kind) {
      case "call":
        this.ports.toController(order);
        break;
      case "flash":
        this.endFlash("ordered anew");
        this.flash = { author, endMs: Number.POSITIVE_INFINITY, untilWallMs: null };
        this.tell("flash", null, this.flash);
        break;
      case "return":
        this.endFlash(`return by ${author}`);
        break;
      case "hold":
        this.takeHold(order, author, now);
        break;
      case "plan":
        this.takePlan(order, author, now);
        break;
      case "priority":
        this.takePriority(order, author, now);
        break;
    }
  }

  /** The plan that was ordered, in place of the schedule's; null while none is. */
  get chosenPlan(): number | "free" | null {
    return this.plan?.plan ?? null;
  }

  /** On every tick: ends that are due. */
  advance({ monoMs }: Instant): void {
    const { plan } = this;
    if (plan !== null && monoMs >= plan.endMs) this.endPlan("time");
    for (const [request, entry] of this.priorities) {
      if (monoMs >= entry.endMs) this.endPriority(request, "the vehicle has passed");
    }
  }

  /** The controller has let a held phase go, and why. */
  holdEnded(reason: string): void {
    const { hold } = this;
    this.hold = null;
    if (hold !== null) this.tellEnd("hold", hold.phase, reason);
  }

  /** The junction is under control again, whoever asked for it. */
  controlled(): void {
    this.endFlash("the junction is controlled again");
  }

  /** The control machine ends, or begins anew with another site. */
  endAll(reason: string): void {
    this.endFlash(reason);
    this.holdEnded(reason);
    this.endPlan(reason);
    for (const request of this.priorities.keys()) this.endPriority(request, reason);
  }

  /** True while nothing is ordered. */
  get isIdle(): boolean {
    const { flash, hold, plan, priorities } = this;
    return flash === null && hold === null && plan === null && priorities.size === 0;
  }

  view(): OrdersView {
    const plain = ({ author, untilWallMs }: Ordered): OrderView => ({ author, untilWallMs });
    const { flash, hold, plan } = this;
    return {
      flash: flash === null ? null : plain(flash),
      hold: hold === null ? null : { ...plain(hold), phase: hold.phase },
      plan: plan === null ? null : { ...plain(plan), plan: plan.plan },
      priorities: [...this.priorities].map(([request, entry]) => ({
        ...plain(entry),
        request,
        phase: entry.phase,
      })),
    };
  }

  private phaseFault(number: number, pedestrian: boolean): string | null {
    const phase = this.ports.site.phases.find((entry) => entry.phase === number);
    if (phase === undefined) return `there is no phase ${number}`;
    if (!pedestrian || phase.pedestrian !== null) return null;
    return `phase ${number} has no pedestrian signal`;
  }

  private holdFault({ phase, seconds }: Extract<Order, { kind: "hold" }>): string | null {
    if (seconds > 0) return this.ports.holdRefusal(phase);
    return this.hold?.phase === phase ? null : `phase ${phase} is not held`;
  }

  private planFault({ plan, untilMs }: PlanOrder, { wallMs }: Instant): string | null {
    if (plan === "schedule") return this.plan === null ? "no plan is ordered" : null;
    const plans = this.ports.site.plans ?? [];
    if (plans.length === 0) return "the site file has no plans";
    if (plan !== "free" && !plans.some((entry) => entry.plan === plan)) {
      return `there is no plan ${plan}; the site file has ${plans.map((p) => p.plan).join(", ")}`;
    }
    if (untilMs === null || untilMs <= wallMs) return "until is not in the future";
    return untilMs > wallMs + PLAN_MAX_MS ? "until is more than 24 h ahead" : null;
  }

  private priorityFault(order: PriorityOrder, author: string, now: Instant): string | null {
    const known = this.requestOf(order, author);
    if (order.departMs <= now.wallMs) return known === null ? "the departure is past" : null;
    if (order.departMs > now.wallMs + PRIORITY_AHEAD_MS) {
      return `the departure is more than ${PRIORITY_AHEAD_MS / 1000} s ahead`;
    }
    if (known === null && this.priorities.size >= REQUESTS_MAX) return "busy";
    if (!isVehicle(author)) return null;
    const claim = claimOf(order, now);
    const edge = this.edgeOf(known, order.phase);
    if (edge !== null) return newsRefusal(edge, claim);
    return this.corroboration.refusal(claim, now.monoMs);
  }

  /** What has borne out a known request for that phase; another phase is another way. */
  private edgeOf(known: number | null, phase: number): CheckInEdge | null {
    const entry = known === null ? undefined : this.priorities.get(known);
    return entry?.phase === phase ? entry.edge : null;
  }

  private requestOf(order: PriorityOrder, author: string): number | null {
    for (const [request, entry] of this.priorities) {
      if (entry.author === author && entry.request === order.request) return request;
    }
    return null;
  }

  private takeHold(
    { phase, seconds }: Extract<Order, { kind: "hold" }>,
    author: string,
    { monoMs, wallMs }: Instant,
  ): void {
    const forMs = Math.min(seconds * 1000, HOLD_MAX_MS);
    if (seconds > 0) {
      this.hold = { author, phase, endMs: monoMs + forMs, untilWallMs: Math.round(wallMs + forMs) };
      this.tell("hold", phase, this.hold);
    }
    // Its end comes back as code 42, also this one.
    this.ports.toController({ kind: "hold", phase, untilMs: monoMs + forMs });
  }

  private takePlan({ plan, untilMs }: PlanOrder, author: string, now: Instant): void {
    if (plan === "schedule") {
      this.endPlan(`given back by ${author}`);
      return;
    }
    const endWallMs = untilMs ?? now.wallMs;
    if (this.plan !== null) this.endPlan("ordered anew");
    const endMs = now.monoMs + endWallMs - now.wallMs;
    this.plan = { author, plan, endMs, untilWallMs: endWallMs };
    this.tell("plan", plan, this.plan);
  }

  private takePriority(order: PriorityOrder, author: string, now: Instant): void {
    const known = this.requestOf(order, author);
    const claim = claimOf(order, now);
    const { phase, departMs } = claim;
    if (known !== null && departMs <= now.monoMs) {
      this.endPriority(known, `taken back by ${author}`);
      return;
    }
    const seen = this.edgeOf(known, phase);
    const edge = seen ?? (isVehicle(author) ? this.corroboration.take(claim, now.monoMs) : null);
    const request = known ?? this.newRequest();
    const entry = { ...order, author, edge, endMs: departMs, untilWallMs: order.departMs };
    this.priorities.set(request, entry);
    const wallMs = (monoMs: number): number => Math.round(now.wallMs + monoMs - now.monoMs);
    const by = edge === null ? [] : [edge.detector, wallMs(edge.atMs)];
    this.tell("priority", request, entry, [phase, order.arrivalMs, ...by]);
    this.ports.toController({ kind: "priority", request, ...claim });
  }

  /** Numbers of codes 112 to 115 go round. */
  private newRequest(): number {
    let request = this.nextRequest;
    while (this.priorities.has(request)) request = (request % 255) + 1;
    this.nextRequest = (request % 255) + 1;
    return request;
  }

  private endFlash(reason: string): void {
    if (this.flash !== null) this.tellEnd("flash", null, reason);
    this.flash = null;
  }

  private endPlan(reason: string): void {
    const { plan } = this;
    this.plan = null;
    if (plan !== null) this.tellEnd("plan", plan.plan, reason);
  }

  private endPriority(request: number, reason: string): void {
    const entry = this.priorities.get(request);
    if (entry === undefined) return;
    this.priorities.delete(request);
    this.tellEnd("priority", request, reason);
    const { phase } = entry;
    this.ports.toController({ kind: "priority", request, phase, arrivalMs: 0, departMs: 0 });
  }

  private tell(
    what: string,
    subject: number | string | null,
    { author, untilWallMs }: Ordered,
    detail: readonly number[] = [],
  ): void {
    this.ports.write("order", [what, subject, true, author, untilWallMs, null, [...detail]]);
  }

  private tellEnd(what: string, subject: number | string | null, reason: string): void {
    this.ports.write("order", [what, subject, false, null, null, reason, []]);
  }
}

/** A certificate says who asks, not where the vehicle is: something here must have seen it. */
function isVehicle(author: string): boolean {
  return author.startsWith("vehicle:");
}

function claimOf({ phase, arrivalMs, departMs }: PriorityOrder, now: Instant): Claim {
  const toMono = (wallMs: number): number => now.monoMs + wallMs - now.wallMs;
  return { phase, arrivalMs: toMono(arrivalMs), departMs: toMono(departMs) };
}

// The control machine of one node: cabinet link, interlock and controller as one pure step. The
// live loop drives it by the clock; `replay` drives it in virtual time.
//
// This is the only place where a display goes on its way to a lamp: the controller wants it (L2),
// the interlock checks it (L1), the link frames it, and the microcontroller has the last word (L0).
import { allRedOf, CabinetLink } from "../cabinet/link.ts";
import type { LinkEffect, LinkInput } from "../cabinet/link-types.ts";
import { compileRecord, describeRecordDifference, recordChecksum } from "../cabinet/record.ts";
import type { CoordinationEffect, JunctionView } from "../core/coordination/coordination-types.ts";
import { compileTable, Interlock } from "../core/interlock/interlock.ts";
import { isPlanted } from "../core/planted.ts";
import {
  createController,
  type SignalController,
  type SignalEffect,
  type SignalInput,
} from "../core/signal/controller.ts";
import { CODE } from "../core/signal/outbox.ts";
import { type Display, LAMP_NAMES, type LampCode, vehicleLampName } from "../core/site/lamps.ts";
import type { SiteModel } from "../core/site/model.ts";
import type { ControlMode, ControlView } from "../core/site/view.ts";
import type { NodeEvent } from "../log/events.ts";
import type { Announcement } from "../mesh/own-corridor.ts";
import { cabinetSight, linkCounts } from "./cabinet-sight.ts";
import type {
  ControlEffect,
  ControlEvent,
  ControlIdentity,
  Instant,
  Order,
} from "./control-types.ts";
import { FLASH_STATUS, sameDisplay, unchecked } from "./displays.ts";
import { type InputTarget, inputMap } from "./inputs.ts";
import { InterlockAccount } from "./interlock-account.ts";
import { Orders } from "./orders.ts";
import { Platoons } from "./platoons.ts";
import { WaitWatch } from "./wait-watch.ts";

export interface ControlOptions {
  /** Fixed time: every phase on maximum recall. */
  readonly recall?: "max";
  /** Where the link's nonces begin: another number at each start. */
  readonly nonce: number;
  /** Another process may have lit the lamps before this one. */
  readonly takesOver?: boolean;
}

/** Effects that are told on, and change nothing but what is known. */
type NoteEffect = Extract<LinkEffect, { kind: "sensed" | "trip" | "released" | "cabinet" }>;

export class Control {
  readonly site: SiteModel;
  private readonly link: CabinetLink;
  private readonly interlock: Interlock;
  private readonly controller: SignalController;
  private readonly platoons: Platoons | null;
  private readonly inputs: ReadonlyMap<number, InputTarget>;
  private readonly waits: WaitWatch;
  private readonly orders: Orders;
  private readonly vehicleChannels: ReadonlySet<number>;
  private effects: ControlEffect[] = [];
  private now: Instant;
  private mode: ControlMode = "no-cabinet";
  private cause: string | null = null;
  private sequence = 0;
  private sent: Display | null = null;
  private readonly account = new InterlockAccount();
  private greens = 0;
  private changed = false;
  private inputMs = Number.NEGATIVE_INFINITY;

  constructor(site: SiteModel, now: Instant, options: ControlOptions) {
    const record = compileRecord(site);
    this.site = site;
    this.now = now;
    this.link = new CabinetLink({
      record,
      checksum: recordChecksum(record),
      describeDifference: describeRecordDifference,
      allRed: allRedOf(site.channels),
      nonce: options.nonce,
    });
    this.interlock = new Interlock(compileTable(site), now.monoMs);
    this.controller = createController(site, options);
    this.platoons = Platoons.of(site);
    this.inputs = inputMap(site);
    this.waits = new WaitWatch(site);
    this.orders = new Orders({
      site,
      toController: (input) => this.toController(input),
      holdRefusal: (phase) => this.controller.holdRefusal(phase),
      hasFailed: (detector) => this.hasFailed(detector),
      write: (kind, body) => this.log(kind, body),
    });
    const vehicles = site.channels.filter(({ kind }) => kind === "vehicle");
    this.vehicleChannels = new Set(vehicles.map(({ channel }) => channel));
  }

  /** One event; the answer is the caller's. `now` never goes back on its monotonic clock. */
  step(event: ControlEvent, now: Instant): ControlEffect[] {
    this.effects = [];
    this.now = now;
    this.changed = false;
    this.take(event);
    if (this.changed) this.platoons?.changed();
    if (this.changed) this.effects.push({ kind: "changed" });
    return this.effects;
  }

  private take(event: ControlEvent): void {
    switch (event.kind) {
      case "port-opened":
        this.toLink({ kind: "opened" });
        break;
      case "port-closed":
        this.toLink({ kind: "closed", reason: event.reason });
        break;
      case "dropped":
        this.toLink({ kind: "dropped" });
        break;
      case "shutdown":
        this.orders.endAll("the node stops or begins anew");
        this.toLink({ kind: "stop", cause: "shutdown" });
        break;
      case "tick":
        this.tick();
        break;
      case "bytes":
        this.toLink({ kind: "bytes", bytes: event.bytes });
        this.show();
        break;
      case "detector":
      case "detector-silent":
      case "plan":
        this.toController(event);
        this.show();
        break;
      case "order":
        this.order(event.order, event.author);
        this.show();
        break;
      case "neighbours":
        this.coordinated(this.platoons?.hear(event.news, this.now));
        break;
      case "coordinate":
        this.coordinate(event.clock === "sure");
        break;
    }
  }

  private tick(): void {
    this.orders.advance(this.now);
    this.toController({ kind: "tick" });
    this.show();
    this.toLink({ kind: "tick" });
    if (this.mode !== "controlled" || !this.controller.isServing()) this.waits.restart();
    else {
      for (const phase of this.waits.step(this.controller, this.now.monoMs)) {
        this.log("alarm", ["call beyond bound", phase, true]);
      }
    }
  }

  private order(order: Order, author: string): void {
    this.orders.take(order, author, this.now);
    this.changed = true;
    if (order.kind === "flash") this.toLink({ kind: "stop", cause: "operator" });
    else if (order.kind === "return") this.toLink({ kind: "return" });
  }

  /** Why an order of that author can't be carried out at `now`, or null. */
  refusalOf(order: Order, author: string, now: Instant): string | null {
    return this.orders.refusalOf(order, author, now);
  }

  /** The plan that an operator ordered in place of the schedule's; null while none is. */
  get chosenPlan(): number | "free" | null {
    return this.orders.chosenPlan;
  }

  /** Wanted display through the interlock to the link; after everything that may change it. */
  private show(): void {
    if (!this.link.isStarted()) return;
    const nowMs = this.now.monoMs;
    const wanted = this.controller.display();
    const result = isPlanted("interlock-off")
      ? unchecked(wanted, this.vehicleChannels)
      : this.interlock.step(wanted, this.link.feedback(nowMs), nowMs);
    for (const body of this.account.take(result)) this.log("interlock", body);
    if (result.stop) {
      this.toLink({ kind: "stop", cause: "interlock" });
      return;
    }
    if (this.sent !== null && sameDisplay(this.sent, result.display)) return;
    this.sent = result.display;
    this.log("lamps", [result.display]);
    this.toLink({ kind: "display", display: result.display });
  }

  private toController(input: SignalInput): void {
    for (const effect of this.controller.step(input, this.now.monoMs)) this.onSignal(effect);
    if (input.kind !== "detector") return;
    this.orders.detected(input.detector, input.on, this.now);
    this.coordinated(this.platoons?.edge(input.detector, input.on, this.now));
  }

  private hasFailed(number: number): boolean {
    const detectors = this.controller.detectors();
    return detectors.some(({ detector, failed }) => detector === number && failed !== null);
  }

  private coordinate(clockSure: boolean): void {
    const { controller, mode, now } = this;
    const view = (): JunctionView => ({
      mode,
      phases: controller.phases(now.monoMs),
      detectors: controller.detectors(),
      preempts: controller.preempts(),
      ...this.planView(now.monoMs),
    });
    this.coordinated(this.platoons?.beat(clockSure, view, now));
  }

  /** What coordination asks goes to the controller like any other input, and no further. */
  private coordinated(effects: readonly CoordinationEffect[] = []): void {
    const announcements: Announcement[] = [];
    let asked = false;
    for (const effect of effects) {
      if (effect.kind === "announce") announcements.push(effect);
      else if (effect.kind === "ask") {
        this.toController(effect.input);
        asked = true;
      } else if (effect.kind === "mode") {
        this.changed = true;
        this.log("coordination", [effect.mode, effect.cause]);
      }
    }
    if (announcements.length > 0) this.effects.push({ kind: "announce", announcements });
    if (asked) this.show();
  }

  private onSignal(effect: SignalEffect): void {
    switch (effect.kind) {
      case "display":
        this.changed = true;
        break;
      case "code":
        if (effect.code === 1) this.greens += 1;
        if (effect.code === CODE.holdReleased) this.orders.holdEnded(effect.reason ?? "");
        this.log("code", [effect.code, effect.parameter, effect.reason ?? null]);
        break;
      case "alarm":
        this.log("alarm", [effect.what, effect.subject, effect.active]);
        break;
    }
  }

  private toLink(input: LinkInput): void {
    for (const effect of this.link.step(input, this.now.monoMs)) this.onLink(effect);
  }

  private onLink(effect: LinkEffect): void {
    switch (effect.kind) {
      case "write":
        this.effects.push(effect);
        break;
      case "start":
        this.sent = null;
        this.interlock.restart(this.now.monoMs);
        this.toController({ kind: "start" });
        this.show();
        break;
      case "halt":
        this.sent = null;
        this.toController({ kind: "halt", cause: effect.cause });
        break;
      case "mode":
        this.onMode(effect.mode, effect.cause);
        break;
      case "input":
        this.onInput(effect);
        break;
      case "inputs-lost":
      case "inputs-restored":
        this.toController({ kind: effect.kind });
        break;
      default:
        this.onNote(effect);
    }
  }

  private onNote(effect: NoteEffect): void {
    if (effect.kind === "sensed") {
      this.changed = true;
      this.logAt(effect.atMs, "lamps-sensed", [effect.channel, this.nameOf(effect)]);
    } else if (effect.kind === "trip") {
      this.log("trip", [effect.cause, effect.relay]);
    } else if (effect.kind === "released") {
      this.interlock.release();
    } else {
      this.log("cabinet", [effect.what, effect.detail]);
    }
  }

  private nameOf({ channel, code }: { channel: number; code: LampCode }): string {
    const vehicle = this.vehicleChannels.has(channel);
    return vehicle ? vehicleLampName(code) : (LAMP_NAMES[code] ?? "dark");
  }

  private onMode(mode: ControlMode, cause: string | null): void {
    const before = this.mode;
    this.changed = true;
    this.mode = mode;
    this.cause = cause;
    this.log("mode", [mode, cause]);
    if (before !== mode && mode === "controlled") this.orders.controlled();
    if (before !== mode) this.log("code", [173, FLASH_STATUS[mode], null]);
  }

  private onInput({ input, on, atMs }: Extract<LinkEffect, { kind: "input" }>): void {
    this.inputMs = atMs;
    const target = this.inputs.get(input);
    if (target !== undefined) this.toController(target(on));
    this.changed = true;
  }

  private log(kind: NodeEvent["kind"], body: NodeEvent["body"]): void {
    this.logAt(this.now.monoMs, kind, body);
  }

  private logAt(monoMs: number, kind: NodeEvent["kind"], body: NodeEvent["body"]): void {
    const at = Math.round(this.now.wallMs - (this.now.monoMs - monoMs));
    this.effects.push({ kind: "log", event: { kind, body, at } });
  }

  /** True once the failure display stands, or nothing is there that could show anything. */
  isStopped(): boolean {
    return this.mode !== "controlled" && this.mode !== "starting" && this.mode !== "orderly-stop";
  }

  /** What runs the lamps, and why where it is not the controller. */
  standing(): Pick<ControlView, "mode" | "cause"> {
    return { mode: this.mode, cause: this.cause };
  }

  /** The newest lamp frame that the cabinet has accepted in this session; 0 for none. */
  acceptedSequence(): number {
    return this.link.acceptedSequence();
  }

  /** When the cabinet saw its newest change of an input, monotonic ms. */
  newestInputMs(): number {
    return this.inputMs;
  }

  private planView(nowMs: number): Pick<ControlView, "coordination"> {
    if (this.site.plans === undefined) return {};
    return { coordination: this.controller.coordination(nowMs) };
  }

  /** A fresh picture of the junction for everybody else. */
  view(now: Instant, identity: ControlIdentity): ControlView {
    this.sequence += 1;
    return {
      ...identity,
      sequence: this.sequence,
      monoMs: now.monoMs,
      wallMs: now.wallMs,
      mode: this.mode,
      cause: this.cause,
      phases: this.controller.phases(now.monoMs),
      detectors: this.controller.detectors(),
      pedestrianDetectors: this.controller.pedestrianDetectors(),
      preempts: this.controller.preempts(),
      ...this.planView(now.monoMs),
      ...(this.platoons === null ? {} : { corridor: this.platoons.picture(now) }),
      ...cabinetSight(this.link, now.monoMs),
      ...(this.orders.isIdle ? {} : { orders: this.orders.view() }),
      counters: {
        ...linkCounts(this.link),
        greens: this.greens,
        interlockHolds: this.account.holds,
        interlockViolations: this.account.violations,
        callsBeyondBound: this.waits.count,
      },
    };
  }
}

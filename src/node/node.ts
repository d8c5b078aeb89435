// The composition: one node in one process. Control is this thread; log and service are workers
// under watch. Nothing here decides anything.

import type { ReloadAnswer } from "../console/api.ts";
import type { SiteModel } from "../core/site/model.ts";
import type { ControlView } from "../core/site/view.ts";
import { type TimerHandle, within } from "../log/timers.ts";
import type { TraceContext } from "../wire/trace.ts";
import { ClockWatch } from "./clock-watch.ts";
import type { MeshOrder, Order } from "./control-types.ts";
import type { Host } from "./host.ts";
import { LiveControl } from "./live-control.ts";
import { type LogAccount, LogSide } from "./log-side.ts";
import type { MeshSetup } from "./mesh-messages.ts";
import { hasLinks, MeshSide } from "./mesh-side.ts";
import type { FromService, KeptPorts, LoopPicture, ServiceData, ToService } from "./messages.ts";
import type { Ended, NodeOptions, NodePicture, Opened } from "./node-types.ts";
import { reloadRefusal } from "./reload-refusal.ts";
import { serviceHeap } from "./service-heap.ts";
import type { SupervisionEvent } from "./supervision.ts";
import { Thread, type ThreadDeath } from "./thread.ts";
import { Tracing } from "./tracing.ts";
import { heapFigure } from "./wear-figures.ts";

/** A session with the cabinet takes 50 ms and its module loading some 100. */
const LAMPS_FIRST_MS = 500;
/** A service thread that has not opened by then is reported, not waited for. */
const OPEN_PATIENCE_MS = 20_000;
const STOP_GRACE_MS = 3_000;
/** The answer to a reload goes out through the thread that the reload replaces. */
const RENEW_AFTER_MS = 500;
/** The beat where there is no site to control. */
const IDLE_MS = 100;
const NODE_NEWS_MS = 1_000;
/** Deaths that are remembered; each is in the log anyway. */
const MAX_DEATHS = 100;
/** Lines that wait for a service thread; a log can have no more to say at its opening. */
const MAX_UNSAID = 100;

export class RunningNode {
  opened: Opened = { consoleUrl: null, mqtt: [], problems: [] };
  private readonly options: NodeOptions;
  private readonly host: Host;
  private site: SiteModel | null;
  private readonly log: LogSide;
  private readonly service: Thread;
  private readonly mesh: MeshSide | null;
  private readonly clock: ClockWatch;
  private readonly tracing: Tracing;
  private live: LiveControl | null = null;
  private kept: KeptPorts | null = null;
  /** Beats in place of the control loop where there is no site to control. */
  private idle: TimerHandle | null = null;
  private readonly deaths: ThreadDeath[] = [];
  private readonly unsaid: ToService[] = [];
  private readonly startedWallMs: number;
  private lastNewsMs = 0;
  private onOpened: (() => void) | null = null;

  constructor(options: NodeOptions) {
    const { host } = options;
    const { timers } = host;
    this.options = options;
    this.host = host;
    this.site = options.read.ok ? options.read.site : null;
    this.startedWallMs = timers.wallMs();
    this.clock = new ClockWatch(options.clockFloorMs, {
      monoMs: timers.monoMs(),
      wallMs: timers.wallMs(),
    });
    this.log = new LogSide({
      host,
      dataDir: options.dataDir,
      site: this.site,
      version: options.version,
      siteHash: options.read.ok ? options.read.hash : "",
      ...(options.entries?.log === undefined ? {} : { entry: options.entries.log }),
      onDeath: (death) => this.onDeath(death),
      onOpened: (opened) => {
        this.joinServiceAndLog();
        this.mesh?.logOpened(opened);
      },
      onRaised: (incarnation) => this.mesh?.raised(incarnation),
      onNotice: (text) => this.notice("warn", text),
    });
    this.service = new Thread({
      host,
      name: "service",
      url: options.entries?.service ?? new URL("./service-thread.ts", import.meta.url),
      data: () => ({ data: this.serviceData(), transfer: [] }),
      limits: () => serviceHeap(this.site),
      onMessage: (message) => this.onService(message as FromService),
      onDeath: (death) => this.onDeath(death),
    });
    this.tracing = new Tracing({ timers, tell: (message) => this.service.post(message) });
    const { site } = this;
    this.tracing.set(site?.traces);
    const linked = site !== null && (options.mesh !== null || hasLinks(site));
    this.mesh = linked ? this.meshSide(options.mesh, site) : null;
  }

  private meshSide(setup: MeshSetup | null, site: SiteModel): MeshSide {
    const { host, log } = this;
    return new MeshSide({
      host,
      setup,
      node: site.node.id,
      site: () => this.site ?? site,
      log,
      onPicture: (picture) => this.tell({ kind: "mesh", picture }),
      onReady: () => this.joinServiceAndMesh(),
      onCorridor: (news, traces) => this.tracing.decided(traces, () => this.live?.hear(news)),
      onRevoked: (signed) => this.tell({ kind: "revoked", signed }),
      onZoneOrder: (command) => this.tell({ kind: "zone-orders", commands: [command] }),
      onOrdered: (token, refusal) => this.tell({ kind: "ordered", token, refusal }),
      onSpans: (spans) => this.tracing.forward(spans),
      onApplied: (neighbour, trace) => this.tracing.applied(neighbour, trace),
      onNotice: (level, text) => this.notice(level, text),
      onDeath: (death) => this.onDeath(death),
    });
  }

  /**
   * Lamps first: the log, which stamps what happens, starts beside control; the service thread,
   * with the most modules to load, only when the cabinet has taken a frame or is not there to
   * take one.
   */
  async start(): Promise<void> {
    const { timers } = this.host;
    this.log.start(timers.monoMs());
    if (this.site !== null && this.options.port !== null) this.startControl(this.site);
    else this.idle = timers.every(IDLE_MS, () => this.onBeat(timers.monoMs()));
    const opened = new Promise<void>((resolve) => {
      this.onOpened = resolve;
    });
    await this.live?.firstLamp(LAMPS_FIRST_MS);
    this.service.start(timers.monoMs());
    this.mesh?.start(timers.monoMs());
    await within(timers, opened, OPEN_PATIENCE_MS);
  }

  /** Hands a drawing of the virtual street to the page; absent on a real cabinet. */
  tellStreet(queues: unknown): void {
    this.tell({ kind: "street", queues });
  }

  /** Reads the site file anew; refused while it differs from what the cabinet holds. */
  async reload(): Promise<ReloadAnswer> {
    this.supervise({ kind: "reloading" });
    const answer = await this.takeAnew();
    this.supervise({ kind: "reloaded", problems: answer.problems });
    return answer;
  }

  private async takeAnew(): Promise<ReloadAnswer> {
    const read = await this.options.readAgain();
    if (!read.ok) return { ok: false, problems: read.problems };
    const refusal = reloadRefusal(this.site, read.site);
    if (refusal !== null) return { ok: false, problems: [refusal] };
    this.log.append({ kind: "site", body: [read.hash, read.site.name] });
    this.site = read.site;
    this.tracing.set(read.site.traces);
    this.live?.replaceSite(read.site);
    this.mesh?.siteChanged();
    this.host.timers.after(RENEW_AFTER_MS, () => this.service.renew());
    return { ok: true, problems: [] };
  }

  /** What a test or a bench wants to know of a running node. */
  picture(): NodePicture {
    const view = this.live?.view();
    const threads = this.threads();
    return {
      mode: view?.mode ?? "no-cabinet",
      stops: view?.counters.stops ?? 0,
      trips: view?.counters.trips ?? 0,
      deaths: this.deaths,
      running: threads.filter(({ running }) => running).map(({ name }) => name),
      ...this.loop(),
    };
  }

  /** Where the events of this process are. */
  logAccount(): LogAccount {
    return this.log.account();
  }

  /** What `picture` says of the loop counts from now on: for a bench, after the start-up. */
  measureAnew(): void {
    this.live?.measureAnew();
  }

  async stop(cause: string): Promise<Ended> {
    this.supervise({ kind: "stopping", cause });
    this.idle?.cancel();
    const links = this.mesh?.linked ?? null;
    await this.live?.stop();
    this.log.append({ kind: "stop", body: [cause] });
    const deadThreads = this.threads().filter(({ running }) => !running).length;
    const meshEnded = (await this.mesh?.stop(STOP_GRACE_MS)) ?? true;
    const serviceEnded = await this.service.stop(STOP_GRACE_MS);
    const logEnded = await this.log.stop(STOP_GRACE_MS);
    const view = this.live?.view();
    const counters = view?.counters;
    return {
      greens: counters?.greens ?? 0,
      events: this.log.stored(),
      trips: counters?.trips ?? 0,
      links,
      platoons: view?.corridor?.neighbours.reduce((sum, { served }) => sum + served, 0) ?? 0,
      threadsEnded: serviceEnded && logEnded && meshEnded,
      callsBeyondBound: counters?.callsBeyondBound ?? 0,
      deadThreads: deadThreads + this.deaths.length,
    };
  }

  private threads(): readonly { readonly name: string; readonly running: boolean }[] {
    return [this.log, this.service, ...(this.mesh === null ? [] : [this.mesh])];
  }

  private startControl(site: SiteModel): void {
    const { port } = this.options;
    if (port === null) return;
    const { timers } = this.host;
    this.live = new LiveControl({
      timers,
      site,
      port,
      identity: () => ({
        incarnation: this.log.incarnation,
        clock: this.clock.quality(timers.wallMs()),
      }),
      append: (event) => this.log.append(event),
      publish: (view, trace) => this.publish(view, trace),
      announce: (announcements, trace) => this.mesh?.announce(announcements, trace),
      counting: (edge) => this.mesh?.counting(edge),
      edges: () => this.tracing.edges,
      onBeat: (nowMs) => this.onBeat(nowMs),
    });
    this.live.start();
  }

  private publish(view: ControlView, trace: TraceContext | null): void {
    this.tell(trace === null ? { kind: "view", view } : { kind: "view", view, trace });
    this.mesh?.publishView(view, trace);
  }

  private tell(message: ToService): void {
    this.service.post(message);
  }

  /** A line for people; kept while the service thread, which writes it, does not run. */
  private notice(level: "info" | "warn" | "error", text: string): void {
    const message = { kind: "notice", level, text } as const;
    if (this.service.post(message) || this.unsaid.length >= MAX_UNSAID) return;
    this.unsaid.push(message);
  }

  private supervise(event: SupervisionEvent): void {
    this.options.supervisor?.tell(event, this.host.timers.monoMs());
  }

  private onBeat(nowMs: number): void {
    this.supervise({ kind: "beat", standing: this.live?.standing() ?? null });
    const wallMs = this.host.timers.wallMs();
    const stepMs = this.clock.step({ monoMs: nowMs, wallMs });
    if (stepMs !== null) this.log.append({ kind: "clock", body: [Math.round(stepMs)] });
    this.service.watch(nowMs);
    this.log.watch(nowMs);
    this.mesh?.watch(nowMs);
    if (nowMs - this.lastNewsMs < NODE_NEWS_MS) return;
    this.lastNewsMs = nowMs;
    this.tellNode();
  }

  private loop(): LoopPicture {
    const unset = { edgeToFrameP99Ms: 0, edges: 0, jitterP999Ms: 0, gapMaxMs: 0 };
    if (this.live === null) return { ...unset, firstLampWallMs: null };
    const { edgeToFrameUs, jitterUs, gapMaxMs, firstLampWallMs } = this.live.figures();
    return {
      edgeToFrameP99Ms: edgeToFrameUs.percentile(99) / 1000,
      edges: edgeToFrameUs.count,
      jitterP999Ms: jitterUs.percentile(99.9) / 1000,
      gapMaxMs,
      firstLampWallMs,
    };
  }

  private tellNode(): void {
    const loop = this.loop();
    const said = this.options.supervisor?.dropped() ?? [];
    const dropped = [...this.log.dropped(), ...this.tracing.dropped(), ...said];
    const figures = [...this.log.figures(), heapFigure("control", this.host.heapBytes())];
    this.tell({ kind: "node", loop, parts: this.log.parts(), dropped, figures });
  }

  private serviceData(): ServiceData {
    const { read, dataDir, freePorts, secret, version } = this.options;
    const problems = read.ok ? [] : read.problems;
    const sinceMs = this.kept === null ? this.startedWallMs : this.host.timers.wallMs();
    const { kept, site } = this;
    return { site, problems, secret, dataDir, version, freePorts, kept, sinceMs };
  }

  private onService(message: FromService): void {
    switch (message.kind) {
      case "ready":
        this.opened = message;
        this.kept = this.portsOf(message);
        this.tracing.restarted();
        this.joinServiceAndLog();
        this.joinServiceAndMesh();
        for (const message of this.unsaid.splice(0)) this.tell(message);
        if (this.mesh !== null) {
          this.tell({ kind: "revoked", signed: this.mesh.revoked });
          this.tell({ kind: "zone-orders", commands: this.mesh.orders });
        }
        this.onOpened?.();
        break;
      case "spans-taken":
        this.tracing.taken(message.count);
        break;
      case "copies":
        this.log.pauseCopies(message.paused);
        break;
      case "detector":
        this.live?.step(message.input);
        break;
      case "order":
        this.order(message.token, message.order, message.author);
        break;
      case "reload":
        void this.reload().then((answer) => {
          this.tell({ kind: "reloaded", token: message.token, ...answer });
        });
        break;
    }
  }

  private order(token: number, order: Order | MeshOrder, author: string): void {
    if ("signed" in order && this.mesh !== null) {
      this.mesh.order(token, order);
      return;
    }
    const refusal = this.refusalOf(order, author);
    if (refusal === null && !("signed" in order)) {
      this.live?.step({ kind: "order", order, author });
    }
    this.tell({ kind: "ordered", token, refusal });
  }

  private refusalOf(order: Order | MeshOrder, author: string): string | null {
    if (!("signed" in order)) {
      return this.live === null ? "no cabinet is driven" : this.live.refusalOf(order, author);
    }
    if (order.kind === "zone-order") {
      return "this node has no neighbours; give it the order itself, without --zone";
    }
    return "this node has no neighbours; put the file into revoked/ of its key folder and reload";
  }

  /** Service and log talk without control in between; either may start anew. */
  private joinServiceAndLog(): void {
    if (!this.service.running || this.log.incarnation === 0) return;
    const [logEnd, serviceEnd] = this.host.channel();
    this.log.attach("service", logEnd);
    this.service.post({ kind: "log-port", port: serviceEnd }, [serviceEnd]);
  }

  /** What vehicles the broker sees goes past control to the mesh; either may start anew. */
  private joinServiceAndMesh(): void {
    const { mesh, service } = this;
    if (mesh === null || !mesh.running || !service.running) return;
    const [meshEnd, port] = this.host.channel();
    mesh.attachService(meshEnd);
    service.post({ kind: "mesh-port", port }, [port]);
  }

  private onDeath({ thread, cause, restartInMs }: ThreadDeath): void {
    if (this.deaths.length < MAX_DEATHS) this.deaths.push({ thread, cause, restartInMs });
    this.log.append({ kind: "worker", body: [thread, cause] });
    const text = `the ${thread} thread died (${cause}) and is started again in ${restartInMs} ms`;
    this.notice("error", text);
  }

  /** In the order of the listeners; none where one of them could not be opened. */
  private portsOf(opened: Opened): KeptPorts {
    const portOf = (url: string): number => Number(new URL(url).port);
    const { consoleUrl, mqtt } = opened;
    const page = consoleUrl === null ? (this.kept?.console ?? null) : portOf(consoleUrl);
    return { mqtt: mqtt.map(portOf), console: page };
  }
}

// The service half of a node: broker, console, metrics and health, put together. It runs in the
// service thread and reaches control and the log through the doors that it is given.
import type { Duplex } from "node:stream";
import { type Broker, createBroker } from "../broker/broker.ts";
import type { ClientTrust } from "../broker/doorway.ts";
import type { KeptDisk } from "../broker/keeper.ts";
import type { DetectorInput } from "../broker/leases.ts";
import type { ConsoleEvent, EventQuery, ReloadAnswer } from "../console/api.ts";
import { keepConsoleAddress, lastConsoleListener } from "../console/place.ts";
import {
  addressWithSecret,
  type Console,
  createConsole,
  type NetworkConsole,
} from "../console/server.ts";
import type { Listener, SiteModel } from "../core/site/model.ts";
import type { ControlView } from "../core/site/view.ts";
import type { ChannelPort } from "../log/channel.ts";
import { type Figure, metricsText } from "../observe/metrics.ts";
import type { Certificate } from "../trust/certificate.ts";
import { Trust } from "../trust/judge.ts";
import { expiresInDays, KeyFolderError, readKeysOf } from "../trust/key-folder.ts";
import { RevocationError, Revocations } from "../trust/revocation.ts";
import type { Command, Reply } from "../wire/command.ts";
import type { EventRow } from "../wire/events.ts";
import { type Health, type HealthPart, worstState } from "../wire/health.ts";
import type { EventPage, PageQuery } from "../wire/replay.ts";
import { encodeTrace, type Span, type TraceContext } from "../wire/trace.ts";
import { BOARD_MS, BoardWatch } from "./board-watch.ts";
import { partsOf } from "./health.ts";
import { keysPart } from "./keys-part.ts";
import type { DropCount, LoopPicture, MeshPicture, ServiceData } from "./messages.ts";
import { networkConsole } from "./network-console.ts";
import { brokerFigures, loopFigures } from "./service-figures.ts";
import { withPorts } from "./service-ports.ts";
import { droppedSpans, type ServiceTraces, serviceTraces, traceFigures } from "./service-traces.ts";
import { SIGHTINGS_EVERY_MS, Sightings } from "./sightings.ts";
import { heapBytes, heapFigure } from "./wear-figures.ts";

/** What the service needs of the other threads. */
export interface ServiceDoors {
  /** Accepted durably, done, and answered; see the log's command memory. */
  readonly command: (command: Command) => Promise<Reply>;
  readonly detector: (input: DetectorInput) => void;
  readonly reload: () => Promise<ReloadAnswer>;
  readonly events: (query: EventQuery) => Promise<readonly ConsoleEvent[]>;
  /** The log's past, for replays. */
  readonly page: (query: PageQuery) => Promise<EventPage>;
  /** Where the broker keeps sessions and retained messages. */
  readonly disk: KeptDisk;
  /** Copies of snapshots wait, or go on. */
  readonly copies: (paused: boolean) => void;
  readonly write: (level: "info" | "warn" | "error", text: string) => void;
}

export interface ServiceOpened {
  readonly consoleUrl: string | null;
  readonly mqtt: readonly string[];
  readonly problems: readonly string[];
}

const HEALTH_MS = 1_000;
/** Sessions whose token was revoked or has expired end within this. */
const SESSIONS_MS = 5_000;
/** Where the console listens when a bad site file can't say and it never ran here before. */
const FALLBACK_CONSOLE = { address: "127.0.0.1", port: 8080 } as const;

export class Service {
  private readonly data: ServiceData;
  private readonly doors: ServiceDoors;
  private readonly site: SiteModel | null;
  /** Whom the broker does not believe; null where no listener asks for certificates. */
  private trusted: { readonly own: Certificate; readonly revocations: Revocations } | null = null;
  private broker: Broker | null = null;
  private page: Console | null = null;
  /** The console for people with tokens; null where the site file has none. */
  private networkPage: Console | null = null;
  private view: ControlView | null = null;
  private viewAtMs = Number.NEGATIVE_INFINITY;
  private loop: LoopPicture | null = null;
  private nodeParts: readonly HealthPart[] = [];
  private nodeDropped: readonly DropCount[] = [];
  private nodeFigures: readonly Figure[] = [];
  private mesh: MeshPicture | null = null;
  private readonly board: BoardWatch;
  private readonly sightings = new Sightings();
  private readonly traces: ServiceTraces | null;
  private readonly timers: NodeJS.Timeout[] = [];
  private opened: readonly string[] = [];

  constructor(data: ServiceData, doors: ServiceDoors) {
    this.data = data;
    this.doors = doors;
    this.site = data.site === null ? null : withPorts(data.site, data);
    this.board = new BoardWatch({
      dataDir: data.dataDir,
      say: (text) => doors.write("warn", text),
      onCopies: doors.copies,
    });
    this.traces = serviceTraces(data, (text) => doors.write("warn", text));
  }

  /** Opens what can be opened; what can't is a line, and the rest runs. */
  async open(): Promise<ServiceOpened> {
    const problems: string[] = [];
    const mqtt: string[] = [];
    if (this.site !== null) {
      this.broker = await this.makeBroker(this.site, this.clientTrust(this.site, problems));
      const { bound, problems: refused } = await this.broker.listen();
      problems.push(...refused);
      for (const { address, port, tls } of bound) {
        mqtt.push(`${tls === true ? "mqtts" : "mqtt"}://${hostOf(address)}:${port}`);
      }
    }
    await this.openNetwork(problems);
    this.page = this.makeConsole();
    const console = await this.page.listen();
    if (console.ok) keepConsoleAddress(this.data.dataDir, console.address);
    else problems.push(console.reason);
    this.opened = problems;
    this.timers.push(setInterval(() => this.tellHealth(), HEALTH_MS));
    this.timers.push(setInterval(() => void this.board.look(), BOARD_MS));
    this.timers.push(setInterval(() => this.sightings.flush(), SIGHTINGS_EVERY_MS));
    void this.board.look();
    const url = console.ok ? addressWithSecret(console.address, this.data.secret) : null;
    return { consoleUrl: url, mqtt, problems };
  }

  /** With the context of the step that made the view, where that is traced. */
  publishView(view: ControlView, trace?: TraceContext): void {
    this.view = view;
    this.viewAtMs = performance.now();
    const traced = trace !== undefined && this.traces !== null && this.board.takesSpans(1);
    if (!traced || this.traces === null) this.broker?.publishView(view);
    else this.publishTraced(view, trace, this.traces);
  }

  private publishTraced(view: ControlView, trace: TraceContext, { spans }: ServiceTraces): void {
    const context = spans.child(trace);
    const startMs = spans.now();
    const spat = this.broker?.publishView(view, encodeTrace(context)) ?? false;
    spans.end("broker", context, trace, { startMs, attributes: { spat } });
  }

  /** Finished spans of the other threads. */
  takeSpans(spans: readonly Span[]): void {
    if (this.traces === null || !this.board.takesSpans(spans.length)) return;
    for (const span of spans) this.traces.exporter.take(span);
  }

  publishEvents(rows: readonly EventRow[], incarnation: number): void {
    this.broker?.publishEvents(rows, incarnation);
  }

  /** A drawing of the virtual street's vehicles. */
  publishStreet(queues: unknown): void {
    if (this.board.takesDrawing()) this.broker?.publishStreet(queues);
  }

  /** What the control thread knows of itself and of the other threads. */
  takeNode(picture: {
    readonly loop: LoopPicture;
    readonly parts: readonly HealthPart[];
    readonly dropped: readonly DropCount[];
    readonly figures: readonly Figure[];
  }): void {
    this.loop = picture.loop;
    this.nodeParts = picture.parts;
    this.nodeDropped = picture.dropped;
    this.nodeFigures = picture.figures;
  }

  takeMesh(picture: MeshPicture): void {
    this.mesh = picture;
    const { coordination, corridor } = this.view ?? {};
    const here = {
      ...(coordination === undefined ? {} : { coordination }),
      ...(corridor === undefined ? {} : { corridor }),
    };
    this.broker?.publishNeighbours({ ...picture.neighbours, here });
  }

  /** Revocations that the CA signed: the broker's next sweep cuts whom they name. */
  revoke(signed: readonly Uint8Array[]): void {
    for (const bytes of signed) {
      try {
        this.trusted?.revocations.add(bytes);
      } catch (error) {
        if (!(error instanceof RevocationError)) throw error;
        this.doors.write("warn", `a revocation was not taken: ${error.message}`);
      }
    }
  }

  /** A mesh thread takes what the broker sees of vehicles. */
  attachMesh(port: ChannelPort): void {
    this.sightings.attach(port);
  }

  /** The log thread was started anew: what waits for the disk is tried at once. */
  wakeDisk(): void {
    this.broker?.wakeDisk();
  }

  async close(): Promise<void> {
    for (const timer of this.timers) clearInterval(timer);
    this.sightings.close();
    await this.traces?.exporter.close();
    await this.broker?.close();
    await this.page?.close();
    await this.networkPage?.close();
  }

  /** Null where no listener asks for it; a line in `problems` where the keys can't be used. */
  private clientTrust(site: SiteModel, problems: string[]): ClientTrust | null {
    const { keyFolder, node, broker } = site;
    if (keyFolder === null || !broker.listeners.some(({ tls }) => tls === true)) return null;
    try {
      const folder = readKeysOf(node, keyFolder);
      const revocations = new Revocations(folder.ca);
      for (const bytes of folder.revocations) revocations.add(bytes);
      this.trusted = { own: folder.own, revocations };
      return { folder, trust: new Trust({ ca: folder.ca, place: node, revocations }) };
    } catch (error) {
      if (!(error instanceof KeyFolderError)) throw error;
      problems.push(error.message);
      return null;
    }
  }

  private makeBroker(site: SiteModel, trust: ClientTrust | null): Promise<Broker> {
    return createBroker({
      site,
      ...(trust === null ? {} : { trust }),
      secret: this.data.secret,
      onCommand: this.doors.command,
      onDetector: this.doors.detector,
      onSighting: (sighting) => this.sightings.take(sighting),
      onEvent: ({ client, reason, messages }) => {
        const text = `the session of ${client} was discarded with ${messages} messages: ${reason}`;
        this.doors.write("warn", text);
      },
      disk: this.doors.disk,
      readLog: (query) => this.board.pace().then(() => this.doors.page(query)),
      samplesReports: () => this.board.samplesReports(),
      onNotice: (text) => this.doors.write("warn", text),
    });
  }

  private async openNetwork(problems: string[]): Promise<void> {
    const listen = this.site?.console.network;
    if (this.site === null || listen === undefined) return;
    const network = networkConsole(this.site, {
      dataDir: this.data.dataDir,
      clockSure: () => this.view?.clock === "sure",
      say: (text) => this.doors.write("warn", text),
    });
    if (network === null) return;
    if (typeof network === "string") {
      problems.push(network);
      return;
    }
    this.networkPage = this.makeConsole({ ...network, listen });
    const opened = await this.networkPage.listen();
    if (!opened.ok) problems.push(opened.reason);
    else this.doors.write("info", `console for people with tokens: ${opened.address}`);
    this.timers.push(setInterval(() => network.sessions.sweep(), SESSIONS_MS));
  }

  private makeConsole(network?: NetworkConsole & { readonly listen: Listener }): Console {
    const { broker, site } = this;
    return createConsole({
      ...(network === undefined ? {} : { network }),
      listen:
        network?.listen ??
        site?.console ??
        lastConsoleListener(this.data.dataDir) ??
        FALLBACK_CONSOLE,
      secret: this.data.secret,
      corridor: site?.corridor ?? [],
      sources: {
        site: () => site,
        problems: () => this.data.problems,
        alive: () => this.alive(),
        health: async () => ({ ...this.health(), loop: this.loop }),
        orders: () => this.view?.orders ?? null,
        metricsText: () => this.metrics(),
        events: (query) => this.board.pace().then(() => this.doors.events(query)),
        reload: this.doors.reload,
      },
      onWebSocket: (stream: Duplex, session, listens) => {
        if (broker === null) stream.destroy();
        else if (session === null) {
          broker.handleWebSocket(stream, { role: "reader", via: "console" });
        } else
          broker.handleWebSocket(stream, {
            role: listens ? "reader" : session.role,
            via: "mqtt",
            session,
          });
      },
      log: (line) => this.doors.write("warn", line),
    });
  }

  private viewAgeMs(): number {
    return performance.now() - this.viewAtMs;
  }

  private alive(): { ok: boolean; reason: string | null } {
    if (this.site === null) return { ok: false, reason: "the site file has problems" };
    const [control] = partsOf(this.view, this.viewAgeMs(), null);
    if (control === undefined || control.state === "failed") {
      return { ok: false, reason: control?.text ?? "no control" };
    }
    return { ok: true, reason: null };
  }

  private health(): Health {
    const parts: HealthPart[] = [
      ...partsOf(this.view, this.viewAgeMs(), this.broker?.counters ?? null),
      ...this.nodeParts,
      ...(this.mesh === null ? [] : [this.mesh.part]),
      ...this.keysParts(),
    ];
    for (const problem of [...this.data.problems, ...this.opened]) {
      parts.push({ name: "start", state: "degraded", text: problem });
    }
    const board = this.board.part();
    if (board !== null) parts.push(board);
    return {
      wallMs: Date.now(),
      version: this.data.version,
      uptimeS: process.uptime(),
      state: worstState(parts),
      parts,
    };
  }

  /** The mesh thread's word, or where there is none what the broker believes. */
  private keysParts(): HealthPart[] {
    if (this.mesh?.keys !== undefined) return [this.mesh.keys];
    if (this.trusted === null) return [];
    const { own, revocations } = this.trusted;
    const wallMs = Date.now();
    const part = keysPart({
      wallMs,
      clockSure: this.view?.clock === "sure",
      certificateDays: expiresInDays(own, wallMs),
      ownRevoked: revocations.has(own.serial),
      revocations: revocations.size,
      newestMs: revocations.newestMs,
    });
    return [part];
  }

  private tellHealth(): void {
    this.broker?.publishHealth(this.health());
  }

  /** Sightings that did not come to the mesh thread. */
  private unseen(): DropCount[] {
    const { dropped: count } = this.sightings;
    if (count === 0 || this.mesh === null) return [];
    return [{ class: "sightings", reason: "mesh thread behind", count }];
  }

  private async metrics(): Promise<string> {
    const counters = this.broker?.counters ?? null;
    return await metricsText({
      view: this.view,
      viewAgeS: this.view === null ? null : this.viewAgeMs() / 1000,
      dropped: [
        ...this.nodeDropped,
        ...(counters?.dropped ?? []),
        ...this.unseen(),
        ...droppedSpans(this.traces),
        ...this.board.dropped(),
      ],
      figures: [
        ...loopFigures(this.loop),
        ...brokerFigures(counters),
        ...traceFigures(this.traces),
        ...(this.mesh?.figures ?? []),
        ...this.nodeFigures,
        ...this.board.figures(),
        heapFigure("service", heapBytes()),
      ],
    });
  }
}

function hostOf(address: string): string {
  return address.includes(":") ? `[${address}]` : address;
}

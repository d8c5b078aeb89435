// The mesh as the control thread sees it: a thread under watch, and what it says passed on.

import type { SiteModel } from "../core/site/model.ts";
import type { ControlView } from "../core/site/view.ts";
import type { ChannelPort } from "../log/channel.ts";
import type { CorridorNews } from "../mesh/mesh-types.ts";
import type { Announcement } from "../mesh/own-corridor.ts";
import { type ToldPhases, toldPhases } from "../mesh/told-phases.ts";
import type { Command } from "../wire/command.ts";
import type { MeshOrder } from "../wire/command-body.ts";
import type { Span, TraceContext } from "../wire/trace.ts";
import type { ZoneSlot } from "../wire/zone-order.ts";
import type { TracedEdge } from "./counted-edges.ts";
import type { Host } from "./host.ts";
import type { LogSide } from "./log-side.ts";
import type {
  CorridorTraces,
  FromMesh,
  LogOpened,
  MeshData,
  MeshSetup,
  ToMesh,
} from "./mesh-messages.ts";
import type { MeshPicture } from "./messages.ts";
import { Thread, type ThreadDeath } from "./thread.ts";

/**
 * Heap of the mesh thread: states of fifty nodes and the signed batches of a zone. A small young
 * generation is collected often: with 2 MB 18 times a second at 1,000 changes/s, which holds up
 * one change in a hundred; with 8 MB five times.
 */
export const MESH_HEAP = { maxOldGenerationSizeMb: 96, maxYoungGenerationSizeMb: 8 } as const;

/** What is known of a neighbour while no mesh thread runs. */
const UNHEARD = { up: false, agrees: true, why: null, departures: null } as const;

export interface MeshSideOptions {
  readonly host: Host;
  /** Instead of the lanes of the site file. */
  readonly setup: MeshSetup | null;
  readonly node: string;
  /** As it is at present. */
  readonly site: () => SiteModel;
  readonly log: LogSide;
  /** A mesh thread takes messages. */
  readonly onReady: () => void;
  readonly onPicture: (picture: MeshPicture) => void;
  /** Neighbours of whom coordination should know something new. */
  readonly onCorridor: (news: readonly CorridorNews[], traces: CorridorTraces | null) => void;
  readonly onRevoked: (signed: readonly Uint8Array[]) => void;
  /** An order for the zone holds here too. */
  readonly onZoneOrder: (command: Command) => void;
  /** What became of `order`: null, or why it was refused. */
  readonly onOrdered: (token: number, refusal: string | null) => void;
  readonly onSpans: (spans: readonly Span[]) => void;
  /** A traced change of a neighbour has been applied. */
  readonly onApplied: (neighbour: string, trace: TraceContext) => void;
  readonly onNotice: (level: "info" | "warn", text: string) => void;
  readonly onDeath: (death: ThreadDeath) => void;
}

export class MeshSide {
  private readonly options: MeshSideOptions;
  private readonly thread: Thread;
  private opened: LogOpened | null = null;
  /** Neighbours that the last picture showed linked. */
  linked = 0;
  private readonly known = {
    /** Of all certificates that are known to be revoked, by serial. */
    revoked: new Map<string, Uint8Array>(),
    /** Orders for the zone, the latest of each slot. */
    orders: new Map<ZoneSlot, Command>(),
    /** Of whom control has been told. */
    neighbours: new Set<string>(),
  };
  /** Mesh threads that this process has started. */
  private births = 0;

  constructor(options: MeshSideOptions) {
    const { host } = options;
    this.options = options;
    this.thread = new Thread({
      host,
      name: "mesh",
      url: new URL("./mesh-thread.ts", import.meta.url),
      data: () => this.birth(),
      limits: () => MESH_HEAP,
      onMessage: (message) => this.take(message as FromMesh),
      onDeath: (death) => this.died(death),
    });
  }

  get name(): string {
    return this.thread.name;
  }

  get running(): boolean {
    return this.thread.running;
  }

  start(nowMs: number): void {
    this.thread.start(nowMs);
  }

  watch(nowMs: number): void {
    this.thread.watch(nowMs);
  }

  /** The log is open, under that incarnation; a log thread that starts anew says so again. */
  logOpened(opened: LogOpened): void {
    this.opened = opened;
    this.join();
  }

  raised(incarnation: number): void {
    this.post({ kind: "raised", incarnation });
  }

  /** All revocations that this process has heard of: for a service thread that starts. */
  get revoked(): readonly Uint8Array[] {
    return [...this.known.revoked.values()];
  }

  /** Orders for the zone that hold here: for a service thread that starts. */
  get orders(): readonly Command[] {
    return [...this.known.orders.values()];
  }

  /** What an operator of this node brings, signed; `onOrdered` answers. */
  order(token: number, { kind, signed }: MeshOrder): void {
    this.post({ kind, token, signed: new Uint8Array(Buffer.from(signed, "base64")) });
  }

  publishView(view: ControlView, trace: TraceContext | null): void {
    const phases = toldPhases(view);
    this.thread.post(trace === null ? phases : { kind: "traced-phases", phases, trace });
  }

  /** For neighbours; nobody hears it while no mesh thread runs, and the next second says more. */
  announce(announcements: readonly Announcement[], trace: TraceContext | null): void {
    const message = { kind: "announce", announcements } as const;
    this.post(trace === null ? message : { ...message, trace });
  }

  /** A traced edge, whose row is on its way to the log. */
  counting(edge: TracedEdge): void {
    this.post({ kind: "counting", edge });
  }

  /** The service thread's other end: what vehicles it sees. */
  attachService(port: ChannelPort): void {
    this.post({ kind: "service-port", port });
  }

  /** A new site file: other neighbours perhaps, other keys, another geometry. */
  siteChanged(): void {
    if (this.options.setup === null) this.thread.renew();
    else this.tellSite();
  }

  private tellSite(): void {
    this.post({ kind: "site", site: this.options.site() });
  }

  async stop(graceMs: number): Promise<boolean> {
    return await this.thread.stop(graceMs);
  }

  private died(death: ThreadDeath): void {
    const news = [...this.known.neighbours].map((neighbour) => ({ neighbour, ...UNHEARD }));
    if (news.length > 0) this.options.onCorridor(news, null);
    this.options.onDeath(death);
  }

  private birth() {
    this.births += 1;
    const { setup, node, site } = this.options;
    const { traces } = site();
    if (setup === null) return { data: lanesOf(site()), transfer: [] };
    const transport = setup.connect();
    const { neighbours, keys } = setup;
    const traced = traces === undefined ? {} : { traces };
    const data: MeshData = { way: "channel", node, neighbours, keys, transport, ...traced };
    return { data, transfer: [transport] };
  }

  private post(message: Exclude<ToMesh, ToldPhases>): void {
    const carries = message.kind === "log-port" || message.kind === "service-port";
    this.thread.post(message, carries ? [message.port] : []);
  }

  private join(): void {
    const { host, log } = this.options;
    if (!this.thread.running || this.opened === null) return;
    const [logEnd, port] = host.channel();
    log.attach("mesh", logEnd);
    const incarnation = Math.max(this.opened.incarnation, log.incarnation);
    const opened = { ...this.opened, incarnation };
    this.post({ kind: "log-port", port, opened, again: this.births > 1 });
  }

  private take(message: FromMesh): void {
    const { log, onNotice, onPicture } = this.options;
    switch (message.kind) {
      case "ready":
        this.options.onReady();
        this.tellSite();
        this.join();
        break;
      case "log":
        log.append(message.event);
        break;
      case "raise":
        log.raise(message.incarnation, message.cause);
        break;
      case "picture":
        this.linked = message.picture.neighbours.neighbours.filter(({ linkUp }) => linkUp).length;
        onPicture(message.picture);
        break;
      case "corridor":
        for (const { neighbour } of message.news) this.known.neighbours.add(neighbour);
        this.options.onCorridor(message.news, message.traces ?? null);
        break;
      case "revoked":
        if (this.known.revoked.has(message.serial)) break;
        this.known.revoked.set(message.serial, message.signed);
        this.options.onRevoked([message.signed]);
        break;
      case "zone-order":
        this.known.orders.set(message.slot, message.command);
        this.options.onZoneOrder(message.command);
        break;
      case "ordered":
        this.options.onOrdered(message.token, message.refusal);
        break;
      case "spans":
        this.options.onSpans(message.spans);
        break;
      case "applied":
        this.options.onApplied(message.neighbour, message.trace);
        break;
      case "notice":
        onNotice(message.level, message.text);
        break;
    }
  }
}

/** True where a site file names neighbours and the way to them. */
export function hasLinks({ links, keyFolder }: SiteModel): boolean {
  return links !== null && keyFolder !== null;
}

function lanesOf({ node, links, keyFolder, neighbours, traces }: SiteModel): MeshData {
  if (links === null || keyFolder === null) throw new Error("a mesh thread without a way");
  const traced = traces === undefined ? {} : { traces };
  return { way: "lanes", node, keyFolder, links, neighbours, ...traced };
}

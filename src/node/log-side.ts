// The log as the control thread sees it: a thread under watch and the client that feeds it.
import type { SiteModel } from "../core/site/model.ts";
import type { ChannelPort } from "../log/channel.ts";
import { LOG_LIMITS, LOG_THREAD, LogClient } from "../log/client.ts";
import type { CopyPlace } from "../log/copies.ts";
import type { NodeEvent } from "../log/events.ts";
import type { FromLog, LogReaderName, ToLog } from "../log/messages.ts";
import type { Figure } from "../observe/metrics.ts";
import type { HealthPart } from "../wire/health.ts";
import type { Host, ThreadName } from "./host.ts";
import type { LogOpened } from "./mesh-messages.ts";
import type { DropCount } from "./messages.ts";
import { Thread, type ThreadDeath } from "./thread.ts";
import { wearComplaint, wearFigures } from "./wear-figures.ts";

/** Kept when no site file says how long. */
const DEFAULT_BOUNDS = { maxBytes: 1_073_741_824, keepMs: 90 * 86_400_000 } as const;

export interface LogSideOptions {
  readonly host: Host;
  readonly dataDir: string;
  readonly site: SiteModel | null;
  readonly siteHash: string;
  readonly version: string;
  readonly entry?: URL;
  readonly onDeath: (death: ThreadDeath) => void;
  /** A log thread has opened its folder: the other threads need a new channel to it. */
  readonly onOpened: (opened: LogOpened) => void;
  readonly onRaised: (incarnation: number) => void;
  readonly onNotice: (text: string) => void;
}

/** Each event that was taken is stored, lost and counted, waiting, or on its way to the disk. */
export interface LogAccount {
  readonly appended: number;
  /** Rows that are durable; those that tell of a gap are among them. */
  readonly stored: number;
  readonly lost: number;
  readonly waiting: number;
  readonly waitingBytes: number;
}

export class LogSide {
  private readonly options: LogSideOptions;
  private readonly client: LogClient;
  private readonly thread: Thread;

  constructor(options: LogSideOptions) {
    this.options = options;
    this.client = new LogClient({
      post: (message) => this.post(message),
      timers: options.host.timers,
      onOpened: (opened) => {
        for (const notice of opened.notices) options.onNotice(notice);
        options.onOpened(opened);
      },
      onRaised: options.onRaised,
      onNotice: (text) => options.onNotice(`log: ${text}`),
      onTrouble: (reason) => options.onNotice(`log: ${reason ?? "works again"}`),
    });
    this.thread = new Thread({
      host: options.host,
      name: "log",
      url: options.entry ?? LOG_THREAD,
      data: () => ({ data: this.client.threadData(this.data()), transfer: [] }),
      limits: () => LOG_LIMITS,
      onMessage: (message) => this.client.take(message as FromLog),
      onDeath: (death) => {
        this.client.threadDied();
        options.onDeath(death);
      },
    });
  }

  get incarnation(): number {
    return this.client.incarnation ?? 0;
  }

  get name(): ThreadName {
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

  append(event: NodeEvent): void {
    this.client.append(event);
  }

  /** Goes on under this incarnation or a higher one. */
  raise(incarnation: number, cause: string): void {
    this.client.raise(incarnation, cause);
  }

  /** Hands the log's end of a channel to the log thread. */
  attach(who: LogReaderName, port: ChannelPort): void {
    this.post({ kind: "attach", who, port });
  }

  /** The log's part of health. */
  parts(): HealthPart[] {
    const { trouble, figures, waiting, dropped } = this.client;
    const lost = Object.values(dropped).reduce((sum, count) => sum + count, 0);
    if (trouble !== null) {
      const text = `Not written at present: ${trouble}; ${waiting.events} events wait.`;
      return [{ name: "log", state: "failed", text }];
    }
    const text = `${figures?.seq ?? 0} events, ${Math.round((figures?.bytes ?? 0) / 1e6)} MB.`;
    const complaints = [...(figures?.faults ?? [])];
    const wear = wearComplaint(figures?.worker);
    if (wear !== null) complaints.push(wear);
    if (lost > 0) complaints.unshift(`${lost} were lost`);
    const copies = figures?.copies?.trouble ?? null;
    if (copies !== null) complaints.push(`snapshots can't be copied: ${copies}`);
    if (complaints.length === 0) return [{ name: "log", state: "ok", text }];
    return [{ name: "log", state: "degraded", text: `${text} ${complaints.join("; ")}.` }];
  }

  /** Bytes written, and the log thread's heap. */
  figures(): Figure[] {
    return wearFigures(this.client.figures?.worker);
  }

  /** Of every class, also of those that lost nothing: a counter is there before it rises. */
  dropped(): DropCount[] {
    return Object.entries(this.client.dropped).map(([kind, count]) => {
      return { class: kind, reason: "log queue full", count };
    });
  }

  /** Copies of snapshots wait, or go on; a log thread that starts anew makes them. */
  pauseCopies(paused: boolean): void {
    this.post({ kind: "copies", paused });
  }

  /** Makes durable what can be made so and ends the thread; false when that won't end. */
  async stop(graceMs: number): Promise<boolean> {
    await this.client.flush(graceMs);
    return await this.thread.stop(graceMs);
  }

  /** Events of this process that are stored. */
  stored(): number {
    return this.client.stored;
  }

  /** Where the events of this process are. */
  account(): LogAccount {
    const { appended, stored, waiting, dropped } = this.client;
    const lost = Object.values(dropped).reduce((sum, count) => sum + count, 0);
    return { appended, stored, lost, waiting: waiting.events, waitingBytes: waiting.bytes };
  }

  private post(message: ToLog): boolean {
    return this.thread.post(message, message.kind === "attach" ? [message.port] : []);
  }

  private data() {
    const { dataDir, site, siteHash, version } = this.options;
    const { maxBytes, keepMs } = site?.log ?? DEFAULT_BOUNDS;
    const copy = site === null ? null : copyPlaceOf(site);
    const cause = this.client.incarnation === null ? "start" : "log thread started anew";
    return { dir: dataDir, version, site: siteHash || "none", cause, maxBytes, keepMs, copy };
  }
}

function copyPlaceOf({ log, node }: SiteModel): CopyPlace | null {
  return log.copies === undefined ? null : { ...log.copies, node: node.id };
}

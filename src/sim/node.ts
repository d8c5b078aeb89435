// A whole node of the simulation: a board with its clock and disk, the cabinet beside it, and the
// program that runs on it, one process after the other.
import type { SiteModel } from "../core/site/model.ts";
import type { CommittedRows } from "../log/door.ts";
import type { FromLog, ToLog } from "../log/messages.ts";
import type { MeshBody } from "../node/mesh-body.ts";
import { RunningNode } from "../node/node.ts";
import type { Command, Reply } from "../wire/command.ts";
import type { LampMasks } from "../wire/frame-types.ts";
import type { Keys } from "../wire/keys.ts";
import type { EventPage, Place } from "../wire/replay.ts";
import { SimCabinet } from "./cabinet.ts";
import { BoardClock, START_WALL_MS } from "./clock.ts";
import type { DiskCopy, VirtualDisk } from "./disk/disk.ts";
import { logCode, type OpenedFile } from "./log-code.ts";
import { meshCode, NetworkPort, unusedKeys } from "./mesh-code.ts";
import { MessageTrace } from "./message-trace.ts";
import type { Network } from "./network.ts";
import { SimProcess } from "./process.ts";
import type { Random } from "./random.ts";
import { Reader } from "./reader.ts";
import { type SimService, serviceCode } from "./service.ts";
import type { VirtualTime } from "./time.ts";
import type { Trace } from "./trace.ts";

/** Where a node keeps its data on its disk. */
export const DATA_DIR = "/data";
/** The program was built a day before the run. */
const BUILT_WALL_MS = START_WALL_MS - 86_400_000;

/** What is heard of a node, for invariants. */
export interface NodeWatch {
  readonly onLamps: (node: SimNode, lamps: LampMasks, atMs: number) => void;
  readonly onOpened: (node: SimNode, opened: OpenedFile) => void;
  readonly onTold: (node: SimNode, message: FromLog, opened: OpenedFile | null) => void;
  /** What the process hands to its log thread. */
  readonly onToLog: (node: SimNode, message: ToLog) => void;
  readonly onOrder: (node: SimNode, command: Command) => void;
  readonly onReply: (node: SimNode, reply: Reply) => void;
  readonly onCommitted: (node: SimNode, rows: CommittedRows) => void;
  /** Somebody who follows the log got a page after a place. */
  readonly onPage: (node: SimNode, place: Place | null, page: EventPage) => void;
  /** It goes on with an empty card. */
  readonly onCardLost: (node: SimNode) => void;
  /** Its process is gone. */
  readonly onEnded: (node: SimNode) => void;
  readonly onError: (node: SimNode, thread: string, error: unknown) => void;
}

/** Hears nothing. */
export const QUIET_WATCH: NodeWatch = {
  onLamps: () => undefined,
  onOpened: () => undefined,
  onTold: () => undefined,
  onToLog: () => undefined,
  onOrder: () => undefined,
  onReply: () => undefined,
  onCommitted: () => undefined,
  onPage: () => undefined,
  onCardLost: () => undefined,
  onEnded: () => undefined,
  onError: () => undefined,
};

export interface SimNodeOptions {
  readonly site: SiteModel;
  readonly index: number;
  readonly time: VirtualTime;
  readonly trace: Trace;
  readonly random: Random;
  readonly disk: VirtualDisk;
  readonly network: Network;
  /** Ids of all nodes of the zone. */
  readonly keysOf: (id: string) => Keys;
  /** Wall time at which the run begins, ms. */
  readonly wallMs: number;
  /** Rows between snapshots, where the usual 10,000 won't do. */
  readonly snapshotRows?: number | undefined;
  readonly watch: NodeWatch;
}

/** How a board stops: the process alone, or with its power. */
export interface Fall {
  readonly kind: "crash" | "power";
  /** A page of the disk is left half written. */
  readonly torn: boolean;
  /** Changes of the disk that still happen. */
  readonly changes: number;
}

const TIGHT_BYTES = 16_777_216;
/** A board whose disk has no work stops all the same. */
const FALL_PATIENCE_MS = 2_000;

export class SimNode {
  readonly id: string;
  readonly index: number;
  readonly site: SiteModel;
  readonly cabinet: SimCabinet;
  readonly clock: BoardClock;
  readonly disk: VirtualDisk;
  readonly reader = new Reader();
  process: SimProcess | null = null;
  running: RunningNode | null = null;
  service: SimService | null = null;
  mesh: MeshBody | null = null;
  /** The log's file while it is open. */
  opened: OpenedFile | null = null;
  /** Processes that have been started. */
  starts = 0;
  /** Something on the disk has changed by itself since it was last opened. */
  rotten = false;
  /** How often its disk has lost something that was durable, also before the present start. */
  damages = 0;
  damagesAtStart = 0;
  /** True time of the present start, ms. */
  startedMs = 0;
  /** A second board that runs under its name, and when there last was one. */
  twin: SimNode | null = null;
  hadTwinMs = Number.NEGATIVE_INFINITY;
  readonly #options: SimNodeOptions;
  #fall: Fall | null = null;
  /** Faults that keep it from starting again. */
  #holds = 0;
  #stopping = false;
  readonly #messages: MessageTrace;

  constructor(options: SimNodeOptions) {
    const { site, index, time, trace, random, disk, watch } = options;
    this.#options = options;
    this.id = site.node.id;
    this.index = index;
    this.site = site;
    this.disk = disk;
    this.#messages = new MessageTrace(trace);
    const board = random.fork("board");
    const rate = 1 + board.between(-5e-5, 5e-5);
    this.clock = new BoardClock(time, rate, options.wallMs + board.between(-40, 40));
    this.cabinet = new SimCabinet({
      site,
      time,
      random: random.fork("cabinet"),
      onLamps: (lamps, atMs) => watch.onLamps(this, lamps, atMs),
      onBytes: (bytes) => trace.bytes(bytes),
    });
  }

  /** Its log is so small that rows are cut within the run. */
  get isTight(): boolean {
    return this.site.log.maxBytes < TIGHT_BYTES;
  }

  get nowMs(): number {
    return this.#options.time.nowMs;
  }

  /** A process runs and is not on its way out. */
  get up(): boolean {
    return this.process !== null && !this.process.dead && !this.#stopping && this.#fall === null;
  }

  /** The program starts, as systemd would start it. */
  start(): void {
    const { time, random, trace, site, network } = this.#options;
    if (this.starts > 0) this.disk.start();
    this.starts += 1;
    this.damagesAtStart = this.damages;
    this.startedMs = time.nowMs;
    trace.line(time.nowMs, this.id, `process ${this.starts} starts`);
    const process = this.#makeProcess(random.fork(`process ${this.starts}`));
    this.process = process;
    const read = { ok: true, site, text: "", hash: `site of ${this.id}` } as const;
    process.main.deliver(() => {
      this.running = new RunningNode({
        host: process.host,
        read,
        readAgain: async () => read,
        dataDir: DATA_DIR,
        version: "sim",
        secret: "secret",
        clockFloorMs: this.#clockFloorMs(),
        freePorts: true,
        mesh: {
          neighbours: network.neighbours(this.id),
          connect: () => new NetworkPort(network, this.id),
          keys: unusedKeys(),
        },
        port: this.cabinet.open(process.main),
      });
      void this.running.start();
    });
  }

  /** Stops somewhere in the next work on the disk; stays down until `rise`. */
  fall(fall: Fall): void {
    const { process } = this;
    this.#fall = fall;
    this.#holds += 1;
    this.disk.stopAfter(fall.changes, fall.kind, fall.torn);
    this.#options.time.after(FALL_PATIENCE_MS, () => {
      if (this.#fall === fall && this.process === process) this.#stopNow();
    });
  }

  /** What held it down is over. */
  rise(): void {
    if (this.#fall !== null) this.#stopNow();
    this.#holds -= 1;
    this.#startIfFree();
  }

  /** The power is cut, another card put in, the power given again. */
  swapCard(card: DiskCopy): void {
    this.fall({ kind: "power", torn: false, changes: 0 });
    this.#stopNow();
    this.disk.replace(card);
    if (card.size === 0) this.#options.watch.onCardLost(this);
    this.rotten = true;
    this.damages += 1;
    this.rise();
  }

  /** The board is taken away. */
  remove(): void {
    this.#holds += 1;
    if (!this.disk.isOff) this.disk.cut();
    this.#end("is taken away", false);
    this.cabinet.setPlugged(false);
  }

  /** As `systemctl stop`; starts again when that is done and `rise` was called. */
  stopInOrder(): void {
    const { process, running } = this;
    this.#stopping = true;
    this.#holds += 1;
    void running?.stop("restart").then(() => {
      if (this.process !== process) return;
      this.#end("stopped in order");
      this.#startIfFree();
    });
  }

  /** What the process holds is gone; the machine lives or not. */
  #end(text: string, politely = true): void {
    const { time, trace, watch } = this.#options;
    trace.line(time.nowMs, this.id, text);
    const thread = this.process?.thread("mesh") ?? null;
    this.process?.kill();
    this.process = null;
    this.running = null;
    this.service = null;
    this.reader.end();
    this.mesh = null;
    this.opened = null;
    this.#fall = null;
    this.#stopping = false;
    this.#options.network.detach(this.id, thread, politely);
    watch.onEnded(this);
  }

  #startIfFree(): void {
    if (this.#holds === 0 && this.process === null) this.start();
  }

  #stopNow(): void {
    if (this.disk.isOff || this.#fall === null) return;
    if (this.#fall.kind === "crash") this.disk.crash();
    else this.disk.cut({ torn: this.#fall.torn });
    this.#fallen();
  }

  #fallen(): void {
    const crash = this.#fall?.kind === "crash";
    this.#end(crash ? "the process is killed" : "the board loses its power", crash);
    // A stalled disk may let go of the process after what held it down was over.
    this.#startIfFree();
  }

  /** The highest of build date and file times, as the real start has it. */
  #clockFloorMs(): number {
    const { files } = this.disk.storage;
    const times = ["events.db", "events.db-wal"].map((name) =>
      files.changedMs(`${DATA_DIR}/${name}`),
    );
    return Math.max(BUILT_WALL_MS, ...times);
  }

  #makeProcess(random: Random): SimProcess {
    const { time, watch } = this.#options;
    const { disk } = this;
    // What goes on in promises comes up to a step late: after its end a process says nothing.
    const lives = (): boolean => this.process === process;
    const process: SimProcess = new SimProcess({
      time,
      clock: this.clock,
      random,
      workers: {
        log: logCode({
          disk,
          snapshotRows: this.#options.snapshotRows,
          boot: Buffer.from(random.fork("boot").bytes(8)).toString("hex"),
          onOpened: (opened) => {
            this.opened = opened;
            watch.onOpened(this, opened);
          },
          onTold: (message, opened) => watch.onTold(this, message, opened),
          onStopped: () => this.#fallen(),
        }),
        mesh: meshCode({
          keysOf: this.#options.keysOf,
          onBegin: (mesh) => {
            this.mesh = mesh;
          },
        }),
        service: serviceCode({
          onBegin: (service) => {
            this.service = service;
          },
          onOrder: (command) => {
            if (lives()) watch.onOrder(this, command);
          },
          onReply: (reply) => {
            if (lives()) watch.onReply(this, reply);
          },
          onCommitted: (rows) => watch.onCommitted(this, rows),
          reader: this.reader,
          onPage: (place, page) => watch.onPage(this, place, page),
        }),
      },
      onMessage: (message) => this.#messages.take(message),
      onPost: (name, message) => {
        if (name === "log") watch.onToLog(this, message as ToLog);
      },
      onError: (thread, error) => this.#onError(thread, error),
    });
    return process;
  }

  /** What a thread did not catch; without its main thread the process ends and is started anew. */
  #onError(thread: string, error: unknown): void {
    const { time, watch } = this.#options;
    watch.onError(this, thread, error);
    if (thread !== "control") return;
    time.after(0, () => {
      this.#end("the process has died of itself");
      time.after(1_000, () => this.#startIfFree());
    });
  }
}

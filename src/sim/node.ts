// A whole node of the simulation: a board with its clock and disk, the cabinet beside it, and the
// program that runs on it, one process after the other.
import type { SiteModel } from "../core/site/model.ts";
import type { CommittedRows } from "../log/door.ts";
import type { FromLog } from "../log/messages.ts";
import type { LogWriter } from "../log/writer.ts";
import { RunningNode } from "../node/node.ts";
import type { Reply } from "../wire/command.ts";
import type { LampMasks } from "../wire/frame-types.ts";
import { SimCabinet } from "./cabinet.ts";
import { BoardClock, START_WALL_MS } from "./clock.ts";
import type { VirtualDisk } from "./disk/disk.ts";
import { logCode } from "./log-code.ts";
import { SimProcess } from "./process.ts";
import type { Random } from "./random.ts";
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
  readonly onOpened: (node: SimNode, writer: LogWriter) => void;
  readonly onTold: (node: SimNode, message: FromLog, writer: LogWriter | null) => void;
  readonly onReply: (node: SimNode, reply: Reply) => void;
  readonly onCommitted: (node: SimNode, rows: CommittedRows) => void;
  readonly onMessage: (node: SimNode, message: unknown) => void;
  readonly onError: (node: SimNode, thread: string, error: unknown) => void;
}

export interface SimNodeOptions {
  readonly site: SiteModel;
  readonly index: number;
  readonly time: VirtualTime;
  readonly trace: Trace;
  readonly random: Random;
  readonly disk: VirtualDisk;
  readonly watch: NodeWatch;
}

export class SimNode {
  readonly id: string;
  readonly index: number;
  readonly site: SiteModel;
  readonly cabinet: SimCabinet;
  readonly clock: BoardClock;
  readonly disk: VirtualDisk;
  process: SimProcess | null = null;
  running: RunningNode | null = null;
  service: SimService | null = null;
  writer: LogWriter | null = null;
  /** Processes that have been started. */
  starts = 0;
  readonly #options: SimNodeOptions;

  constructor(options: SimNodeOptions) {
    const { site, index, time, trace, random, disk, watch } = options;
    this.#options = options;
    this.id = site.node.id;
    this.index = index;
    this.site = site;
    this.disk = disk;
    const board = random.fork("board");
    this.clock = new BoardClock(time, 1 + board.between(-5e-5, 5e-5), board.between(-40, 40));
    this.cabinet = new SimCabinet({
      site,
      time,
      random: random.fork("cabinet"),
      onLamps: (lamps, atMs) => watch.onLamps(this, lamps, atMs),
      onBytes: (bytes) => trace.bytes(bytes),
    });
  }

  get up(): boolean {
    return this.process !== null && !this.process.dead;
  }

  /** The program starts, as systemd would start it. */
  start(): void {
    const { time, random, watch, trace, site } = this.#options;
    this.starts += 1;
    trace.line(time.nowMs, this.id, `process ${this.starts} starts`);
    const process = new SimProcess({
      time,
      clock: this.clock,
      storage: this.disk.storage,
      random: random.fork(`process ${this.starts}`),
      workers: {
        log: logCode({
          storage: this.disk.storage,
          boot: Buffer.from(random.fork(`boot ${this.starts}`).bytes(8)).toString("hex"),
          takeCostMs: () => this.disk.takeCostMs(),
          onOpened: (writer) => {
            this.writer = writer;
            watch.onOpened(this, writer);
          },
          onTold: (message, writer) => watch.onTold(this, message, writer),
        }),
        service: serviceCode({
          onBegin: (service) => {
            this.service = service;
          },
          onReply: (reply) => watch.onReply(this, reply),
          onCommitted: (rows) => watch.onCommitted(this, rows),
        }),
      },
      onMessage: (message) => {
        trace.value(message);
        watch.onMessage(this, message);
      },
      onError: (thread, error) => watch.onError(this, thread, error),
    });
    this.process = process;
    const read = { ok: true, site, text: "", hash: `site of ${this.id}` } as const;
    process.main.deliver(() => {
      const { host } = process;
      this.running = new RunningNode({
        host,
        read,
        readAgain: async () => read,
        dataDir: DATA_DIR,
        version: "sim",
        secret: "secret",
        clockFloorMs: BUILT_WALL_MS,
        freePorts: true,
        port: this.cabinet.open(process.main),
      });
      void this.running.start();
    });
  }

  /** The end of the process without a word. */
  kill(): void {
    this.process?.kill();
    this.process = null;
    this.running = null;
    this.service = null;
    this.writer = null;
  }
}

// The board as the service thread sees it: a look every half minute, what is said of it, and what
// the node goes without while it is unwell (`observe/thrift.ts`). It gates what the service thread
// itself does; the control thread never asks it.
import { setTimeout as sleep } from "node:timers/promises";
import { type BoardHealth, boardComplaints, readBoard } from "../observe/board.ts";
import type { Figure } from "../observe/metrics.ts";
import {
  NO_THRIFT,
  stepThrift,
  THRIFT_WORDS,
  type Thrift,
  type ThriftLevel,
} from "../observe/thrift.ts";
import type { HealthPart } from "../wire/health.ts";
import type { DropCount } from "./messages.ts";

export const BOARD_MS = 30_000;
/** Of the street's drawings, ten a second at most, one in so many is left. */
const DRAWINGS_PER = 5;
/** A page of the past waits so long before it is read. */
const PAGE_PAUSE_MS = 250;

export interface BoardWatchOptions {
  readonly dataDir: string;
  readonly say: (text: string) => void;
  /** Copies of snapshots, which another thread makes, are to wait or to go on. */
  readonly onCopies: (paused: boolean) => void;
  readonly read?: (dataDir: string) => Promise<BoardHealth>;
  readonly nowMs?: () => number;
}

export class BoardWatch {
  readonly #options: BoardWatchOptions;
  #board: BoardHealth | null = null;
  #thrift: Thrift = NO_THRIFT;
  #drawing = 0;
  readonly #dropped = new Map<string, number>();

  constructor(options: BoardWatchOptions) {
    this.#options = options;
  }

  get level(): ThriftLevel {
    return this.#thrift.level;
  }

  /** Looks once; never throws. */
  async look(): Promise<void> {
    const { dataDir, say, read = readBoard, nowMs = () => performance.now() } = this.#options;
    try {
      this.#take(await read(dataDir), nowMs());
    } catch (error) {
      say(`the board can't be read: ${String(error)}`);
    }
  }

  #take(board: BoardHealth, nowMs: number): void {
    this.#board = board;
    const before = this.#thrift;
    this.#thrift = stepThrift(before, board, nowMs);
    const { level } = this.#thrift;
    if (level === before.level) return;
    this.#options.say(levelLine(this.#thrift, before.level));
    if (level >= 2 !== before.level >= 2) this.#options.onCopies(level >= 2);
  }

  /** False, and counted, for spans that are to be dropped. */
  takesSpans(count: number): boolean {
    return this.#takes(this.level < 1, "span", count);
  }

  /** False for a drawing that is left out. */
  takesDrawing(): boolean {
    this.#drawing = (this.#drawing + 1) % DRAWINGS_PER;
    return this.#takes(this.level < 1 || this.#drawing === 0, "drawing", 1);
  }

  /** True while of each vehicle's reports only some are to be looked at. */
  samplesReports(): boolean {
    return this.level >= 3;
  }

  #takes(fits: boolean, kind: string, count: number): boolean {
    if (!fits) this.#dropped.set(kind, (this.#dropped.get(kind) ?? 0) + count);
    return fits;
  }

  /** Waits while the past has to wait. */
  async pace(): Promise<void> {
    if (this.level >= 2) await sleep(PAGE_PAUSE_MS);
  }

  dropped(): DropCount[] {
    return [...this.#dropped].map(([kind, count]) => ({ class: kind, reason: "board", count }));
  }

  /** Null before the first look. */
  part(): HealthPart | null {
    return this.#board === null ? null : boardPart(this.#board, this.#thrift);
  }

  figures(): Figure[] {
    return this.#board === null ? [] : boardFigures(this.#board, this.level);
  }
}

function levelLine({ level, causes }: Thrift, before: ThriftLevel): string {
  if (level === 0) return "the board is well again: nothing is left out any more";
  const way = level > before ? "goes without more" : "comes back in part";
  return `the node ${way} (level ${level} of 3): ${THRIFT_WORDS[level]}; ${causes.join(", ")}`;
}

export function boardPart(board: BoardHealth, { level, causes }: Thrift): HealthPart {
  const complaints = boardComplaints(board);
  if (level > 0) {
    const because = complaints.length > 0 ? "" : ` (${causes.join(", ") || "until it stays well"})`;
    complaints.push(`level ${level} of 3: ${THRIFT_WORDS[level]}; lamps are not touched${because}`);
  }
  if (complaints.length > 0) {
    return { name: "board", state: "degraded", text: `${complaints.join("; ")}.` };
  }
  const degrees = board.temperatureC === null ? "" : `, ${Math.round(board.temperatureC)} °C`;
  const free = board.diskFreeBytes === null ? "?" : (board.diskFreeBytes / 1e9).toFixed(1);
  return { name: "board", state: "ok", text: `${free} GB free on the data disk${degrees}.` };
}

function boardFigures(board: BoardHealth, level: ThriftLevel): Figure[] {
  const figure = (name: string, help: string, value: number): Figure => ({ name, help, value });
  const { temperatureC, diskFreeBytes, memoryFreeBytes } = board;
  const figures = [
    figure("stopline_board_level", "What the node goes without, 0 nothing to 3", level),
    figure("stopline_board_under_voltage", "1 while the supply is too weak", +board.isUnderVoltage),
    figure("stopline_board_throttled", "1 while the processor is slowed", +board.isThrottled),
  ];
  if (memoryFreeBytes !== null) {
    figures.push(figure("stopline_board_memory_free_bytes", "Memory to be had", memoryFreeBytes));
  }
  if (temperatureC !== null) {
    figures.push(figure("stopline_board_celsius", "The board's hottest sensor", temperatureC));
  }
  if (diskFreeBytes !== null) {
    figures.push(figure("stopline_board_disk_free_bytes", "Left for the data", diskFreeBytes));
  }
  return figures;
}

// The emulated board behind a pseudo-terminal, paced to wall time: a busy machine makes the board
// slow, never fast, so what is measured on its cycles stays true. The host gets the board's time,
// for a clock that runs slow by more than a crystal can is no board's.
import { type ChildProcess, spawn } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { FrameReader } from "../../../src/wire/frame-reader.ts";
import type { HostFrame } from "../../../src/wire/frame-types.ts";
import { decodeHostFrame } from "../../../src/wire/frames.ts";
import type { Bench } from "./bench.ts";

/** The board is never driven further than this between two looks at the line. */
const STRIDE_MS = 4;
const CYCLES_PER_BYTE = 320;
/** A host that merely waits for its turn on a busy machine: the board's time stands meanwhile. */
const PATIENCE_MS = 120;
const PATIENCE_WALL_MS = 3000;

export class PtyBoard {
  readonly bench: Bench;
  readonly path: string;
  /** When the newest lamp frame lay whole on the board's own line, cycles. */
  lastLampFrameAt = 0;
  lampFrames = 0;
  /** Off: the board's time goes on although the host is silent. */
  patient = true;
  /** Told the board's time after every stride. */
  onTime: ((nowMs: number) => void) | null = null;
  private heardMs = 0;
  private heardWallMs = 0;
  private readonly script: ChildProcess;
  private readonly outgoing: number[] = [];
  private readonly listener = new FrameReader<HostFrame>(decodeHostFrame);

  private constructor(bench: Bench, script: ChildProcess, path: string) {
    this.bench = bench;
    this.script = script;
    this.path = path;
    bench.onByte = (byte) => this.outgoing.push(byte);
    script.stdout?.on("data", (bytes: Buffer) => this.take(bytes));
  }

  /** Makes the pseudo-terminal; the board itself stands still until `pace`. */
  static async open(bench: Bench): Promise<PtyBoard> {
    const loop = `stty raw -echo; tty; while kill -0 ${process.pid}; do sleep 1; done`;
    const script = spawn("script", ["--quiet", "--flush", "--command", loop, "/dev/null"], {
      stdio: ["pipe", "pipe", "ignore"],
    });
    const path = await new Promise<string>((resolve, reject) => {
      script.once("error", reject);
      script.stdout?.once("data", (bytes: Buffer) => resolve(bytes.toString().trim()));
    });
    return new PtyBoard(bench, script, path);
  }

  /** Runs the board until `done`, for at most `ms` of its own time. */
  async pace(ms: number, done: () => boolean): Promise<boolean> {
    const endMs = this.bench.nowMs + ms;
    let lastMs = performance.now();
    while (this.bench.nowMs < endMs && !done()) {
      await sleep(1);
      const nowMs = performance.now();
      if (!this.isWaiting(nowMs)) this.bench.run(Math.min(STRIDE_MS, nowMs - lastMs), done);
      lastMs = nowMs;
      this.onTime?.(this.bench.nowMs);
      if (this.outgoing.length > 0) this.script.stdin?.write(Uint8Array.from(this.outgoing));
      this.outgoing.length = 0;
    }
    return done();
  }

  private isWaiting(nowWallMs: number): boolean {
    if (!this.patient || this.lampFrames === 0) return false;
    if (nowWallMs - this.heardWallMs > PATIENCE_WALL_MS) return false;
    return this.bench.nowMs - this.heardMs > PATIENCE_MS;
  }

  /** The cable is pulled: the device is gone. */
  close(): void {
    this.script.stdout?.removeAllListeners("data");
    this.script.kill("SIGKILL");
  }

  private take(bytes: Buffer): void {
    this.bench.receive(bytes);
    this.heardMs = this.bench.nowMs;
    this.heardWallMs = performance.now();
    const lamps = this.listener.push(bytes).filter(({ kind }) => kind === "lamp").length;
    if (lamps === 0) return;
    this.lampFrames += lamps;
    this.lastLampFrameAt =
      this.bench.mcu.cycles + (this.bench.mcu.usart.pending() + 1) * CYCLES_PER_BYTE;
  }
}

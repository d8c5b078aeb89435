// The cabinet on a serial device. Writing never waits: `tty.WriteStream` blocks the whole event
// loop when the device takes no bytes, so frames go out by `writeSync` on a descriptor that is
// O_NONBLOCK, and what the device does not take at once is dropped (the next frame is 50 ms away
// and carries everything). The device may vanish and come back at any time.
import { type ChildProcess, spawn } from "node:child_process";
import {
  closeSync,
  constants,
  openSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  writeSync,
} from "node:fs";
import { ReadStream } from "node:tty";
import type { CabinetPort } from "./port.ts";

const OPEN_FLAGS = constants.O_RDWR | constants.O_NOCTTY | constants.O_NONBLOCK;
/** Waits between attempts to open, doubling: a replug is noticed within a second at first. */
const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 5000;
/** A lone delimiter ends whatever a short write left half said. */
const DELIMITER = Uint8Array.of(0);

export interface TtyOptions {
  readonly path: string;
  readonly baud: number;
}

/** Line settings: eight bits, raw, no modem or flow control, DTR left alone on close. */
export function sttyArguments(baud: number): string[] {
  const line = ["raw", "-echo", "-hupcl", "-ixon", "-ixoff", "-crtscts", "clocal", "cs8"];
  return [String(baud), ...line, "-cstopb", "-parenb", "min", "1", "time", "0"];
}

/** What went wrong with a device in one line that says what to do; `code` as Node names it. */
export function deviceTrouble(path: string, code: string | undefined): string {
  if (code === "ENOENT" || code === "ENODEV" || code === "ENXIO") {
    const way = "plug the cabinet in, or correct cabinet.device (ls /dev/serial/by-id)";
    return `no device ${path}: ${way}`;
  }
  if (code === "EACCES" || code === "EPERM") {
    const way = "sudo usermod -aG dialout $USER, then log in again";
    return `no permission for ${path}: ${way}; a service may use USB serial devices alone`;
  }
  if (code === "EBUSY") {
    return `${path} is in use by another program: stop it (sudo fuser ${path} names it)`;
  }
  if (code === "ENOTTY") return `${path} is not a serial device: correct cabinet.device`;
  return `${path} cannot be used: ${code ?? "no reason given"}`;
}

function descriptorsOf(pid: string): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).map((fd) => {
      try {
        return readlinkSync(`/proc/${pid}/fd/${fd}`);
      } catch {
        return "";
      }
    });
  } catch {
    return [];
  }
}

/**
 * True when another process that we may look into has the device open: two readers would steal each
 * other's frames, and the kernel alone doesn't stop the second. A pseudo-terminal is always held by
 * the program behind it and is not asked.
 */
export function isHeldByOther(path: string): boolean {
  const device = realpathSync(path);
  if (device.startsWith("/dev/pts/")) return false;
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && name !== String(process.pid))
    .some((pid) => descriptorsOf(pid).includes(device));
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error ? String(error.code) : undefined;
}

/** A real device behind the port's interface; begins to open at once, calls back later. */
export class TtyPort implements CabinetPort {
  onBytes: ((bytes: Uint8Array) => void) | null = null;
  onOpen: (() => void) | null = null;
  onClose: ((reason: string) => void) | null = null;
  private readonly options: TtyOptions;
  private writeFd: number | null = null;
  private reader: ReadStream | null = null;
  private setting: ChildProcess | null = null;
  private retryMs = FIRST_RETRY_MS;
  private retry: NodeJS.Timeout | null = null;
  private torn = false;
  private closed = false;

  constructor(options: TtyOptions) {
    this.options = options;
    this.retry = setTimeout(() => this.open(), 0);
  }

  write(bytes: Uint8Array): boolean {
    if (this.writeFd === null || this.reader === null) return false;
    try {
      if (this.torn) {
        if (writeSync(this.writeFd, DELIMITER) !== 1) return false;
        this.torn = false;
      }
      const written = writeSync(this.writeFd, bytes);
      this.torn = written !== bytes.length;
      return !this.torn;
    } catch (error) {
      const code = codeOf(error);
      if (code !== "EAGAIN") this.lose(deviceTrouble(this.options.path, code));
      return false;
    }
  }

  close(): void {
    this.closed = true;
    if (this.retry !== null) clearTimeout(this.retry);
    this.release();
  }

  private open(): void {
    this.retry = null;
    const { path, baud } = this.options;
    try {
      this.writeFd = openSync(path, OPEN_FLAGS);
      if (isHeldByOther(path)) {
        this.lose(deviceTrouble(path, "EBUSY"));
        return;
      }
    } catch (error) {
      this.lose(deviceTrouble(path, codeOf(error)));
      return;
    }
    // By path, never by our descriptor: a child's stdio is made blocking, and ours with it.
    const setting = spawn("stty", ["-F", path, ...sttyArguments(baud)], { stdio: "ignore" });
    this.setting = setting;
    setting.once("error", (error) => this.lose(`stty cannot be run: ${error.message}`));
    setting.once("exit", (status) => this.configured(setting, status));
  }

  private configured(setting: ChildProcess, status: number | null): void {
    if (this.setting !== setting) return;
    this.setting = null;
    if (status !== 0) {
      this.lose(deviceTrouble(this.options.path, "ENOTTY"));
      return;
    }
    try {
      this.read(new ReadStream(openSync(this.options.path, OPEN_FLAGS)));
    } catch (error) {
      this.lose(deviceTrouble(this.options.path, codeOf(error)));
      return;
    }
    this.retryMs = FIRST_RETRY_MS;
    this.torn = true;
    this.onOpen?.();
  }

  private read(reader: ReadStream): void {
    this.reader = reader;
    reader.on("data", (bytes: Buffer) => this.onBytes?.(bytes));
    const gone = (error?: Error) => {
      if (this.reader !== reader) return;
      this.lose(deviceTrouble(this.options.path, error ? codeOf(error) : "ENXIO"));
    };
    reader.once("error", gone);
    reader.once("end", () => gone());
    reader.once("close", () => gone());
  }

  /** Gives the device up for now, says why, and tries again later. */
  private lose(reason: string): void {
    this.release();
    if (this.closed) return;
    this.onClose?.(reason);
    if (this.closed || this.retry !== null) return;
    this.retry = setTimeout(() => this.open(), this.retryMs);
    this.retryMs = Math.min(LAST_RETRY_MS, this.retryMs * 2);
  }

  private release(): void {
    const { reader, writeFd } = this;
    this.setting = null;
    this.reader = null;
    this.writeFd = null;
    reader?.destroy();
    if (writeFd !== null) closeSync(writeFd);
  }
}

/** The port of the site's serial device. */
export function openTty(options: TtyOptions): CabinetPort {
  return new TtyPort(options);
}

// A whole emulated computer: kernel and first file system from outside, virtual disks, a network
// that reaches this machine's loopback alone, and a line to the emulator itself.
import type { ChildProcess } from "node:child_process";
import { closeSync, existsSync, openSync, readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type Arch, hostArch } from "./base-root.ts";
import { GuestShell, SHELL_PORT } from "./guest-shell.ts";
import { kept } from "./host.ts";
import { DISK_PORT, Machine, type MachineOptions, type Reached } from "./machine.ts";

const MEMORY_MB = 1024;
const PROCESSORS = 2;
const NETWORK_DISK = `nbd://127.0.0.1:${DISK_PORT}`;
/** Ports of this machine's loopback for those of the guest; each guest has a hundred. */
const FIRST_PORT = 20_000;

export interface QemuOptions extends MachineOptions {
  readonly arch: Arch;
  readonly kernel: string;
  readonly initrd: string;
  /** More words for the emulator. */
  readonly extra: readonly string[];
}

/** A processor without these has a /dev/kvm that runs only kernels made for it. */
const VIRTUALISATION = /^flags\s*:.* (vmx|svm) /m;

/** Can this machine run a guest of `arch` without emulating its processor? */
export function kvmWorks(arch: Arch): boolean {
  if (arch !== hostArch() || !existsSync("/dev/kvm")) return false;
  return arch === "arm64" || VIRTUALISATION.test(readFileSync("/proc/cpuinfo", "utf8"));
}

function program(arch: Arch): string {
  return arch === "arm64" ? "qemu-system-aarch64" : "qemu-system-x86_64";
}

function machineWords(arch: Arch): string[] {
  const kvm = kvmWorks(arch);
  const emulated = arch === "arm64" ? "cortex-a72" : "max";
  const accelerator = kvm ? "kvm" : "tcg,thread=multi";
  const machine = arch === "arm64" ? "virt" : "q35";
  return ["-machine", machine, "-accel", accelerator, "-cpu", kvm ? "host" : emulated];
}

export class QemuMachine extends Machine {
  readonly #forwards: ReadonlyMap<number, number>;
  #monitor: Monitor | null = null;

  private constructor(child: ChildProcess, folder: string, forwards: ReadonlyMap<number, number>) {
    super(child, folder);
    this.#forwards = forwards;
  }

  /** Switches a machine on. */
  static start(options: QemuOptions): QemuMachine {
    const { arch, folder, number } = options;
    const first = FIRST_PORT + 100 * number;
    const forwards = new Map(options.ports.map((port, index) => [port, first + index]));
    const serial = arch === "arm64" ? "ttyAMA0" : "ttyS0";
    const words = [
      ...machineWords(arch),
      ...["-smp", String(PROCESSORS), "-m", String(MEMORY_MB), "-display", "none", "-nodefaults"],
      ...["-no-reboot", "-kernel", options.kernel, "-initrd", options.initrd],
      ...["-append", `console=${serial} panic=-1`],
      ...["-serial", "stdio"],
      ...["-chardev", `socket,id=shell,path=${join(folder, "shell")},server=on,wait=off`],
      ...["-device", "virtio-serial-pci"],
      ...["-device", `virtserialport,chardev=shell,name=${SHELL_PORT}`],
      ...["-qmp", `unix:${join(folder, "qmp")},server=on,wait=off`],
      ...["-device", "virtio-rng-pci", "-device", "qemu-xhci,id=usb"],
      ...networkWords(forwards),
      ...driveWords(options.root, 0, ",snapshot=on"),
      ...options.disks.flatMap((disk, index) => driveWords(disk, index + 1, "")),
      ...(options.networkDisk ? driveWords(NETWORK_DISK, options.disks.length + 1, "") : []),
      ...options.extra,
    ];
    const log = openSync(join(folder, "console.log"), "w");
    const child = kept("nice", ["-n", "15", program(arch), ...words], {
      stdio: ["ignore", log, log],
    });
    closeSync(log);
    return new QemuMachine(child, folder, forwards);
  }

  reach(port: number): Reached {
    return { host: "127.0.0.1", port: this.#forwards.get(port) ?? 0 };
  }

  protected async openShell(): Promise<GuestShell> {
    return await GuestShell.open(join(this.folder, "shell"));
  }

  /** A command to the emulator itself, such as `device_del`. */
  async ask(command: string, values: Readonly<Record<string, string>> = {}): Promise<void> {
    this.#monitor ??= await Monitor.open(join(this.folder, "qmp"));
    await this.#monitor.ask(command, values);
  }

  override async cut(): Promise<void> {
    this.#monitor?.close();
    await super.cut();
  }
}

function networkWords(forwards: ReadonlyMap<number, number>): string[] {
  const rules = [...forwards].map(([guest, own]) => `hostfwd=tcp:127.0.0.1:${own}-:${guest}`);
  const user = ["user", "id=net", "restrict=on", ...rules].join(",");
  return ["-netdev", user, "-device", "virtio-net-pci,netdev=net,romfile="];
}

function driveWords(path: string, index: number, more: string): string[] {
  const drive = `if=none,id=disk${index},format=raw,file=${path}${more}`;
  return ["-drive", drive, "-device", `virtio-blk-pci,drive=disk${index}`];
}

/** QEMU's own protocol: one JSON object a line. */
class Monitor {
  readonly #socket: Socket;
  #answer: ((line: string) => void) | null = null;

  private constructor(socket: Socket) {
    this.#socket = socket;
    createInterface({ input: socket }).on("line", (line) => {
      const { event, QMP: greeting } = JSON.parse(line);
      if (event === undefined && greeting === undefined) this.#answer?.(line);
    });
    socket.on("error", () => undefined);
  }

  static async open(path: string): Promise<Monitor> {
    const socket = connect(path);
    await new Promise<void>((resolve, reject) => {
      socket.once("connect", resolve);
      socket.once("error", reject);
    });
    const monitor = new Monitor(socket);
    await monitor.ask("qmp_capabilities", {});
    return monitor;
  }

  async ask(execute: string, values: Readonly<Record<string, string>>): Promise<void> {
    const answer = new Promise<string>((resolve) => {
      this.#answer = resolve;
    });
    this.#socket.write(`${JSON.stringify({ execute, arguments: values })}\n`);
    const { error } = JSON.parse(await answer);
    if (error !== undefined) throw new Error(`the emulator refused ${execute}: ${error.desc}`);
  }

  close(): void {
    this.#socket.destroy();
  }
}

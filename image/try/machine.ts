// A card in an emulated board: boots from a copy of an image, again and again, with a root shell
// that lives in memory only. The card's roots are the product's own, byte for byte.
import type { ChildProcess } from "node:child_process";
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type GuestShell, SHELL_PORT, GuestShell as Shell } from "../../trials/guest-shell.ts";
import { kept, killed, sleep, until } from "../../trials/host.ts";
import { startUml, UmlLine } from "./uml.ts";

export type Arch = "amd64" | "arm64";
export type Way = "kernel" | "uefi" | "uml";

/** An emulated board may have to share two processors with a test run. */
const SHELL_PATIENCE_MS = 420_000;
const OFF_PATIENCE_MS = 120_000;
const MEMORY_MB = 1024;

/** Of the board: the set-up of a try gives it. */
const ADDRESS = "10.0.2.15";

export interface Reached {
  readonly host: string;
  readonly port: number;
}

export interface BoardOptions {
  readonly arch: Arch;
  /** `uefi`: the firmware finds the kernel on the card itself. */
  readonly way: Way;
  /** The card. */
  readonly path: string;
  /** Also plugged in, as raw disks. */
  readonly more: readonly string[];
  /** Without UEFI: as they lie on the card. */
  readonly kernel: string;
  readonly initrd: string;
  readonly commandLine: string;
  readonly folder: string;
  /** Ports of the board that this machine's loopback reaches: the board's port to ours. */
  readonly forwards: ReadonlyMap<number, number>;
}

function emulator({ arch, way }: BoardOptions): string[] {
  const accel = ["-accel", "tcg,thread=multi"];
  // Wider vector units than this one's cost an emulator more than they save.
  const old = ["-cpu", "Nehalem"];
  if (arch === "amd64") return ["qemu-system-x86_64", "-machine", "q35", ...accel, ...old];
  const words = ["qemu-system-aarch64", "-machine", "virt", ...accel, "-cpu", "cortex-a72"];
  if (way !== "uefi") return words;
  return [...words, "-bios", "/usr/share/qemu-efi-aarch64/QEMU_EFI.fd"];
}

function kernelWords(options: BoardOptions): string[] {
  if (options.way === "uefi") return [];
  const { kernel, initrd, commandLine } = options;
  return ["-kernel", kernel, "-initrd", initrd, "-append", commandLine];
}

function diskWords(path: string, index: number): string[] {
  const drive = `if=none,id=disk${index},format=raw,file=${path}`;
  return ["-drive", drive, "-device", `virtio-blk-pci,drive=disk${index}`];
}

export class Board {
  readonly #child: ChildProcess;
  readonly #options: BoardOptions;
  readonly #line: UmlLine | null;
  #shell: GuestShell | null = null;

  private constructor(child: ChildProcess, options: BoardOptions) {
    this.#child = child;
    this.#options = options;
    this.#line = options.way === "uml" ? new UmlLine(child) : null;
    // Who waits for an answer learns that none will come.
    child.once("exit", () => this.#shell?.close());
  }

  /** Switches a board on; it stays on over its own restarts. */
  static start(options: BoardOptions): Board {
    const { folder } = options;
    if (options.way === "uml") {
      const child = startUml({ ...options, disks: [options.path, ...options.more] });
      return new Board(child, options);
    }
    const rules = [...options.forwards].map(
      ([inner, own]) => `hostfwd=tcp:127.0.0.1:${own}-${ADDRESS}:${inner}`,
    );
    const words = [
      ...emulator(options),
      ...["-smp", "2", "-m", String(MEMORY_MB), "-display", "none", "-nodefaults"],
      ...kernelWords(options),
      ...["-serial", `file:${join(folder, "console.log")}`],
      ...["-chardev", `socket,id=shell,path=${join(folder, "shell")},server=on,wait=off`],
      ...["-device", "virtio-serial-pci"],
      ...["-device", `virtserialport,chardev=shell,name=${SHELL_PORT}`],
      ...["-device", "virtio-rng-pci"],
      ...["-netdev", ["user,id=net,restrict=on", ...rules].join(",")],
      ...["-device", "virtio-net-pci,netdev=net,romfile="],
      ...[options.path, ...options.more].flatMap(diskWords),
    ];
    const child = kept("nice", ["-n", "15", ...words], { stdio: ["ignore", "ignore", "pipe"] });
    child.stderr?.on("data", (text) => appendFileSync(join(folder, "emulator.log"), text));
    return new Board(child, options);
  }

  /** The root shell of the next start that gets so far. */
  async nextShell(patienceMs = SHELL_PATIENCE_MS): Promise<GuestShell> {
    this.#shell?.close();
    this.#shell = null;
    const shell = this.#line?.shell() ?? (await Shell.open(join(this.#options.folder, "shell")));
    this.#shell = shell;
    const late = sleep(patienceMs).then(() => {
      throw new Error(`no start got as far as a shell\n${this.lastWords()}`);
    });
    await Promise.race([shell.ready, late]);
    return shell;
  }

  /** Where a port of the board is reached. */
  reach(port: number): Reached {
    if (this.#options.way === "uml") return { host: ADDRESS, port };
    return { host: "127.0.0.1", port: this.#options.forwards.get(port) ?? 0 };
  }

  /** The disk that this file is plugged in as. */
  diskOf(path: string): string {
    const letter = "bcd"[this.#options.more.indexOf(path)];
    return `/dev/${this.#options.way === "uml" ? "ubd" : "vd"}${letter}`;
  }

  /** All that it wrote to its serial console. */
  console(): string {
    const path = join(this.#options.folder, "console.log");
    return existsSync(path) ? readFileSync(path, "latin1") : "";
  }

  lastWords(lines = 25): string {
    const path = join(this.#options.folder, "emulator.log");
    const emulator = existsSync(path) ? readFileSync(path, "utf8") : "";
    return `${this.console()}${emulator}`.split("\n").slice(-lines).join("\n");
  }

  /** As when the plug is pulled. */
  async cut(): Promise<void> {
    this.#shell?.close();
    await killed(this.#child);
  }

  /** Down in order; false when it had to be cut. */
  async powerOff(): Promise<boolean> {
    void this.#shell?.run("systemctl --no-block poweroff");
    const off = await until(OFF_PATIENCE_MS, () => this.#child.exitCode !== null);
    if (!off) await this.cut();
    return off;
  }
}

// The same card under user-mode Linux: Debian's kernel of this version as a process, nearly as fast
// as the machine itself. Kernel and drivers are not the card's own; everything after them is.
import type { ChildProcess } from "node:child_process";
import { closeSync, existsSync, mkdirSync, openSync, readdirSync } from "node:fs";
import type { Socket } from "node:net";
import { join } from "node:path";
import { Duplex } from "node:stream";
import { fileURLToPath } from "node:url";
import { GuestShell } from "../../trials/guest-shell.ts";
import { kept, outcome, output } from "../../trials/host.ts";

export const UML_MODULES = "/usr/lib/uml/modules";
const PROGRAM = "/usr/bin/linux.uml";
const REGISTERS = fileURLToPath(new URL("../../trials/uml-registers.c", import.meta.url));
/** Needed before there is a root. */
const EARLY = ["squashfs", "vfat", "fat", "loop", "nls_cp437", "nls_iso8859-1", "nls_ascii"];

export interface UmlWords {
  readonly folder: string;
  readonly disks: readonly string[];
  readonly initrd: string;
  readonly commandLine: string;
}

/** The address of this end of the board's wire, in a network namespace of the try's own. */
const HOST_ADDRESS = "10.0.2.2/24";
const WIRE = "try0";

export function umlVersion(): string {
  const [version] = existsSync(UML_MODULES) ? readdirSync(UML_MODULES) : [];
  if (version === undefined) throw new Error("user-mode Linux is missing; install user-mode-linux");
  return version;
}

/** All drivers of that kernel as they lie on a card's boot partition. */
export function umlDrivers(path: string): void {
  const words = [
    "-comp",
    "zstd",
    "-Xcompression-level",
    "1",
    "-all-root",
    "-quiet",
    "-no-progress",
  ];
  output("mksquashfs", [UML_MODULES, path, ...words, "-noappend"]);
}

/** Those that the initrd needs, below `tree`. */
export function umlEarlyDrivers(tree: string): void {
  const version = umlVersion();
  const to = join(tree, "lib/modules", version);
  for (const name of EARLY) {
    const found = output("find", [join(UML_MODULES, version), "-name", `${name}.ko`]).trim();
    if (found === "") continue;
    output("install", ["-D", found, join(to, found.slice(join(UML_MODULES, version).length))]);
  }
  for (const name of ["modules.builtin", "modules.builtin.modinfo", "modules.order"]) {
    output("cp", [join(UML_MODULES, version, name), to]);
  }
  output("depmod", ["-b", tree, version]);
}

function makeWire(): void {
  if (outcome("ip", ["link", "show", WIRE]).code === 0) return;
  output("ip", ["tuntap", "add", "dev", WIRE, "mode", "tap"]);
  output("ip", ["address", "add", HOST_ADDRESS, "dev", WIRE]);
  output("ip", ["link", "set", WIRE, "up"]);
}

export function startUml({ folder, disks, initrd, commandLine }: UmlWords): ChildProcess {
  makeWire();
  const registers = join(folder, "registers.so");
  if (!existsSync(registers)) {
    output("gcc", ["-O2", "-shared", "-fPIC", "-o", registers, REGISTERS]);
  }
  const place = join(folder, "uml");
  mkdirSync(place, { recursive: true });
  const words = [
    "mem=1024M",
    ...disks.map((disk, at) => `ubd${"abcd"[at]}=${disk}`),
    `initrd=${initrd}`,
    `vec0:transport=tap,ifname=${WIRE},depth=64,gro=0,mac=52:54:00:12:34:56`,
    ...["con=null", "con0=null,fd:1", "ssl=null", "ssl0=fd:3"],
    `umid=try-${process.pid}`,
    `uml_dir=${place}`,
    "systemd.watchdog_sec=0",
    commandLine.replace(/console=\S+ ?/g, ""),
  ];
  const log = openSync(join(folder, "console.log"), "a");
  // A process-id namespace of its own: when its first process dies, all of it is gone.
  const unshare = ["--pid", "--fork", "--kill-child", "--mount-proc"];
  const program = ["env", `LD_PRELOAD=${registers}`, "TMPDIR=/dev/shm", PROGRAM];
  const child = kept("nice", ["-n", "15", "unshare", ...unshare, ...program, ...words], {
    stdio: ["ignore", log, log, "pipe"],
  });
  closeSync(log);
  return child;
}

/** Its serial line, over which each start's shell comes anew. */
export class UmlLine {
  readonly #socket: Socket;
  #end: Duplex | null = null;

  constructor(child: ChildProcess) {
    this.#socket = child.stdio[3] as Socket;
    this.#socket.on("data", (bytes) => this.#end?.push(bytes));
    this.#socket.on("close", () => this.#end?.destroy());
    this.#socket.on("error", () => undefined);
  }

  /** The shell of the next start. */
  shell(): GuestShell {
    const end = new Duplex({
      read: () => undefined,
      write: (bytes, _encoding, done) => {
        this.#socket.write(bytes);
        done();
      },
    });
    this.#end = end;
    return new GuestShell(end as unknown as Socket);
  }
}

// The root of a guest: Debian with our package installed as on a board, and what a trial needs to
// look inside. Kept by the package's content.
import { createHash, randomBytes } from "node:crypto";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { type Arch, baseRoot, enableEmulation, hostArch } from "./base-root.ts";
import { SHELL_SCRIPT, SHELL_UNIT } from "./guest-shell.ts";
import { output, performed, say } from "./host.ts";
import { installModules, kernelFiles, writeInitrd } from "./initrd.ts";
import { DISK_PORT } from "./machine.ts";
import { NETWORK_DISK_WORD } from "./uml.ts";

/** Of a guest and of a second one beside it. */
const HOST_ADDRESS = "10.0.2.2";
const ADDRESSES = ["10.0.2.15", "10.0.3.15"] as const;
/** The console and the broker listen on the guest's loopback; these lead there. */
export const RELAYS: ReadonlyMap<number, number> = new Map([
  [18_080, 8080],
  [11_883, 1883],
]);
/** Of the kernel that runs as a process, where its package is there. */
const UML_MODULES = "/usr/lib/uml/modules";
/** Sparse: as large as it may become. */
const ROOT_SIZE = "2G";
const ROOT_LABEL = "stopline-root";
const ROOT_WORDS = ["-q", "-t", "ext4", "-L", ROOT_LABEL] as const;
export const DATA_LABEL = "stopline-data";
export const ETC_LABEL = "stopline-etc";

export type MachineKind = "qemu" | "uml";

export interface GuestImage {
  readonly arch: Arch;
  readonly machine: MachineKind;
  readonly cache: string;
  readonly disk: string;
  readonly kernel: string;
  readonly initrd: string;
}

function network(address: string, index: number): string {
  return `[Match]
MACAddress=52:54:00:12:34:${56 + index}

[Network]
Address=${address}/24
LinkLocalAddressing=no
`;
}

/** Before file systems are mounted: the disk that an NBD server at the other end serves. */
const DISK_SCRIPT = `#!/bin/bash
set -e
modprobe nbd
ip address add ${ADDRESSES[0]}/24 dev vec0
ip link set vec0 up
nbd-client ${HOST_ADDRESS} ${DISK_PORT} /dev/nbd0
`;

const DISK_UNIT = `[Unit]
Description=Network disk for trials
DefaultDependencies=no
ConditionKernelCommandLine=${NETWORK_DISK_WORD}
After=systemd-udevd.service systemd-udev-trigger.service
Before=local-fs-pre.target systemd-networkd.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/local/sbin/trial-disk
`;

/** A trial may preload something into the service. */
const ENVIRONMENT = "[Service]\nEnvironmentFile=-/etc/stopline/trial-environment\n";

const FSTAB = `LABEL=${ROOT_LABEL} / ext4 defaults 0 1
LABEL=${ETC_LABEL} /etc/stopline ext4 defaults 0 2
LABEL=${DATA_LABEL} /var/lib/stopline ext4 defaults,errors=remount-ro 0 2
`;

function relaySocket(port: number): string {
  return `[Socket]\nListenStream=0.0.0.0:${port}\n\n[Install]\nWantedBy=sockets.target\n`;
}

function relayService(port: number): string {
  const program = "/lib/systemd/systemd-socket-proxyd";
  return `[Service]\nExecStart=${program} 127.0.0.1:${port}\nOOMScoreAdjust=-1000\n`;
}

/** Files that a guest has and a board has not. */
function additions(): ReadonlyMap<string, string> {
  const files = new Map([
    ["etc/fstab", FSTAB],
    ["etc/hostname", "guest\n"],
    ["etc/machine-id", `${randomBytes(16).toString("hex")}\n`],
    ["etc/systemd/system/trial-shell.service", SHELL_UNIT],
    ["etc/systemd/system/stopline.service.d/trial.conf", ENVIRONMENT],
    ["usr/local/sbin/trial-shell", SHELL_SCRIPT],
    ["etc/systemd/system/trial-disk.service", DISK_UNIT],
    ["usr/local/sbin/trial-disk", DISK_SCRIPT],
  ]);
  for (const [index, address] of ADDRESSES.entries()) {
    files.set(`etc/systemd/network/1${index}-trial.network`, network(address, index));
  }
  for (const [port, inner] of RELAYS) {
    files.set(`etc/systemd/system/trial-${inner}.socket`, relaySocket(port));
    files.set(`etc/systemd/system/trial-${inner}.service`, relayService(inner));
  }
  return files;
}

/** Started with the guest. */
const ENABLED: ReadonlyMap<string, readonly string[]> = new Map([
  ["sysinit.target", ["trial-shell.service"]],
  ["local-fs.target", ["trial-disk.service"]],
  ["sockets.target", [...RELAYS.values()].map((inner) => `trial-${inner}.socket`)],
  ["multi-user.target", ["systemd-networkd.service"]],
]);

function add(root: string): void {
  for (const [name, text] of additions()) {
    const path = join(root, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
  for (const name of ["trial-shell", "trial-disk"]) {
    chmodSync(join(root, "usr/local/sbin", name), 0o755);
  }
  for (const [target, units] of ENABLED) {
    const wants = join(root, "etc/systemd/system", `${target}.wants`);
    mkdirSync(wants, { recursive: true });
    for (const unit of units) {
      const ours = join("/etc/systemd/system", unit);
      const from = existsSync(join(root, ours)) ? ours : join("/lib/systemd/system", unit);
      rmSync(join(wants, unit), { force: true });
      symlinkSync(from, join(wants, unit));
    }
  }
  for (const place of ["etc/stopline", "var/lib/stopline"]) {
    mkdirSync(join(root, place), { recursive: true });
  }
}

export interface ImageRecipe {
  readonly arch: Arch;
  readonly machine: MachineKind;
  readonly deb: string;
  readonly cache: string;
}

/** The guest with `deb` installed, from `cache` or made there. */
export async function guestImage({ arch, machine, deb, cache }: ImageRecipe): Promise<GuestImage> {
  const base = await baseRoot(arch, cache);
  const recipe = createHash("sha256").update(readFileSync(deb)).update(base.key);
  for (const [name, text] of additions()) if (name !== "etc/machine-id") recipe.update(text);
  recipe.update(readFileSync(new URL("./initrd.ts", import.meta.url)));
  const place = join(cache, `guest-${arch}-${recipe.digest("hex").slice(0, 12)}`);
  const image: GuestImage = {
    arch,
    machine,
    cache,
    disk: join(place, "root.img"),
    kernel: kernelFiles(base).image,
    initrd: join(place, "initrd"),
  };
  if (existsSync(join(place, "complete"))) return image;
  say(`installing ${deb} into a guest (once for each package)`);
  rmSync(place, { recursive: true, force: true });
  mkdirSync(place, { recursive: true });
  const root = join(place, "root");
  output("cp", ["-a", "--reflink=auto", base.root, root]);
  copyFileSync(deb, join(root, "stopline.deb"));
  if (arch !== hostArch()) enableEmulation();
  await performed("chroot", [root, "dpkg", "-i", "/stopline.deb"]);
  rmSync(join(root, "stopline.deb"));
  add(root);
  installModules(base, root);
  if (existsSync(UML_MODULES)) output("cp", ["-a", `${UML_MODULES}/.`, join(root, "lib/modules")]);
  output("mke2fs", [...ROOT_WORDS, "-d", root, image.disk, ROOT_SIZE]);
  rmSync(root, { recursive: true });
  writeInitrd(base, image.initrd);
  writeFileSync(join(place, "complete"), "");
  return image;
}

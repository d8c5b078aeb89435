// What the emulator's kernel starts from: a static busybox that loads the drivers of virtual disks
// and goes on to the real root. Also picks the kernel's modules that guests need, out of thousands.
import {
  chmodSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import type { BaseRoot } from "./base-root.ts";
import { output } from "./host.ts";

/** Needed before there is a root. */
const EARLY = ["virtio_pci", "virtio_blk", "crc32c_generic", "ext4"] as const;
/** Loaded by udev or by a trial. */
const LATER = [
  "virtio_net",
  "virtio_console",
  "virtio_rng",
  "i6300esb",
  "xhci_pci",
  "ftdi_sio",
  "sch_netem",
  "sch_prio",
  "nf_tables",
  "nft_ct",
  "nft_reject_inet",
  "nf_log_syslog",
  "loop",
] as const;

const INIT = `#!/bin/busybox sh
/bin/busybox mkdir -p /dev /proc /sys /root
/bin/busybox mount -t devtmpfs dev /dev
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sys /sys
while read -r module; do /bin/busybox insmod "/modules/$module"; done </modules/order
until [ -b /dev/vda ]; do /bin/busybox usleep 20000; done
/bin/busybox mount -t ext4 -o rw /dev/vda /root
for place in dev proc sys; do /bin/busybox mount --move "/$place" "/root/$place"; done
exec /bin/busybox switch_root /root /sbin/init
`;

export interface KernelFiles {
  readonly version: string;
  readonly image: string;
  readonly modules: string;
}

export function kernelFiles({ kernel }: BaseRoot): KernelFiles {
  const [version] = readdirSync(join(kernel, "lib/modules"));
  if (version === undefined) throw new Error(`${kernel} holds no kernel`);
  const image = join(kernel, "boot", `vmlinuz-${version}`);
  return { version, image, modules: join(kernel, "lib/modules", version) };
}

/** The files of modules and of all that they need, each after what it needs. */
function closure(modules: string, names: readonly string[]): string[] {
  const needs = new Map<string, readonly string[]>();
  for (const line of readFileSync(join(modules, "modules.dep"), "utf8").split("\n")) {
    const [file = "", rest = ""] = line.split(":");
    needs.set(file, rest.trim().split(" ").filter(Boolean).reverse());
  }
  const found = new Set<string>();
  for (const name of names) {
    const file = [...needs.keys()].find((one) => moduleName(one) === name);
    // A driver that this kernel has built in.
    if (file === undefined) continue;
    for (const needed of needs.get(file) ?? []) found.add(needed);
    found.add(file);
  }
  return [...found];
}

function moduleName(file: string): string {
  return basename(file)
    .replace(/\.ko(\.\w+)?$/, "")
    .replaceAll("-", "_");
}

function ensureDependencies({ kernel }: BaseRoot, version: string): void {
  output("depmod", ["-b", kernel, version]);
}

/** Copies what guests need of the modules into a root. */
export function installModules(base: BaseRoot, root: string): void {
  const { version, modules } = kernelFiles(base);
  ensureDependencies(base, version);
  const target = join(root, "lib/modules", version);
  for (const file of closure(modules, [...EARLY, ...LATER])) {
    mkdirSync(dirname(join(target, file)), { recursive: true });
    copyFileSync(join(modules, file), join(target, file));
  }
  for (const name of ["modules.order", "modules.builtin", "modules.builtin.modinfo"]) {
    copyFileSync(join(modules, name), join(target, name));
  }
  output("depmod", ["-b", root, version]);
}

/** Writes the first file system to `path`. */
export function writeInitrd(base: BaseRoot, path: string): void {
  const { version, modules } = kernelFiles(base);
  ensureDependencies(base, version);
  const tree = `${path}.tree`;
  mkdirSync(join(tree, "bin"), { recursive: true });
  mkdirSync(join(tree, "modules"));
  cpSync(join(base.root, "bin/busybox"), join(tree, "bin/busybox"), { dereference: true });
  const files = closure(modules, EARLY);
  for (const file of files)
    copyFileSync(join(modules, file), join(tree, "modules", basename(file)));
  writeFileSync(join(tree, "modules/order"), files.map((file) => `${basename(file)}\n`).join(""));
  writeFileSync(join(tree, "init"), INIT);
  chmodSync(join(tree, "init"), 0o755);
  const pack = `cd '${tree}' && find . | cpio --quiet -o -H newc | gzip -1 > '${path}'`;
  output("sh", ["-c", pack]);
  output("rm", ["-rf", tree]);
}

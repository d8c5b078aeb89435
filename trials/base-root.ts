// A small Debian with systemd, and Debian's kernel beside it: what every guest begins with. Kept by
// its list of packages; nothing in it is ours.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { output, performed, say } from "./host.ts";

export type Arch = "amd64" | "arm64";

const SUITE = "bookworm";
/** systemd, what the package and the trials use, and a shell for the first megabyte. */
const PACKAGES = [
  "systemd",
  "systemd-sysv",
  "udev",
  "kmod",
  "iproute2",
  "nftables",
  "e2fsprogs",
  "procps",
  "busybox-static",
  "eatmydata",
] as const;
/** The kernel that runs as a process drops flushes of its own disks; its NBD driver does not. */
const NETWORK_DISK = ["nbd-client"] as const;
/** Dead weight in a guest that lives for minutes. */
const LEFT_OUT = ["/usr/share/man/*", "/usr/share/doc/*", "/usr/share/locale/*"] as const;

export interface BaseRoot {
  readonly arch: Arch;
  /** The file system as a folder. */
  readonly root: string;
  /** The kernel's package, unpacked. */
  readonly kernel: string;
  readonly key: string;
}

/** Of the processor that this machine has. */
export function hostArch(): Arch {
  return process.arch === "arm64" ? "arm64" : "amd64";
}

/** The root of `arch` from `cache`, made when it is not there: a minute, emulated six. */
export async function baseRoot(arch: Arch, cache: string): Promise<BaseRoot> {
  const packages = arch === "amd64" ? [...PACKAGES, ...NETWORK_DISK] : PACKAGES;
  const recipe = JSON.stringify([SUITE, arch, packages, LEFT_OUT, KERNEL_HOOK]);
  const key = createHash("sha256").update(recipe).digest("hex").slice(0, 12);
  const place = join(cache, `base-${arch}-${key}`);
  const base: BaseRoot = { arch, root: join(place, "root"), kernel: join(place, "kernel"), key };
  if (existsSync(join(place, "complete"))) return base;
  say(`making a Debian ${SUITE} root for ${arch} (once)`);
  if (arch !== hostArch()) enableEmulation();
  rmSync(place, { recursive: true, force: true });
  mkdirSync(place, { recursive: true });
  await performed("mmdebstrap", [
    "--quiet",
    "--variant=minbase",
    `--architectures=${arch}`,
    `--include=${packages.join(",")}`,
    ...LEFT_OUT.map((path) => `--dpkgopt=path-exclude=${path}`),
    "--dpkgopt=path-include=/usr/share/doc/stopline/*",
    `--customize-hook=${KERNEL_HOOK.replaceAll("ARCH", arch)}`,
    SUITE,
    base.root,
    "http://deb.debian.org/debian",
  ]);
  renameSync(join(base.root, "kernel"), base.kernel);
  writeFileSync(join(place, "complete"), recipe);
  return base;
}

/** This machine's apt fetches the kernel; it is unpacked, never installed: its scripts are slow. */
const KERNEL_HOOK = [
  'export APT_CONFIG="$MMDEBSTRAP_APT_CONFIG"',
  'mkdir "$1/kernel" && cd "$1/kernel"',
  "name=$(apt-cache depends linux-image-ARCH | sed -n 's/^ *Depends: //p' | head -n 1)",
  'apt-get -q download "$name"',
  'for file in *.deb; do dpkg-deb -x "$file" .; rm "$file"; done',
].join("\n");

/** Lets programs of the other processor run here, in chroots too. */
export function enableEmulation(): void {
  const place = "/proc/sys/fs/binfmt_misc";
  if (!existsSync(join(place, "register"))) {
    output("mount", ["-t", "binfmt_misc", "binfmt_misc", place]);
  }
  if (readdirSync(place).some((name) => name.startsWith("qemu-aarch64"))) return;
  const bytes = (text: string): string => text.replace(/../g, (byte) => `\\x${byte}`);
  const magic = bytes("7f454c460201010000000000000000000200b700");
  const mask = bytes("ffffffffffffff00fffffffffffffffffeffffff");
  const line = `:qemu-aarch64:M::${magic}:${mask}:/usr/bin/qemu-aarch64-static:FP`;
  writeFileSync(join(place, "register"), line);
}

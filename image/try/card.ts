// A copy of an image, as a person prepares it: larger, with first files on its boot partition. And
// what only a test adds: a root shell, beside the initrd, in memory alone.
import { chmodSync, mkdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { SHELL_SCRIPT, SHELL_UNIT } from "../../trials/guest-shell.ts";
import { output } from "../../trials/host.ts";
import type { Way } from "./machine.ts";
import { umlDrivers, umlEarlyDrivers, umlVersion } from "./uml.ts";

/** Where the boot partition begins (image/steps/settings.sh), for mtools. */
const BOOT_AT = "@@16M";
/** The first start has to take the rest of the card. */
const MORE_BYTES = 1024 * 1024 * 1024;
/** User-mode Linux has a name of its own for what every board calls eth0. */
const LINK = "[Match]\nOriginalName=vec0\n\n[Link]\nName=eth0\n";
const HANDOVER = 'exec switch_root "$ROOT" /sbin/init';

export interface Card {
  readonly path: string;
  readonly kernel: string;
  readonly initrd: string;
  readonly commandLine: string;
  readonly folder: string;
  /** As the image has them; null where the firmware reads them from the card. */
  readonly ownWords: string | null;
}

function mtools(program: string, card: string, ...words: readonly string[]): string {
  return output("env", ["MTOOLS_SKIP_CHECK=1", program, "-i", `${card}${BOOT_AT}`, ...words]);
}

function fromCard(card: string, name: string, to: string): void {
  mtools("mcopy", card, "-n", "-o", `::${name}`, to);
}

/** Unpacked by the kernel over the initrd: the same init, which leaves a shell behind. */
function shellArchive(folder: string, init: string, way: Way): Buffer {
  const tree = join(folder, "shell-tree");
  const files = new Map([
    ["init", init.replace(HANDOVER, `cp -r /try/. "$ROOT/run/"\n${HANDOVER}`)],
    ["try/try-shell", SHELL_SCRIPT],
    ["try/systemd/network/10-try.link", LINK],
    [
      "try/systemd/system/try-shell.service",
      SHELL_UNIT.replace("/usr/local/sbin/trial-shell", "/bin/bash /run/try-shell"),
    ],
  ]);
  for (const [name, text] of files) {
    mkdirSync(dirname(join(tree, name)), { recursive: true });
    writeFileSync(join(tree, name), text);
  }
  chmodSync(join(tree, "init"), 0o755);
  const wants = "try/systemd/system/sysinit.target.wants";
  mkdirSync(join(tree, wants));
  output("ln", ["-sf", "../try-shell.service", join(tree, wants, "try-shell.service")]);
  if (way === "uml") umlEarlyDrivers(tree);
  const archive = join(folder, "shell.cpio");
  const pack = 'cd "$1" && find . | cpio -o -H newc -R 0:0 --quiet >"$2"';
  output("sh", ["-c", pack, "sh", tree, archive]);
  return readFileSync(archive);
}

/** Adds the shell to the initrd on the card; `commandLine` is added to the kernel's. */
function addShell(path: string, folder: string, init: string, way: Way): string {
  const initrd = join(folder, "initrd.img");
  fromCard(path, "initrd.img", initrd);
  // Archives may follow each other at multiples of four bytes; user-mode Linux unpacks none.
  if (way === "uml") output("sh", ["-c", 'zstd -q -d -f -o "$1.plain" "$1"', "sh", initrd]);
  const first = readFileSync(way === "uml" ? `${initrd}.plain` : initrd);
  const gap = Buffer.alloc((4 - (first.length % 4)) % 4);
  writeFileSync(initrd, Buffer.concat([first, gap, shellArchive(folder, init, way)]));
  mtools("mcopy", path, "-n", "-o", initrd, "::initrd.img");
  return initrd;
}

export interface CardOptions {
  readonly image: string;
  readonly folder: string;
  /** The initrd's program. */
  readonly init: string;
  /** Put into `stopline-setup/` on the boot partition. */
  readonly files: ReadonlyMap<string, string | Buffer>;
  readonly way: Way;
}

/** More words for the kernel of the next start; of earlier ones they replace those. */
export function giveWords(card: Card, words: string): Card {
  const { path, folder, ownWords } = card;
  if (ownWords !== null) return { ...card, commandLine: `${ownWords} ${words}` };
  const entry = join(folder, "stopline.conf");
  fromCard(path, "loader/entries/stopline.conf", entry);
  // The emulator's only console is a serial one.
  const text = readFileSync(entry, "utf8").replace("console=tty0", "console=ttyAMA0");
  writeFileSync(entry, `${text.replace(/ stopline\.trial=\S*/, "").trimEnd()} ${words}\n`);
  mtools("mcopy", path, "-n", "-o", entry, "::loader/entries/stopline.conf");
  return card;
}

export function prepareCard({ image, folder, init, files, way }: CardOptions): Card {
  const path = join(folder, "card.img");
  output("cp", ["--sparse=always", image, path]);
  truncateSync(path, Number(output("stat", ["-c", "%s", image])) + MORE_BYTES);
  const made = new Set<string>();
  for (const [name, content] of files) {
    const file = join(folder, "first-file");
    writeFileSync(file, content);
    const below = dirname(name);
    if (below !== "." && !made.has(below)) mtools("mmd", path, `::stopline-setup/${below}`);
    made.add(below);
    mtools("mcopy", path, "-n", "-o", file, `::stopline-setup/${name}`);
  }
  const initrd = addShell(path, folder, init, way);
  if (way === "uml") {
    const drivers = join(folder, "drivers.squashfs");
    umlDrivers(drivers);
    mtools("mcopy", path, "-n", "-o", drivers, `::modules-${umlVersion()}.squashfs`);
  }
  const kernel = join(folder, "vmlinuz");
  if (way === "uefi") {
    return giveWords({ path, folder, kernel, initrd, commandLine: "", ownWords: null }, "");
  }
  fromCard(path, "vmlinuz", kernel);
  fromCard(path, "cmdline.txt", join(folder, "cmdline.txt"));
  const ownWords = readFileSync(join(folder, "cmdline.txt"), "utf8").trim();
  return { path, folder, kernel, initrd, commandLine: ownWords, ownWords };
}

// The control files: what dpkg reads of the package.
import { createHash } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Architecture } from "./keep.ts";
import { filesBelow, place, put } from "./tree.ts";

/**
 * Node 24 is built against glibc 2.28 and the libstdc++ of GCC 10 or later; its own BUILDING.md
 * names both. User and group are made by systemd-sysusers, or by passwd's tools where a board has
 * no systemd.
 */
const DEPENDS = "libc6 (>= 2.28), libgcc-s1, libstdc++6 (>= 10), passwd, debconf";
const RECOMMENDS = "systemd (>= 252), udev, chrony | systemd-timesyncd | time-daemon";

const DESCRIPTION = `intersection controller for ARM single-board computers
 Stopline turns a board into the controller of one intersection: it lights the
 signal heads through a microcontroller that checks every display again, keeps
 an event log, serves an MQTT broker to vehicles and sensors and a console to
 people, and coordinates with the next intersections.
 .
 Node.js and all modules are inside; the board needs neither a compiler nor a
 network. For benches, test tracks and closed sites.`;

export interface ControlFacts {
  readonly version: string;
  readonly architecture: Architecture;
  readonly installedKib: number;
}

/** The text of DEBIAN/control. */
export function controlText({ version, architecture, installedKib }: ControlFacts): string {
  return [
    "Package: stopline",
    `Version: ${version}`,
    `Architecture: ${architecture}`,
    "Maintainer: Stopline maintainers <maintainers@stopline.invalid>",
    `Installed-Size: ${installedKib}`,
    `Depends: ${DEPENDS}`,
    `Recommends: ${RECOMMENDS}`,
    "Section: misc",
    "Priority: optional",
    `Description: ${DESCRIPTION}`,
    "",
  ].join("\n");
}

/** What dpkg-gencontrol counts: whole KiB of every file, and one for every folder's entry. */
export function installedKib(tree: string): number {
  return filesBelow(tree)
    .map((name) => Math.ceil(statSync(join(tree, name)).size / 1024))
    .reduce((sum, kib) => sum + kib, 0);
}

function md5sums(tree: string): string {
  return filesBelow(tree)
    .map(
      (name) =>
        `${createHash("md5")
          .update(readFileSync(join(tree, name)))
          .digest("hex")}  ${name}\n`,
    )
    .join("");
}

const SCRIPTS = ["postinst", "prerm", "postrm", "templates"];

/** Writes DEBIAN/ into a tree that is otherwise complete. */
export function putControl(
  root: string,
  tree: string,
  facts: Omit<ControlFacts, "installedKib">,
): void {
  const sums = md5sums(tree);
  const text = controlText({ ...facts, installedKib: installedKib(tree) });
  put(tree, "DEBIAN/control", text);
  put(tree, "DEBIAN/md5sums", sums);
  for (const name of SCRIPTS)
    place(join(root, "packaging", "debian", name), tree, `DEBIAN/${name}`);
}

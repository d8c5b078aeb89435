// A board in an emulator with the package installed and the demo's junction running, and in root's
// home what the pages take as there: scripts of a clone, a site file, packages, their signatures.
import { generateKeyPairSync } from "node:crypto";
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { signFile } from "../../src/cli/update-signature.ts";
import { Guest, makeDisk } from "../../trials/guest.ts";
import { DATA_LABEL } from "../../trials/guest-image.ts";
import { scratch } from "../../trials/host.ts";
import { demoSite, imageOf, packageOf, trialOptions } from "../../trials/options.ts";
import { packageVariant } from "../../trials/package-variant.ts";
import { type Ground, ROOT } from "./places.ts";

/** From power-on to a node that is well, emulated, on a busy machine. */
const START_MS = 600_000;
const DATA_BYTES = 768 * 1024 * 1024;
const HOME = "/var/lib/stopline/home";
/** Beside it what the page's commands find: a wired interface by the name that boards give it. */
const PREPARE = `cp -r ${HOME}/. /root/; rm -r ${HOME}
ip link show eth0 || ip link add eth0 type veth peer name eth0-end`;
/** Whoever is root needs none; small systems have none. */
const SUDO = `printf '#!/bin/sh\\nexec "$@"\\n' >/usr/local/bin/sudo
chmod 755 /usr/local/bin/sudo`;

/** As the pages name them: this package, and a newer one that is signed. */
const PACKAGES = { same: "stopline_0.1.0_arm64.deb", newer: "stopline_0.1.1_arm64.deb" } as const;
const SCRIPTS = ["scripts/install", "scripts/setup.sh"];

/** Its disk with what comes into root's home, and who signs packages, in PEM. */
function homeDisk(deb: string): { readonly disk: string; readonly signer: string } {
  const folder = scratch();
  const home = join(folder, "data", basename(HOME));
  mkdirSync(join(home, "scripts"), { recursive: true });
  for (const name of SCRIPTS) copyFileSync(join(ROOT, name), join(home, name));
  writeFileSync(join(home, "my-junction.yaml"), demoSite());
  copyFileSync(deb, join(home, PACKAGES.same));
  const newer = join(home, PACKAGES.newer);
  packageVariant(deb, newer, "0.1.1");
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const keyPath = join(folder, "update.pem");
  writeFileSync(keyPath, privateKey.export({ type: "pkcs8", format: "pem" }), { mode: 0o600 });
  writeFileSync(`${newer}.sig`, signFile(newer, keyPath));
  const disk = join(folder, "data.img");
  makeDisk(disk, DATA_LABEL, DATA_BYTES, join(folder, "data"));
  return { disk, signer: publicKey.export({ type: "spki", format: "pem" }).toString() };
}

export async function boardGround(): Promise<Ground> {
  const options = trialOptions([]);
  const deb = packageOf(options);
  const { disk, signer } = homeDisk(deb);
  const etc = new Map([
    ["site.yaml", demoSite()],
    ["update.pub", signer],
  ]);
  const guest = Guest.start({ image: await imageOf({ ...options, deb }), etc, data: disk });
  const shell = await guest.shell();
  if ((await guest.wellWithin(START_MS)) === null) throw new Error(guest.machine.lastWords());
  await guest.text(`${SUDO}; ${PREPARE}`);
  return {
    run: async ({ script, seconds }) => {
      const whole = `cd /root; timeout ${seconds} bash -euo pipefail <<'BLOCK'\n${script}\nBLOCK`;
      const answer = await shell.run(whole);
      if (answer === null) return { code: -1, words: "the board ended" };
      return { code: answer.code === 124 ? null : answer.code, words: answer.text };
    },
    close: async () => await guest.machine.cut(),
  };
}

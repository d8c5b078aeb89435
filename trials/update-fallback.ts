// An update that is broken on purpose is taken back by itself; one of an unknown signer is not even
// begun; a good one stays. The real systemd, dpkg and service; packages made from the guest's own.
import { generateKeyPairSync } from "node:crypto";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { signFile } from "../src/cli/update-signature.ts";
import { Guest, makeDisk } from "./guest.ts";
import { DATA_LABEL, type GuestImage } from "./guest-image.ts";
import { say, scratch } from "./host.ts";
import { demoSite, packageOf, type TrialOptions } from "./options.ts";
import { packageVariant } from "./package-variant.ts";
import type { Findings } from "./result.ts";
import { START_MS } from "./service-trial.ts";

const DATA_BYTES = 512 * 1024 * 1024;
const UPDATES = "/var/lib/stopline/updates";
const HISTORY = "/var/lib/stopline-update/history.jsonl";

interface Signers {
  readonly own: string;
  readonly other: string;
  readonly publicText: string;
}

function signers(folder: string): Signers {
  const made = ["own", "other"].map((name) => {
    const { privateKey, publicKey } = generateKeyPairSync("ed25519");
    const path = join(folder, `${name}.key`);
    writeFileSync(path, privateKey.export({ type: "pkcs8", format: "pem" }), { mode: 0o600 });
    return { path, text: String(publicKey.export({ type: "spki", format: "pem" })) };
  });
  const [own, other] = made;
  return { own: own?.path ?? "", other: other?.path ?? "", publicText: own?.text ?? "" };
}

function dataDisk(deb: string, folder: string, keys: Signers): string {
  const updates = join(folder, "data/updates");
  mkdirSync(updates, { recursive: true });
  for (const [name, version, key] of [
    ["broken", "99.1", keys.own],
    ["good", "99.2", keys.own],
  ] as const) {
    const file = join(updates, `${name}.deb`);
    packageVariant(deb, file, version, name === "broken");
    writeFileSync(`${file}.sig`, signFile(file, key));
  }
  writeFileSync(join(updates, "foreign.sig"), signFile(join(updates, "good.deb"), keys.other));
  const disk = join(folder, "data.img");
  makeDisk(disk, DATA_LABEL, DATA_BYTES, join(folder, "data"));
  rmSync(join(folder, "data"), { recursive: true });
  return disk;
}

interface Updated {
  readonly code: number;
  readonly version: string;
  readonly history: string;
}

async function update(guest: Guest, file: string): Promise<Updated> {
  const shell = await guest.shell();
  const answer = await shell.run(`stopline update ${UPDATES}/${file}`);
  say((answer?.text ?? "the guest ended").trim());
  const version = await guest.text("dpkg-query -W -f='${" + "Version}' stopline");
  const history = await guest.text(`tail -n 1 ${HISTORY}`);
  return { code: answer?.code ?? -1, version: version.trim(), history };
}

export async function trial(
  image: GuestImage,
  found: Findings,
  options: TrialOptions,
): Promise<void> {
  const folder = scratch();
  const keys = signers(folder);
  const etc = new Map([
    ["site.yaml", demoSite()],
    ["update.pub", keys.publicText],
  ]);
  const data = dataDisk(packageOf(options), folder, keys);
  const guest = Guest.start({ image, etc, data });
  await guest.shell();
  found.time("startS", "power on to a node that is well", await guest.wellWithin(START_MS));

  const old = (await guest.text("dpkg-query -W -f='${" + "Version}' stopline")).trim();
  const swap = `cd ${UPDATES} && ln good.deb foreign.deb && mv foreign.sig foreign.deb.sig`;
  await guest.text(swap);
  const foreign = await update(guest, "foreign.deb");
  found.check("an unknown signer's is refused", foreign.code === 1 && foreign.version === old);
  found.check("and the refusal is noted", foreign.history.includes('"rejected"'), foreign.history);

  let fromMs = performance.now();
  const broken = await update(guest, "broken.deb");
  found.check("the broken one ends with 1", broken.code === 1, String(broken.code));
  found.check("the old version is installed again", broken.version === old, broken.version);
  found.check("the history says so", broken.history.includes('"fell-back"'), broken.history);
  const back = await guest.wellWithin(START_MS);
  found.time(
    "fallBackS",
    "broken update to a node that is well",
    back && performance.now() - fromMs,
  );

  fromMs = performance.now();
  const good = await update(guest, "good.deb");
  found.check("the good one ends with 0", good.code === 0, String(good.code));
  found.check("the new version stays", good.version === "99.2", good.version);
  found.check("the history has it", good.history.includes('"good"'), good.history);
  found.time("updateS", "good update, confirmed", performance.now() - fromMs);
  found.check("its node is well", await guest.isWell());
  const left = await guest.text("systemctl list-unit-files 'stopline-rescue*' --no-legend | wc -l");
  found.check("no rescue is left armed", left.trim() === "0", left.trim());
  await guest.machine.cut();
}

// Certificates for the vehicles of `stopline vehicles`: those that `stopline keys vehicle` has made
// into a folder, or, where the folder is a CA's, new ones for this run.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { AuthorityError, openAuthority } from "../trust/authority.ts";
import { CertificateError, readCertificate } from "../trust/certificate.ts";
import { KeyFileError, readKeyFile } from "../trust/key-files.ts";
import { CA_CERT_FILE, CA_KEY_FILE } from "../trust/key-folder.ts";
import type { VehicleKeys } from "./vehicle-fleet.ts";

/** A folder that has not what is needed; the message is one line and says the way out. */
export class VehicleKeysError extends Error {
  override readonly name = "VehicleKeysError";
}

/** The certificates of a run end with its day. */
const RUN_DAYS = 1;
const CERT_ENDING = ".crt";

/** Keys of `count` vehicles; null where no folder is named. Throws `VehicleKeysError`. */
export async function vehicleKeys(
  folder: string | null,
  count: number,
): Promise<readonly VehicleKeys[] | null> {
  if (folder === null) return null;
  try {
    return existsSync(join(folder, CA_KEY_FILE))
      ? await issued(folder, count)
      : made(folder, count);
  } catch (error) {
    const known = [AuthorityError, CertificateError, KeyFileError];
    if (!known.some((kind) => error instanceof kind)) throw error;
    throw new VehicleKeysError(`${folder}: ${(error as Error).message}`, { cause: error });
  }
}

/** Names that no other run has used: a node knows each by its own. */
async function issued(folder: string, count: number): Promise<VehicleKeys[]> {
  const authority = openAuthority(folder);
  const nowMs = Date.now();
  const run = nowMs.toString(36);
  const keys: VehicleKeys[] = [];
  for (let number = 1; number <= count; number += 1) {
    const id = `v-${run}-${number}`;
    const { caPem, certPem, keyPem } = await authority.issue({
      role: "vehicle",
      id,
      days: RUN_DAYS,
      nowMs,
    });
    keys.push({ id, tls: { ca: caPem, cert: certPem, key: keyPem } });
  }
  return keys;
}

function made(folder: string, count: number): VehicleKeys[] {
  const madeBy = "`stopline keys vehicle`";
  const ca = readKeyFile(join(folder, CA_CERT_FILE), { madeBy }).toString();
  const keys: VehicleKeys[] = [];
  for (const name of readdirSync(folder).sort()) {
    if (!name.endsWith(CERT_ENDING) || name === CA_CERT_FILE || keys.length === count) continue;
    const cert = readFileSync(join(folder, name), "utf8");
    const { role, id } = readCertificate(cert).identity;
    if (role !== "vehicle") continue;
    const keyFile = join(folder, `${name.slice(0, -CERT_ENDING.length)}.key`);
    const key = readKeyFile(keyFile, { secret: true, madeBy }).toString();
    keys.push({ id, tls: { ca, cert, key } });
  }
  if (keys.length === count) return keys;
  throw new VehicleKeysError(
    `${folder}: keys of ${keys.length} vehicles for --count ${count}; make more by ${madeBy}, or ` +
      "name the CA's folder, which makes them for the run",
  );
}

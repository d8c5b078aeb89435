// The parts of a card's first files, each checked by itself: taken whole or not at all.
import { createPublicKey } from "node:crypto";
import {
  chmodSync,
  closeSync,
  cpSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import type { SiteModel } from "../core/site/model.ts";
import { loadSite } from "../sitefile/load.ts";
import { AgeError, checkRecipients } from "../trust/age.ts";
import { KeyFolderError, readKeyFolder, readKeysOf } from "../trust/key-folder.ts";
import { textOf } from "./finding.ts";
import { networkFiles } from "./setup-network.ts";

export interface Folders {
  /** Where somebody put the files. */
  readonly from: string;
  /** Where the board keeps them. */
  readonly to: string;
}

/** Files that were taken, by their names in `from`, and one line for each thing that is wrong. */
export interface Taken {
  readonly applied: readonly string[];
  readonly problems: readonly string[];
}

const NOTHING: Taken = { applied: [], problems: [] };
/** Ten times the longest of them. */
const MAX_BYTES = 65_536;
const SSH_KEY = /^(sk-)?(ssh|ecdsa)-[a-z0-9@.-]+ [A-Za-z0-9+/=]{40,} ?[^\n]*$/;

function problem(name: string, says: string): Taken {
  return { applied: [], problems: [`${name}: ${says}`] };
}

/** Written beside its place and moved there, so that a power cut leaves the old or the new one. */
function put(path: string, text: string | Uint8Array, mode: number): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
  const beside = `${path}.new`;
  rmSync(beside, { force: true });
  const fd = openSync(beside, "wx", mode);
  try {
    writeSync(fd, typeof text === "string" ? Buffer.from(text) : text);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  chmodSync(beside, mode);
  renameSync(beside, path);
}

/** A folder that was filled beside its place takes it. */
function swap(fresh: string, place: string): void {
  const old = `${place}.old`;
  rmSync(old, { recursive: true, force: true });
  if (existsSync(place)) renameSync(place, old);
  renameSync(fresh, place);
  rmSync(old, { recursive: true, force: true });
}

function bytesIn({ from }: Folders, name: string): Buffer | null {
  const path = join(from, name);
  if (!existsSync(path)) return null;
  const found = statSync(path);
  if (!found.isFile() || found.size > MAX_BYTES * 16) throw new Error("no file of fitting size");
  return readFileSync(path);
}

/** Takes one file by `take`, whatever is wrong with it. */
async function part(
  folders: Folders,
  name: string,
  take: (bytes: Buffer) => Taken | Promise<Taken>,
): Promise<Taken> {
  try {
    const bytes = bytesIn(folders, name);
    return bytes === null ? NOTHING : await take(bytes);
  } catch (error) {
    return problem(name, `it was not taken (${textOf(error)})`);
  }
}

/** The site that the board has now; null where it has none that is right. */
export async function siteOf(to: string): Promise<SiteModel | null> {
  const loaded = await loadSite(join(to, "site.yaml"));
  return loaded.ok ? loaded.site : null;
}

/**
 * A right site file replaces the one before. A wrong one does where there is no right one: the node
 * then shows its problems, and the lamps stay with the microcontroller.
 */
export async function takeSite(folders: Folders): Promise<Taken> {
  const name = "site.yaml";
  return await part(folders, name, async (bytes) => {
    const loaded = await loadSite(join(folders.from, name));
    const place = join(folders.to, name);
    if (loaded.ok) {
      put(place, bytes, 0o644);
      put(join(folders.to, "hostname"), `${loaded.site.node.id}\n`, 0o644);
      return { applied: [name], problems: [] };
    }
    if ((await siteOf(folders.to)) === null) put(place, bytes, 0o644);
    return { applied: [], problems: loaded.problems };
  });
}

export async function takeNetwork(folders: Folders): Promise<Taken> {
  const name = "network.yaml";
  return await part(folders, name, (bytes) => {
    const read = networkFiles(bytes.toString("utf8"), join(folders.from, name));
    if (!read.ok) return { applied: [], problems: read.problems };
    const fresh = join(folders.to, "network.new");
    rmSync(fresh, { recursive: true, force: true });
    mkdirSync(fresh, { recursive: true, mode: 0o755 });
    for (const file of read.files) put(join(fresh, file.name), file.text, file.mode);
    swap(fresh, join(folders.to, "network"));
    return { applied: [name], problems: [] };
  });
}

export async function takeOperator(folders: Folders): Promise<Taken> {
  const name = "operator.pub";
  return await part(folders, name, (bytes) => {
    const text = bytes.toString("utf8").replaceAll("\r\n", "\n");
    if (text.includes("PRIVATE KEY")) {
      return problem(name, "it is a private key; use its .pub file, and make a new key");
    }
    const lines = text.split("\n").filter((line) => line.trim() !== "" && !line.startsWith("#"));
    const odd = lines.findIndex((line) => !SSH_KEY.test(line));
    if (lines.length === 0 || odd >= 0) {
      return problem(name, `line ${odd + 1} is no SSH public key; use one a line, as in id_*.pub`);
    }
    put(join(folders.to, "ssh", "authorized_keys"), `${lines.join("\n")}\n`, 0o600);
    return { applied: [name], problems: [] };
  });
}

/** `update.pub`: one Ed25519 public key in PEM. */
export async function takeUpdateKey(folders: Folders): Promise<Taken> {
  const name = "update.pub";
  const use = "use one ed25519 public key in PEM";
  return await part(folders, name, (bytes) => {
    const text = bytes.toString("utf8");
    if (text.includes("PRIVATE KEY")) return problem(name, `it is a private key; ${use}`);
    try {
      const kind = createPublicKey(text).asymmetricKeyType ?? "unknown";
      if (kind !== "ed25519") return problem(name, `it is a key of kind ${kind}; ${use}`);
    } catch {
      return problem(name, `it is no public key; ${use}`);
    }
    put(join(folders.to, name), text, 0o644);
    return { applied: [name], problems: [] };
  });
}

/** `backup.pub`: age public keys, as `stopline backup key` and `age-keygen` print them. */
export async function takeBackupKey(folders: Folders): Promise<Taken> {
  const name = "backup.pub";
  return await part(folders, name, (bytes) => {
    const text = bytes.toString("utf8").replaceAll("\r\n", "\n");
    try {
      checkRecipients(text, name);
    } catch (error) {
      if (!(error instanceof AgeError)) throw error;
      return { applied: [], problems: [error.message] };
    }
    put(join(folders.to, name), text, 0o644);
    return { applied: [name], problems: [] };
  });
}

/** Names below `keys/`, one level of folders deep. */
function keyNames(dir: string): string[] {
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(dir.length + 1))
    .sort();
}

/** A node's key folder, checked against the site file that the board has by now. */
export async function takeKeys(folders: Folders): Promise<Taken> {
  const from = join(folders.from, "keys");
  const names = existsSync(from) ? keyNames(from) : [];
  if (names.length === 0) return NOTHING;
  const fresh = join(folders.to, "keys.new");
  rmSync(fresh, { recursive: true, force: true });
  mkdirSync(fresh, { recursive: true, mode: 0o700 });
  try {
    for (const name of names) {
      mkdirSync(dirname(join(fresh, name)), { recursive: true, mode: 0o700 });
      cpSync(join(from, name), join(fresh, name));
      chmodSync(join(fresh, name), 0o600);
    }
    const site = await siteOf(folders.to);
    if (site === null) readKeyFolder(fresh);
    else readKeysOf(site.node, fresh);
    swap(fresh, join(folders.to, "keys"));
    return { applied: names.map((name) => `keys/${name}`), problems: [] };
  } catch (error) {
    if (!(error instanceof KeyFolderError)) throw error;
    return { applied: [], problems: [error.message.replace(fresh, "keys")] };
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
}

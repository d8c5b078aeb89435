// Where keys may lie. A CA's key on a node would make whoever steals the node the maker of
// certificates, so a CA's folder stays away from every folder of a node, in both directions.
import { existsSync, readdirSync, realpathSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { LOG_FILE } from "../log/open.ts";
import { NODE_CERT_FILE, NODE_KEY_FILE } from "../trust/key-folder.ts";

/** A folder that `keys` does not use; the message is one line. */
export class PlaceError extends Error {
  override readonly name = "PlaceError";
}

/** The real path, also of what is not there yet: links may lead into a node's folder. */
function realPath(path: string): string {
  const whole = resolve(path);
  if (existsSync(whole)) return realpathSync(whole);
  return whole === dirname(whole) ? whole : join(realPath(dirname(whole)), basename(whole));
}

/** `path` and all that it lies in, innermost first. */
function upwards(path: string): string[] {
  const found = [path];
  for (let at = path; at !== dirname(at); at = dirname(at)) found.push(dirname(at));
  return found;
}

function isDataFolder(dir: string): boolean {
  return existsSync(join(dir, LOG_FILE));
}

function isKeyFolder(dir: string): boolean {
  return existsSync(join(dir, NODE_KEY_FILE)) || existsSync(join(dir, NODE_CERT_FILE));
}

function below(dir: string): string[] {
  if (!existsSync(dir)) return [];
  return readdirSync(dir, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => join(dir, name));
}

const NEVER = "a CA's key never lies on a node";

/**
 * Throws a `PlaceError` when a CA may not lie in `dir`: a node's data or key folder, a place in
 * one, or a folder that holds one.
 */
export function refuseNodePlace(dir: string): void {
  const path = realPath(dir);
  const found = upwards(path);
  const data = found.find(isDataFolder);
  if (data !== undefined) {
    throw new PlaceError(`--ca ${dir}: ${data} is a node's data folder; ${NEVER}`);
  }
  const keys = [...found, ...below(path)].find(isKeyFolder);
  if (keys !== undefined) {
    throw new PlaceError(`--ca ${dir}: ${keys} is a node's key folder; ${NEVER}`);
  }
}

/**
 * Throws a `PlaceError` when what is made for others would lie in the CA's folder, or the CA's
 * folder in that of a node.
 */
export function refuseOverlap(ca: string, out: string, forNode: boolean): void {
  const [caPath, outPath] = [realPath(ca), realPath(out)];
  if (upwards(outPath).includes(caPath)) {
    throw new PlaceError(`--out ${out}: it lies in the CA's folder ${ca}; use another`);
  }
  if (forNode && upwards(caPath).includes(outPath)) {
    throw new PlaceError(`--out ${out}: the CA's folder ${ca} lies in it; ${NEVER}`);
  }
}

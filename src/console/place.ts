// Where the console of a data folder listens, kept in a file of that folder: `stopline reload`
// finds a node on a free port by it, and a node whose site file has become bad shows its problems
// where it was last seen.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Listener } from "../core/site/model.ts";

const ADDRESS_FILE = "console-address";

/** Remembers `address`, such as http://127.0.0.1:8080; a full disk costs only this convenience. */
export function keepConsoleAddress(dataDir: string, address: string): void {
  try {
    writeFileSync(join(dataDir, ADDRESS_FILE), `${address}\n`);
  } catch {
    // `stopline reload` then uses the site file's address.
  }
}

/** The kept address without a path, or null when there is none that can be read. */
export function lastConsoleAddress(dataDir: string): string | null {
  const listener = lastConsoleListener(dataDir);
  if (listener === null) return null;
  const { address, port } = listener;
  return `http://${address.includes(":") ? `[${address}]` : address}:${port}`;
}

/** The kept address as the console listens on it. */
export function lastConsoleListener(dataDir: string): Listener | null {
  try {
    const text = readFileSync(join(dataDir, ADDRESS_FILE), "utf8").trim();
    const match = /^http:\/\/(127\.\d+\.\d+\.\d+|localhost|\[::1\]):(\d{1,5})\/?$/.exec(text);
    if (match === null) return null;
    const [, host = "", port = "80"] = match;
    return { address: host.replace(/[[\]]/g, ""), port: Number(port) };
  } catch {
    return null;
  }
}

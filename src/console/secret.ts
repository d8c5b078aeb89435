// The console's secret: 32 random bytes that whoever can read the node's data folder may show to
// act. It is made once and kept, so that an address that somebody noted goes on working.
import { randomBytes } from "node:crypto";
import { chmodSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export const SECRET_FILE = "console-secret";
const SECRET_BYTES = 32;
const SECRET_PATTERN = /^[\w-]{43}$/;

/**
 * The secret of a data folder, made when absent or damaged. The file is readable by its owner
 * only. Throws what the file system says when it can't be written.
 */
export function consoleSecret(dataDir: string): string {
  const path = join(dataDir, SECRET_FILE);
  const kept = readSecret(path);
  if (kept !== null) {
    // Not asked of a folder that may have become read-only.
    if ((statSync(path).mode & 0o777) !== 0o600) chmodSync(path, 0o600);
    return kept;
  }
  const secret = passingSecret();
  writeFileSync(path, `${secret}\n`, { mode: 0o600 });
  // `mode` counts for a new file only; a damaged one keeps its own until now.
  chmodSync(path, 0o600);
  return secret;
}

/** One that is kept nowhere. */
export function passingSecret(): string {
  return randomBytes(SECRET_BYTES).toString("base64url");
}

/** The secret of a running node's data folder for `stopline reload`, or null when there is none. */
export function readConsoleSecret(dataDir: string): string | null {
  return readSecret(join(dataDir, SECRET_FILE));
}

function readSecret(path: string): string | null {
  try {
    const text = readFileSync(path, "utf8").trim();
    return SECRET_PATTERN.test(text) ? text : null;
  } catch {
    return null;
  }
}

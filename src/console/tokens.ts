// Tokens for logins over the network: 256 random bits each, shown once and kept only as SHA-256,
// with the name, role and node that they are good for, in a file of the data folder. The running
// node reads the file anew when it has changed, so a token is made and revoked beside it.
import { createHash, randomBytes } from "node:crypto";
import { readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export type TokenRole = "reader" | "operator";

export interface Token {
  /** Whom the log names as the author of what it orders. */
  readonly name: string;
  readonly role: TokenRole;
  /** `region/zone/id`: no other node takes it. */
  readonly node: string;
  /** SHA-256 of the token, hex. */
  readonly sha256: string;
  readonly madeMs: number;
  readonly expiresMs: number;
  readonly revokedMs: number | null;
}

/** What can't be done with tokens, in one line. */
export class TokenError extends Error {
  override readonly name = "TokenError";
}

export const TOKENS_FILE = "console-tokens.json";
/** No token lives longer (MESH section 2). */
export const MAX_TOKEN_DAYS = 90;
const MAX_TOKENS = 100;
const DAY_MS = 86_400_000;
const TOKEN_BYTES = 32;
const TOKEN_PATTERN = /^[\w-]{43}$/;
const NAME_PATTERN = /^[a-z0-9][a-z0-9-]{0,31}$/;
/** Whose orders the log puts down to the console on the board itself. */
const CONSOLE_NAME = "console";

export function tokenHash(token: string): string {
  return createHash("sha256").update(token).digest("hex");
}

/** True for what can be a token by its form; anything else is not worth a hash. */
export function isToken(text: unknown): text is string {
  return typeof text === "string" && TOKEN_PATTERN.test(text);
}

function isEntry(value: unknown): value is Token {
  const entry = value as Partial<Token> | null;
  return (
    typeof entry?.name === "string" &&
    (entry.role === "reader" || entry.role === "operator") &&
    typeof entry.node === "string" &&
    typeof entry.sha256 === "string" &&
    typeof entry.madeMs === "number" &&
    typeof entry.expiresMs === "number" &&
    (entry.revokedMs === null || typeof entry.revokedMs === "number")
  );
}

/** All tokens of a data folder; none where the file is absent. A `TokenError` for a damaged one. */
export function readTokens(dataDir: string): Token[] {
  const path = join(dataDir, TOKENS_FILE);
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw new TokenError(`${path}: ${(error as Error).message}`, { cause: error });
  }
  try {
    const value: unknown = JSON.parse(text);
    if (Array.isArray(value) && value.every(isEntry)) return value;
  } catch {
    // Said below like any other damage.
  }
  throw new TokenError(`${path} is damaged; remove it and make new tokens`);
}

function writeTokens(dataDir: string, tokens: readonly Token[]): void {
  const path = join(dataDir, TOKENS_FILE);
  writeFileSync(`${path}.new`, `${JSON.stringify(tokens, null, 1)}\n`, { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

export interface TokenRequest {
  readonly name: string;
  readonly role: TokenRole;
  readonly node: string;
  readonly days: number;
  readonly nowMs: number;
}

/** Makes a token and gives its text: the only time that anybody sees it. */
export function addToken(dataDir: string, request: TokenRequest): string {
  const { name, role, node, days, nowMs } = request;
  if (!NAME_PATTERN.test(name) || name === CONSOLE_NAME) {
    throw new TokenError(`'${name}' is no name; a-z, 0-9 and -, up to 32, and not ${CONSOLE_NAME}`);
  }
  if (!Number.isInteger(days) || days < 1 || days > MAX_TOKEN_DAYS) {
    throw new TokenError(`a token lives 1 to ${MAX_TOKEN_DAYS} days`);
  }
  const tokens = readTokens(dataDir).filter(({ expiresMs }) => expiresMs > nowMs);
  if (tokens.some((entry) => entry.name === name && entry.revokedMs === null)) {
    throw new TokenError(`there is a token of ${name}; revoke it first`);
  }
  if (tokens.length >= MAX_TOKENS) throw new TokenError(`there are ${MAX_TOKENS} tokens already`);
  const token = randomBytes(TOKEN_BYTES).toString("base64url");
  const entry = { name, role, node, sha256: tokenHash(token), madeMs: nowMs };
  const expiresMs = nowMs + days * DAY_MS;
  writeTokens(dataDir, [...tokens, { ...entry, expiresMs, revokedMs: null }]);
  return token;
}

/** From now on it opens nothing, and the sessions that it opened end within seconds. */
export function revokeToken(dataDir: string, name: string, nowMs: number): void {
  const tokens = readTokens(dataDir);
  const isLive = (entry: Token): boolean => entry.name === name && entry.revokedMs === null;
  if (!tokens.some(isLive)) throw new TokenError(`there is no token of ${name}`);
  writeTokens(
    dataDir,
    tokens.map((entry) => (isLive(entry) ? { ...entry, revokedMs: nowMs } : entry)),
  );
}

/** Reads the file when it has changed; a damaged one opens nothing. */
export class TokenFile {
  readonly #dataDir: string;
  readonly #onTrouble: (text: string) => void;
  #stamp = "";
  #tokens: readonly Token[] = [];

  constructor(dataDir: string, onTrouble: (text: string) => void) {
    this.#dataDir = dataDir;
    this.#onTrouble = onTrouble;
  }

  tokens(): readonly Token[] {
    const stamp = this.#fileStamp();
    if (stamp === this.#stamp) return this.#tokens;
    this.#stamp = stamp;
    try {
      this.#tokens = readTokens(this.#dataDir);
    } catch (error) {
      if (!(error instanceof TokenError)) throw error;
      this.#tokens = [];
      this.#onTrouble(error.message);
    }
    return this.#tokens;
  }

  #fileStamp(): string {
    try {
      const { mtimeMs, size, ino } = statSync(join(this.#dataDir, TOKENS_FILE));
      return `${mtimeMs} ${size} ${ino}`;
    } catch {
      return "none";
    }
  }
}

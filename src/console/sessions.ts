// Sessions of people who have logged in over the network, in memory alone: a restart logs everybody
// out. A token becomes a session, and its random name goes into a cookie; the token itself is shown
// again for what moves the whole junction. Pure but for randomness: clocks come from outside.
import { createHash, randomBytes } from "node:crypto";
import { isToken, type Token, type TokenRole, tokenHash } from "./tokens.ts";
import { Tries } from "./tries.ts";

/** A session's length, and how long it may be idle (MESH section 2). */
export const SESSION_MS = 8 * 3_600_000;
export const IDLE_MS = 30 * 60_000;
/** A token shown again counts for this long. */
export const CONFIRM_MS = 60_000;
/** The console is for a few people. */
const MAX_SESSIONS = 32;
/** Wrong tokens from one address, and logins with one token, within TRIES_MS. */
const TRIES_MS = 10 * 60_000;
const WRONG_PER_ADDRESS = 10;
const LOGINS_PER_TOKEN = 20;

export interface Session {
  readonly name: string;
  readonly role: TokenRole;
  /** True within a minute after the token was shown again. */
  isConfirmed(): boolean;
  /** Somebody does something: it is not idle. */
  touch(): void;
  /** Called once when it ends. */
  onEnd(run: () => void): void;
}

export interface SessionPorts {
  readonly tokens: () => readonly Token[];
  /** `region/zone/id` of this node. */
  readonly node: string;
  /** Wall time for tokens; a session counts on the monotonic clock. */
  readonly wallMs: () => number;
  readonly monoMs: () => number;
  readonly clockSure: () => boolean;
}

export type LoginAnswer =
  | { readonly ok: true; readonly cookie: string; readonly session: Session }
  | { readonly ok: false; readonly status: 401 | 429 | 503; readonly reason: string };

interface Open {
  readonly session: Session;
  readonly sha256: string;
  readonly bornMs: number;
  readonly ends: (() => void)[];
  seenMs: number;
  confirmedMs: number;
}

const WRONG = { ok: false, status: 401, reason: "this token opens nothing here" } as const;
const TOO_MANY = { ok: false, status: 429, reason: "too many tries; wait ten minutes" } as const;
const UNSURE = {
  ok: false,
  status: 503,
  reason: "the node's clock is unsure: nobody logs in over the network",
} as const;
const FULL = { ok: false, status: 503, reason: "too many sessions" } as const;

export class Sessions {
  readonly #ports: SessionPorts;
  /** By the SHA-256 of the cookie's value. */
  readonly #open = new Map<string, Open>();
  readonly #wrong: Tries;
  readonly #logins: Tries;

  constructor(ports: SessionPorts) {
    this.#ports = ports;
    this.#wrong = new Tries(WRONG_PER_ADDRESS, TRIES_MS);
    this.#logins = new Tries(LOGINS_PER_TOKEN, TRIES_MS);
  }

  get size(): number {
    return this.#open.size;
  }

  /** A token for a session, or why not. */
  login(shown: unknown, address: string): LoginAnswer {
    const found = this.#judge(shown, address);
    if ("ok" in found) return found;
    this.sweep();
    if (this.#open.size >= MAX_SESSIONS) return FULL;
    const cookie = randomBytes(32).toString("base64url");
    const session = this.#begin(hashOf(cookie), found);
    return { ok: true, cookie, session };
  }

  /** The session's own token once more, or why not; null when it is confirmed. */
  confirm(
    cookie: string,
    shown: unknown,
    address: string,
  ): Extract<LoginAnswer, { ok: false }> | null {
    const open = this.#open.get(hashOf(cookie));
    const found = this.#judge(shown, address);
    if ("ok" in found) return found;
    if (open === undefined || open.sha256 !== found.sha256) return WRONG;
    open.confirmedMs = this.#ports.monoMs();
    return null;
  }

  /** The session of a cookie while it lasts; asking for it makes it less idle. */
  find(cookie: string | null): Session | null {
    if (cookie === null) return null;
    const key = hashOf(cookie);
    const open = this.#open.get(key);
    if (open === undefined) return null;
    if (this.#isOver(open)) {
      this.#end(key);
      return null;
    }
    open.session.touch();
    return open.session;
  }

  logout(cookie: string): void {
    this.#end(hashOf(cookie));
  }

  /** Ends what is over: by time, by its token's expiry, by revocation. */
  sweep(): void {
    for (const [key, open] of this.#open) if (this.#isOver(open)) this.#end(key);
  }

  close(): void {
    for (const key of this.#open.keys()) this.#end(key);
  }

  #judge(shown: unknown, address: string): Token | Extract<LoginAnswer, { ok: false }> {
    const { clockSure, monoMs } = this.#ports;
    if (!clockSure()) return UNSURE;
    if (this.#wrong.isOver(address, monoMs())) return TOO_MANY;
    const token = isToken(shown) ? this.#tokenOf(tokenHash(shown)) : null;
    if (token === null) {
      this.#wrong.add(address, monoMs());
      return WRONG;
    }
    if (this.#logins.isOver(token.sha256, monoMs())) return TOO_MANY;
    this.#logins.add(token.sha256, monoMs());
    return token;
  }

  /** By its hash: what can be learnt from how long the look-up takes is a hash, of no use. */
  #tokenOf(sha256: string): Token | null {
    const { tokens, node, wallMs } = this.#ports;
    const token = tokens().find((entry) => entry.sha256 === sha256);
    if (token === undefined || token.revokedMs !== null || token.node !== node) return null;
    return token.expiresMs > wallMs() ? token : null;
  }

  #begin(key: string, { name, role, sha256 }: Token): Session {
    const { monoMs } = this.#ports;
    const bornMs = monoMs();
    const session: Session = {
      name,
      role,
      isConfirmed: () => monoMs() - open.confirmedMs <= CONFIRM_MS,
      touch: () => {
        open.seenMs = monoMs();
      },
      onEnd: (run) => open.ends.push(run),
    };
    const confirmedMs = Number.NEGATIVE_INFINITY;
    const open: Open = { session, sha256, bornMs, ends: [], seenMs: bornMs, confirmedMs };
    this.#open.set(key, open);
    return session;
  }

  #isOver({ bornMs, seenMs, sha256 }: Open): boolean {
    const nowMs = this.#ports.monoMs();
    if (nowMs - bornMs >= SESSION_MS || nowMs - seenMs >= IDLE_MS) return true;
    return this.#tokenOf(sha256) === null;
  }

  #end(key: string): void {
    const open = this.#open.get(key);
    this.#open.delete(key);
    for (const run of open?.ends ?? []) run();
  }
}

function hashOf(cookie: string): string {
  return createHash("sha256").update(cookie).digest("hex");
}

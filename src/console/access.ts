// Who may talk to the console, by pure functions of a request's headers; on the network a login
// comes on top. A page of another origin in the same browser can neither read nor act:
// - `Host` must be a listed literal, so a name that somebody else's DNS points at us (rebinding)
//   gets nothing;
// - `Origin` must be there and be our own on a WebSocket and on every request but GET;
// - a GET that the browser itself marks as coming from another site is refused as well.
import { createHash, timingSafeEqual } from "node:crypto";

/** The headers that decide, as node:http gives them. */
export interface RequestFacts {
  readonly method: string;
  readonly upgrade: boolean;
  readonly host: string | undefined;
  readonly origin: string | undefined;
  /** `Sec-Fetch-Site` and `Sec-Fetch-Mode`: set by the browser, out of a page's reach. */
  readonly fetchSite: string | undefined;
  readonly fetchMode: string | undefined;
}

/** Status and words of a refusal. */
export interface Refusal {
  readonly status: number;
  readonly reason: string;
}

const LOOPBACK_NAMES = ["127.0.0.1", "localhost", "[::1]"];

/** The values of `Host` that a console on `address` and `port` answers to. */
export function allowedHosts(address: string, port: number): string[] {
  const own = address.includes(":") ? `[${address}]` : address;
  const names = [...new Set([...LOOPBACK_NAMES, own])];
  return names.flatMap((name) => (port === 80 ? [name, `${name}:80`] : [`${name}:${port}`]));
}

/** The same for a console on the network: only the names that the site file lists. */
export function listedHosts(names: readonly string[], port: number): string[] {
  return names.flatMap((name) => (port === 443 ? [name, `${name}:443`] : [`${name}:${port}`]));
}

/** Where a console listens, and whom it knows. */
export interface Place {
  /** What `Host` may be. */
  readonly hosts: readonly string[];
  readonly scheme: "http" | "https";
  /** Origins of the corridor's other consoles: their pages may read here and listen, no more. */
  readonly friends: readonly string[];
}

/** Why a request gets no answer, or null. */
export function refusalOf(facts: RequestFacts, { hosts, scheme, friends }: Place): Refusal | null {
  const { host } = facts;
  if (host === undefined || !hosts.includes(host.toLowerCase())) {
    return {
      status: 421,
      reason: `this console answers only to ${hosts.join(", ")}; tunnel with the same port`,
    };
  }
  if (!facts.upgrade && facts.method !== "GET" && facts.method !== "POST") {
    return { status: 405, reason: "only GET and POST are known here" };
  }
  if (isFriend(facts, friends)) return null;
  return originRefusal(facts, `${scheme}://${host.toLowerCase()}`);
}

/** True where a page of the corridor reads, or opens a WebSocket to listen. */
export function isFriend(
  { method, origin }: Pick<RequestFacts, "method" | "origin">,
  friends: readonly string[],
): boolean {
  return method === "GET" && origin !== undefined && friends.includes(origin);
}

function originRefusal(facts: RequestFacts, own: string): Refusal | null {
  const { origin } = facts;
  const needed = facts.upgrade || facts.method !== "GET";
  if (needed && origin !== own) {
    return { status: 403, reason: "the Origin header is absent or another one" };
  }
  if (origin !== undefined && origin !== own) {
    return { status: 403, reason: "a page of another origin may not read here" };
  }
  const foreign = facts.fetchSite === "cross-site" || facts.fetchSite === "same-site";
  if (foreign && facts.fetchMode !== "navigate") {
    return { status: 403, reason: "a page of another site may not read here" };
  }
  return null;
}

/** Compares a shown secret with the kept one in constant time, whatever their lengths. */
export function sameSecret(shown: string, kept: string): boolean {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(shown), digest(kept));
}

/** The secret in `Authorization: Bearer …`, or null. */
export function bearerOf(header: string | undefined): string | null {
  return /^Bearer ([\w-]{1,128})$/.exec(header ?? "")?.[1] ?? null;
}

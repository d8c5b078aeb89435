// Who may do what (MESH section 4). Under `stopline/` the role decides: readers read, an operator
// also gives commands, a detector's client publishes its detector; `deny` only tightens. All other
// topics are granted by the site file's `acl` lists alone. Pure but for the secret's comparison.
import { createHash, timingSafeEqual } from "node:crypto";
import type { SiteModel } from "../core/site/model.ts";
import type { Role } from "../trust/identity.ts";
import { COMMAND_FILTER, inboundTopic, STOPLINE_ROOT, topicsOf } from "../wire/topics.ts";
import { covers, fitsPattern, matches } from "./filters.ts";

export type Via = "mqtt" | "console";

/** One connected client, from its CONNECT on. */
export interface Peer {
  readonly id: string;
  readonly role: Role;
  readonly via: Via;
  readonly clean: boolean;
  readonly rules: Rules;
  /** Filters granted in this connection. */
  readonly granted: Set<string>;
}

/** The `acl` lists that fit a client's id. */
export interface Rules {
  readonly publish: readonly string[];
  readonly subscribe: readonly string[];
  readonly deny: readonly string[];
}

/** What becomes of a PUBLISH. */
export type PublishRule =
  | { readonly kind: "publish" }
  | { readonly kind: "command"; readonly id: string }
  | { readonly kind: "detector"; readonly detector: number }
  | { readonly kind: "refused"; readonly reason: string };

const READABLE = `${STOPLINE_ROOT}#`;

export class Access {
  readonly #site: SiteModel;
  readonly #topics: ReturnType<typeof topicsOf>;
  readonly #secret: Buffer;

  constructor(site: SiteModel, secret: string) {
    this.#site = site;
    this.#topics = topicsOf(site.node);
    this.#secret = digest(secret);
  }

  /**
   * The role of a login, or null where it is wrong: no user name is a reader (or what the console
   * server vouched for), `operator` needs the console secret.
   */
  login(user: string | undefined, password: Buffer | undefined, vouched: Role): Role | null {
    if (user === undefined || user === "") return vouched;
    if (user !== "operator" || password === undefined) return null;
    return timingSafeEqual(digest(password), this.#secret) ? "operator" : null;
  }

  rules(clientId: string): Rules {
    const fitting = this.#site.broker.acl.filter((entry) => fitsPattern(entry.client, clientId));
    return {
      publish: fitting.flatMap((entry) => entry.publish),
      subscribe: fitting.flatMap((entry) => entry.subscribe),
      deny: fitting.flatMap((entry) => entry.deny),
    };
  }

  /** An allowed filter covers it and no `deny` filter does. Only the node hears commands. */
  maySubscribe(peer: Peer, filter: string): boolean {
    return this.#mayRead(peer.rules, filter);
  }

  /** The same for a kept session whose client is away: the site file may have changed since. */
  mayKeep(clientId: string, filter: string): boolean {
    return this.#mayRead(this.rules(clientId), filter);
  }

  #mayRead({ subscribe, deny }: Rules, filter: string): boolean {
    if (filter.startsWith("$")) return false;
    if ([COMMAND_FILTER, ...deny].some((denied) => covers(denied, filter))) return false;
    return covers(READABLE, filter) || subscribe.some((wide) => covers(wide, filter));
  }

  /** Checked for every delivery: a granted `#` doesn't deliver what is denied. */
  mayReceive(peer: Peer, topic: string): boolean {
    if (topic.startsWith("$")) return false;
    return !peer.rules.deny.some((denied) => matches(denied, topic));
  }

  publishRule(peer: Peer, topic: string): PublishRule {
    if (topic.startsWith("$")) return { kind: "refused", reason: "system topic" };
    if (peer.rules.deny.some((denied) => matches(denied, topic))) {
      return { kind: "refused", reason: "denied topic" };
    }
    if (topic.startsWith(STOPLINE_ROOT)) return this.#ownTopicRule(peer, topic);
    const granted = peer.rules.publish.some((filter) => matches(filter, topic));
    return granted ? { kind: "publish" } : { kind: "refused", reason: "topic not granted" };
  }

  #ownTopicRule(peer: Peer, topic: string): PublishRule {
    const inbound = inboundTopic(this.#topics, topic);
    if (inbound?.kind === "command") return inbound;
    if (inbound?.kind === "detector" && this.#feeds(peer.id, inbound.detector)) return inbound;
    return { kind: "refused", reason: "topic of the node" };
  }

  #feeds(clientId: string, detector: number): boolean {
    const source = this.#site.detectors.find((entry) => entry.detector === detector)?.mqtt;
    return source !== null && source !== undefined && fitsPattern(source.client, clientId);
  }

  /**
   * A will is checked when it is left, not when it is too late to say so. Commands and detectors
   * are no such messages: a last will is neither given nor seen by anybody.
   */
  mayLeaveWill(peer: Peer, topic: string): boolean {
    return this.publishRule(peer, topic).kind === "publish";
  }
}

/** Equal length for the comparison, whatever the password's. */
function digest(secret: string | Buffer): Buffer {
  return createHash("sha256").update(secret).digest();
}

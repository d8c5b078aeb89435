// Who may do what (MESH section 4). Under `stopline/` the role decides: readers read, an operator
// also gives commands, a detector's client publishes its detector; `deny` only tightens. All other
// topics are granted by the site file's `acl` lists alone. Pure but for the secret's comparison.
import { createHash, timingSafeEqual } from "node:crypto";
import { fitsPattern } from "../core/site/client-pattern.ts";
import type { SiteModel } from "../core/site/model.ts";
import type { Priority } from "../trust/certificate.ts";
import { type Identity, ROLES, type Role } from "../trust/identity.ts";
import { COMMAND_FILTER, inboundTopic, STOPLINE_ROOT, topicsOf } from "../wire/topics.ts";
import { type Allowance, roleOfId } from "./allowances.ts";
import { covers, matches } from "./filters.ts";
import type { Visitor } from "./zones.ts";

export type Via = "mqtt" | "console";

/** Somebody who has logged in to the console over the network. */
export interface PeerSession {
  readonly name: string;
  /** True within a minute after the token was shown again. */
  isConfirmed(): boolean;
  /** Something was done: the session is not idle. */
  touch(): void;
}

/** One connected client, from its CONNECT on. */
export interface Peer {
  readonly id: string;
  readonly role: Role;
  /** The name in the certificate that it showed; null on this machine, where it needs none. */
  readonly name: string | null;
  /** What its certificate grants; none where it is left out. */
  readonly priority?: Priority;
  /** Of the console on the network; null or left out for all others. */
  readonly session?: PeerSession | null;
  readonly via: Via;
  readonly clean: boolean;
  readonly rules: Rules;
  /** What it may take up; left out it is what the broker gives everybody. */
  readonly allowance?: Allowance;
  /** Filters granted in this connection. */
  readonly granted: Set<string>;
  /** Where it is, for a role that zones name; else null or left out. */
  readonly visitor?: Visitor | null;
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
  | { readonly kind: "vehicle" }
  | { readonly kind: "refused"; readonly reason: string };

const READABLE = `${STOPLINE_ROOT}#`;
/** What a vehicle or a sensor needs of a node. */
const OUTDOORS = ["spat", "map", "health", "aggregate"].map(
  (topicClass) => `stopline/1/+/+/+/${topicClass}/#`,
);
/**
 * And the answers to what it asks: the id of a command is a secret of 128 bits, which a wildcard in
 * its place would give away.
 */
const ONE_REPLY = /^stopline\/1\/[^/]+\/[^/]+\/[^/]+\/reply\/[^+#/]+(\/[^/]+)*$/;

/** Topics that are remembered for a client; a node has some dozens with all its detectors. */
const MAX_KNOWN = 100;

/** Client ids that say who it is, and that only whoever shows that certificate may have. */
const NAMED = new RegExp(`^(?:${ROLES.join("|")}):`);

/**
 * True for `role:id`, and for `role:id:` with anything behind it: one certificate may have several
 * connections.
 */
function namesItself(clientId: string, { role, id }: Identity): boolean {
  const own = `${role}:${id}`;
  return clientId === own || clientId.startsWith(`${own}:`);
}

export class Access {
  readonly #site: SiteModel;
  readonly #topics: ReturnType<typeof topicsOf>;
  readonly #secret: Buffer;
  /** Own topics by whether no `deny` of these rules fits: asked for every delivery. */
  readonly #open = new WeakMap<Rules, Map<string, boolean>>();

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

  /** Why a client can't have that id, or null. `identity`: of the certificate that it showed. */
  idRefusal(clientId: string, identity: Identity | null): string | null {
    if (identity === null) return NAMED.test(clientId) ? "client id of a certificate" : null;
    return namesItself(clientId, identity) ? null : "client id of another";
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
    return this.#mayRead(peer.role, peer.rules, filter);
  }

  /** The same for a kept session whose client is away: the site file may have changed since. */
  mayKeep(clientId: string, filter: string): boolean {
    return this.#mayRead(roleOfId(clientId), this.rules(clientId), filter);
  }

  #mayRead(role: Role, { subscribe, deny }: Rules, filter: string): boolean {
    if (filter.startsWith("$")) return false;
    if ([COMMAND_FILTER, ...deny].some((denied) => covers(denied, filter))) return false;
    const isOutdoors = role === "vehicle" || role === "sensor";
    if (isOutdoors && ONE_REPLY.test(filter)) return true;
    const readable = isOutdoors ? OUTDOORS : [READABLE];
    return [...readable, ...subscribe].some((wide) => covers(wide, filter));
  }

  /** Checked for every delivery: a granted `#` doesn't deliver what is denied. */
  mayReceive(peer: Peer, topic: string): boolean {
    const { rules } = peer;
    const open = this.#open.get(rules) ?? new Map<string, boolean>();
    const known = open.get(topic);
    if (known !== undefined) return known;
    const isOpen = !topic.startsWith("$") && !rules.deny.some((denied) => matches(denied, topic));
    // Of others' topics there are as many as they like.
    if (topic.startsWith(this.#topics.prefix) && open.size < MAX_KNOWN) {
      this.#open.set(rules, open.set(topic, isOpen));
    }
    return isOpen;
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
    if (inbound?.kind === "detector" && this.#feeds(peer, inbound.detector)) return inbound;
    if (inbound?.kind === "vehicle" && reportsAs(peer, inbound.vehicle)) return { kind: "vehicle" };
    return { kind: "refused", reason: "topic of the node" };
  }

  /** With a certificate it is a sensor of that name; on this machine its client id is enough. */
  #feeds({ id, name, role }: Peer, detector: number): boolean {
    const source = this.#site.detectors.find((entry) => entry.detector === detector)?.mqtt;
    if (source === null || source === undefined) return false;
    if (name === null) return fitsPattern(source.client, id);
    return role === "sensor" && fitsPattern(source.client, name);
  }

  /**
   * A will is checked when it is left, not when it is too late to say so. Commands and detectors
   * are no such messages: a last will is neither given nor seen by anybody.
   */
  mayLeaveWill(peer: Peer, topic: string): boolean {
    return this.publishRule(peer, topic).kind === "publish";
  }
}

/** A vehicle, or who else has to say where it is, under the name in its own certificate. */
function reportsAs({ name, role, visitor }: Peer, vehicle: string): boolean {
  return name === vehicle && (role === "vehicle" || visitor != null);
}

/** Equal length for the comparison, whatever the password's. */
function digest(secret: string | Buffer): Buffer {
  return createHash("sha256").update(secret).digest();
}

// What the broker counts, as plain numbers for `/metrics` and the console's health.

export interface BrokerCounters {
  /** Connections open now; `accepted` since the start, after their CONNACK. */
  readonly connections: number;
  readonly accepted: number;
  /** Closed or turned away, by reason. */
  readonly refused: Readonly<Record<string, number>>;
  /** `event_dropped_total{class,reason}`: messages that did not go to somebody who wanted them. */
  readonly dropped: readonly {
    readonly class: string;
    readonly reason: string;
    readonly count: number;
  }[];
  /** Times a client's socket was read later because it sent too fast. */
  readonly throttled: number;
  /** PUBLISH packets taken from clients. */
  readonly messagesIn: number;
  /** Own messages published, by class. */
  readonly published: Readonly<Record<string, number>>;
  readonly commands: { readonly accepted: number; readonly refused: number };
  /** Granted filters of connected clients. */
  readonly subscriptions: number;
  /** Kept sessions, connected or not, and what waits in them. */
  readonly sessions: number;
  readonly queuedMessages: number;
  readonly retainedMessages: number;
  /** Commits of what is kept, and why the disk does not take them at present, or null. */
  readonly diskCommits: number;
  readonly diskTrouble: string | null;
}

/** Distinct reasons are few by construction; this bounds them should that ever be wrong. */
const MAX_LABELS = 100;

export class Tally {
  readonly #counts = new Map<string, number>();

  add(label: string, count = 1): void {
    const key = this.#counts.has(label) || this.#counts.size < MAX_LABELS ? label : "other";
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + count);
  }

  entries(): [string, number][] {
    return [...this.#counts];
  }

  toRecord(): Record<string, number> {
    return Object.fromEntries(this.#counts);
  }
}

/** The counters while they run. */
export class Counting {
  connections = 0;
  accepted = 0;
  throttled = 0;
  messagesIn = 0;
  commandsAccepted = 0;
  commandsRefused = 0;
  readonly refused = new Tally();
  readonly published = new Tally();
  readonly #dropped = new Tally();

  /** One message of a class that did not go out. */
  drop(kind: string, reason: string, count = 1): void {
    this.#dropped.add(`${kind}|${reason}`, count);
  }

  snapshot(stores: {
    subscriptions: number;
    sessions: number;
    queuedMessages: number;
    retainedMessages: number;
    diskCommits: number;
    diskTrouble: string | null;
  }): BrokerCounters {
    return {
      connections: this.connections,
      accepted: this.accepted,
      refused: this.refused.toRecord(),
      dropped: this.#dropped.entries().map(([label, count]) => {
        const [kind = "other", reason = "other"] = label.split("|");
        return { class: kind, reason, count };
      }),
      throttled: this.throttled,
      messagesIn: this.messagesIn,
      published: this.published.toRecord(),
      commands: { accepted: this.commandsAccepted, refused: this.commandsRefused },
      ...stores,
    };
  }
}

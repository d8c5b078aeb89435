// Own changes on their way into the replicas and out to others. While this node may not share yet
// they wait in its own state, and the first part of the incarnation states them all.
import { leaseNow } from "../core/state/lease.ts";
import { BoundError, type Change, type Part } from "../core/state/part.ts";
import type { Replica } from "../core/state/replica.ts";
import type { StreamId } from "../core/state/schema.ts";
import { LogState } from "../log/fold.ts";
import type { Envelope } from "../wire/envelope.ts";
import { decodeEcho } from "../wire/mesh-messages.ts";
import { decodeParts } from "../wire/part.ts";
import type { Birth } from "./birth.ts";
import type { LinkScope } from "./link.ts";
import type { MeshNow, Traces } from "./mesh-types.ts";
import type { Outbox } from "./out.ts";
import { OwnState } from "./own-state.ts";
import type { ZoneScope } from "./zone.ts";

export interface SharingDoors {
  readonly id: string;
  readonly out: Outbox;
  readonly birth: Birth;
  readonly replicas: readonly [Replica, Replica, Replica, Replica];
  readonly link: LinkScope;
  readonly zone: ZoneScope;
}

/** What own state owes to others is looked for so often. */
const OWED_EVERY_MS = 1_000;
/** Different refusals of own state that are logged. */
const MAX_FAULTS = 64;

export class Sharing {
  readonly #doors: SharingDoors;
  own = new OwnState(new LogState());
  #owedMs = Number.NEGATIVE_INFINITY;
  /** Faults of own state that were logged. */
  readonly #faults = new Set<string>();

  constructor(doors: SharingDoors) {
    this.#doors = doors;
  }

  /** A new incarnation begins: all that this node contributes is stated anew. */
  open(now: MeshNow): void {
    const { birth, replicas, zone, link, id } = this.#doors;
    const { incarnation } = birth;
    for (const replica of replicas) {
      const begun = replica.version(id) !== null;
      const part = begun
        ? replica.raise(incarnation, leaseNow(now))
        : this.#begin(replica, incarnation, now);
      if (part.stream >= 2) zone.own.opened(part, now);
    }
    link.opened(now);
  }

  #begin(replica: Replica, incarnation: number, now: MeshNow): Part {
    try {
      return replica.begin(incarnation, this.own.whole(replica.stream), leaseNow(now));
    } catch (error) {
      if (!(error instanceof BoundError)) throw error;
      this.#beyond(error, replica.stream);
      return replica.begin(incarnation, [], leaseNow(now));
    }
  }

  /** Own changes of one stream, as one dot. */
  change(stream: StreamId, changes: readonly Change[], now: MeshNow, traces?: Traces): void {
    if (changes.length === 0) return;
    const { birth, out, replicas } = this.#doors;
    if (birth.state !== "sharing") {
      if (birth.state !== "asking") out.count("not-sharing");
      return;
    }
    try {
      this.#tell(replicas[stream].change(changes, leaseNow(now)), now, traces);
    } catch (error) {
      if (!(error instanceof BoundError)) throw error;
      // Nothing of the dot was applied: what fits alone is told alone.
      if (changes.length === 1) this.#beyond(error, stream);
      else for (const change of changes) this.change(stream, [change], now);
    }
  }

  #tell(part: Part, now: MeshNow, traces?: Traces): void {
    if (part.stream < 2) this.#doors.link.changed(part, now, traces);
    else this.#doors.zone.own.changed(part, now);
  }

  /** State larger than its bound is refused here, where it is written, and said once. */
  #beyond(error: BoundError, stream: StreamId): void {
    this.#doors.out.count("beyond-bound");
    const fault = `${stream} ${error.message}`;
    if (this.#faults.has(fault) || this.#faults.size >= MAX_FAULTS) return;
    this.#faults.add(fault);
    const text = `a change of stream ${stream} is beyond its bound: ${error.message}`;
    this.#doors.out.log({ kind: "fault", body: ["shared state", true, text] });
  }

  /** What this node should say because of what others said of it, and leases that ran out. */
  tick(now: MeshNow): void {
    const { id, birth, replicas } = this.#doors;
    if (birth.state !== "sharing" || now.monoMs - this.#owedMs < OWED_EVERY_MS) return;
    this.#owedMs = now.monoMs;
    for (const replica of replicas) {
      this.change(replica.stream, replica.owed(leaseNow(now)), now);
    }
    // Also what was committed while this node took a new incarnation.
    const said = replicas[2].keys("revocations", id);
    if (said.length >= this.own.revocations.size) return;
    for (const change of this.own.revoked(new Set(said))) this.change(2, [change], now);
  }

  /** What a neighbour remembers that this node said: its counts never step back behind that. */
  echoed({ payload }: Envelope, now: MeshNow): void {
    const { id, birth, replicas } = this.#doors;
    const { incarnation, parts } = decodeEcho(payload);
    for (const { part } of decodeParts(parts, { origin: id, incarnation })) {
      if (part.stream !== 1) continue;
      const { kind } = replicas[1].join(part, leaseNow(now));
      if (kind === "superseded") birth.answered(part.incarnation, null, now);
      const earlier = birth.state === "asking" || incarnation < birth.incarnation;
      // Of this very incarnation only what stands under it is older than it.
      const ops = earlier ? part.ops : part.ops.filter(([field]) => Number(field) < 0);
      this.change(1, this.own.echoed(ops), now);
    }
  }
}

// What this node says of itself, as changes of its replicas: phases as the control thread tells
// them, and what coordination needs (own-corridor); counts, faults, acknowledgements, revocations
// and wishes from the committed rows of its own log.
// Nothing that depends on the log is said before its commit, so what was said is never taken back.

import type { Hlc } from "../core/state/hlc.ts";
import type { Change, Op } from "../core/state/part.ts";
import { FIELDS, KEY_TEXT_MAX, type StreamId } from "../core/state/schema.ts";
import type { LogRow } from "../log/events.ts";
import type { LogState } from "../log/fold.ts";
import type { KeptOrder } from "../log/fold-shared.ts";
import type { ZoneSlot } from "../wire/zone-order.ts";
import { PREDICTION_EVERY_MS, PREDICTION_STEP_MS } from "./limits.ts";
import type { LogPosition, MeshNow } from "./mesh-types.ts";
import { OwnCorridor } from "./own-corridor.ts";
import { UNKNOWN_HASH } from "./recovery.ts";
import { phasesOf, planOf, type ToldPhases } from "./told-phases.ts";

/** A fault's words, short enough for the field's bound however they encode. */
const MAX_FAULT_TEXT = 128;

interface Told {
  display: number;
  endWallMs: number | null;
  atMs: number;
}

export class OwnState {
  readonly corridor: OwnCorridor;
  readonly #state: LogState;
  readonly #phases = new Map<number, Told>();
  /** What faults are standing in the replica, and acknowledgements. */
  readonly #faults = new Set<string>();
  readonly #acknowledged = new Set<string>();
  /** Vehicles by detector: counted before this start, as far as anybody knows, and since. */
  readonly #before = new Map<number, number>();
  readonly #since = new Map<number, number>();

  constructor(state: LogState, corridor = new OwnCorridor()) {
    this.corridor = corridor;
    this.#state = state;
    for (const [channel, { count }] of state.detectors) this.#before.set(channel, count);
  }

  /** The last row of a lost history that came back; its hash is not remembered. */
  recoveredTo(): LogPosition | null {
    const incarnation = Math.max(0, ...this.#state.shared.recovered.keys());
    const seq = this.#state.shared.recovered.get(incarnation);
    return seq === undefined ? null : { incarnation, seq, hash: UNKNOWN_HASH };
  }

  /** The highest stamp that this node ever gave a wish, as far as its log knows. */
  get clock(): Hlc {
    return this.#state.shared.clock;
  }

  /** All that this node contributes to one stream: what a new incarnation begins with. */
  whole(stream: StreamId): Change[] {
    switch (stream) {
      case 0:
        return [
          ...this.corridor.whole(),
          ...[...this.#phases].map(([phase, told]) => phaseChange(phase, told)),
        ];
      case 1:
        return [...this.#channels()].map((channel) => this.#total(channel));
      case 2:
        this.#faults.clear();
        this.#acknowledged.clear();
        return [...this.#standingChanges(), ...this.revoked(new Set()), ...this.#wishes()];
      case 3:
        // Vehicles are seen again soon; what was seen before this start is not known here.
        return [];
      default:
        throw new RangeError(`no stream ${String(stream)}`);
    }
  }

  #wishes(): Change[] {
    return [...this.#state.shared.wishes].slice(0, FIELDS.wish.maxKeys).map(([key, wish]) => ({
      kind: "set",
      field: "wish",
      key: String(key).slice(0, KEY_TEXT_MAX),
      value: wish.value,
      hlc: wish.stamp,
    }));
  }

  /** Phases whose display or prediction changed enough to be worth a message, and the plan. */
  told(told: ToldPhases, now: MeshNow): Change[] {
    const changes = this.corridor.plan(planOf(told), now);
    for (const { phase, display, endWallMs } of phasesOf(told)) {
      const next = { display, endWallMs, atMs: now.monoMs };
      if (!isNews(this.#phases.get(phase), next)) continue;
      this.#phases.set(phase, next);
      changes.push(phaseChange(phase, next));
    }
    return changes;
  }

  /** Rows after their commit: what they change of counts, in stream 1, and of stream 2. */
  committed(rows: readonly LogRow[]): { counted: Change[]; shared: Change[] } {
    const wishes = new Map(this.#state.shared.wishes);
    const moved = new Set<number>();
    for (const row of rows) this.#count(row, moved);
    const counted = [...moved].map((channel) => this.#total(channel));
    const shared = this.#standingChanges();
    for (const [key, wish] of this.#state.shared.wishes) {
      if (wishes.get(key) === wish) continue;
      const name = String(key).slice(0, KEY_TEXT_MAX);
      const { value, stamp } = wish;
      shared.push({ kind: "set", field: "wish", key: name, value, hlc: stamp });
    }
    return { counted, shared };
  }

  /** What the CA signed, by the serial of the certificate. */
  get revocations(): Map<string, Uint8Array> {
    return this.#state.shared.revocations;
  }

  /** The latest order of each slot that this log holds. */
  get orders(): ReadonlyMap<ZoneSlot, KeptOrder> {
    return this.#state.shared.orders;
  }

  /** Revocations that this log holds, but those that are said under these keys. */
  revoked(said: ReadonlySet<unknown>): Change[] {
    const changes: Change[] = [];
    for (const [key, value] of this.revocations) {
      if (!said.has(key)) changes.push({ kind: "add", field: "revocations", key, value });
    }
    return changes;
  }

  #count({ at, kind, body }: LogRow, moved: Set<number>): void {
    const channel = typeof body[1] === "number" ? body[1] : -1;
    const counted = kind === "code" ? (this.#state.detectors.get(channel)?.count ?? 0) : 0;
    this.#state.apply(at, kind, body);
    if (kind === "code") {
      const more = (this.#state.detectors.get(channel)?.count ?? 0) - counted;
      if (more <= 0) return;
      this.#since.set(channel, (this.#since.get(channel) ?? 0) + more);
      moved.add(channel);
    } else if (kind.startsWith("recovered")) {
      // A lost history came back: it counts what others may have remembered already.
      for (const [known, { count }] of this.#state.detectors) {
        if (this.#raiseBefore(known, count - (this.#since.get(known) ?? 0))) moved.add(known);
      }
    }
  }

  /** What a neighbour remembers that an earlier incarnation said: its counts never step back. */
  echoed(ops: readonly Op[]): Change[] {
    const changes: Change[] = [];
    for (const [id, channel, total] of ops) {
      const counted = id === FIELDS.counted.id || id === -1 - FIELDS.counted.id;
      if (!counted || typeof channel !== "number" || typeof total !== "number") continue;
      const known = this.#channels();
      if (!known.has(channel) && known.size >= FIELDS.counted.maxKeys) continue;
      if (this.#raiseBefore(channel, total)) changes.push(this.#total(channel));
    }
    return changes;
  }

  #raiseBefore(channel: number, count: number): boolean {
    if (count <= (this.#before.get(channel) ?? 0)) return false;
    this.#before.set(channel, count);
    return true;
  }

  #channels(): Set<number> {
    return new Set([...this.#before.keys(), ...this.#since.keys()]);
  }

  #total(channel: number): Change {
    const total = (this.#before.get(channel) ?? 0) + (this.#since.get(channel) ?? 0);
    return { kind: "total", field: "counted", key: channel, total };
  }

  /** Faults and acknowledgements that stand now and are not said, and the other way round. */
  #standingChanges(): Change[] {
    const faults = [...this.#state.standing].slice(0, FIELDS.faults.maxKeys);
    const seen = [...this.#state.shared.acknowledgements].slice(0, FIELDS.acknowledgements.maxKeys);
    return [
      ...difference(
        "faults",
        this.#faults,
        faults.map(([key, { text, since }]) => [key, [text.slice(0, MAX_FAULT_TEXT), since]]),
      ),
      ...difference(
        "acknowledgements",
        this.#acknowledged,
        seen.map(([key, { author, at }]) => [key, [author.slice(0, MAX_FAULT_TEXT), at]]),
      ),
    ];
  }
}

function difference(
  field: "faults" | "acknowledgements",
  said: Set<string>,
  standing: readonly (readonly [string, readonly [string, number]])[],
): Change[] {
  const changes: Change[] = [];
  const now = new Set<string>();
  for (const [key, value] of standing) {
    const name = key.slice(0, KEY_TEXT_MAX);
    now.add(name);
    if (said.has(name)) continue;
    said.add(name);
    changes.push({ kind: "add", field, key: name, value });
  }
  for (const name of said) {
    if (now.has(name)) continue;
    said.delete(name);
    changes.push({ kind: "remove", field, key: name });
  }
  return changes;
}

function phaseChange(phase: number, { display, endWallMs }: Told): Change {
  return { kind: "set", field: "phase", key: phase, value: [display, endWallMs] };
}

function isNews(before: Told | undefined, next: Told): boolean {
  if (before === undefined || before.display !== next.display) return true;
  if (before.endWallMs === next.endWallMs) return false;
  if (next.atMs - before.atMs < PREDICTION_EVERY_MS) return false;
  if (before.endWallMs === null || next.endWallMs === null) return true;
  return Math.abs(before.endWallMs - next.endWallMs) >= PREDICTION_STEP_MS;
}

// All that is remembered of one node to judge it: what its lamps did, what its log has promised,
// what became of commands.
import type { CommittedRows } from "../log/door.ts";
import type { Database } from "../log/driver.ts";
import { LogState } from "../log/fold.ts";
import type { FromLog, ToLog } from "../log/messages.ts";
import { isOnChain } from "../log/raw-rows.ts";
import { anchorOf, BEGINNING, newestCut, walkRows } from "../log/rows.ts";
import { SnapshotFolder } from "../log/snapshots.ts";
import type { LogWriter } from "../log/writer.ts";
import type { Command, Reply } from "../wire/command.ts";
import { type CommandStory, oneEffectPerCommand, sameAnswer } from "./invariants/commands.ts";
import type { Judge } from "./invariants/invariant.ts";
import { hostAsksNothingUnlawful, noLatchWithoutFault } from "./invariants/lamps.ts";
import {
  type Acknowledged,
  acknowledgedIsCommitted,
  droppedIsCounted,
  durableEventLives,
  foldEqualsState,
  type HandedOver,
  rebuildable,
  withinBounds,
} from "./invariants/log.ts";
import { hybridClockRises } from "./invariants/state.ts";
import { LampWatch } from "./lamp-watch.ts";
import type { OpenedFile } from "./log-code.ts";
import { DATA_DIR, type SimNode } from "./node.ts";

/** A latch of a cabinet follows what was done to it within this. */
const LATCH_CAUSE_MS = 90_000;
/** Rows that are folded anew at an opening; more take too long. */
const MAX_FOLDED = 20_000;
/** Commands that are remembered. */
const MAX_STORIES = 4_000;

export class NodeStory {
  readonly lamps: LampWatch;
  readonly #node: SimNode;
  readonly #judge: Judge;
  readonly #stories = new Map<string, CommandStory>();
  readonly #answers = new Map<string, string>();
  #acknowledged: Acknowledged | null = null;
  #handedOver: HandedOver = { events: 0, missing: 0 };
  #batch = 0;
  #latched: string | null = null;
  /** Stamp of the newest wish. */
  #wished: readonly [number, number] | null = null;

  constructor(node: SimNode, judge: Judge) {
    this.#node = node;
    this.#judge = judge;
    this.lamps = new LampWatch(node.id, node.site, judge, {
      isDisturbed: (withinMs) => node.cabinet.isDisturbed(withinMs),
      relayDropped: () => !node.cabinet.cabinet.relay.contact,
    });
  }

  /** A log was opened: what was durable before is still there. */
  opened({ writer, database }: OpenedFile): void {
    const { seq, hash } = writer.head;
    const acknowledged = this.#acknowledged;
    if (acknowledged !== null && !this.#node.rotten) {
      const { hash: known } = acknowledged;
      const place = { seq: acknowledged.seq, hash: known ?? "" };
      const onChain = known === null || isOnChain(database, place);
      this.#judge.ask(durableEventLives, this.#node.id, acknowledged, { seq, onChain });
    }
    this.#judgeState(writer, database);
    // What a damaged file can't give back is lost with its only copy: the ids of commands, stamps.
    if (this.#node.rotten) {
      this.#stories.clear();
      this.#answers.clear();
      this.#wished = null;
    }
    this.#node.rotten = false;
    this.#acknowledged = { seq, hash };
  }

  /** What was made from a snapshot is what all rows make, while they are all there. */
  #judgeState(writer: LogWriter, database: Database): void {
    const { seq } = writer.head;
    if (seq > MAX_FOLDED || anchorOf(database)?.seq !== 0) return;
    const fold = new LogState();
    const walk = walkRows(database, BEGINNING, (at, kind, body) => fold.apply(at, kind, body));
    // Rows that a snapshot stands for are not read at an opening; one of them may be damaged.
    if (walk.broken !== null) return;
    const equal = Buffer.compare(fold.encode(), writer.state.encode()) === 0;
    this.#judge.ask(foldEqualsState, this.#node.id, equal, writer.figures().stateFaults);
  }

  toldByLog(message: FromLog, opened: OpenedFile | null): void {
    if (message.kind !== "committed" || opened === null) return;
    const { head } = opened.writer;
    this.#judge.ask(acknowledgedIsCommitted, this.#node.id, message.seq, head.seq);
    const hash = head.seq === message.seq ? head.hash : null;
    if (message.seq < (this.#acknowledged?.seq ?? 0)) return;
    this.#acknowledged = { seq: message.seq, hash };
  }

  toLog(message: ToLog): void {
    if (message.kind !== "append" || message.batch <= this.#batch) return;
    this.#batch = message.batch;
    let { events, missing } = this.#handedOver;
    for (const { kind, body } of message.events) {
      if (kind !== "gap") events += 1;
      else if (typeof body[1] === "number") missing += body[1];
    }
    this.#handedOver = { events, missing };
  }

  ordered({ id }: Command): void {
    const story = this.#story(id);
    story.effects += 1;
    story.effectsNow += 1;
    if (story.answered) story.effectsAfterAnswer += 1;
    this.#judge.ask(oneEffectPerCommand, this.#node.id, story);
  }

  replied({ id, ok, atMs }: Reply): void {
    if (!ok) return;
    this.#story(id).answered = true;
    const answer = `done at ${atMs}`;
    const first = this.#answers.get(id);
    if (first === undefined) this.#answers.set(id, answer);
    else this.#judge.ask(sameAnswer, this.#node.id, id, first, answer);
    forgetOldest(this.#answers);
  }

  /** Own rows after their commit. */
  committed({ rows }: CommittedRows): void {
    for (const { kind, body } of rows) {
      if (kind !== "wish") continue;
      const stamp = [Number(body[2]), Number(body[3])] as const;
      if (this.#wished !== null) {
        this.#judge.ask(hybridClockRises, this.#node.id, this.#wished, stamp);
      }
      this.#wished = stamp;
    }
  }

  /** The process is gone; another will begin to count anew. */
  ended(): void {
    this.#handedOver = { events: 0, missing: 0 };
    this.#batch = 0;
    for (const story of this.#stories.values()) story.effectsNow = 0;
  }

  /** Once a second. */
  look(nowMs: number): void {
    const { service } = this.#node;
    const view = service?.view ?? null;
    const fresh = view !== null && this.#node.up;
    this.lamps.look(nowMs, { mode: fresh ? view.mode : null, cause: fresh ? view.cause : null });
    if (fresh) this.#lookAtLatch(view.cabinet.latched);
    this.#lookAtLog();
  }

  #lookAtLatch(latched: string | null): void {
    if (latched === this.#latched) return;
    this.#latched = latched;
    if (latched === null) return;
    const disturbed = this.#node.cabinet.isDisturbed(LATCH_CAUSE_MS);
    this.#judge.ask(hostAsksNothingUnlawful, this.#node.id, latched);
    this.#judge.ask(noLatchWithoutFault, this.#node.id, latched, disturbed);
  }

  #lookAtLog(): void {
    const { running, opened, process, id, disk } = this.#node;
    if (running === null || process === null || process.dead) return;
    const account = running.logAccount();
    this.#judge.ask(droppedIsCounted, id, account, this.#handedOver);
    if (opened?.isOpen() !== true || disk.isOff) return;
    const { bytes, stateFaults } = opened.writer.figures();
    this.#judge.ask(foldEqualsState, id, true, stateFaults);
    this.#judge.ask(withinBounds, id, {
      logBytes: bytes,
      maxLogBytes: this.#node.site.log.maxBytes,
      diskBytes: disk.sizes().usedBytes,
      waitingBytes: account.waitingBytes,
      waitingEvents: account.waiting,
      threadEvents: process.waiting,
    });
  }

  /** Now and then: what retention has left. */
  lookAtCuts(): void {
    const { opened, disk, id, damages } = this.#node;
    if (opened?.isOpen() !== true || disk.isOff || damages > 0) return;
    const cut = newestCut(opened.database);
    if (cut === null) return;
    const snapshots = new SnapshotFolder(DATA_DIR, disk.storage.files).list();
    this.#judge.ask(rebuildable, id, cut.seq, snapshots);
  }

  #story(id: string): CommandStory {
    const known = this.#stories.get(id);
    if (known !== undefined) return known;
    const story = { id, effects: 0, effectsNow: 0, answered: false, effectsAfterAnswer: 0 };
    this.#stories.set(id, story);
    forgetOldest(this.#stories);
    return story;
  }
}

function forgetOldest(map: Map<string, unknown>): void {
  if (map.size <= MAX_STORIES) return;
  for (const key of map.keys()) {
    map.delete(key);
    return;
  }
}

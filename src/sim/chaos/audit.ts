// What the disks of a corridor say once all processes have ended.
import type { LogRow } from "../../log/events.ts";
import { LogReader } from "../../log/read.ts";
import { hashAt } from "../../log/rows.ts";
import { SnapshotFolder } from "../../log/snapshots.ts";
import { verifyLog } from "../../log/verify.ts";
import { type CommandStory, oneEffectPerCommand } from "../invariants/commands.ts";
import type { Judge } from "../invariants/invariant.ts";
import { chainVerifies, durableEventLives, noThreadDies } from "../invariants/log.ts";
import { custodyHolds, noDotTwice, revokedStaysSo } from "../invariants/state.ts";
import { heldRows } from "./disk-look.ts";
import { digestOf } from "./node-watch.ts";

export interface Audited {
  readonly id: string;
  readonly data: string;
  /** What its events said, by place in the log. */
  readonly said: ReadonlyMap<number, string>;
  readonly neighbours: readonly string[];
}

export interface AuditOptions {
  readonly judge: Judge;
  /** Serials that a node has said to be revoked. */
  readonly revoked: readonly string[];
}

/** Everything about the logs of all nodes. */
export function auditAll(nodes: readonly Audited[], { judge, revoked }: AuditOptions): void {
  for (const node of nodes) auditOne(node, judge, revoked);
  for (const owner of nodes) auditCustody(owner, nodes, judge);
}

/** The chain of a log as it lies there, in words what is wrong, or null. */
export function brokenChain(data: string): string | null {
  const reader = new LogReader(data);
  try {
    const { problems } = verifyLog(new SnapshotFolder(data), reader.database);
    return problems.length === 0 ? null : problems.join("; ");
  } finally {
    reader.close();
  }
}

function auditOne({ id, data, said }: Audited, judge: Judge, revoked: readonly string[]): void {
  judge.ask(chainVerifies, id, brokenChain(data));
  const reader = new LogReader(data);
  const rows = new RowAudit(id, said, judge);
  for (const page of reader.pages({ from: 0, kind: null })) {
    for (const row of page) rows.take(row);
  }
  reader.close();
  rows.end(revoked);
}

/** The rows of one log, from its first to its last. */
class RowAudit {
  readonly #id: string;
  readonly #said: ReadonlyMap<number, string>;
  readonly #judge: Judge;
  readonly #stories = new Map<string, CommandStory>();
  readonly #boots = new Map<number, string>();
  readonly #revoked = new Set<string>();
  /** The first row that is not the one that was told. */
  #wrong: number | null = null;
  #head = 0;
  #death: string | null = null;

  constructor(id: string, said: ReadonlyMap<number, string>, judge: Judge) {
    this.#id = id;
    this.#said = said;
    this.#judge = judge;
  }

  take({ seq, at, kind, body }: LogRow): void {
    this.#head = seq;
    const told = this.#said.get(seq);
    if (told !== undefined && told !== digestOf({ at, kind, body: [...body] })) this.#wrong ??= seq;
    const [first, second, third] = body;
    if (kind === "start") this.#start(Number(first), String(body[6]));
    else if (kind === "revocation") this.#revoked.add(String(first));
    else if (kind === "worker") this.#death ??= unexpectedDeath(String(first), String(second));
    else if (kind === "command") {
      this.#judge.ask(oneEffectPerCommand, this.#id, ordered(this.#stories, body));
    } else if (kind === "command-result" && third === true) {
      const story = this.#stories.get(`${second} ${first}`);
      if (story !== undefined) story.answered = true;
    }
  }

  #start(incarnation: number, boot: string): void {
    for (const story of this.#stories.values()) story.effectsNow = 0;
    const before = this.#boots.get(incarnation) ?? boot;
    this.#boots.set(incarnation, before);
    this.#judge.ask(noDotTwice, this.#id, incarnation, before, boot);
  }

  end(revoked: readonly string[]): void {
    const seq = this.#wrong ?? Math.max(0, ...this.#said.keys());
    const found = { seq: this.#head, onChain: this.#wrong === null };
    this.#judge.ask(durableEventLives, this.#id, { seq, hash: null }, found);
    this.#judge.ask(noThreadDies, this.#id, this.#death);
    for (const serial of revoked) {
      this.#judge.ask(revokedStaysSo, this.#id, serial, this.#revoked.has(serial));
    }
  }
}

/** A thread that was held, or its whole machine, is ended by rule; all else is an error. */
function unexpectedDeath(thread: string, cause: string): string | null {
  return cause.startsWith("no sign of life") ? null : `${thread}: ${cause}`;
}

function ordered(stories: Map<string, CommandStory>, body: readonly unknown[]): CommandStory {
  const [id, author] = body;
  const name = `${author} ${id}`;
  const story = stories.get(name) ?? {
    id: name,
    effects: 0,
    effectsNow: 0,
    answered: false,
    effectsAfterAnswer: 0,
  };
  stories.set(name, story);
  story.effects += 1;
  story.effectsNow += 1;
  if (story.answered) story.effectsAfterAnswer += 1;
  return story;
}

/** What others keep of a log is a part of it, row by row. */
function auditCustody(owner: Audited, nodes: readonly Audited[], judge: Judge): void {
  const reader = new LogReader(owner.data);
  for (const { id, data } of nodes) {
    if (!owner.neighbours.includes(id)) continue;
    for (const { seq, hash } of heldRows(data, owner.id)) {
      const own = hashAt(reader.database, seq);
      judge.ask(custodyHolds, id, { owner: owner.id, seq, hash: own ?? "", found: hash });
    }
  }
  reader.close();
}

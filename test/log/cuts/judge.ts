// What a node that starts after a power cut must find, and what it found.
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { BrokerShelf } from "../../../src/log/broker-shelf.ts";
import { SqliteCacheStore } from "../../../src/log/cache-store.ts";
import { openCustody } from "../../../src/log/custody-schema.ts";
import { CustodyStore } from "../../../src/log/custody-store.ts";
import { CustodyTable } from "../../../src/log/custody-table.ts";
import type { HistoryPosition, HistoryRow } from "../../../src/log/custody-types.ts";
import { LOG_FILE, openWriter } from "../../../src/log/open.ts";
import { isChained } from "../../../src/log/raw-rows.ts";
import { LogReader } from "../../../src/log/read.ts";
import { realStorage } from "../../../src/log/real-storage.ts";
import { SnapshotFolder } from "../../../src/log/snapshots.ts";
import { verifyLog } from "../../../src/log/verify.ts";
import type { LogWriter } from "../../../src/log/writer.ts";
import type { Command, Reply } from "../../../src/wire/command.ts";
import { OPTIONS } from "../support.ts";
import type { Random } from "./disk.ts";

/** Whose rows the victim keeps. */
export const OTHER = { origin: "south", boot: "00112233445566aa" } as const;
/** What the victim's broker retains, a number that rises. */
export const TOPIC = "plan/retained";

/** Everything that was told to be durable before the cut. */
export interface Told {
  /** The newest event. */
  durable: number;
  /** Events. */
  events: number;
  incarnation: number;
  /** The newest row of the other node that is kept, and the newest retained number. */
  held: HistoryPosition | null;
  retained: number;
  /** Commands accepted, with the answer where one was given. */
  readonly commands: Map<string, { readonly command: Command; reply: Reply | null }>;
}

export function nothingTold(): Told {
  return { durable: -1, events: 0, incarnation: 0, held: null, retained: -1, commands: new Map() };
}

/** Takes one mark of the victim. */
export function hear(told: Told, text: string): void {
  const [what, value] = JSON.parse(text) as [string, never];
  switch (what) {
    case "opened":
      told.incarnation = value;
      break;
    case "durable":
      told.events = (value as { events: number }).events;
      told.durable = (value as { last: number }).last;
      break;
    case "held":
      told.held = value;
      break;
    case "retained":
      told.retained = value;
      break;
    case "accepted":
      told.commands.set((value as Command).id, { command: value, reply: null });
      break;
    case "answered": {
      const [command, reply] = value as [Command, Reply];
      told.commands.set(command.id, { command, reply });
      break;
    }
    default:
      throw new Error(`no mark is called ${what}`);
  }
}

export interface Judgement {
  /** What was told and is not there, a line each. */
  readonly lost: string[];
  /** What had to be rescued, or does not hold. */
  readonly damaged: string[];
  /** Snapshots that are ahead of the log. */
  readonly ahead: string[];
}

/** Notices of an opening that finds snapshots of rows that are not there. */
const AHEAD = /^snapshot .* does not fit|ends at row \d+, before a snapshot/;

/** Opens what a cut left as the node does, and holds it against what was told. */
export function judge(dir: string, told: Told): Judgement {
  const found: Judgement = { lost: [], damaged: [], ahead: [] };
  try {
    const writer = openWriter(dir, { ...OPTIONS, nowMs: Date.now() });
    try {
      for (const notice of writer.notices) {
        (AHEAD.test(notice) ? found.ahead : found.damaged).push(notice);
      }
      found.lost.push(...missing(writer, told));
      writer.append([{ kind: "figure", body: ["after the cut", -1, ""] }], Date.now());
    } finally {
      writer.close();
    }
    const reader = new LogReader(dir);
    try {
      found.damaged.push(...verifyLog(new SnapshotFolder(dir), reader.database).problems);
      found.lost.push(...eventsMissing(reader, told));
    } finally {
      reader.close();
    }
    judgeCustody(dir, told, found);
    judgeBroker(dir, told, found);
    new SqliteCacheStore(realStorage, dir).load();
  } catch (error) {
    found.damaged.push(`can't be used: ${error}`);
  }
  return found;
}

/** The other node's rows: as many as were told, each following the one before. */
function judgeCustody(dir: string, told: Told, found: Judgement): void {
  const store = new CustodyStore(new CustodyTable(openCustody(realStorage, dir, found.damaged)), {
    maxBytes: OPTIONS.maxBytes,
    keepMs: OPTIONS.keepMs,
  });
  try {
    const rows = rowsOf(store);
    const [first] = rows;
    if (first !== undefined && !isChained(first, rows.slice(1))) {
      found.damaged.push("the rows of the other node do not chain");
    }
    const last = rows.at(-1)?.seq ?? 0;
    const wanted = told.held?.seq ?? 0;
    const same = wanted === 0 || rows[wanted - 1]?.hash === told.held?.hash;
    if (last < wanted || !same) found.lost.push(`row ${last} is the last kept of ${wanted}`);
  } finally {
    store.close();
  }
}

function rowsOf(store: CustodyStore): HistoryRow[] {
  const rows: HistoryRow[] = [];
  for (;;) {
    const page = store.after(OTHER.origin, rows.at(-1) ?? null, { rows: 512, bytes: 500_000 });
    if (page.length === 0) return rows;
    rows.push(...page);
  }
}

function judgeBroker(dir: string, told: Told, found: Judgement): void {
  const onNotice = (text: string): void => {
    found.damaged.push(text);
  };
  const shelf = new BrokerShelf({ storage: realStorage, dir, append: () => true, onNotice });
  const { changes, notices } = shelf.load();
  shelf.close();
  found.damaged.push(...notices);
  const values = changes.map((change) =>
    change.kind === "retain" && change.topic === TOPIC
      ? Number(new TextDecoder().decode(change.payload ?? undefined))
      : -1,
  );
  const retained = Math.max(-1, ...values);
  if (retained < told.retained) found.lost.push(`${TOPIC} is ${retained}, not ${told.retained}`);
}

/** True when all that was told is there and nothing had to be repaired. */
export function isWhole({ lost, damaged, ahead }: Judgement): boolean {
  return lost.length + damaged.length + ahead.length === 0;
}

function missing(writer: LogWriter, told: Told): string[] {
  const found: string[] = [];
  if (writer.incarnation <= told.incarnation) {
    found.push(`incarnation ${writer.incarnation} after ${told.incarnation}`);
  }
  const counted = writer.state.rows.get("figure") ?? 0;
  if (counted < told.events) found.push(`counter ${counted} after ${told.events}`);
  for (const { command, reply } of told.commands.values()) {
    const verdict = writer.commands.judge(command);
    const kept = verdict?.kind === "answered" ? verdict.reply : null;
    const same = reply === null || JSON.stringify(kept) === JSON.stringify(reply);
    if (verdict === null || verdict.kind === "refused" || !same) {
      found.push(`command ${command.id}: ${verdict?.kind ?? "forgotten"}`);
    }
  }
  return found;
}

/** Events told durable are there, each once and in order, up to where old ones were cut. */
function eventsMissing(reader: LogReader, told: Told): string[] {
  const numbers = [...reader.pages({ from: 0, kind: "figure" })]
    .flat()
    .map((row) => Number(row.body[1]))
    .filter((number) => number >= 0);
  const last = numbers.at(-1) ?? -1;
  const found = last < told.durable ? [`event ${last} is the last of ${told.durable}`] : [];
  for (const [index, number] of numbers.entries()) {
    const before = numbers[index - 1];
    if (before === undefined || number === before + 1 || number % 100_000 === 0) continue;
    found.push(`event ${number} follows ${before}`);
  }
  return found;
}

/** The index of the WAL is shared memory: after a cut it holds anything. */
export function scribbleIndex(random: Random, dir: string): void {
  const path = join(dir, LOG_FILE);
  if (!existsSync(path) || random() < 0.5) return;
  const noise = Buffer.from(Array.from({ length: 32_768 }, () => random() * 256));
  writeFileSync(`${path}-shm`, noise);
}

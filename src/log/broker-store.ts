// What the broker keeps, on the disk: a database of its own beside the log, written by the log
// thread. A batch is one commit. The broker reads it once, at its start; what it holds after that
// is what the broker has in memory, so a damaged file is set aside and written anew from there.
//
// Refused as damage, beside what SQLite finds: a queue that names a message or a session that is
// not there. A session with a hole would claim to be whole.
import { crc32 } from "node:zlib";
import type { FilterOptions, KeptAnswer, KeptBatch, KeptChange } from "../wire/kept.ts";
import {
  type Database,
  integerOf,
  type SqlRow,
  type SqlValue,
  type Statement,
  textOf,
} from "./driver.ts";
import { bringUp, type Schema, StoreError } from "./migrations.ts";
import { applySettings, checkSettings } from "./schema.ts";
import type { Storage } from "./storage.ts";

const TABLES = `
CREATE TABLE retained (
  topic TEXT PRIMARY KEY,
  payload BLOB NOT NULL,
  qos INTEGER NOT NULL,
  sum INTEGER NOT NULL
) STRICT;
CREATE TABLE sessions (id TEXT PRIMARY KEY, left_at INTEGER) STRICT;
CREATE TABLE subscriptions (
  session TEXT NOT NULL,
  filter TEXT NOT NULL,
  qos INTEGER NOT NULL,
  options TEXT,
  PRIMARY KEY (session, filter)
) STRICT;
CREATE TABLE messages (
  number INTEGER PRIMARY KEY,
  topic TEXT NOT NULL,
  payload BLOB NOT NULL,
  qos INTEGER NOT NULL,
  sum INTEGER NOT NULL
) STRICT;
CREATE TABLE queue (
  session TEXT NOT NULL,
  number INTEGER NOT NULL,
  qos INTEGER NOT NULL,
  packet INTEGER,
  released INTEGER NOT NULL,
  PRIMARY KEY (session, number)
) STRICT, WITHOUT ROWID;
CREATE TABLE handshakes (
  session TEXT NOT NULL,
  packet INTEGER NOT NULL,
  PRIMARY KEY (session, packet)
) STRICT, WITHOUT ROWID;
CREATE TABLE discarded (
  number INTEGER PRIMARY KEY,
  client TEXT NOT NULL,
  reason TEXT NOT NULL,
  messages INTEGER NOT NULL,
  at INTEGER NOT NULL
) STRICT;
CREATE TABLE state (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO state VALUES ('known', 0);
`;

export const BROKER_SCHEMA: Schema = {
  name: "broker schema",
  /** "STBK" */
  applicationId: 0x53_54_42_4b,
  version: 1,
  tables: TABLES,
  steps: [],
};

/** Everything but what is still to be said in the log. */
const CONTENT = ["retained", "sessions", "subscriptions", "messages", "queue", "handshakes"];

/** A session's end that the log has not said yet. */
export interface Discarded {
  readonly number: number;
  readonly client: string;
  readonly reason: string;
  readonly messages: number;
  readonly at: number;
}

const STATEMENTS = {
  retain: "INSERT OR REPLACE INTO retained VALUES (?, ?, ?, ?)",
  unretain: "DELETE FROM retained WHERE topic = ?",
  session: "INSERT OR REPLACE INTO sessions VALUES (?, ?)",
  subscribe: "INSERT OR REPLACE INTO subscriptions VALUES (?, ?, ?, ?)",
  unsubscribe: "DELETE FROM subscriptions WHERE session = ? AND filter = ?",
  message: "INSERT OR REPLACE INTO messages VALUES (?, ?, ?, ?, ?)",
  "message-gone": "DELETE FROM messages WHERE number = ?",
  queue: "INSERT OR REPLACE INTO queue VALUES (?, ?, ?, ?, ?)",
  unqueue: "DELETE FROM queue WHERE session = ? AND number = ?",
  handshake: "INSERT OR REPLACE INTO handshakes VALUES (?, ?)",
  "handshake-over": "DELETE FROM handshakes WHERE session = ? AND packet = ?",
  state: "INSERT OR REPLACE INTO state VALUES (?, ?)",
  discarded: "INSERT INTO discarded (client, reason, messages, at) VALUES (?, ?, ?, ?)",
} as const;

type Statements = Record<keyof typeof STATEMENTS, Statement>;

export class BrokerStore {
  readonly #database: Database;
  readonly #statements: Statements;
  readonly #goners: readonly Statement[];

  /** Opens or makes the store at `path`; a `StoreError` says why what lies there can't be used. */
  constructor(storage: Storage, path: string) {
    const database = storage.driver.open(path, "create");
    this.#database = database;
    try {
      prepareFile(storage, database, path);
      const entries = Object.entries(STATEMENTS);
      const prepared = entries.map(([name, sql]) => [name, database.prepare(sql)]);
      this.#statements = Object.fromEntries(prepared) as Statements;
      this.#goners = [
        "DELETE FROM sessions WHERE id = ?",
        "DELETE FROM subscriptions WHERE session = ?",
        "DELETE FROM queue WHERE session = ?",
        "DELETE FROM handshakes WHERE session = ?",
      ].map((sql) => database.prepare(sql));
    } catch (error) {
      database.close();
      throw error;
    }
  }

  /** All that is there; its reader then knows this store. A `StoreError` where it is damaged. */
  load(): KeptChange[] {
    const changes = this.#read();
    this.#transaction(() => this.#statements.state.run("known", 1));
    return changes;
  }

  /**
   * One commit. A store that was made anew since its reader last read it takes nothing but a whole
   * batch.
   */
  apply({ whole, changes }: KeptBatch): KeptAnswer {
    if (!whole && this.#state("known") !== 1) return "stale";
    this.#transaction(() => {
      if (whole) for (const table of CONTENT) this.#database.exec(`DELETE FROM ${table}`);
      for (const change of changes) this.#apply(change);
      if (whole) this.#statements.state.run("known", 1);
    });
    return "applied";
  }

  /** Sessions whose end is still to be said in the log. */
  discarded(): Discarded[] {
    return this.#all("SELECT number, client, reason, messages, at FROM discarded").map((row) => ({
      number: integerOf(row, 0),
      client: textOf(row, 1),
      reason: textOf(row, 2),
      messages: integerOf(row, 3),
      at: integerOf(row, 4),
    }));
  }

  /** The log has said those up to this number. */
  forgetDiscarded(number: number): void {
    this.#database.prepare("DELETE FROM discarded WHERE number <= ?").run(number);
  }

  close(): void {
    this.#database.close();
  }

  #transaction(work: () => void): void {
    this.#database.exec("BEGIN IMMEDIATE");
    try {
      work();
      this.#database.exec("COMMIT");
    } catch (error) {
      try {
        this.#database.exec("ROLLBACK");
      } catch {
        // The engine has rolled back by itself; the first error is the one to report.
      }
      throw error;
    }
  }

  #state(name: string): number | null {
    const row = this.#database.prepare("SELECT value FROM state WHERE name = ?").get(name);
    return row === undefined ? null : integerOf(row);
  }

  #all(sql: string): SqlRow[] {
    return this.#database.prepare(sql).all();
  }

  #apply(change: KeptChange): void {
    const run = this.#statements;
    if (change.kind === "session-gone") {
      for (const statement of this.#goners) statement.run(change.id);
    } else if (change.kind === "retain" && change.payload === null) {
      run.unretain.run(change.topic);
    } else {
      const name = change.kind === "events-to" ? "state" : change.kind;
      run[name].run(...valuesOf(change));
    }
  }

  #read(): KeptChange[] {
    const changes: KeptChange[] = [];
    for (const row of this.#all("SELECT topic, payload, qos, sum FROM retained")) {
      const [topic, payload] = checked(row, 0);
      changes.push({ kind: "retain", topic, payload, qos: integerOf(row, 2) });
    }
    for (const row of this.#all("SELECT number, topic, payload, qos, sum FROM messages")) {
      const [topic, payload] = checked(row, 1);
      const number = integerOf(row, 0);
      changes.push({ kind: "message", number, topic, payload, qos: integerOf(row, 3) });
    }
    for (const row of this.#all("SELECT id, left_at FROM sessions")) {
      const leftMs = row[1] === null ? null : integerOf(row, 1);
      changes.push({ kind: "session", id: textOf(row), leftMs });
    }
    changes.push(...this.#readBelongings());
    const to = this.#state("events-to");
    if (to !== null) changes.push({ kind: "events-to", seq: to });
    return changes;
  }

  #readBelongings(): KeptChange[] {
    const changes: KeptChange[] = [];
    const lost = this.#all(
      `SELECT 1 FROM queue WHERE session NOT IN (SELECT id FROM sessions)
       OR number NOT IN (SELECT number FROM messages) LIMIT 1`,
    );
    if (lost.length > 0) throw new StoreError("damaged", "a queue names what is not there");
    for (const row of this.#all(
      "SELECT session, filter, qos, options FROM subscriptions ORDER BY rowid",
    )) {
      const options = row[3] === null ? null : (JSON.parse(textOf(row, 3)) as FilterOptions);
      const [id, filter, qos] = [textOf(row), textOf(row, 1), integerOf(row, 2)];
      changes.push({ kind: "subscribe", id, filter, qos, options });
    }
    for (const row of this.#all(
      "SELECT session, number, qos, packet, released FROM queue ORDER BY number",
    )) {
      changes.push({
        kind: "queue",
        id: textOf(row),
        number: integerOf(row, 1),
        qos: integerOf(row, 2),
        packet: row[3] === null ? null : integerOf(row, 3),
        released: integerOf(row, 4) === 1,
      });
    }
    for (const row of this.#all("SELECT session, packet FROM handshakes")) {
      changes.push({ kind: "handshake", id: textOf(row), packet: integerOf(row, 1) });
    }
    return changes;
  }
}

/** Settings read back, marks looked at, tables made where there are none, every page checked. */
function prepareFile(storage: Storage, database: Database, path: string): void {
  applySettings(database);
  bringUp(storage, path, database, BROKER_SCHEMA);
  checkSettings(database);
  const health = textOf(database.prepare("PRAGMA quick_check(1)").get());
  if (health !== "ok") throw new StoreError("damaged", `${path}: ${health}`);
}

/** Topic and payload of a row whose sum fits. */
function checked(row: SqlRow, at: number): [string, Uint8Array] {
  const topic = textOf(row, at);
  const payload = row[at + 1];
  const fits = payload instanceof Uint8Array && sumOf(topic, payload) === integerOf(row, at + 3);
  if (!fits) throw new StoreError("damaged", `the message on ${topic} is not as it was written`);
  return [topic, payload];
}

/** A change as the values of its statement, in order. */
function valuesOf(change: KeptChange): SqlValue[] {
  switch (change.kind) {
    case "retain": {
      const payload = change.payload ?? new Uint8Array(0);
      return [change.topic, payload, change.qos, sumOf(change.topic, payload)];
    }
    case "session":
      return [change.id, change.leftMs === null ? null : Math.round(change.leftMs)];
    case "session-gone":
      return [change.id];
    case "subscribe": {
      const options = change.options === null ? null : JSON.stringify(change.options);
      return [change.id, change.filter, change.qos, options];
    }
    case "unsubscribe":
      return [change.id, change.filter];
    case "message": {
      const { number, topic, payload, qos } = change;
      return [number, topic, payload, qos, sumOf(topic, payload)];
    }
    case "message-gone":
      return [change.number];
    case "queue":
      return [change.id, change.number, change.qos, change.packet, change.released ? 1 : 0];
    case "unqueue":
      return [change.id, change.number];
    case "handshake":
    case "handshake-over":
      return [change.id, change.packet];
    case "events-to":
      return ["events-to", change.seq];
    case "discarded":
      return [change.client, change.reason, change.messages, Math.round(change.at)];
  }
}

function sumOf(topic: string, payload: Uint8Array): number {
  return crc32(payload, crc32(topic));
}

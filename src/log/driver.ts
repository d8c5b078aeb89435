// The few calls that the log needs of an SQL engine, so that its own code and SQL can run on
// another one as well. Rows are positional. Numbers may be bound as REAL: columns are declared
// INTEGER, whose affinity turns a whole REAL back.

export type SqlValue = null | number | bigint | string | Uint8Array;
export type SqlRow = readonly SqlValue[];

export interface Statement {
  run(...values: SqlValue[]): void;
  /** The first row, or undefined. */
  get(...values: SqlValue[]): SqlRow | undefined;
  all(...values: SqlValue[]): SqlRow[];
}

export interface Database {
  exec(sql: string): void;
  prepare(sql: string): Statement;
  /**
   * Writes all that is committed into a new file, as one moment has it, also beside a writer. It is
   * not synced, and half there when this throws.
   */
  copyInto(path: string): void;
  close(): void;
}

/** `create`: made when absent. `write`: must exist. `read`: must exist, never written. */
export type OpenMode = "create" | "write" | "read";

export interface Driver {
  open(path: string, mode: OpenMode): Database;
}

/** What the engine refused, with its own code such as `SQLITE_FULL`. */
export class SqlError extends Error {
  override readonly name = "SqlError";
  readonly code: string;

  constructor(message: string, options: { cause: unknown; code: string }) {
    super(`${message} (${options.code})`, { cause: options.cause });
    this.code = options.code;
  }
}

/** A whole number out of a row; anything else is a broken invariant of the schema. */
export function integerOf(row: SqlRow | undefined, index = 0): number {
  const value = Number(row?.[index]);
  if (!Number.isSafeInteger(value)) throw new Error(`no whole number in column ${index}`);
  return value;
}

/** Text out of a row. */
export function textOf(row: SqlRow | undefined, index = 0): string {
  const value = row?.[index];
  if (typeof value !== "string") throw new Error(`no text in column ${index}`);
  return value;
}

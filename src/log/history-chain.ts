// Rows of a history that come from elsewhere: whether each follows from those before it.
import { WireError } from "../wire/codec.ts";
import { hashOf } from "./chain.ts";
import { type HistoryPosition, type HistoryRow, SNAPSHOT_ROW } from "./custody-types.ts";
import { bodyOf } from "./rows.ts";

const HASH = /^[0-9a-f]{64}$/;

/** Whether a text is a hash as rows have it. */
export function isHash(text: string): boolean {
  return HASH.test(text);
}

/** The rows of a history behind a position, without those that were damaged where they lie. */
export function soundRows(
  rows: readonly HistoryRow[],
  after: HistoryPosition | null,
): readonly HistoryRow[] {
  let sound = rows.filter(({ hash }) => isHash(hash));
  for (;;) {
    const broken = firstUnchained(sound, after);
    if (broken === null) return sound;
    sound = sound.filter((row) => row !== broken);
  }
}

/**
 * The first row of a history, in its order, that does not follow from those before it; null when
 * all do. Rows of several branches may stand between one another, and some may be missing: a
 * `start` row names the row that it follows, any other follows the one before it of the same
 * incarnation where that is there.
 */
export function firstUnchained(
  rows: readonly HistoryRow[],
  after: HistoryPosition | null = null,
): HistoryRow | null {
  const hashes = new Map<string, string[]>();
  if (after !== null) hashes.set(`${after.incarnation} ${after.seq}`, [after.hash]);
  for (const row of rows) {
    const { incarnation, seq, hash, kind, body } = row;
    const before = kind === "start" ? startsFrom(body) : hashes.get(`${incarnation} ${seq - 1}`);
    const known = kind === SNAPSHOT_ROW ? undefined : before;
    if (known !== undefined && !known.some((from) => hashOf(from, row, body) === hash)) return row;
    const same = hashes.get(`${incarnation} ${seq}`);
    if (same === undefined) hashes.set(`${incarnation} ${seq}`, [hash]);
    else same.push(hash);
  }
  return null;
}

/** The hash of the row that a `start` row says it follows. */
function startsFrom(body: Uint8Array): string[] {
  try {
    const [, , , , , hash] = bodyOf(body);
    return typeof hash === "string" && isHash(hash) ? [hash] : [];
  } catch (error) {
    if (error instanceof WireError) return [];
    throw error;
  }
}

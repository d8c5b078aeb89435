// What a node writes, by what for, and what that comes to in a day. Pure: every thread may load it.

const DAY_MS = 86_400_000;

/** What bytes are written for; `other` is what the process's other threads write. */
export const WRITE_SOURCES = [
  "log",
  "snapshots",
  "custody",
  "broker",
  "cache",
  "copies",
  "other",
] as const;

export type WriteSource = (typeof WRITE_SOURCES)[number];
export type WrittenBytes = Readonly<Record<WriteSource, number>>;

/** One day (UTC), as far as a node ran and counted. */
export interface WearDay {
  /** Such as `2026-11-30`. */
  readonly day: string;
  /** Monotonic time that was counted, ms. */
  readonly coveredMs: number;
  readonly written: WrittenBytes;
  /** By everybody to the whole disk in that time; null where that can't be told. */
  readonly diskBytes: number | null;
}

/** Bytes a day by source, from some days. */
export interface WearRate {
  readonly coveredMs: number;
  readonly perDay: WrittenBytes;
  readonly totalPerDay: number;
  readonly diskPerDay: number | null;
}

/** A count for each source. */
export function mapped(work: (source: WriteSource) => number): WrittenBytes {
  const entries = WRITE_SOURCES.map((source) => [source, work(source)] as const);
  return Object.fromEntries(entries) as unknown as WrittenBytes;
}

export const NOTHING_WRITTEN: WrittenBytes = mapped(() => 0);

export function totalOf(written: WrittenBytes): number {
  return WRITE_SOURCES.reduce((sum, source) => sum + written[source], 0);
}

/** The newest days that cover at least a day and at most eight; null where nothing is covered. */
export function wearRate(days: readonly WearDay[]): WearRate | null {
  const taken = days.slice(-8);
  const coveredMs = taken.reduce((sum, day) => sum + day.coveredMs, 0);
  if (coveredMs <= 0) return null;
  const scale = DAY_MS / coveredMs;
  const sum = (of: (day: WearDay) => number): number =>
    taken.reduce((all, day) => all + of(day), 0) * scale;
  const perDay = mapped((source) => sum(({ written }) => written[source]));
  const known = taken.every(({ diskBytes }) => diskBytes !== null);
  const diskPerDay = known ? sum(({ diskBytes }) => diskBytes ?? 0) : null;
  return { coveredMs, perDay, totalPerDay: totalOf(perDay), diskPerDay };
}

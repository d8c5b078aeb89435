// Ten ways to doctor the exports of a good run; the checker must notice each of them.
import type { Evidence as Rows } from "./checks.ts";
import type { CodeRow, LampRow } from "./evidence.ts";

export interface Doctored {
  readonly name: string;
  readonly apply: (evidence: Rows) => Rows;
}

/** The middle one of the rows that match; doctoring in the middle of a run is hardest to see. */
function middle<T>(rows: readonly T[], match: (row: T) => boolean): T {
  const found = rows.filter(match);
  const row = found[Math.floor(found.length / 2)];
  if (row === undefined) throw new Error("the run has no row to doctor");
  return row;
}

function withCodes(evidence: Rows, exported: CodeRow[]): Rows {
  return { ...evidence, exported: exported.sort((a, b) => a.atMs - b.atMs) };
}

function withLamps(evidence: Rows, lamps: LampRow[]): Rows {
  return { ...evidence, lamps: lamps.sort((a, b) => a.atMs - b.atMs) };
}

function moved(evidence: Rows, code: number, byMs: number): Rows {
  const row = middle(evidence.exported, (entry) => entry.code === code);
  const later = { ...row, atMs: row.atMs + byMs };
  return withCodes(
    evidence,
    evidence.exported.map((entry) => (entry === row ? later : entry)),
  );
}

function without(evidence: Rows, code: number): Rows {
  const row = middle(evidence.exported, (entry) => entry.code === code);
  return withCodes(
    evidence,
    evidence.exported.filter((entry) => entry !== row),
  );
}

function relabelled(evidence: Rows, from: number, to: number): Rows {
  const exported = evidence.exported.map((row) => (row.code === from ? { ...row, code: to } : row));
  return withCodes(evidence, exported);
}

function lampAt(evidence: Rows, change: (row: LampRow) => LampRow | null): Rows {
  const row = middle(evidence.lamps, (entry) => entry.colour === "green");
  const lamps = evidence.lamps
    .map((entry) => (entry === row ? change(entry) : entry))
    .filter((entry) => entry !== null);
  return withLamps(evidence, lamps);
}

function extraGreen(evidence: Rows): Rows {
  const row = middle(evidence.lamps, (entry) => entry.colour === "green");
  const others = evidence.card.phases.map((phase) => phase.vehicleChannel);
  const channel = others.find(
    (other) => other !== row.channel && !evidence.card.compatible.has(`${other}-${row.channel}`),
  );
  const extra = { atMs: row.atMs + 1000, channel: channel ?? 0, colour: "green" };
  return withLamps(evidence, [...evidence.lamps, extra]);
}

/** Each doctored export by what was done to it. */
export const DOCTORED: readonly Doctored[] = [
  { name: "a yellow begins half a second late", apply: (e) => moved(e, 8, 500) },
  { name: "a red clearance ends half a second early", apply: (e) => moved(e, 11, -500) },
  { name: "a begin of green is missing", apply: (e) => without(e, 1) },
  { name: "an end of yellow is missing", apply: (e) => without(e, 10) },
  { name: "every max-out is called a gap-out", apply: (e) => relabelled(e, 5, 4) },
  { name: "every gap-out is called a max-out", apply: (e) => relabelled(e, 4, 5) },
  { name: "a walk is missing", apply: (e) => without(e, 21) },
  {
    name: "a lamp turns green a second late",
    apply: (e) => lampAt(e, (row) => ({ ...row, atMs: row.atMs + 1000 })),
  },
  { name: "a lamp's green is missing", apply: (e) => lampAt(e, () => null) },
  { name: "a second, conflicting channel is green", apply: extraGreen },
];

// The last minutes of each phase as intervals of one colour: read from the log when the page opens,
// carried on from SPaT while it stays open. Pure; times are wall times of the node in ms.
import type { LampName, Spat } from "./messages.ts";
import type { EventRow } from "./rows.ts";

export type Colour = "green" | "yellow" | "red-clearance";
export type Walk = "walk" | "clearance";

export interface Interval<T> {
  readonly kind: T;
  readonly fromMs: number;
  /** Null while it goes on. */
  toMs: number | null;
  /** Of a green: why it ended. */
  ended: string | null;
}

export interface PhaseHistory {
  readonly phase: number;
  readonly lamps: Interval<Colour>[];
  readonly walks: Interval<Walk>[];
}

/** A stretch of time about which the page knows nothing. */
export interface Gap {
  readonly fromMs: number;
  toMs: number | null;
}

export interface CodeRow {
  readonly atMs: number;
  readonly code: number;
  readonly parameter: number;
  /** Why, where the code does not say it. */
  readonly reason: string | null;
}

/** A row of kind `code` as the log keeps it. */
export function codeRow({ at, body }: EventRow): CodeRow {
  const [code, parameter, reason] = body;
  const why = typeof reason === "string" ? reason : null;
  return { atMs: at, code: Number(code), parameter: Number(parameter), reason: why };
}

const LAMP_CODES: Readonly<Record<number, Colour | null>> = {
  1: "green",
  8: "yellow",
  10: "red-clearance",
  11: null,
  12: null,
};
const WALK_CODES: Readonly<Record<number, Walk | null>> = {
  21: "walk",
  22: "clearance",
  23: null,
};
const END_CODES: Readonly<Record<number, string>> = {
  4: "gap-out",
  5: "max-out",
  6: "force-off",
};

function close<T>(list: Interval<T>[], atMs: number): void {
  const last = list.at(-1);
  if (last !== undefined && last.toMs === null) last.toMs = Math.max(last.fromMs, atMs);
}

/** Ends what goes on and begins the next kind; the same kind simply goes on. */
function turnTo<T>(list: Interval<T>[], kind: T | null, atMs: number): void {
  const last = list.at(-1);
  if (last !== undefined && last.toMs === null && last.kind === kind) return;
  close(list, atMs);
  if (kind !== null) list.push({ kind, fromMs: atMs, toMs: null, ended: null });
}

export class History {
  readonly phases: ReadonlyMap<number, PhaseHistory>;
  readonly gaps: Gap[] = [];
  readonly #keepMs: number;
  readonly #clearanceMs: ReadonlyMap<number, number>;

  /** `clearanceMs`: red clearance by phase, which no lamp tells from the red that follows. */
  constructor(clearanceMs: ReadonlyMap<number, number>, keepMs: number) {
    this.#clearanceMs = clearanceMs;
    this.#keepMs = keepMs;
    this.phases = new Map(
      [...clearanceMs.keys()].map((phase) => [phase, { phase, lamps: [], walks: [] }]),
    );
  }

  /** Begins anew from rows of the log in order, `code` rows only. */
  restart(rows: readonly CodeRow[]): void {
    this.gaps.length = 0;
    for (const { lamps, walks } of this.phases.values()) {
      lamps.length = 0;
      walks.length = 0;
    }
    for (const row of rows) this.#code(row);
  }

  #code({ atMs, code, parameter, reason }: CodeRow): void {
    const phase = this.phases.get(parameter);
    if (phase === undefined) return;
    const lamp = LAMP_CODES[code];
    if (lamp !== undefined) turnTo(phase.lamps, lamp, atMs);
    // A stop may end a phase without a word of its walk.
    if (lamp === null) close(phase.walks, atMs);
    const walk = WALK_CODES[code];
    if (walk !== undefined) turnTo(phase.walks, walk, atMs);
    const ended = END_CODES[code];
    const last = phase.lamps.findLast(({ kind }) => kind === "green");
    if (ended !== undefined && last !== undefined) last.ended = reason ?? ended;
  }

  /** Carries on with what the lamps show now. */
  take(spat: Spat): void {
    const nowMs = spat.wallMs;
    if (spat.mode === "unavailable") {
      this.lose(nowMs);
      return;
    }
    const gap = this.gaps.at(-1);
    if (gap !== undefined && gap.toMs === null) gap.toMs = nowMs;
    for (const phase of spat.phases) {
      const history = this.phases.get(phase.phase);
      if (history === undefined) continue;
      this.#lamp(history, phase.state, nowMs);
      const green = history.lamps.findLast(({ kind }) => kind === "green");
      if (green !== undefined && green.toMs !== null) green.ended ??= phase.ended;
      turnTo(history.walks, walkOf(phase.walk), nowMs);
    }
    this.#forget(nowMs);
  }

  #lamp(history: PhaseHistory, lamp: LampName | null, nowMs: number): void {
    if (lamp === "green" || lamp === "yellow") {
      turnTo(history.lamps, lamp, nowMs);
      return;
    }
    const last = history.lamps.at(-1);
    if (last === undefined || last.toMs !== null) return;
    const clearanceMs = this.#clearanceMs.get(history.phase) ?? 0;
    if (lamp === "red" && last.kind === "yellow") {
      turnTo(history.lamps, "red-clearance", nowMs);
    } else if (last.kind !== "red-clearance" || nowMs >= last.fromMs + clearanceMs) {
      close(history.lamps, last.kind === "red-clearance" ? last.fromMs + clearanceMs : nowMs);
    }
  }

  /** From now on nothing is known: everything that went on ends here. */
  lose(atMs: number): void {
    const gap = this.gaps.at(-1);
    if (gap !== undefined && gap.toMs === null) return;
    this.gaps.push({ fromMs: atMs, toMs: null });
    for (const { lamps, walks } of this.phases.values()) {
      close(lamps, atMs);
      close(walks, atMs);
    }
  }

  #forget(nowMs: number): void {
    const beforeMs = nowMs - this.#keepMs;
    const isOld = ({ toMs }: { toMs: number | null }) => toMs !== null && toMs < beforeMs;
    for (const { lamps, walks } of this.phases.values()) {
      lamps.splice(0, countWhile(lamps, isOld));
      walks.splice(0, countWhile(walks, isOld));
    }
    this.gaps.splice(0, countWhile(this.gaps, isOld));
  }
}

function countWhile<T>(list: readonly T[], test: (item: T) => boolean): number {
  const index = list.findIndex((item) => !test(item));
  return index < 0 ? list.length : index;
}

function walkOf(lamp: LampName | null): Walk | null {
  if (lamp === "green") return "walk";
  return lamp === "flashing-dont-walk" ? "clearance" : null;
}

// An update from its beginning to a confirmed or a restored version. Pure: what happened comes in,
// the next act goes out. What is pending is on the disk before each act, so after a power cut the
// same machine goes on from there.

/** What is seen of the service at one moment. */
export interface Reading {
  /** systemd says that it is active. */
  readonly active: boolean;
  /** Another number is another process. */
  readonly pid: number;
  /** The console answers that the lamps are under control. */
  readonly well: boolean;
  readonly says: string;
}

/** An update that is not decided yet, as it stands in the state file. */
export interface Pending {
  readonly phase: "installing" | "watching" | "falling-back";
  readonly file: string;
  readonly from: string;
  readonly to: string;
  /** Of the candidate and of the package before it, hex. */
  readonly sha256: string;
  readonly previousSha256: string;
  /** The service before anything was touched. */
  readonly before: Reading;
  /** Of this phase, beginning with 1. */
  readonly tries: number;
  readonly why: string | null;
  readonly watchMs: number;
}

interface Watch {
  readonly endsMs: number;
  readonly wellSinceMs: number | null;
  readonly pid: number;
}

export interface Machine {
  readonly pending: Pending;
  /** Null until the first reading of this process. */
  readonly watch: Watch | null;
}

export type Happening =
  | { readonly kind: "begun" | "resumed" }
  | { readonly kind: "installed" | "restored"; readonly problem: string | null }
  | { readonly kind: "looked"; readonly reading: Reading };

export type Act =
  | { readonly kind: "install" | "restore" }
  | { readonly kind: "look"; readonly afterMs: number }
  | { readonly kind: "end"; readonly result: Result; readonly why: string };

/** `stuck`: neither version could be installed; a person has to. */
export type Result = "good" | "fell-back" | "stuck";

export interface Step {
  readonly machine: Machine;
  readonly act: Act;
}

const LOOK_EVERY_MS = 2_000;
/** A service that starts, says that it is ready and dies again is not well. */
export const STEADY_MS = 30_000;
/** The second is for a power cut during the first. */
const INSTALL_TRIES = 2;
/** A version that hangs the board restarts it by its watchdog; the third start is no accident. */
const WATCH_TRIES = 2;
const RESTORE_TRIES = 3;

function to(machine: Machine, change: Partial<Pending>): Machine {
  return { pending: { ...machine.pending, ...change }, watch: null };
}

function install(machine: Machine): Step {
  return { machine, act: { kind: "install" } };
}

function fallBack(machine: Machine, why: string): Step {
  const next = to(machine, { phase: "falling-back", tries: 1, why });
  return { machine: next, act: { kind: "restore" } };
}

function end(machine: Machine, result: Result, why: string): Step {
  return { machine, act: { kind: "end", result, why } };
}

function resumed(machine: Machine): Step {
  const { phase, tries } = machine.pending;
  const again = to(machine, { tries: tries + 1 });
  if (phase === "installing") {
    if (tries < INSTALL_TRIES) return install(again);
    return fallBack(machine, `installing it was interrupted ${tries} times`);
  }
  if (phase === "watching") {
    if (tries <= WATCH_TRIES) return { machine: again, act: { kind: "look", afterMs: 0 } };
    return fallBack(machine, `the board started anew ${tries} times under it`);
  }
  if (tries < RESTORE_TRIES) return { machine: again, act: { kind: "restore" } };
  return end(machine, "stuck", `going back was interrupted ${tries} times`);
}

/** As well as it was before: a fault that was there already is no fault of the update. */
function isWell(reading: Reading, before: Reading): boolean {
  return (reading.active || !before.active) && (reading.well || !before.well);
}

function watchOf({ pending, watch }: Machine, reading: Reading, nowMs: number): Watch {
  const endsMs = watch?.endsMs ?? nowMs + pending.watchMs;
  const steady = isWell(reading, pending.before) && reading.pid === watch?.pid;
  const since = watch?.wellSinceMs ?? nowMs;
  return { endsMs, pid: reading.pid, wellSinceMs: steady ? since : null };
}

function looked(machine: Machine, reading: Reading, nowMs: number): Step {
  const { pending } = machine;
  const watch = watchOf(machine, reading, nowMs);
  const next = { pending, watch };
  if (watch.wellSinceMs !== null && nowMs - watch.wellSinceMs >= STEADY_MS) {
    return end(next, "good", reading.says);
  }
  if (nowMs >= watch.endsMs) {
    const minutes = Math.round(pending.watchMs / 6_000) / 10;
    return fallBack(next, `not healthy within ${minutes} minutes: ${reading.says}`);
  }
  return { machine: next, act: { kind: "look", afterMs: LOOK_EVERY_MS } };
}

function restored(machine: Machine, problem: string | null): Step {
  const { tries, why } = machine.pending;
  if (problem === null) return end(machine, "fell-back", why ?? "");
  if (tries >= RESTORE_TRIES) return end(machine, "stuck", `${why}; then: ${problem}`);
  return { machine: to(machine, { tries: tries + 1 }), act: { kind: "restore" } };
}

/** The next act after what happened; `nowMs` is monotonic within one process. */
export function step(machine: Machine, happening: Happening, nowMs: number): Step {
  switch (happening.kind) {
    case "begun":
      return install(machine);
    case "resumed":
      return resumed(machine);
    case "installed": {
      const { problem } = happening;
      if (problem !== null) return fallBack(machine, problem);
      const watching = to(machine, { phase: "watching", tries: 1 });
      return { machine: watching, act: { kind: "look", afterMs: 0 } };
    }
    case "looked":
      return looked(machine, happening.reading, nowMs);
    case "restored":
      return restored(machine, happening.problem);
  }
}

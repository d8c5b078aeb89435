// The node's own state as a fold over its events: what a reader of the log knows without having
// been there. It is kept beside the log while it is written, and made again from the stored rows at
// every snapshot; the two must agree byte for byte. Nothing of it is ever resumed: a restart always
// begins with the start-up sequence, so `start` takes back what only holds while a node runs.
import {
  type CborBounds,
  type CborValue,
  decodeCbor,
  encodeCbor,
  WireError,
} from "../wire/codec.ts";
import { integer, list, text, tuple, version } from "../wire/shape.ts";
import { addCounts, countRow, detectorOf } from "./fold-counts.ts";
import { decodeShared, SharedState } from "./fold-shared.ts";

export const STATE_VERSION = 2;
/** Without boot id and shared part; read after an update of the program. */
const OLD_STATE_VERSION = 1;

/** 16 phases and 64 channels of detectors take 3 kB; many different faults some more. */
const BOUNDS: CborBounds = { maxBytes: 1_048_576, maxDepth: 5, maxItems: 65_536 };
const MAX_ENTRIES = 4_096;

/** Phase display by the codes that begin it (GLOSSARY, high-resolution event codes). */
const RED = 0;
const GREEN = 1;
const YELLOW = 2;
const RED_CLEARANCE = 3;

const DISPLAY_BY_CODE: readonly (number | undefined)[] = [
  undefined,
  GREEN,
  ...[2, 3, 4, 5, 6, 7].map(() => undefined),
  YELLOW,
  undefined,
  RED_CLEARANCE,
  RED,
  RED,
];

/** Code of a detector that works (again); 84 to 88 and 91 say how one fails. */
const WORKS = 0;

export interface PhaseState {
  display: number;
  since: number;
  greens: number;
  walks: number;
}

export interface DetectorState {
  on: boolean;
  since: number;
  count: number;
  failed: number;
}

/** What has been wrong, and still is, since when. */
interface Standing {
  readonly text: string;
  readonly since: number;
}

export class LogState {
  incarnation = 0;
  /** Mark of the process that wrote the newest `start` row. */
  boot = "";
  program = "";
  site = "";
  mode = "";
  modeCause: string | null = null;
  modeSince = 0;
  trip: Standing | null = null;
  /** Commands answered: done and refused. */
  done = 0;
  refused = 0;
  readonly phases = new Map<number, PhaseState>();
  readonly detectors = new Map<number, DetectorState>();
  readonly buttons = new Map<number, DetectorState>();
  readonly standing = new Map<string, Standing>();
  /** Rows by kind, and events that are missing by class. */
  readonly rows = new Map<string, number>();
  readonly lost = new Map<string, number>();
  shared = new SharedState();

  /** Takes the next row. A body of an unexpected shape is counted and changes nothing else. */
  apply(at: number, kind: string, body: readonly CborValue[]): void {
    this.rows.set(kind, (this.rows.get(kind) ?? 0) + 1);
    if (kind === "code") this.#code(at, body[0], body[1]);
    else if (kind !== "lamps-sensed" && kind !== "lamps") this.#other(at, kind, body);
  }

  #code(at: number, code: CborValue | undefined, parameter: CborValue | undefined): void {
    if (typeof code !== "number" || typeof parameter !== "number") return;
    if (code <= 23) this.#phaseCode(at, code, parameter);
    else if (code >= 81 && code <= 88) applyDetector(this.detectors, at, code, parameter);
    else if (code >= 89 && code <= 92) applyButton(this.buttons, at, code, parameter);
  }

  #phaseCode(at: number, code: number, phase: number): void {
    const display = DISPLAY_BY_CODE[code];
    if (display === undefined && code !== 21) return;
    const state = this.phases.get(phase) ?? { display: RED, since: at, greens: 0, walks: 0 };
    this.phases.set(phase, state);
    if (code === 21) state.walks += 1;
    if (display === undefined || (display === RED && state.display === RED)) return;
    if (display === GREEN) state.greens += 1;
    state.display = display;
    state.since = at;
  }

  #other(at: number, kind: string, body: readonly CborValue[]): void {
    const [first, second, third] = body;
    switch (kind) {
      case "start":
        this.#start(at, body);
        break;
      case "mode":
        this.mode = words(first);
        this.modeCause = second === null || second === undefined ? null : words(second);
        this.modeSince = at;
        if (this.mode === "controlled") this.trip = null;
        break;
      case "trip":
        this.trip ??= { text: words(first), since: at };
        break;
      case "fault":
        this.#stand(`fault ${words(first)}`, second === true, words(third), at);
        break;
      case "alarm":
        this.#stand(`alarm ${words(first)} ${words(second)}`, third === true, "", at);
        break;
      case "command-result":
        if (third === true) this.done += 1;
        else this.refused += 1;
        break;
      case "gap":
        if (typeof second === "number") {
          this.lost.set(words(first), (this.lost.get(words(first)) ?? 0) + second);
        }
        break;
      default:
        this.#sharedRow(at, kind, body);
    }
  }

  #sharedRow(at: number, kind: string, body: readonly CborValue[]): void {
    if (kind === "wish") this.shared.wish(body);
    else if (kind === "acknowledge") this.shared.acknowledge(at, body);
    else if (kind === "revocation") this.shared.revoke(body);
    else if (kind === "zone-order") this.shared.order(body);
    else if (kind === "recovered") this.#recovered(body);
    else if (kind === "recovered-state") this.#recoveredState(body);
  }

  /** Counts what the row that came back counts; what stood then does not stand now. */
  #recovered([incarnation, seq, at, kind, bytes]: readonly CborValue[]): void {
    const numbers = typeof incarnation === "number" && typeof seq === "number";
    if (!numbers || typeof at !== "number" || typeof kind !== "string") return;
    // It may stand in a log twice: as itself, and within a history that had got it back before.
    if ((this.shared.recovered.get(incarnation) ?? 0) >= seq) return;
    this.shared.noteRecovered(incarnation, seq);
    this.rows.set(kind, (this.rows.get(kind) ?? 0) + 1);
    const body = innerBody(bytes);
    if (kind === "code" || kind === "command-result" || kind === "gap") {
      countRow(this, at, kind, body);
    } else this.#sharedRow(at, kind, body);
  }

  #recoveredState([incarnation, seq, , counts, shared]: readonly CborValue[]): void {
    if (typeof incarnation !== "number" || typeof seq !== "number") return;
    if ((this.shared.recovered.get(incarnation) ?? 0) >= seq) return;
    this.shared.noteRecovered(incarnation, seq);
    try {
      addCounts(this, counts);
      this.shared.merge(decodeShared(shared));
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
    }
  }

  #start(at: number, body: readonly CborValue[]): void {
    if (typeof body[0] === "number") this.incarnation = body[0];
    this.program = words(body[1]);
    this.site = words(body[2]);
    this.boot = words(body[6]);
    this.mode = "";
    this.modeCause = null;
    this.modeSince = at;
    this.standing.clear();
    for (const phase of this.phases.values()) {
      phase.display = RED;
      phase.since = at;
    }
    for (const state of [...this.detectors.values(), ...this.buttons.values()]) {
      state.on = false;
      state.failed = WORKS;
      state.since = at;
    }
  }

  #stand(key: string, active: boolean, what: string, at: number): void {
    if (!active) {
      this.standing.delete(key);
      this.shared.settle(key);
    } else if (!this.standing.has(key)) this.standing.set(key, { text: what, since: at });
  }

  /** The whole state; the same state always gives the same bytes. */
  encode(): Uint8Array {
    return encodeCbor([
      STATE_VERSION,
      this.incarnation,
      this.program,
      this.site,
      [this.mode, this.modeCause, this.modeSince],
      this.trip === null ? null : [this.trip.text, this.trip.since],
      [this.done, this.refused],
      // No plan is in force before coordination exists.
      null,
      numbered(this.phases, (p) => [p.display, p.since, p.greens, p.walks]),
      numbered(this.detectors, detectorFields),
      numbered(this.buttons, detectorFields),
      named(this.standing, (s) => [s.text, s.since]),
      named(this.rows, (count) => [count]),
      named(this.lost, (count) => [count]),
      this.boot,
      this.shared.encode(),
    ]);
  }
}

/** The body of a row that came back; one that can't be read counts as a row and nothing more. */
function innerBody(bytes: CborValue | undefined): readonly CborValue[] {
  if (!(bytes instanceof Uint8Array)) return [];
  try {
    const body = decodeCbor(bytes);
    return Array.isArray(body) ? body : [];
  } catch (error) {
    if (error instanceof WireError) return [];
    throw error;
  }
}

function words(value: CborValue | undefined): string {
  return typeof value === "string" ? value : String(value ?? "");
}

function edge(state: DetectorState, on: boolean, at: number): void {
  if (on && !state.on) state.count += 1;
  state.on = on;
  state.since = at;
}

type DetectorStates = Map<number, DetectorState>;

function applyDetector(states: DetectorStates, at: number, code: number, channel: number): void {
  const state = detectorOf(states, channel);
  if (code <= 82) edge(state, code === 82, at);
  else state.failed = code === 83 ? WORKS : code;
}

function applyButton(states: DetectorStates, at: number, code: number, channel: number): void {
  const state = detectorOf(states, channel);
  if (code <= 90) edge(state, code === 90, at);
  else state.failed = code === 92 ? WORKS : code;
}

function detectorFields(state: DetectorState): CborValue[] {
  return [state.on, state.since, state.count, state.failed];
}

function numbered<T>(map: ReadonlyMap<number, T>, fields: (value: T) => CborValue[]): CborValue[] {
  return [...map]
    .sort(([a], [b]) => a - b)
    .map(([key, value]) => [key, ...fields(value)] satisfies CborValue[]);
}

function named<T>(map: ReadonlyMap<string, T>, fields: (value: T) => CborValue[]): CborValue[] {
  return [...map]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => [key, ...fields(value)] satisfies CborValue[]);
}

/** The state that `encode` gave; else a `WireError`. */
export function decodeState(bytes: Uint8Array): LogState {
  const fields = list(decodeCbor(bytes, BOUNDS), 16, "state");
  const old = fields[0] === OLD_STATE_VERSION;
  if (!old) version(fields[0], STATE_VERSION, "state");
  tuple(fields, old ? 14 : 16, "state");
  const state = new LogState();
  state.incarnation = integer(fields[1], "incarnation");
  state.program = text(fields[2], "program");
  state.site = text(fields[3], "site");
  const [mode, cause, since] = tuple(fields[4], 3, "mode");
  state.mode = text(mode, "mode");
  state.modeCause = cause === null ? null : text(cause, "cause", 4_096);
  state.modeSince = integer(since, "since");
  if (fields[5] !== null) state.trip = standingOf(tuple(fields[5], 2, "trip"));
  const [done, refused] = tuple(fields[6], 2, "commands");
  state.done = integer(done, "done");
  state.refused = integer(refused, "refused");
  for (const [phase, ...rest] of entries(fields[8], 5, "phases")) {
    const [display, at, greens, walks] = rest.map((value) => integer(value, "phase"));
    state.phases.set(integer(phase, "phase"), {
      display: display ?? RED,
      since: at ?? 0,
      greens: greens ?? 0,
      walks: walks ?? 0,
    });
  }
  readDetectors(fields[9], state.detectors);
  readDetectors(fields[10], state.buttons);
  for (const [key, ...rest] of entries(fields[11], 3, "standing")) {
    state.standing.set(text(key, "standing", 4_096), standingOf(rest));
  }
  readCounts(fields[12], state.rows);
  readCounts(fields[13], state.lost);
  if (old) return state;
  state.boot = text(fields[14], "boot");
  state.shared = decodeShared(fields[15]);
  return state;
}

function entries(value: CborValue | undefined, width: number, name: string) {
  return list(value, MAX_ENTRIES, name).map((entry) => tuple(entry, width, name));
}

function standingOf([what, since]: readonly CborValue[]): Standing {
  return { text: text(what, "text", 4_096), since: integer(since, "since") };
}

function readDetectors(value: CborValue | undefined, into: Map<number, DetectorState>): void {
  for (const [channel, on, since, count, failed] of entries(value, 5, "detectors")) {
    if (typeof on !== "boolean") throw new WireError("detector is neither on nor off");
    into.set(integer(channel, "detector"), {
      on,
      since: integer(since, "since"),
      count: integer(count, "count"),
      failed: integer(failed, "failed"),
    });
  }
}

function readCounts(value: CborValue | undefined, into: Map<string, number>): void {
  for (const [key, count] of entries(value, 2, "counts")) {
    into.set(text(key, "count"), integer(count, "count"));
  }
}

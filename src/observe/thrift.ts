// How much a node goes without while its board is unwell. Pure: readings of the board in, a level
// out. Telemetry goes first, the lamps never: nothing on this ladder touches the control thread,
// the interlock, the events of the log or what neighbours tell each other.
//
//   1  traces are dropped, drawings of the street thinned
//   2  also: replays and the console's history are paced, copies of snapshots wait
//   3  also: of each vehicle's reports one a second is looked at
//
// It climbs with the reading that demands it, several steps at once if need be. It comes down one
// step at a time, after five minutes in which every reading was well below what had driven it up.

/** What the ladder looks at; null for what nothing on the board tells. */
export interface BoardReading {
  readonly temperatureC: number | null;
  readonly memoryFreeBytes: number | null;
  readonly diskFreeBytes: number | null;
  /** The supply is too weak at this moment. */
  readonly isUnderVoltage: boolean;
  /** The processor has been slowed down, for heat or supply. */
  readonly isThrottled: boolean;
}

export type ThriftLevel = 0 | 1 | 2 | 3;

export interface Thrift {
  readonly level: ThriftLevel;
  /** What keeps it there, in words; none on level 0. */
  readonly causes: readonly string[];
  /** Since when each reading would allow the step below; null while one does not. */
  readonly calmSinceMs: number | null;
}

export const NO_THRIFT: Thrift = { level: 0, causes: [], calmSinceMs: null };

/** A board that cools as soon as it does less warms again as soon as it does more. */
export const CALM_MS = 300_000;

/** From `up[n - 1]` on the level is n; below it again only from `down[n - 1]` on. */
interface Steps {
  readonly up: readonly [number, number, number];
  readonly down: readonly [number, number, number];
}

/** A Pi slows its clock from 80 °C on and more at 85 (its makers' documentation). */
const TEMPERATURE_C: Steps = { up: [75, 80, 84], down: [70, 75, 79] };
/** As shares: what is left. The log stops itself at its bound; this is for what else grows. */
const DISK_LEFT_BYTES: Steps = { up: [1e9, 500e6, 100e6], down: [1.2e9, 600e6, 150e6] };
/** A node takes some 150 MB; below 32 MB the kernel looks for somebody to end. */
const MEMORY_LEFT_BYTES: Steps = { up: [96e6, 64e6, 32e6], down: [128e6, 96e6, 48e6] };

/** The highest step that the value has reached; `sign` is 1 where much is bad, -1 where little. */
function reached(value: number, bounds: readonly number[], sign: 1 | -1): number {
  return bounds.filter((bound) => value * sign >= bound * sign).length;
}

interface Demand {
  readonly cause: string;
  /** The level that this reading asks for. */
  readonly wants: number;
  /** The level down to which it would let go. */
  readonly allows: number;
}

function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1e6)} MB`;
}

function demandsOf(reading: BoardReading): Demand[] {
  const { temperatureC, memoryFreeBytes, diskFreeBytes } = reading;
  const of = (value: number, steps: Steps, sign: 1 | -1, cause: string): Demand => {
    return {
      cause,
      wants: reached(value, steps.up, sign),
      allows: reached(value, steps.down, sign),
    };
  };
  const demands: Demand[] = [];
  if (memoryFreeBytes !== null) {
    const free = `${megabytes(memoryFreeBytes)} of memory are free`;
    demands.push(of(memoryFreeBytes, MEMORY_LEFT_BYTES, -1, free));
  }
  if (temperatureC !== null) {
    demands.push(of(temperatureC, TEMPERATURE_C, 1, `${Math.round(temperatureC)} °C`));
  }
  if (diskFreeBytes !== null) {
    const left = `${megabytes(diskFreeBytes)} are left on the data disk`;
    demands.push(of(diskFreeBytes, DISK_LEFT_BYTES, -1, left));
  }
  const weak = reading.isUnderVoltage ? 1 : 0;
  demands.push({ cause: "the supply's voltage is too low", wants: weak, allows: weak });
  const slowed = reading.isThrottled ? 2 : 0;
  demands.push({ cause: "the processor is slowed down", wants: slowed, allows: slowed });
  return demands;
}

const LEVELS: readonly ThriftLevel[] = [0, 1, 2, 3];

function levelOf(value: number): ThriftLevel {
  return LEVELS[value] ?? 3;
}

/** One reading at a monotonic time, ms. */
export function stepThrift(before: Thrift, reading: BoardReading, nowMs: number): Thrift {
  const demands = demandsOf(reading);
  const wanted = Math.max(...demands.map(({ wants }) => wants));
  const allowed = Math.max(...demands.map(({ allows }) => allows));
  const causesAt = (level: number): string[] =>
    demands.filter(({ allows }) => allows > 0 && level > 0).map(({ cause }) => cause);
  if (wanted >= before.level) {
    const level = levelOf(wanted);
    return { level, causes: causesAt(level), calmSinceMs: null };
  }
  if (allowed >= before.level) {
    return { level: before.level, causes: causesAt(before.level), calmSinceMs: null };
  }
  const calmSinceMs = before.calmSinceMs ?? nowMs;
  if (nowMs - calmSinceMs < CALM_MS) {
    return { level: before.level, causes: causesAt(before.level), calmSinceMs };
  }
  const level = levelOf(before.level - 1);
  return { level, causes: causesAt(level), calmSinceMs: level === 0 ? null : nowMs };
}

/** What a level goes without, for people. */
export const THRIFT_WORDS: Readonly<Record<ThriftLevel, string>> = {
  0: "",
  1: "traces are dropped and the street's drawing is thinned",
  2: "traces are dropped, replays and history are slow, copies of snapshots wait",
  3: "traces are dropped, replays and history are slow, copies wait, vehicles' reports are sampled",
};

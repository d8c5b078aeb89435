// The same messages as FlatBuffers, written with the package's builder as its generated code would
// do it, and read field by field, since a buffer that nobody reads is not decoded. Wall times are
// doubles: 64-bit integers are BigInts here and much slower.
import { Builder, ByteBuffer } from "flatbuffers";
import type { EventRows } from "../../../src/wire/events.ts";
import { SPAT_MODES, type Spat, type SpatPhase } from "../../../src/wire/spat.ts";
import type { PhaseDelta, Subject } from "./messages.ts";

const ENDED = ["gap-out", "max-out", "force-off", "preemption", "stop", "no-demand"] as const;

const builder = new Builder(1_024);

/** What `write` makes the root of, in a buffer of its own. */
function finished(write: () => number): Uint8Array {
  builder.clear();
  builder.finish(write());
  return builder.asUint8Array().slice();
}

/** Numbers that may be missing: a field that is not written reads as null. */
function addInt(slot: number, value: number | null): void {
  if (value !== null) builder.addFieldInt32(slot, value, Number.NaN);
}

function addByte(slot: number, value: number | null): void {
  if (value !== null) builder.addFieldInt8(slot, value, Number.NaN);
}

/** One table in a buffer; `slot` counts its fields. */
class Table {
  readonly #bytes: ByteBuffer;
  readonly #at: number;

  constructor(bytes: ByteBuffer, at: number) {
    this.#bytes = bytes;
    this.#at = at;
  }

  static root(bytes: Uint8Array): Table {
    const buffer = new ByteBuffer(bytes);
    return new Table(buffer, buffer.readInt32(0));
  }

  #field(slot: number): number | null {
    const offset = this.#bytes.__offset(this.#at, 4 + 2 * slot);
    return offset === 0 ? null : this.#at + offset;
  }

  byte(slot: number): number | null {
    const at = this.#field(slot);
    return at === null ? null : this.#bytes.readInt8(at);
  }

  int(slot: number): number | null {
    const at = this.#field(slot);
    return at === null ? null : this.#bytes.readInt32(at);
  }

  double(slot: number): number | null {
    const at = this.#field(slot);
    return at === null ? null : this.#bytes.readFloat64(at);
  }

  text(slot: number): string | null {
    const at = this.#field(slot);
    return at === null ? null : String(this.#bytes.__string(at));
  }

  octets(slot: number): Uint8Array {
    const at = this.#field(slot);
    if (at === null) return new Uint8Array(0);
    const from = this.#bytes.__vector(at);
    return this.#bytes.bytes().slice(from, from + this.#bytes.__vector_len(at));
  }

  tables(slot: number): Table[] {
    const at = this.#field(slot);
    if (at === null) return [];
    const from = this.#bytes.__vector(at);
    return Array.from(
      { length: this.#bytes.__vector_len(at) },
      (_, index) => new Table(this.#bytes, this.#bytes.__indirect(from + 4 * index)),
    );
  }
}

function vectorOf(offsets: readonly number[]): number {
  builder.startVector(4, offsets.length, 4);
  for (let index = offsets.length - 1; index >= 0; index -= 1) {
    builder.addOffset(offsets[index] ?? 0);
  }
  return builder.endVector();
}

const delta: Subject<PhaseDelta> = {
  encode: (message) =>
    finished(() => {
      builder.startObject(6);
      builder.addFieldFloat64(2, message.atMs, 0);
      builder.addFieldFloat64(5, message.endMs, 0);
      addInt(1, message.dot);
      addByte(0, message.stream);
      addByte(3, message.phase);
      addByte(4, message.display);
      return builder.endObject();
    }),
  decode(bytes) {
    const table = Table.root(bytes);
    return {
      stream: table.byte(0),
      dot: table.int(1),
      atMs: table.double(2),
      phase: table.byte(3),
      display: table.byte(4),
      endMs: table.double(5),
    };
  },
};

function phaseTable(phase: SpatPhase): number {
  builder.startObject(10);
  addInt(3, phase.sinceMs);
  addInt(4, phase.earliestMs);
  addInt(5, phase.likelyMs);
  addInt(6, phase.latestMs);
  addByte(0, phase.phase);
  addByte(1, phase.state);
  addByte(2, phase.walk);
  addByte(7, phase.call ? 1 : 0);
  addByte(8, phase.pedestrianCall ? 1 : 0);
  addByte(9, phase.ended === null ? null : ENDED.indexOf(phase.ended));
  return builder.endObject();
}

function readPhase(table: Table) {
  return {
    phase: table.byte(0),
    state: table.byte(1),
    walk: table.byte(2),
    sinceMs: table.int(3),
    earliestMs: table.int(4),
    likelyMs: table.int(5),
    latestMs: table.int(6),
    call: table.byte(7) === 1,
    pedestrianCall: table.byte(8) === 1,
    ended: table.byte(9),
  };
}

const spat: Subject<Spat> = {
  encode: (message) =>
    finished(() => {
      const cause = message.cause === null ? 0 : builder.createString(message.cause);
      const lamps = builder.createByteVector(Uint8Array.from(message.lamps));
      const phases = vectorOf(message.phases.map(phaseTable));
      builder.startObject(11);
      builder.addFieldFloat64(3, message.monoMs, 0);
      builder.addFieldFloat64(4, message.wallMs, 0);
      addInt(1, message.incarnation);
      addInt(2, message.sequence);
      addInt(6, message.validForMs);
      builder.addFieldOffset(8, cause, 0);
      builder.addFieldOffset(9, lamps, 0);
      builder.addFieldOffset(10, phases, 0);
      addByte(0, 1);
      addByte(5, message.clock === "sure" ? 1 : 0);
      addByte(7, SPAT_MODES.indexOf(message.mode));
      return builder.endObject();
    }),
  decode(bytes) {
    const table = Table.root(bytes);
    return {
      version: table.byte(0),
      incarnation: table.int(1),
      sequence: table.int(2),
      monoMs: table.double(3),
      wallMs: table.double(4),
      clock: table.byte(5),
      validForMs: table.int(6),
      mode: table.byte(7),
      cause: table.text(8),
      lamps: table.octets(9),
      phases: table.tables(10).map(readPhase),
    };
  },
};

const event: Subject<EventRows> = {
  encode: (message) =>
    finished(() => {
      const rows = message.rows.map(({ seq, at, kind, body }) => {
        const [code, parameter] = body as readonly number[];
        const word = builder.createString(kind);
        builder.startObject(5);
        builder.addFieldFloat64(0, seq, 0);
        builder.addFieldFloat64(1, at, 0);
        builder.addFieldOffset(2, word, 0);
        addInt(3, code ?? null);
        addInt(4, parameter ?? null);
        return builder.endObject();
      });
      const vector = vectorOf(rows);
      builder.startObject(3);
      addInt(1, message.incarnation);
      builder.addFieldOffset(2, vector, 0);
      addByte(0, 1);
      return builder.endObject();
    }),
  decode(bytes) {
    const table = Table.root(bytes);
    return {
      version: table.byte(0),
      incarnation: table.int(1),
      rows: table.tables(2).map((row) => ({
        seq: row.double(0),
        at: row.double(1),
        kind: row.text(2),
        code: row.int(3),
        parameter: row.int(4),
      })),
    };
  },
};

export const FLATBUFFERS = { delta, spat, event };

// The same messages in Protobuf, each with a schema of its own that says no more than it must.
import protobuf from "protobufjs";
import type { EventRows } from "../../../src/wire/events.ts";
import type { Spat } from "../../../src/wire/spat.ts";
import type { PhaseDelta, Subject } from "./messages.ts";

const SCHEMA = `
syntax = "proto3";
message Delta {
  uint32 stream = 1; uint64 dot = 2; uint64 atMs = 3;
  uint32 phase = 4; uint32 display = 5; optional uint64 endMs = 6;
}
enum Clock { unsure = 0; sure = 1; }
enum Mode {
  unavailable = 0; starting = 1; controlled = 2; orderly_stop = 3;
  failure_display = 4; trip = 5; no_cabinet = 6;
}
enum Ended {
  gap_out = 0; max_out = 1; force_off = 2; preemption = 3; stop = 4; no_demand = 5;
}
message Phase {
  uint32 phase = 1; optional uint32 state = 2; optional uint32 walk = 3; uint64 sinceMs = 4;
  optional uint64 earliestMs = 5; optional uint64 likelyMs = 6; optional uint64 latestMs = 7;
  bool call = 8; bool pedestrianCall = 9; optional Ended ended = 10;
}
message Spat {
  uint32 version = 1; uint64 incarnation = 2; uint64 sequence = 3; uint64 monoMs = 4;
  uint64 wallMs = 5; Clock clock = 6; uint32 validForMs = 7; Mode mode = 8;
  optional string cause = 9; bytes lamps = 10; repeated Phase phases = 11;
}
message Row {
  uint64 seq = 1; uint64 at = 2; string kind = 3;
  uint32 code = 4; uint32 parameter = 5; optional string text = 6;
}
message Events { uint32 version = 1; uint64 incarnation = 2; repeated Row rows = 3; }
`;

// Wall times as numbers, as everybody here needs them; Long objects would be slower.
protobuf.util.Long = undefined as never;
protobuf.configure();

const { root } = protobuf.parse(SCHEMA, { keepCase: true });

/** Encodes what `plain` makes of a message; a field that is null is not on the wire. */
function subject<T>(name: string, plain: (message: T) => Record<string, unknown>): Subject<T> {
  const type = root.lookupType(name);
  return {
    encode: (message) => type.encode(plain(message)).finish(),
    decode: (bytes) => type.decode(bytes),
  };
}

const WORDS = Object.fromEntries(
  ["Clock", "Mode", "Ended"].map((name) => [name, root.lookupEnum(name).values]),
);

const numberOf = (type: string, word: string): number => WORDS[type]?.[word.replace("-", "_")] ?? 0;

export const PROTOBUF = {
  delta: subject("Delta", (delta: PhaseDelta) => ({ ...delta })),
  spat: subject("Spat", (spat: Spat) => ({
    ...spat,
    version: 1,
    clock: numberOf("Clock", spat.clock),
    mode: numberOf("Mode", spat.mode),
    lamps: Uint8Array.from(spat.lamps),
    phases: spat.phases.map((phase) => ({
      ...phase,
      ended: phase.ended === null ? null : numberOf("Ended", phase.ended),
    })),
  })),
  event: subject("Events", ({ incarnation, rows }: EventRows) => ({
    version: 1,
    incarnation,
    rows: rows.map(({ seq, at, kind, body }) => {
      const [code, parameter] = body as readonly number[];
      return { seq, at, kind, code, parameter };
    }),
  })),
};

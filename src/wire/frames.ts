// Encoders and decoders of the cabinet link, both ways. Layout by byte: docs/protocol.md,
// "Frames"; the other side is firmware-bridge/core/frames.c and status.c.
//
//   wire  = COBS(frame) 0x00
//   frame = version u8, type u8, body, CRC-16 of all before it; little-endian; at most 64 bytes
//
// Decoders never throw: bytes that are no frame come back as a reason (DiscardReason).
import { CHANNEL_COUNT, type Display, type LampCode } from "../core/site/lamps.ts";
import {
  CABINET_CAUSE,
  CABINET_MODE,
  CONTROL_INPUT,
  COUNTER,
  FLAG,
  FRAME_MAX,
  FRAME_TYPE,
  HOLD_REASON,
  RECORD_PART_MAX,
  RECORD_RESULT,
  REFUSAL,
  RESET_CAUSE,
  type ResetCause,
  STOP_CAUSE,
} from "./cabinet-codes.ts";
import { FrameFields, FrameWriter, openEnvelope } from "./frame-bytes.ts";
import type {
  CabinetFrame,
  ControlInputs,
  DiscardReason,
  HelloAnswerFrame,
  HostFrame,
  LampMasks,
  Latch,
  RecordPartFrame,
  RecordResultFrame,
  RecordWriteFrame,
  StatusFlags,
  StatusFrame,
} from "./frame-types.ts";

/** Value to name, for a table of names to values; a hole is a value nobody sends. */
function namesOf<Name extends string>(table: Readonly<Record<Name, number>>): (Name | undefined)[] {
  const names: (Name | undefined)[] = [];
  for (const [name, value] of Object.entries(table)) names[value as number] = name as Name;
  return names;
}

const MODES = namesOf(CABINET_MODE);
const CAUSES = namesOf(CABINET_CAUSE);
const HOLDS = namesOf(HOLD_REASON);
const REFUSALS = namesOf(REFUSAL);
const COUNTERS = namesOf(COUNTER);
const RESULTS = namesOf(RECORD_RESULT);
const STOPS = namesOf(STOP_CAUSE);
const RESETS = Object.entries(RESET_CAUSE) as [ResetCause, number][];

/** Whole frame lengths, without stuffing and delimiter. */
const LENGTH = {
  hello: 12,
  lamp: 24,
  stop: 13,
  "record-read": 11,
  "record-commit": 14,
  "hello-answer": 52,
  status: 44,
  "record-result": 15,
} as const;
const WRITE_HEAD = 11;
const PART_HEAD = 13;

/** Thrown nowhere: the decoder's own word for a value outside its table. */
const BAD = Symbol("content");
type Checked<T> = T | typeof BAD;

function known<T>(value: T | undefined): Checked<T> {
  return value === undefined ? BAD : value;
}

function nibbles(display: Display): Uint8Array {
  if (display.length !== CHANNEL_COUNT) throw new Error(`a display of ${display.length} channels`);
  const packed = new Uint8Array(CHANNEL_COUNT / 2);
  for (let pair = 0; pair < packed.length; pair++) {
    packed[pair] = (display[2 * pair] ?? 0) | ((display[2 * pair + 1] ?? 0) << 4);
  }
  return packed;
}

function codesOf(fields: FrameFields): Checked<LampCode[]> {
  const codes: LampCode[] = [];
  for (let pair = 0; pair < CHANNEL_COUNT / 2; pair++) {
    const byte = fields.u8();
    const low = byte & 0x0f;
    const high = byte >> 4;
    if (low > 5 || high > 5) return BAD;
    codes.push(low as LampCode, high as LampCode);
  }
  return codes;
}

function masksOf(fields: FrameFields): LampMasks {
  return { red: fields.u16(), yellow: fields.u16(), green: fields.u16() };
}

function controlOf(bits: number): ControlInputs {
  return {
    jumper: (bits & CONTROL_INPUT.jumper) !== 0,
    button: (bits & CONTROL_INPUT.button) !== 0,
    manualFlash: (bits & CONTROL_INPUT.manualFlash) !== 0,
    relay: (bits & CONTROL_INPUT.relay) !== 0,
  };
}

function flagsOf(bits: number): StatusFlags {
  return {
    displayed: (bits & FLAG.displayed) !== 0,
    session: (bits & FLAG.session) !== 0,
    recordValid: (bits & FLAG.recordValid) !== 0,
    recordMatches: (bits & FLAG.recordMatches) !== 0,
    latched: (bits & FLAG.latched) !== 0,
    relay: (bits & FLAG.relay) !== 0,
    pump: (bits & FLAG.pump) !== 0,
    relayWelded: (bits & FLAG.relayWelded) !== 0,
  };
}

function encodePart(frame: RecordWriteFrame): Uint8Array {
  if (frame.data.length === 0 || frame.data.length > RECORD_PART_MAX) {
    throw new Error(`a record part of ${frame.data.length} bytes; 1 to ${RECORD_PART_MAX} fit`);
  }
  return new FrameWriter(FRAME_TYPE["record-write"], WRITE_HEAD - 4 + frame.data.length)
    .u32(frame.session)
    .u16(frame.offset)
    .u8(frame.data.length)
    .raw(frame.data)
    .finish();
}

function writerFor(kind: Exclude<HostFrame["kind"], "record-write">): FrameWriter {
  return new FrameWriter(FRAME_TYPE[kind], LENGTH[kind] - 4);
}

/** Bytes for the wire, closing delimiter included. Numbers must fit their fields. */
export function encodeHostFrame(frame: HostFrame): Uint8Array {
  switch (frame.kind) {
    case "hello":
      return writerFor(frame.kind).u32(frame.nonce).u32(frame.recordChecksum).finish();
    case "lamp":
      return writerFor(frame.kind)
        .u32(frame.session)
        .u32(frame.sequence)
        .u32(frame.stamp)
        .raw(nibbles(frame.display))
        .finish();
    case "stop":
      return writerFor(frame.kind)
        .u32(frame.session)
        .u32(frame.sequence)
        .u8(STOP_CAUSE[frame.cause])
        .finish();
    case "record-read":
      return writerFor(frame.kind).u32(frame.session).u16(frame.offset).u8(frame.length).finish();
    case "record-write":
      return encodePart(frame);
    case "record-commit":
      return writerFor(frame.kind)
        .u32(frame.session)
        .u16(frame.length)
        .u32(frame.checksum)
        .finish();
  }
}

function decodeStatus(fields: FrameFields): Checked<StatusFrame> {
  const session = fields.u32();
  const stamp = fields.u32();
  const mode = known(MODES[fields.u8()]);
  const cause = known(CAUSES[fields.u8()]);
  const sequence = fields.u32();
  const flags = flagsOf(fields.u8());
  const hold = known(HOLDS[fields.u8()]);
  const holdChannel = fields.u8();
  const refusal = known(REFUSALS[fields.u8()]);
  const commanded = codesOf(fields);
  const sensed = masksOf(fields);
  const inputs = fields.u32();
  const control = controlOf(fields.u8());
  const counter = known(COUNTERS[fields.u8()]);
  const counterValue = fields.u16();
  if (mode === BAD || cause === BAD || hold === BAD) return BAD;
  if (refusal === BAD || commanded === BAD || counter === BAD) return BAD;
  return {
    kind: "status",
    session,
    stamp,
    mode,
    cause,
    sequence,
    flags,
    hold,
    holdChannel,
    refusal,
    commanded,
    sensed,
    inputs,
    control,
    counter,
    counterValue,
  };
}

function latchOf(fields: FrameFields): Checked<Latch | null> {
  const cause = known(CAUSES[fields.u8()]);
  const channel = fields.u8();
  const other = fields.u8();
  const modeAndTrip = fields.u8();
  const mode = known(MODES[modeAndTrip & 0x7f]);
  const tripped = (modeAndTrip & 0x80) !== 0;
  const measuredMs = fields.u16();
  const stamp = fields.u32();
  const boot = fields.u16();
  const sensed = masksOf(fields);
  const commanded = masksOf(fields);
  const control = controlOf(fields.u8());
  if (cause === BAD || mode === BAD) return BAD;
  if (cause === "none") return null;
  const head = { cause, channel, other, mode, tripped, measuredMs };
  return { ...head, stamp, boot, sensed, commanded, control };
}

function decodeHelloAnswer(fields: FrameFields): Checked<HelloAnswerFrame> {
  const nonce = fields.u32();
  const session = fields.u32();
  const boot = fields.u32();
  const firmwareVersion = `${fields.u8()}.${fields.u8()}.${fields.u8()}`;
  const resetBits = fields.u8();
  const resetCauses = RESETS.filter(([, bit]) => (resetBits & bit) !== 0).map(([name]) => name);
  const flags = flagsOf(fields.u8());
  const recordLength = fields.u8();
  const recordChecksum = fields.u32();
  const mode = known(MODES[fields.u8()]);
  const latch = latchOf(fields);
  if (mode === BAD || latch === BAD) return BAD;
  return {
    kind: "hello-answer",
    ...{ nonce, session, boot, firmwareVersion, resetCauses, flags },
    ...{ recordLength, recordChecksum, mode, latch },
  };
}

function decodePart(frame: Uint8Array): Checked<RecordPartFrame> {
  const fields = new FrameFields(frame);
  const session = fields.u32();
  const offset = fields.u16();
  const total = fields.u16();
  const length = fields.u8();
  if (length !== frame.length - PART_HEAD || length > RECORD_PART_MAX) return BAD;
  return { kind: "record-part", session, offset, total, data: fields.raw(length) };
}

function decodeResult(fields: FrameFields): Checked<RecordResultFrame> {
  const session = fields.u32();
  const result = known(RESULTS[fields.u8()]);
  const next = fields.u16();
  const checksum = fields.u32();
  return result === BAD ? BAD : { kind: "record-result", session, result, next, checksum };
}

type Decoder<T> = (frame: Uint8Array) => Checked<T>;

function fixed<T>(length: number, decode: (fields: FrameFields) => Checked<T>): Decoder<T> {
  return (frame) => (frame.length === length ? decode(new FrameFields(frame)) : BAD);
}

const CABINET_DECODERS: Readonly<Record<number, Decoder<CabinetFrame>>> = {
  [FRAME_TYPE["hello-answer"]]: fixed(LENGTH["hello-answer"], decodeHelloAnswer),
  [FRAME_TYPE.status]: fixed(LENGTH.status, decodeStatus),
  [FRAME_TYPE["record-part"]]: decodePart,
  [FRAME_TYPE["record-result"]]: fixed(LENGTH["record-result"], decodeResult),
};

const HOST_DECODERS: Readonly<Record<number, Decoder<HostFrame>>> = {
  [FRAME_TYPE.hello]: fixed(LENGTH.hello, (fields) => ({
    kind: "hello",
    nonce: fields.u32(),
    recordChecksum: fields.u32(),
  })),
  [FRAME_TYPE.lamp]: fixed(LENGTH.lamp, (fields) => {
    const head = { session: fields.u32(), sequence: fields.u32(), stamp: fields.u32() };
    const display = codesOf(fields);
    return display === BAD ? BAD : { kind: "lamp", ...head, display };
  }),
  [FRAME_TYPE.stop]: fixed(LENGTH.stop, (fields) => {
    const head = { session: fields.u32(), sequence: fields.u32() };
    const cause = known(STOPS[fields.u8()]);
    return cause === BAD ? BAD : { kind: "stop", ...head, cause };
  }),
  [FRAME_TYPE["record-read"]]: fixed(LENGTH["record-read"], (fields) => ({
    kind: "record-read",
    session: fields.u32(),
    offset: fields.u16(),
    length: fields.u8(),
  })),
  [FRAME_TYPE["record-write"]]: (frame) => {
    const fields = new FrameFields(frame);
    const head = { session: fields.u32(), offset: fields.u16() };
    const length = fields.u8();
    if (length === 0 || length !== frame.length - WRITE_HEAD) return BAD;
    return { kind: "record-write", ...head, data: fields.raw(length) };
  },
  [FRAME_TYPE["record-commit"]]: fixed(LENGTH["record-commit"], (fields) => ({
    kind: "record-commit",
    session: fields.u32(),
    length: fields.u16(),
    checksum: fields.u32(),
  })),
};

function decode<T>(
  stuffed: Uint8Array,
  decoders: Readonly<Record<number, Decoder<T>>>,
): T | DiscardReason {
  const frame = openEnvelope(stuffed);
  if (typeof frame === "string") return frame;
  const decoder = decoders[frame[1] ?? 0];
  if (decoder === undefined) return "type";
  const decoded = decoder(frame);
  return decoded === BAD ? "content" : decoded;
}

/** A frame from the cabinet, given the bytes between two delimiters; or why it is none. */
export function decodeCabinetFrame(stuffed: Uint8Array): CabinetFrame | DiscardReason {
  return decode(stuffed, CABINET_DECODERS);
}

/** A frame from the host, for the tests and for whoever listens in. */
export function decodeHostFrame(stuffed: Uint8Array): HostFrame | DiscardReason {
  return decode(stuffed, HOST_DECODERS);
}

/** Longest run of bytes without a delimiter that can still be a frame. */
export const STUFFED_MAX = FRAME_MAX + 1;

// Frames between host and cabinet, both ways: what they carry. frames.ts turns them into bytes and
// back; docs/protocol.md, "Frames", has the layout by byte.
import type { LampCode } from "../core/site/lamps.ts";
import type {
  CabinetCause,
  CabinetMode,
  Counter,
  HoldReason,
  RecordResult,
  Refusal,
  ResetCause,
  StopCause,
} from "./cabinet-codes.ts";

/** Opens a session; the answer carries the same nonce. */
export interface HelloFrame {
  readonly kind: "hello";
  readonly nonce: number;
  /** Checksum of the record compiled from the host's site file. */
  readonly recordChecksum: number;
}

export interface LampFrame {
  readonly kind: "lamp";
  readonly session: number;
  /** Strictly rising through a session, from 1; shared with STOP. */
  readonly sequence: number;
  /** Newest cabinet stamp the host has read, ms. */
  readonly stamp: number;
  readonly display: readonly LampCode[];
}

/** Asks for the orderly stop and holds the failure display while repeated. */
export interface StopFrame {
  readonly kind: "stop";
  readonly session: number;
  readonly sequence: number;
  readonly cause: StopCause;
}

export interface RecordReadFrame {
  readonly kind: "record-read";
  readonly session: number;
  readonly offset: number;
  /** 1 to 32. */
  readonly length: number;
}

/** Parts go in order from offset 0, each after the answer to the one before. */
export interface RecordWriteFrame {
  readonly kind: "record-write";
  readonly session: number;
  readonly offset: number;
  readonly data: Uint8Array;
}

/** Checks what was written and stores it; the answer comes when it is in the EEPROM (1.5 s). */
export interface RecordCommitFrame {
  readonly kind: "record-commit";
  readonly session: number;
  readonly length: number;
  readonly checksum: number;
}

export type HostFrame =
  | HelloFrame
  | LampFrame
  | StopFrame
  | RecordReadFrame
  | RecordWriteFrame
  | RecordCommitFrame;

/** Bit 0 is channel 1. For a pedestrian channel red is don't walk, green is walk. */
export interface LampMasks {
  readonly red: number;
  readonly yellow: number;
  readonly green: number;
}

export interface ControlInputs {
  readonly jumper: boolean;
  readonly button: boolean;
  readonly manualFlash: boolean;
  /** The flash-transfer relay's contact reads energised. */
  readonly relay: boolean;
}

/** First cause of a latched stop or trip, with what was read at that moment. */
export interface Latch {
  readonly cause: CabinetCause;
  /** 1 to 16; 0 = none. */
  readonly channel: number;
  readonly other: number;
  readonly mode: CabinetMode;
  /** The relay has been released: at once, or after a stop that was latched first. */
  readonly tripped: boolean;
  /** How long the fault stood, or the time that was too short, ms. */
  readonly measuredMs: number;
  readonly stamp: number;
  /** Low 16 bits of the boot counter at that time. */
  readonly boot: number;
  readonly sensed: LampMasks;
  readonly commanded: LampMasks;
  readonly control: ControlInputs;
}

export interface HelloAnswerFrame {
  readonly kind: "hello-answer";
  readonly nonce: number;
  readonly session: number;
  readonly boot: number;
  readonly firmwareVersion: string;
  readonly resetCauses: readonly ResetCause[];
  readonly flags: StatusFlags;
  readonly recordLength: number;
  /** Checksum of the cabinet's record; means nothing unless `flags.recordValid`. */
  readonly recordChecksum: number;
  readonly mode: CabinetMode;
  readonly latch: Latch | null;
}

export interface StatusFlags {
  /** The newest accepted lamp frame is wholly displayed. */
  readonly displayed: boolean;
  readonly session: boolean;
  readonly recordValid: boolean;
  readonly recordMatches: boolean;
  readonly latched: boolean;
  readonly relay: boolean;
  readonly pump: boolean;
  readonly relayWelded: boolean;
}

/** Every 20 ms, and at once on a change of an input, a sensed lamp, a code or the mode. */
export interface StatusFrame {
  readonly kind: "status";
  /** The newest session, or 0 since reset none was opened. */
  readonly session: number;
  /** Milliseconds since the cabinet's reset, 32 bits. */
  readonly stamp: number;
  readonly mode: CabinetMode;
  /** Why the cabinet is, or last was, not controlled. */
  readonly cause: CabinetCause;
  /** Newest accepted lamp or STOP frame of this session, 0 = none. */
  readonly sequence: number;
  readonly flags: StatusFlags;
  readonly hold: HoldReason;
  readonly holdChannel: number;
  /** Reason of the newest refusal, `none` again after the next accepted frame. */
  readonly refusal: Refusal;
  /** What the cabinet drives, flashing as code; channel 1 first. */
  readonly commanded: readonly LampCode[];
  /** Field terminals, filtered by 8 ms; flashing lamps toggle here. */
  readonly sensed: LampMasks;
  /** Debounced; bit 0 is input 1. Unsigned 32 bits. */
  readonly inputs: number;
  readonly control: ControlInputs;
  readonly counter: Counter;
  /** 16 bits, wraps. */
  readonly counterValue: number;
}

export interface RecordPartFrame {
  readonly kind: "record-part";
  readonly session: number;
  readonly offset: number;
  readonly total: number;
  readonly data: Uint8Array;
}

export interface RecordResultFrame {
  readonly kind: "record-result";
  readonly session: number;
  readonly result: RecordResult;
  /** Offset of the next part that will be taken. */
  readonly next: number;
  /** Checksum of the record now in force, 0 without a valid one. */
  readonly checksum: number;
}

export type CabinetFrame = HelloAnswerFrame | StatusFrame | RecordPartFrame | RecordResultFrame;

export type DiscardReason =
  | "too-long"
  | "framing"
  | "length"
  | "crc"
  | "version"
  | "type"
  | "content";

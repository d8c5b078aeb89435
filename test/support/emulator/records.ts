// Records for the emulator, written byte by byte after firmware-bridge/core/record.h: a second
// hand beside src/cabinet/record.ts.
import { crc32 } from "node:zlib";

export interface BenchChannel {
  readonly channel: number;
  readonly kind: "vehicle" | "pedestrian";
  readonly flash?: "dark" | "red" | "yellow";
  /** Pedestrian: the vehicle channel beside it. */
  readonly beside?: number;
}

const FLASH = { dark: 0, red: 1, yellow: 2 } as const;
const YELLOW_MS = 3000;
const RED_CLEARANCE_MS = 1000;
const WALK_CLEARANCE_MS = 4000;
const SIZE = 200;
const CHANNELS_AT = 36;
const COMPATIBLE_AT = 164;
const CHECKSUM_AT = 196;

/** 200 bytes with the shortest times that the firmware takes. */
export function benchRecord(
  channels: readonly BenchChannel[],
  compatible: readonly (readonly [number, number])[],
): Uint8Array {
  const bytes = Buffer.alloc(SIZE);
  bytes.write("SL", 0, "latin1");
  bytes[2] = 1;
  bytes.write("emulator", 4, "latin1");
  for (const { channel, kind, flash, beside } of channels) {
    const at = CHANNELS_AT + 8 * (channel - 1);
    const walks = kind === "pedestrian";
    bytes[at] = walks ? 2 : 1 | (FLASH[flash ?? "red"] << 4);
    bytes[at + 1] = beside ?? 0;
    bytes.writeUInt16LE(walks ? 0 : YELLOW_MS, at + 2);
    bytes.writeUInt16LE(RED_CLEARANCE_MS, at + 4);
    bytes.writeUInt16LE(walks ? WALK_CLEARANCE_MS : 0, at + 6);
  }
  for (const [one, other] of compatible) {
    for (const [row, column] of [
      [one, other],
      [other, one],
    ] as const) {
      const at = COMPATIBLE_AT + 2 * (row - 1);
      bytes.writeUInt16LE(bytes.readUInt16LE(at) | (1 << (column - 1)), at);
    }
  }
  bytes.writeUInt32LE(crc32(bytes.subarray(0, CHECKSUM_AT)), CHECKSUM_AT);
  return new Uint8Array(bytes);
}

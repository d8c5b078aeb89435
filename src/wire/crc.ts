// Checksums of the cabinet link and of the record; the same two stand in firmware-bridge/core/crc.c

function table(polynomial: number): Uint32Array {
  const entries = new Uint32Array(256);
  for (let index = 0; index < 256; index++) {
    let value = index;
    for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ polynomial : value >>> 1;
    entries[index] = value >>> 0;
  }
  return entries;
}

/** 0x3D65 with its bits reversed, as the reflected algorithm takes it. */
const DNP = table(0xa6bc);
const IEEE = table(0xedb88320);

/**
 * CRC-16 with the DNP polynomial 0x3D65: reflected, start 0, inverted at the end (IEEE 1815).
 * Of "123456789" it is 0xEA82.
 */
export function crc16(bytes: Uint8Array, length: number = bytes.length): number {
  let crc = 0;
  for (let index = 0; index < length; index++) {
    crc = (crc >>> 8) ^ (DNP[(crc ^ (bytes[index] ?? 0)) & 0xff] ?? 0);
  }
  return ~crc & 0xffff;
}

/** CRC-32 (IEEE 802.3). Of "123456789" it is 0xCBF43926. */
export function crc32(bytes: Uint8Array, length: number = bytes.length): number {
  let crc = 0xffffffff;
  for (let index = 0; index < length; index++) {
    crc = (crc >>> 8) ^ (IEEE[(crc ^ (bytes[index] ?? 0)) & 0xff] ?? 0);
  }
  return ~crc >>> 0;
}

/* Checksums, and numbers out of bytes. src/wire/crc.ts holds the same two. */
#include "internal.h"

/* CRC-16/DNP (0x3D65), reflected, a nibble at a time: 32 bytes of table instead of 512. */
static const uint16_t DNP[16] = {
    0x0000, 0xB26B, 0x29AF, 0x9BC4, 0x535E, 0xE135, 0x7AF1, 0xC89A,
    0xA6BC, 0x14D7, 0x8F13, 0x3D78, 0xF5E2, 0x4789, 0xDC4D, 0x6E26,
};

uint16_t sl_crc16(const uint8_t *bytes, uint8_t length) {
  uint16_t crc = 0;
  for (uint8_t at = 0; at < length; at++) {
    crc ^= bytes[at];
    crc = (uint16_t)(crc >> 4) ^ DNP[crc & 0x0Fu];
    crc = (uint16_t)(crc >> 4) ^ DNP[crc & 0x0Fu];
  }
  return (uint16_t)~crc;
}

/* CRC-32 (IEEE): start with all ones, invert the result. Only the record needs it. */
uint32_t sl_crc32_step(uint32_t crc, uint8_t byte) {
  uint32_t next = crc ^ byte;
  for (uint8_t bit = 0; bit < 8u; bit++) {
    next = (next & 1u) != 0u ? (next >> 1) ^ 0xEDB88320u : next >> 1;
  }
  return next;
}

uint16_t sl_get16(const uint8_t *bytes) {
  return (uint16_t)(bytes[0] | ((uint16_t)bytes[1] << 8));
}

uint32_t sl_get32(const uint8_t *bytes) {
  return (uint32_t)sl_get16(bytes) | ((uint32_t)sl_get16(bytes + 2) << 16);
}

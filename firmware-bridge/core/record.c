/* The record: reading its fields, and refusing one that is below the compiled-in floors or
 * contradicts itself. The site file's checks are stricter; these hold whoever wrote it. */
#include "internal.h"

static const uint8_t *entry(const uint8_t *record, uint8_t channel) {
  return record + SL_RECORD_CHANNELS + (uint16_t)channel * SL_RECORD_CHANNEL_BYTES;
}

uint8_t sl_record_kind(const uint8_t *record, uint8_t channel) {
  return entry(record, channel)[0] & 0x0Fu;
}

uint8_t sl_record_flash(const uint8_t *record, uint8_t channel) {
  return entry(record, channel)[0] >> 4;
}

uint8_t sl_record_parallel(const uint8_t *record, uint8_t channel) {
  const uint8_t number = entry(record, channel)[1];
  return number == 0u ? SL_NO_CHANNEL : (uint8_t)(number - 1u);
}

uint16_t sl_record_yellow(const uint8_t *record, uint8_t channel) {
  return sl_get16(entry(record, channel) + 2);
}

uint16_t sl_record_red_clearance(const uint8_t *record, uint8_t channel) {
  return sl_get16(entry(record, channel) + 4);
}

uint16_t sl_record_ped_clearance(const uint8_t *record, uint8_t channel) {
  return sl_get16(entry(record, channel) + 6);
}

uint16_t sl_record_compatible(const uint8_t *record, uint8_t channel) {
  return sl_get16(record + SL_RECORD_COMPATIBLE + 2u * channel);
}

uint32_t sl_record_checksum(const uint8_t *record) {
  uint32_t crc = 0xFFFFFFFFu;
  for (uint8_t at = 0; at < SL_RECORD_CHECKSUM; at++) crc = sl_crc32_step(crc, record[at]);
  return ~crc;
}

static uint8_t within(uint16_t value, uint16_t low, uint16_t high) {
  return (uint8_t)(value >= low && value <= high);
}

static uint8_t red_clearance_valid(const uint8_t *record, uint8_t channel) {
  return within(sl_record_red_clearance(record, channel), SL_RED_CLEARANCE_MIN_MS,
                SL_RED_CLEARANCE_MAX_MS);
}

static uint8_t unused_valid(const uint8_t *record, uint8_t channel) {
  const uint8_t *bytes = entry(record, channel);
  uint8_t any = 0;
  for (uint8_t at = 0; at < SL_RECORD_CHANNEL_BYTES; at++) any |= bytes[at];
  return (uint8_t)(any == 0u && sl_record_compatible(record, channel) == 0u);
}

static uint8_t vehicle_valid(const uint8_t *record, uint8_t channel) {
  return (uint8_t)(sl_record_flash(record, channel) <= SL_FLASH_YELLOW &&
                   sl_record_parallel(record, channel) == SL_NO_CHANNEL &&
                   sl_record_ped_clearance(record, channel) == 0u &&
                   within(sl_record_yellow(record, channel), SL_YELLOW_MIN_MS,
                          SL_YELLOW_MAX_MS) &&
                   red_clearance_valid(record, channel));
}

/* A pedestrian channel's parallel green is a vehicle channel that may be lit with it. */
static uint8_t parallel_valid(const uint8_t *record, uint8_t channel) {
  const uint8_t parallel = sl_record_parallel(record, channel);
  if (parallel == SL_NO_CHANNEL) return 1;
  return (uint8_t)(parallel < SL_CHANNELS &&
                   sl_record_kind(record, parallel) == SL_KIND_VEHICLE &&
                   (sl_record_compatible(record, channel) & SL_BIT(parallel)) != 0u);
}

static uint8_t pedestrian_valid(const uint8_t *record, uint8_t channel) {
  return (uint8_t)(sl_record_flash(record, channel) == SL_FLASH_DARK &&
                   sl_record_yellow(record, channel) == 0u &&
                   within(sl_record_ped_clearance(record, channel), SL_PED_CLEARANCE_MIN_MS,
                          SL_PED_CLEARANCE_MAX_MS) &&
                   red_clearance_valid(record, channel) && parallel_valid(record, channel));
}

static uint8_t channel_valid(const uint8_t *record, uint8_t channel) {
  switch (sl_record_kind(record, channel)) {
    case SL_KIND_UNUSED: return unused_valid(record, channel);
    case SL_KIND_VEHICLE: return vehicle_valid(record, channel);
    case SL_KIND_PEDESTRIAN: return pedestrian_valid(record, channel);
    default: return 0;
  }
}

/* Row and column agree, nothing is compatible with itself or with an unused channel, and no two
 * conflicting channels both flash yellow. */
static uint8_t pair_valid(const uint8_t *record, uint8_t one, uint8_t other) {
  const uint8_t together = (sl_record_compatible(record, one) & SL_BIT(other)) != 0u;
  const uint8_t back = (sl_record_compatible(record, other) & SL_BIT(one)) != 0u;
  if (together != back) return 0;
  if (one == other) return (uint8_t)(together == 0u);
  if (together != 0u) return 1;
  return (uint8_t)(sl_record_flash(record, one) != SL_FLASH_YELLOW ||
                   sl_record_flash(record, other) != SL_FLASH_YELLOW);
}

static uint8_t pairs_valid(const uint8_t *record) {
  for (uint8_t one = 0; one < SL_CHANNELS; one++) {
    for (uint8_t other = one; other < SL_CHANNELS; other++) {
      if (pair_valid(record, one, other) == 0u) return 0;
    }
  }
  return 1;
}

uint8_t sl_record_valid(const uint8_t *record) {
  if (record[0] != 'S' || record[1] != 'L' || record[2] != SL_RECORD_FORMAT) return 0;
  if (record[3] > SL_FAILURE_DARK) return 0;
  if (sl_get32(record + SL_RECORD_CHECKSUM) != sl_record_checksum(record)) return 0;
  for (uint8_t channel = 0; channel < SL_CHANNELS; channel++) {
    if (channel_valid(record, channel) == 0u) return 0;
  }
  return pairs_valid(record);
}

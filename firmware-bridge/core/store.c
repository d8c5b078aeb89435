/* What survives a power cut: boot counter, latch and record, each twice. Bytes are handed out one
 * by one; the adapter writes them when the EEPROM is idle. The latch goes first, and its first
 * byte is the mark: power lost halfway through a latch leaves a torn latch, which counts as one. */
#include "internal.h"

#define BOOT_BYTES 6u                    /* u32, CRC-16 */
#define LATCH_STORED (SL_LATCH_BYTES + 2) /* with CRC-16 */
#define ERASED 0xFFu

static void put(uint8_t *bytes, uint16_t value) {
  bytes[0] = (uint8_t)(value & 0xFFu);
  bytes[1] = (uint8_t)(value >> 8);
}

static void put_lamps(uint8_t *bytes, const sl_lamps *lamps) {
  put(bytes, lamps->red);
  put(bytes + 2, lamps->yellow);
  put(bytes + 4, lamps->green);
}

static sl_lamps get_lamps(const uint8_t *bytes) {
  const sl_lamps lamps = {sl_get16(bytes), sl_get16(bytes + 2), sl_get16(bytes + 4)};
  return lamps;
}

void sl_latch_bytes(const sl_latch *latch, uint8_t *bytes) {
  bytes[0] = latch->cause;
  bytes[1] = latch->channel;
  bytes[2] = latch->other;
  bytes[3] = latch->mode;
  put(bytes + 4, latch->measured);
  put(bytes + 6, (uint16_t)(latch->stamp & 0xFFFFu));
  put(bytes + 8, (uint16_t)(latch->stamp >> 16));
  put(bytes + 10, latch->boot);
  put_lamps(bytes + 12, &latch->sensed);
  put_lamps(bytes + 18, &latch->commanded);
  bytes[24] = latch->control;
}

static void latch_from(sl_latch *latch, const uint8_t *bytes) {
  latch->cause = bytes[0];
  latch->channel = bytes[1];
  latch->other = bytes[2];
  latch->mode = bytes[3];
  latch->measured = sl_get16(bytes + 4);
  latch->stamp = sl_get32(bytes + 6);
  latch->boot = sl_get16(bytes + 10);
  latch->sensed = get_lamps(bytes + 12);
  latch->commanded = get_lamps(bytes + 18);
  latch->control = bytes[24];
}

void sl_latch_set(sl_core *core, uint8_t cause, uint8_t channel, uint8_t other, uint16_t ms) {
  sl_latch *latch = &core->latch;
  if (latch->cause != SL_CAUSE_NONE) {
    /* The first cause stays; that a trip followed a latched stop is added to it. */
    if (cause < SL_CAUSE_TRIP || (latch->mode & SL_LATCH_TRIPPED) != 0u) return;
    latch->mode |= SL_LATCH_TRIPPED;
  } else {
    latch->cause = cause;
    latch->channel = channel;
    latch->other = other;
    latch->mode = core->mode;
    latch->measured = ms;
    latch->stamp = core->now;
    latch->boot = (uint16_t)(core->boot & 0xFFFFu);
    latch->sensed = core->sensed;
    latch->commanded = core->output;
    latch->control = core->control;
    if (cause >= SL_CAUSE_TRIP) latch->mode |= SL_LATCH_TRIPPED;
  }
  core->jobs |= SL_JOB_LATCH;
  core->job = 0;
}

void sl_latch_clear(sl_core *core) {
  const uint8_t zeros[SL_LATCH_BYTES] = {0};
  latch_from(&core->latch, zeros);
  core->jobs |= SL_JOB_LATCH;
  core->job = 0;
}

static void read_bytes(const sl_core *core, uint16_t from, uint8_t *bytes, uint8_t length) {
  for (uint8_t at = 0; at < length; at++) bytes[at] = core->read_eeprom((uint16_t)(from + at));
}

static uint8_t crc_holds(const uint8_t *bytes, uint8_t length) {
  return (uint8_t)(sl_crc16(bytes, length) == sl_get16(bytes + length));
}

/* The copy at `from`, 0 when its CRC fails or no counter was ever written. */
static uint32_t boot_copy(const sl_core *core, uint16_t from) {
  uint8_t bytes[BOOT_BYTES] = {0};
  read_bytes(core, from, bytes, BOOT_BYTES);
  return crc_holds(bytes, BOOT_BYTES - 2u) != 0u ? sl_get32(bytes) : 0u;
}

static void load_boot(sl_core *core) {
  const uint32_t one = boot_copy(core, SL_EEPROM_BOOT_A);
  const uint32_t other = boot_copy(core, SL_EEPROM_BOOT_B);
  core->boot = (one > other ? one : other) + 1u;
  core->jobs |= SL_JOB_BOOT;
}

/* Copy A is always written first, so a whole copy A is the newer one. */
static void load_latch(sl_core *core) {
  uint8_t one[LATCH_STORED] = {0};
  uint8_t other[LATCH_STORED] = {0};
  read_bytes(core, SL_EEPROM_LATCH_A, one, LATCH_STORED);
  read_bytes(core, SL_EEPROM_LATCH_B, other, LATCH_STORED);
  const uint8_t one_holds = crc_holds(one, SL_LATCH_BYTES);
  const uint8_t other_holds = crc_holds(other, SL_LATCH_BYTES);
  if (one_holds != 0u) {
    latch_from(&core->latch, one);
  } else if (one[0] != 0u && one[0] != ERASED) {
    core->latch.cause = SL_CAUSE_TORN_LATCH;
    core->latch.mode = SL_LATCH_TRIPPED;
  } else if (other_holds != 0u) {
    latch_from(&core->latch, other);
  }
  if (one_holds == 0u || other_holds == 0u || one[0] != other[0]) core->jobs |= SL_JOB_LATCH;
}

static uint8_t record_copy(sl_core *core, uint16_t from) {
  read_bytes(core, from, core->record, SL_RECORD_BYTES);
  return sl_record_valid(core->record);
}

void sl_record_load(sl_core *core) {
  if (record_copy(core, SL_EEPROM_RECORD_A) != 0u) {
    /* A torn copy B is mended when it differs in its checksum. */
    for (uint8_t at = SL_RECORD_CHECKSUM; at < SL_RECORD_BYTES; at++) {
      if (core->read_eeprom((uint16_t)(SL_EEPROM_RECORD_B + at)) != core->record[at]) {
        core->jobs |= SL_JOB_RECORD;
      }
    }
  } else if (record_copy(core, SL_EEPROM_RECORD_B) != 0u) {
    core->jobs |= SL_JOB_RECORD;
  } else {
    core->record[0] = 0;
  }
  sl_record_refresh(core);
}

static uint16_t conflicts_of(const sl_core *core, uint8_t channel) {
  const uint16_t others = (uint16_t)~SL_BIT(channel);
  if (core->record_valid == 0u) return others;
  return (uint16_t)(others & (uint16_t)~sl_record_compatible(core->record, channel));
}

/* Makes what the rules read every millisecond. Without a valid record nothing may be lit with
 * anything. */
void sl_record_refresh(sl_core *core) {
  core->record_valid = (uint8_t)(core->programming != SL_PROGRAM_PARTS &&
                                 sl_record_valid(core->record) != 0u);
  core->checksum = sl_get32(core->record + SL_RECORD_CHECKSUM);
  core->used = 0;
  core->pedestrian = 0;
  for (uint8_t channel = 0; channel < SL_CHANNELS; channel++) {
    core->conflicts[channel] = conflicts_of(core, channel);
    if (core->record_valid == 0u) continue;
    const uint8_t kind = sl_record_kind(core->record, channel);
    if (kind != SL_KIND_UNUSED) core->used |= SL_BIT(channel);
    if (kind == SL_KIND_PEDESTRIAN) core->pedestrian |= SL_BIT(channel);
  }
  core->scrub_at = 0;
  core->scrub_crc = 0xFFFFFFFFu;
  if (sl_in_control(core) == 0u) sl_enter_failure_display(core, core->mode);
}

/* RAM may be hit: one channel's conflicts and one byte of the record are checked every tick. */
void sl_scrub(sl_core *core) {
  const uint8_t channel = (uint8_t)(core->now & 0x0Fu);
  if (core->record_valid == 0u) return;
  if (core->conflicts[channel] != conflicts_of(core, channel)) {
    sl_trip(core, SL_CAUSE_INTERNAL, (uint8_t)(channel + 1u), 0, 0);
  }
  if (core->scrub_at < SL_RECORD_CHECKSUM) {
    core->scrub_crc = sl_crc32_step(core->scrub_crc, core->record[core->scrub_at]);
    core->scrub_at++;
    return;
  }
  if (~core->scrub_crc != core->checksum) sl_trip(core, SL_CAUSE_INTERNAL, 0, 0, 0);
  core->scrub_at = 0;
  core->scrub_crc = 0xFFFFFFFFu;
}

void sl_store_load(sl_core *core) {
  load_boot(core);
  load_latch(core);
  sl_record_load(core);
}

static uint8_t next_job(const sl_core *core) {
  if ((core->jobs & SL_JOB_LATCH) != 0u) return SL_JOB_LATCH;
  if ((core->jobs & SL_JOB_BOOT) != 0u) return SL_JOB_BOOT;
  return core->jobs & SL_JOB_RECORD;
}

static uint8_t boot_byte(const sl_core *core, uint8_t at) {
  uint8_t bytes[BOOT_BYTES] = {0};
  put(bytes, (uint16_t)(core->boot & 0xFFFFu));
  put(bytes + 2, (uint16_t)(core->boot >> 16));
  put(bytes + 4, sl_crc16(bytes, BOOT_BYTES - 2u));
  return bytes[at];
}

static uint8_t latch_byte(const sl_core *core, uint8_t at) {
  uint8_t bytes[LATCH_STORED] = {0};
  sl_latch_bytes(&core->latch, bytes);
  put(bytes + SL_LATCH_BYTES, sl_crc16(bytes, SL_LATCH_BYTES));
  return bytes[at];
}

/* Bytes of one copy, and where the two copies stand. */
static uint16_t job_length(uint8_t job) {
  if (job == SL_JOB_LATCH) return LATCH_STORED;
  return job == SL_JOB_BOOT ? BOOT_BYTES : SL_RECORD_BYTES;
}

uint8_t sl_eeprom_next(const sl_core *core, uint16_t *address, uint8_t *value) {
  const uint8_t job = next_job(core);
  if (job == 0u) return 0;
  const uint16_t place = job == core->job ? core->job_at : 0u;
  if (job == SL_JOB_LATCH) {
    const uint16_t copy = place >= LATCH_STORED ? SL_EEPROM_LATCH_B : SL_EEPROM_LATCH_A;
    *address = (uint16_t)(copy + place % LATCH_STORED);
    *value = latch_byte(core, (uint8_t)(place % LATCH_STORED));
  } else if (job == SL_JOB_BOOT) {
    /* One copy a boot, in turn: the other holds the last count if power fails now. */
    const uint16_t copy = (core->boot & 1u) != 0u ? SL_EEPROM_BOOT_A : SL_EEPROM_BOOT_B;
    *address = (uint16_t)(copy + place % BOOT_BYTES);
    *value = boot_byte(core, (uint8_t)(place % BOOT_BYTES));
  } else {
    const uint16_t copy = place >= SL_RECORD_BYTES ? SL_EEPROM_RECORD_B : SL_EEPROM_RECORD_A;
    *address = (uint16_t)(copy + place % SL_RECORD_BYTES);
    *value = core->record[place % SL_RECORD_BYTES];
  }
  return 1;
}

void sl_eeprom_written(sl_core *core) {
  const uint8_t job = next_job(core);
  if (job == 0u) return;
  const uint16_t length = job_length(job);
  const uint16_t whole = job == SL_JOB_BOOT ? length : (uint16_t)(2u * length);
  if (job != core->job) {
    core->job = job;
    core->job_at = 0;
  }
  core->job_at++;
  if (core->job_at >= whole) {
    core->jobs &= (uint8_t)~job;
    core->job = 0;
  }
}

/* Reading and replacing the record. Parts are written over the record in RAM, which counts as
 * blank from the first part (every red flashes); the EEPROM keeps the old one until a commit
 * holds. A refused commit, or the jumper taken out halfway, brings the old one back. */
#include "internal.h"

static void answer(sl_core *core, uint8_t result) {
  core->result = result;
  core->tx_wanted |= SL_TX_RESULT;
  if (result >= SL_RESULT_NO_JUMPER) sl_refuse(core, SL_REFUSED_RECORD);
}

void sl_on_record_read(sl_core *core, const uint8_t *frame) {
  const uint16_t offset = sl_get16(frame + 6);
  const uint8_t length = frame[8];
  if (length == 0u || length > SL_RECORD_PART_MAX || offset > SL_RECORD_BYTES - length) {
    sl_refuse(core, SL_REFUSED_LENGTH);
    return;
  }
  core->part_offset = offset;
  core->part_length = length;
  core->tx_wanted |= SL_TX_PART;
}

/* SL_RESULT_OK when the record may be written now. */
static uint8_t permission(const sl_core *core) {
  if ((core->control & SL_CONTROL_JUMPER) == 0u) return SL_RESULT_NO_JUMPER;
  if (sl_in_control(core) != 0u || core->mode == SL_MODE_ORDERLY_STOP) {
    return SL_RESULT_IN_CONTROL;
  }
  return (core->jobs & SL_JOB_RECORD) != 0u ? SL_RESULT_BUSY : SL_RESULT_OK;
}

static void restore(sl_core *core) {
  core->programming = SL_PROGRAM_NONE;
  core->program_length = 0;
  sl_record_load(core);
}

void sl_on_record_write(sl_core *core, const uint8_t *frame) {
  const uint16_t offset = sl_get16(frame + 6);
  const uint8_t length = frame[8];
  const uint8_t allowed = permission(core);
  if (allowed != SL_RESULT_OK) {
    answer(core, allowed);
    return;
  }
  const uint8_t first = (uint8_t)(offset == 0u);
  const uint8_t next =
      (uint8_t)(core->programming == SL_PROGRAM_PARTS && offset == core->program_length);
  if ((first == 0u && next == 0u) || offset > SL_RECORD_BYTES - length) {
    answer(core, SL_RESULT_ORDER);
    return;
  }
  if (first != 0u) {
    core->programming = SL_PROGRAM_PARTS;
    sl_record_refresh(core);
  }
  for (uint8_t at = 0; at < length; at++) {
    const uint16_t place = (uint16_t)(offset + at);
    if (place < SL_RECORD_BYTES) core->record[place] = frame[9u + at];
  }
  core->program_length = (uint16_t)(offset + length);
  answer(core, SL_RESULT_OK);
}

static uint8_t commit_fault(const sl_core *core, const uint8_t *frame) {
  const uint32_t checksum = sl_get32(frame + 8);
  const uint8_t allowed = permission(core);
  if (allowed != SL_RESULT_OK) return allowed;
  if (core->programming != SL_PROGRAM_PARTS || core->program_length != SL_RECORD_BYTES ||
      sl_get16(frame + 6) != SL_RECORD_BYTES) {
    return SL_RESULT_ORDER;
  }
  if (checksum != sl_get32(core->record + SL_RECORD_CHECKSUM) ||
      checksum != sl_record_checksum(core->record)) {
    return SL_RESULT_CHECKSUM;
  }
  return sl_record_valid(core->record) != 0u ? SL_RESULT_OK : SL_RESULT_FLOOR;
}

void sl_on_record_commit(sl_core *core, const uint8_t *frame) {
  const uint8_t fault = commit_fault(core, frame);
  if (fault == SL_RESULT_OK) {
    core->programming = SL_PROGRAM_STORING;
    core->jobs |= SL_JOB_RECORD;
    sl_record_refresh(core);
    return;
  }
  answer(core, fault);
  if (core->programming == SL_PROGRAM_PARTS) restore(core);
}

void sl_programming_tick(sl_core *core) {
  if (core->programming == SL_PROGRAM_STORING && (core->jobs & SL_JOB_RECORD) == 0u) {
    core->programming = SL_PROGRAM_NONE;
    core->cause = core->latch.cause == SL_CAUSE_NONE ? SL_CAUSE_RECORD_WRITTEN : core->cause;
    answer(core, SL_RESULT_STORED);
  }
  if (core->programming == SL_PROGRAM_PARTS && (core->control & SL_CONTROL_JUMPER) == 0u) {
    restore(core);
  }
}

/* The record: what is refused whoever wrote it, and how it is read and written. */
#include "rig.h"

static uint8_t *entry(uint8_t *record, uint8_t channel) {
  return record + SL_RECORD_CHANNELS + channel * SL_RECORD_CHANNEL_BYTES;
}

static uint8_t valid(uint8_t *record) {
  record_finish(record);
  return sl_record_valid(record);
}

/* One 16-bit field at `at` set to `value`: valid or not. */
static void field(uint8_t channel, uint8_t at, uint16_t value, uint8_t expected) {
  uint8_t record[SL_RECORD_BYTES];
  record_junction(record);
  put16(entry(record, channel) + at, value);
  CHECK_EQUAL(valid(record), expected);
}

static void byte(uint16_t at, uint8_t value, uint8_t expected) {
  uint8_t record[SL_RECORD_BYTES];
  record_junction(record);
  record[at] = value;
  CHECK_EQUAL(valid(record), expected);
}

static void floors(void) {
  field(1, 2, 3000, 1);
  field(1, 2, 2999, 0);
  field(1, 2, 6000, 1);
  field(1, 2, 6001, 0);
  field(1, 4, 1000, 1);
  field(1, 4, 999, 0);
  field(1, 4, 6000, 1);
  field(1, 4, 6001, 0);
  field(1, 6, 1, 0);
  field(11, 2, 1, 0);
  field(11, 4, 999, 0);
  field(11, 6, 3000, 1);
  field(11, 6, 2999, 0);
  field(11, 6, 50000, 1);
  field(11, 6, 50001, 0);
  field(0, 2, 3000, 0);
}

static void contradictions(void) {
  uint8_t record[SL_RECORD_BYTES];
  const uint16_t kind1 = SL_RECORD_CHANNELS + 1 * SL_RECORD_CHANNEL_BYTES;
  const uint16_t kind11 = SL_RECORD_CHANNELS + 11 * SL_RECORD_CHANNEL_BYTES;
  byte(0, 'T', 0);
  byte(1, 'T', 0);
  byte(2, SL_RECORD_FORMAT + 1, 0);
  byte(3, SL_FAILURE_DARK, 1);
  byte(3, SL_FAILURE_DARK + 1, 0);
  byte(kind1, 3, 0);
  byte(kind1, SL_KIND_VEHICLE | 3 << 4, 0);
  byte(kind1, SL_KIND_VEHICLE, 1);
  byte(kind1 + 1, 6, 0);
  byte(kind11, SL_KIND_PEDESTRIAN | 1 << 4, 0);
  byte(kind11 + 1, 0, 1);
  byte(kind11 + 1, 4, 0);  /* not compatible */
  byte(kind11 + 1, 12, 0); /* itself */
  byte(kind11 + 1, 17, 0);
  byte(SL_RECORD_COMPATIBLE + 2, 1 << 1, 0);  /* with itself */
  byte(SL_RECORD_COMPATIBLE + 6, 0, 0);       /* one-sided */
  byte(SL_RECORD_COMPATIBLE + 14, 0, 0);
  byte(SL_RECORD_COMPATIBLE, 1 << 1, 0);      /* an unused channel */
  record_junction(record);
  record_allow(record, 0, 1);
  CHECK_EQUAL(valid(record), 0);
  record_junction(record);
  entry(record, 3)[0] = SL_KIND_VEHICLE | SL_FLASH_YELLOW << 4; /* against 1 */
  CHECK_EQUAL(valid(record), 0);
  record_junction(record);
  CHECK_EQUAL(sl_record_valid(record), 1);
  record[10] ^= 1;
  CHECK_EQUAL(sl_record_valid(record), 0);
}

static void write_part(rig *r, uint16_t offset, const uint8_t *bytes, uint8_t length) {
  uint8_t frame[9 + 32] = {SL_PROTOCOL_VERSION, SL_TYPE_RECORD_WRITE};
  put32(frame + 2, r->session);
  put16(frame + 6, offset);
  frame[8] = length;
  memcpy(frame + 9, bytes, length);
  send_bytes(r, frame, (uint8_t)(9 + length));
  rig_tick(r);
}

static void commit(rig *r, uint16_t length, uint32_t checksum) {
  uint8_t frame[12] = {SL_PROTOCOL_VERSION, SL_TYPE_RECORD_COMMIT};
  put32(frame + 2, r->session);
  put16(frame + 6, length);
  put32(frame + 8, checksum);
  send_bytes(r, frame, sizeof(frame));
  rig_tick(r);
}

static void write_all(rig *r, const uint8_t *record) {
  for (uint16_t at = 0; at < SL_RECORD_BYTES; at = (uint16_t)(at + 32)) {
    const uint8_t length = (uint8_t)(SL_RECORD_BYTES - at < 32 ? SL_RECORD_BYTES - at : 32);
    write_part(r, at, record + at, length);
    CHECK_EQUAL(r->core.result, SL_RESULT_OK);
  }
}

static void open_blank(rig *r) {
  rig_blank(r);
  rig_reset(r, SL_RESET_POWER);
  r->in.control = SL_CONTROL_JUMPER;
  rig_run(r, 500);
  send_hello(r, 1, 0);
  CHECK_EQUAL(r->core.hold, SL_HOLD_RECORD_BLANK);
  CHECK_EQUAL(r->core.shown[0], SL_FLASHING_DONT_WALK);
}

static void programming(void) {
  rig r;
  uint8_t record[SL_RECORD_BYTES];
  record_junction(record);
  open_blank(&r);
  r.in.control = 0;
  rig_run(&r, 10);
  write_part(&r, 0, record, 32);
  CHECK_EQUAL(r.core.result, SL_RESULT_NO_JUMPER);
  commit(&r, SL_RECORD_BYTES, sl_record_checksum(record));
  CHECK_EQUAL(r.core.result, SL_RESULT_NO_JUMPER);
  CHECK_EQUAL(r.core.counters[SL_REFUSED_RECORD], 2);
  r.in.control = SL_CONTROL_JUMPER;
  rig_run(&r, 10);
  commit(&r, SL_RECORD_BYTES, sl_record_checksum(record));
  CHECK_EQUAL(r.core.result, SL_RESULT_ORDER);
  write_part(&r, 32, record + 32, 32);
  CHECK_EQUAL(r.core.result, SL_RESULT_ORDER);
  write_all(&r, record);
  write_part(&r, 200, record, 1);
  CHECK_EQUAL(r.core.result, SL_RESULT_ORDER);
  commit(&r, SL_RECORD_BYTES, sl_record_checksum(record));
  CHECK_EQUAL(r.core.record_valid, 1);
  write_part(&r, 0, record, 32);
  CHECK_EQUAL(r.core.result, SL_RESULT_BUSY);
  rig_run(&r, 2000);
  CHECK_EQUAL(r.core.result, SL_RESULT_STORED);
  CHECK_EQUAL(r.core.cause, SL_CAUSE_RECORD_WRITTEN);
  CHECK(memcmp(r.eeprom + SL_EEPROM_RECORD_A, record, SL_RECORD_BYTES) == 0);
  CHECK(memcmp(r.eeprom + SL_EEPROM_RECORD_B, record, SL_RECORD_BYTES) == 0);
  rig_reset(&r, SL_RESET_POWER);
  CHECK_EQUAL(r.core.record_valid, 1);
  CHECK_EQUAL(r.core.shown[1], SL_FLASHING_YELLOW);
}

/* A refused or forgotten record leaves the old one in force. */
static void refused(uint8_t how, uint8_t result) {
  rig r;
  uint8_t record[SL_RECORD_BYTES];
  uint8_t other[SL_RECORD_BYTES];
  rig_blank(&r);
  record_junction(record);
  record_store(&r, record);
  rig_reset(&r, SL_RESET_POWER);
  r.in.control = SL_CONTROL_JUMPER;
  rig_run(&r, 500);
  send_hello(&r, 1, r.core.checksum);
  memcpy(other, record, sizeof(other));
  if (how == 0) put16(entry(other, 1) + 2, 2900);
  if (how == 1) put16(entry(other, 1) + 2, 3500);
  record_finish(other);
  if (how == 2) other[20] = 1; /* damaged on the way */
  write_all(&r, other);
  CHECK_EQUAL(r.core.record_valid, 0);
  CHECK_EQUAL(r.core.shown[0], SL_FLASHING_DONT_WALK);
  if (how == 3) {
    r.in.control = 0;
    rig_run(&r, 10);
  } else {
    commit(&r, how == 4 ? 100 : SL_RECORD_BYTES, sl_get32(other + SL_RECORD_CHECKSUM) + (how == 1));
    CHECK_EQUAL(r.core.result, result);
  }
  CHECK_EQUAL(r.core.record_valid, 1);
  CHECK_EQUAL(r.core.programming, SL_PROGRAM_NONE);
  CHECK_EQUAL(r.core.checksum, sl_record_checksum(record));
  CHECK(memcmp(r.eeprom + SL_EEPROM_RECORD_A, record, SL_RECORD_BYTES) == 0);
  CHECK_EQUAL(r.core.shown[1], SL_FLASHING_YELLOW);
}

static void in_control(void) {
  rig r;
  uint8_t record[SL_RECORD_BYTES];
  record_junction(record);
  rig_controlled(&r);
  r.in.control |= SL_CONTROL_JUMPER;
  rig_run(&r, 10);
  write_part(&r, 0, record, 32);
  CHECK_EQUAL(r.core.result, SL_RESULT_IN_CONTROL);
  ask(&r, 1, SL_GREEN);
  send_stop(&r, SL_STOP_OPERATOR);
  write_part(&r, 0, record, 32);
  CHECK_EQUAL(r.core.mode, SL_MODE_ORDERLY_STOP);
  CHECK_EQUAL(r.core.result, SL_RESULT_IN_CONTROL);
}

static void latched_while_programming(void) {
  rig r;
  uint8_t record[SL_RECORD_BYTES];
  record_junction(record);
  open_blank(&r);
  sl_latch_set(&r.core, SL_CAUSE_INTERLOCK, 0, 0, 0);
  r.core.cause = SL_CAUSE_INTERLOCK;
  write_all(&r, record);
  commit(&r, SL_RECORD_BYTES, sl_record_checksum(record));
  rig_run(&r, 3000);
  CHECK_EQUAL(r.core.result, SL_RESULT_STORED);
  CHECK_EQUAL(r.core.cause, SL_CAUSE_INTERLOCK);
}

static void read(rig *r, uint16_t offset, uint8_t length) {
  uint8_t frame[9] = {SL_PROTOCOL_VERSION, SL_TYPE_RECORD_READ};
  put32(frame + 2, r->session);
  put16(frame + 6, offset);
  frame[8] = length;
  send_bytes(r, frame, sizeof(frame));
  rig_tick(r);
}

static void reading(void) {
  rig r;
  uint8_t record[SL_RECORD_BYTES];
  record_junction(record);
  rig_controlled(&r);
  read(&r, 168, 32);
  CHECK_EQUAL(r.frame[1], SL_TYPE_RECORD_PART);
  CHECK_EQUAL(sl_get16(r.frame + 6), 168);
  CHECK_EQUAL(sl_get16(r.frame + 8), SL_RECORD_BYTES);
  CHECK_EQUAL(r.frame[10], 32);
  CHECK(memcmp(r.frame + 11, record + 168, 32) == 0);
  const uint32_t parts = r.frames[SL_TYPE_RECORD_PART];
  read(&r, 169, 32);
  read(&r, 0, 0);
  read(&r, 0, 33);
  read(&r, 0xFFFF, 1);
  CHECK_EQUAL(r.frames[SL_TYPE_RECORD_PART], parts);
  CHECK_EQUAL(r.core.counters[SL_REFUSED_LENGTH], 4);
  r.session++;
  read(&r, 0, 32);
  CHECK_EQUAL(r.core.counters[SL_REFUSED_SESSION], 1);
}

void test_record(void) {
  floors();
  contradictions();
  programming();
  refused(0, SL_RESULT_FLOOR);
  refused(1, SL_RESULT_CHECKSUM);
  refused(2, SL_RESULT_CHECKSUM);
  refused(3, 0);
  refused(4, SL_RESULT_ORDER);
  in_control();
  latched_while_programming();
  reading();
}

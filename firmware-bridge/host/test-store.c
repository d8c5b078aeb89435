/* What survives a power cut: cut at every byte that is being written. */
#include "rig.h"

static void programmed(rig *r) {
  uint8_t record[SL_RECORD_BYTES];
  rig_blank(r);
  record_junction(record);
  record_store(r, record);
  rig_reset(r, SL_RESET_POWER);
}

static void settle(rig *r) {
  uint16_t address;
  uint8_t value;
  for (int k = 0; k < 2000 && sl_eeprom_next(&r->core, &address, &value); k++) {
    r->eeprom[address] = value;
    sl_eeprom_written(&r->core);
  }
}

/* Writes `bytes` bytes, then the power goes. */
static void cut_after(rig *r, int bytes) {
  uint16_t address;
  uint8_t value;
  for (int k = 0; k < bytes && sl_eeprom_next(&r->core, &address, &value); k++) {
    r->eeprom[address] = value;
    sl_eeprom_written(&r->core);
  }
  rig_reset(r, SL_RESET_POWER);
}

static void boot_counter(void) {
  rig r;
  programmed(&r);
  CHECK_EQUAL(r.core.boot, 1);
  for (uint32_t k = 1; k < 300; k++) {
    settle(&r);
    rig_reset(&r, SL_RESET_POWER);
    CHECK_EQUAL(r.core.boot, k + 1);
  }
  /* Cut at each byte: never back below a count that was used with its write done. */
  for (int bytes = 0; bytes <= 6; bytes++) {
    const uint32_t before = r.core.boot;
    cut_after(&r, bytes);
    CHECK(r.core.boot == (bytes == 6 ? before + 1 : before));
    settle(&r);
    rig_reset(&r, SL_RESET_POWER);
  }
}

static void latch_cut(void) {
  for (int bytes = 1; bytes <= 60; bytes++) {
    rig r;
    programmed(&r);
    settle(&r);
    sl_trip(&r.core, SL_CAUSE_FIELD, 4, 0, 760);
    cut_after(&r, bytes);
    CHECK_EQUAL(r.core.mode, SL_MODE_TRIP);
    CHECK_EQUAL(r.core.latch.cause, bytes < 27 ? SL_CAUSE_TORN_LATCH : SL_CAUSE_FIELD);
    settle(&r);
    rig_reset(&r, SL_RESET_POWER);
    CHECK_EQUAL(r.core.mode, SL_MODE_TRIP);
  }
}

/* A clear that is cut early is not a clear; one whose first copy is whole is. */
static void clear_cut(void) {
  for (int bytes = 0; bytes <= 60; bytes++) {
    rig r;
    programmed(&r);
    settle(&r);
    sl_latch_set(&r.core, SL_CAUSE_FIELD, 4, 0, 760);
    settle(&r);
    sl_latch_clear(&r.core);
    cut_after(&r, bytes);
    CHECK_EQUAL(r.core.latch.cause, bytes < 27 ? SL_CAUSE_FIELD : SL_CAUSE_NONE);
    settle(&r);
    CHECK_EQUAL(r.core.jobs, 0);
    CHECK(memcmp(r.eeprom + SL_EEPROM_LATCH_A, r.eeprom + SL_EEPROM_LATCH_B, 27) == 0);
  }
}

static void latch_reading(void) {
  rig r;
  programmed(&r);
  settle(&r);
  rig_run(&r, 5000);
  r.core.sensed = (sl_lamps){1, 2, 4};
  r.core.output = (sl_lamps){8, 16, 32};
  r.core.control = SL_CONTROL_RELAY;
  sl_trip(&r.core, SL_CAUSE_CONFLICT, 4, 2, 250);
  settle(&r);
  const sl_latch was = r.core.latch;
  CHECK_EQUAL(was.stamp, 5000);
  CHECK_EQUAL(was.boot, 1);
  CHECK_EQUAL(was.sensed.green, 4);
  CHECK_EQUAL(was.commanded.yellow, 16);
  sl_latch_set(&r.core, SL_CAUSE_DUAL, 9, 9, 9); /* the first cause stays */
  CHECK_EQUAL(r.core.latch.cause, SL_CAUSE_CONFLICT);
  rig_reset(&r, SL_RESET_POWER);
  uint8_t one[SL_LATCH_BYTES];
  uint8_t other[SL_LATCH_BYTES];
  sl_latch_bytes(&was, one);
  sl_latch_bytes(&r.core.latch, other);
  CHECK(memcmp(one, other, sizeof(one)) == 0);
  /* Either copy is enough. */
  r.eeprom[SL_EEPROM_LATCH_A] = 0;
  rig_reset(&r, SL_RESET_POWER);
  CHECK_EQUAL(r.core.latch.cause, SL_CAUSE_CONFLICT);
  settle(&r);
  r.eeprom[SL_EEPROM_LATCH_B + 3] ^= 0xFF;
  rig_reset(&r, SL_RESET_POWER);
  CHECK_EQUAL(r.core.latch.cause, SL_CAUSE_CONFLICT);
}

static void erased(void) {
  rig r;
  rig_blank(&r);
  rig_reset(&r, SL_RESET_POWER);
  CHECK_EQUAL(r.core.latch.cause, SL_CAUSE_NONE);
  CHECK_EQUAL(r.core.record_valid, 0);
  settle(&r);
  memset(r.eeprom, 0, sizeof(r.eeprom));
  rig_reset(&r, SL_RESET_POWER);
  CHECK_EQUAL(r.core.latch.cause, SL_CAUSE_NONE);
  CHECK_EQUAL(r.core.boot, 1);
}

/* A new record cut at every byte: either the old or the new one is in force, then both copies. */
static void record_cut(void) {
  uint8_t old[SL_RECORD_BYTES];
  uint8_t fresh[SL_RECORD_BYTES];
  record_junction(old);
  record_junction(fresh);
  put16(fresh + SL_RECORD_CHANNELS + 8 + 2, 5000);
  record_finish(fresh);
  for (int bytes = 0; bytes <= 2 * SL_RECORD_BYTES; bytes++) {
    rig r;
    programmed(&r);
    settle(&r);
    memcpy(r.core.record, fresh, SL_RECORD_BYTES);
    sl_record_refresh(&r.core);
    r.core.jobs |= SL_JOB_RECORD;
    cut_after(&r, bytes);
    CHECK_EQUAL(r.core.record_valid, 1);
    const uint8_t *expected = bytes < SL_RECORD_BYTES ? old : fresh;
    /* The last bytes of a CRC may already be equal. */
    if (bytes < SL_RECORD_CHECKSUM || bytes >= SL_RECORD_BYTES) {
      CHECK_EQUAL(r.core.checksum, sl_get32(expected + SL_RECORD_CHECKSUM));
    }
    settle(&r);
    CHECK(memcmp(r.eeprom + SL_EEPROM_RECORD_A, r.eeprom + SL_EEPROM_RECORD_B,
                 SL_RECORD_BYTES) == 0);
  }
}

/* A latch goes before everything and takes over from a record that is being written. */
static void priority(void) {
  rig r;
  uint16_t address;
  uint8_t value;
  programmed(&r);
  settle(&r);
  r.core.jobs |= SL_JOB_RECORD;
  cut_after(&r, 0);
  r.core.jobs |= SL_JOB_RECORD;
  CHECK_EQUAL(sl_eeprom_next(&r.core, &address, &value), 1);
  CHECK(address < SL_EEPROM_LATCH_A); /* boot counter first */
  settle(&r);
  r.core.jobs |= SL_JOB_RECORD;
  for (int k = 0; k < 50; k++) sl_eeprom_written(&r.core);
  sl_trip(&r.core, SL_CAUSE_FIELD, 1, 0, 1);
  CHECK_EQUAL(sl_eeprom_next(&r.core, &address, &value), 1);
  CHECK_EQUAL(address, SL_EEPROM_LATCH_A);
  CHECK_EQUAL(value, SL_CAUSE_FIELD);
  settle(&r);
  CHECK_EQUAL(sl_eeprom_next(&r.core, &address, &value), 0);
  sl_eeprom_written(&r.core);
  CHECK_EQUAL(r.core.jobs, 0);
}

void test_store(void) {
  boot_counter();
  latch_cut();
  clear_cut();
  latch_reading();
  erased();
  record_cut();
  priority();
}

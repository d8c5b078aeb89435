/* Power-up, return, start-up, relay, button, manual flash, watchdog, program jumper. */
#include "rig.h"

static void programmed(rig *r) {
  uint8_t record[SL_RECORD_BYTES];
  rig_blank(r);
  record_junction(record);
  record_store(r, record);
  rig_reset(r, SL_RESET_POWER);
}

static void power_up(void) {
  rig r;
  programmed(&r);
  CHECK_EQUAL(r.core.mode, SL_MODE_SELF_TEST);
  rig_run(&r, 199);
  CHECK_EQUAL(r.out.relay, 0);
  CHECK_EQUAL(r.out.pump, 1);
  CHECK_EQUAL(r.core.hold, SL_HOLD_SELF_TEST);
  rig_run(&r, 1);
  CHECK_EQUAL(r.core.mode, SL_MODE_FAILURE_DISPLAY);
  CHECK_EQUAL(r.out.relay, 1);
  CHECK_EQUAL(r.core.cause, SL_CAUSE_POWER_UP);
  send_hello(&r, 1, r.core.checksum);
  all_red(&r);
  r.host = 1;
  rig_run(&r, 999);
  CHECK_EQUAL(r.core.mode, SL_MODE_FAILURE_DISPLAY);
  CHECK_EQUAL(r.core.hold, SL_HOLD_RETURNING);
  rig_run(&r, 1);
  CHECK_EQUAL(r.core.mode, SL_MODE_START_UP);
  CHECK_EQUAL(r.core.output.red, r.core.used);
  rig_run(&r, 5999);
  CHECK_EQUAL(r.core.mode, SL_MODE_START_UP);
  rig_run(&r, 1);
  CHECK_EQUAL(r.core.mode, SL_MODE_CONTROLLED);
}

/* Before 6 s of red: held in the last 2 %, a violation before. */
static void early_green(uint32_t after, uint8_t cause) {
  rig r;
  programmed(&r);
  rig_run(&r, 200);
  send_hello(&r, 1, r.core.checksum);
  all_red(&r);
  r.host = 1;
  rig_run(&r, 1000);
  rig_run(&r, after - 1);
  ask(&r, 1, SL_GREEN);
  CHECK_EQUAL(r.core.latch.cause, cause);
  if (cause != SL_CAUSE_NONE) return;
  CHECK_EQUAL(r.core.hold, SL_HOLD_START_UP);
  rig_run(&r, 6000 - after - 1);
  CHECK_EQUAL(r.core.shown[1], SL_RED);
  rig_run(&r, 1);
  CHECK_EQUAL(r.core.shown[1], SL_GREEN);
}

static void waits_for_red(void) {
  rig r;
  programmed(&r);
  rig_run(&r, 200);
  send_hello(&r, 1, r.core.checksum);
  all_red(&r);
  r.display[1] = SL_GREEN;
  r.host = 1;
  rig_run(&r, 3000);
  CHECK_EQUAL(r.core.mode, SL_MODE_FAILURE_DISPLAY);
  CHECK_EQUAL(r.core.hold, SL_HOLD_NOT_RED);
  all_red(&r);
  r.display[0] = SL_RED;
  rig_run(&r, 100);
  CHECK_EQUAL(r.core.hold, SL_HOLD_NOT_RED);
  r.display[0] = SL_DARK;
  rig_run(&r, 51);
  CHECK_EQUAL(r.core.mode, SL_MODE_START_UP);
  r.host = 0;
  rig_run(&r, 310);
  CHECK_EQUAL(r.core.cause, SL_CAUSE_HEARTBEAT);
  CHECK_EQUAL(r.core.mode, SL_MODE_ORDERLY_STOP);
}

static void healthy_without_a_gap(void) {
  rig r;
  rig_controlled(&r);
  send_stop(&r, SL_STOP_OPERATOR);
  r.host = 0;
  rig_run(&r, 5000);
  r.host = 1;
  rig_run(&r, 9000);
  r.host = 0;
  rig_run(&r, 400);
  CHECK_EQUAL(r.core.hold, SL_HOLD_UNHEALTHY);
  r.host = 1;
  r.host_ms = 0;
  rig_run(&r, 9999);
  CHECK_EQUAL(r.core.mode, SL_MODE_FAILURE_DISPLAY);
  rig_run(&r, 1);
  CHECK_EQUAL(r.core.mode, SL_MODE_START_UP);
}

static void press(rig *r, uint32_t ms) {
  r->in.control |= SL_CONTROL_BUTTON;
  rig_run(r, ms);
  r->in.control &= (uint8_t)~SL_CONTROL_BUTTON;
  rig_run(r, 10);
}

static void welded_relay(void) {
  rig r;
  programmed(&r);
  r.contact_fault = 1;
  rig_run(&r, 255);
  CHECK_EQUAL(r.core.mode, SL_MODE_SELF_TEST);
  rig_run(&r, 15);
  CHECK_EQUAL(r.core.mode, SL_MODE_TRIP);
  CHECK_EQUAL(r.core.latch.cause, SL_CAUSE_RELAY);
  CHECK_EQUAL(r.out.relay, 0);
  CHECK_EQUAL(r.out.pump, 0);
  rig_run(&r, 30);
  CHECK(r.status[16] & SL_FLAG_RELAY_WELDED);
  CHECK_EQUAL(r.status[16] & (SL_FLAG_PUMP | SL_FLAG_RELAY), 0);
  press(&r, 500);
  CHECK_EQUAL(r.core.mode, SL_MODE_TRIP);
  press(&r, 1010);
  CHECK_EQUAL(r.core.latch.cause, SL_CAUSE_NONE);
  CHECK_EQUAL(r.core.mode, SL_MODE_SELF_TEST);
  rig_run(&r, 400);
  CHECK_EQUAL(r.core.mode, SL_MODE_TRIP); /* still welded */
  r.contact_fault = 0;
  rig_run(&r, 20);
  CHECK_EQUAL(r.core.relay_welded, 0);
  press(&r, 1010);
  rig_run(&r, 300);
  CHECK_EQUAL(r.core.mode, SL_MODE_FAILURE_DISPLAY);
  CHECK_EQUAL(r.core.cause, SL_CAUSE_BUTTON);
}

static void relay_drops(void) {
  rig r;
  rig_controlled(&r);
  ask(&r, 1, SL_GREEN);
  rig_run(&r, 1000);
  r.loop = 0; /* the lamps read as before: only the contact tells */
  r.contact_fault = 2;
  rig_run(&r, 255);
  CHECK_EQUAL(r.core.mode, SL_MODE_CONTROLLED);
  rig_run(&r, 15);
  CHECK_EQUAL(r.core.mode, SL_MODE_TRIP);
  CHECK_EQUAL(r.core.latch.cause, SL_CAUSE_RELAY);
  CHECK_EQUAL(r.core.relay_welded, 0);
}

/* A button that was never up clears nothing; a latched stop keeps the relay in. */
static void taped_button(void) {
  rig r;
  rig_controlled(&r);
  send_stop(&r, SL_STOP_INTERLOCK);
  r.host = 0;
  r.in.control |= SL_CONTROL_BUTTON;
  rig_run(&r, 200);
  rig_reset(&r, SL_RESET_EXTERNAL);
  rig_run(&r, 5000);
  CHECK_EQUAL(r.core.latch.cause, SL_CAUSE_INTERLOCK);
  CHECK_EQUAL(r.core.mode, SL_MODE_FAILURE_DISPLAY);
  r.in.control = 0;
  rig_run(&r, 50);
  press(&r, 1010);
  CHECK_EQUAL(r.core.latch.cause, SL_CAUSE_NONE);
  CHECK_EQUAL(r.core.mode, SL_MODE_FAILURE_DISPLAY);
  press(&r, 1010); /* nothing to clear */
  CHECK_EQUAL(r.core.cause, SL_CAUSE_BUTTON);
}

/* The stop runs to its end before the button acts. */
static void button_during_stop(void) {
  rig r;
  rig_controlled(&r);
  ask(&r, 1, SL_GREEN);
  send_stop(&r, SL_STOP_INTERLOCK);
  r.host = 0;
  r.in.control |= SL_CONTROL_BUTTON;
  rig_run(&r, 7000);
  CHECK_EQUAL(r.core.mode, SL_MODE_ORDERLY_STOP);
  CHECK_EQUAL(r.core.latch.cause, SL_CAUSE_INTERLOCK);
  rig_run(&r, 2000);
  CHECK_EQUAL(r.core.mode, SL_MODE_FAILURE_DISPLAY);
  CHECK_EQUAL(r.core.latch.cause, SL_CAUSE_NONE);
}

static void manual_flash(void) {
  rig r;
  rig_controlled(&r);
  ask(&r, 1, SL_GREEN);
  rig_run(&r, 100);
  r.in.control |= SL_CONTROL_MANUAL_FLASH;
  rig_run(&r, 3);
  CHECK_EQUAL(r.core.mode, SL_MODE_CONTROLLED);
  rig_run(&r, 1);
  CHECK_EQUAL(r.core.mode, SL_MODE_MANUAL_FLASH);
  CHECK_EQUAL(r.out.relay, 0);
  rig_run(&r, 20000);
  CHECK_EQUAL(r.core.mode, SL_MODE_MANUAL_FLASH);
  CHECK_EQUAL(r.core.hold, SL_HOLD_MANUAL_FLASH);
  r.in.control &= (uint8_t)~SL_CONTROL_MANUAL_FLASH;
  all_red(&r);
  rig_run(&r, 202);
  CHECK_EQUAL(r.core.mode, SL_MODE_SELF_TEST);
  rig_run(&r, 2);
  CHECK_EQUAL(r.core.mode, SL_MODE_FAILURE_DISPLAY);
  CHECK_EQUAL(r.core.cause, SL_CAUSE_MANUAL_FLASH);
  rig_run(&r, 9900);
  CHECK_EQUAL(r.core.mode, SL_MODE_FAILURE_DISPLAY);
  rig_run(&r, 200);
  CHECK_EQUAL(r.core.mode, SL_MODE_START_UP);
  CHECK_EQUAL(r.core.latch.cause, SL_CAUSE_NONE);
}

static void manual_flash_in_trip(void) {
  rig r;
  rig_controlled(&r);
  sl_trip(&r.core, SL_CAUSE_FIELD, 3, 0, 9);
  r.in.control |= SL_CONTROL_MANUAL_FLASH;
  rig_run(&r, 100);
  CHECK_EQUAL(r.core.mode, SL_MODE_TRIP);
  CHECK_EQUAL(r.core.hold, SL_HOLD_LATCHED);
  sl_violate(&r.core, SL_CAUSE_INTERLOCK, 0, 0, 0);
  CHECK_EQUAL(r.core.latch.cause, SL_CAUSE_FIELD);
}

static void watchdog(void) {
  rig r;
  programmed(&r);
  rig_reset(&r, SL_RESET_WATCHDOG | SL_RESET_EXTERNAL);
  CHECK_EQUAL(r.core.mode, SL_MODE_TRIP);
  CHECK_EQUAL(r.core.latch.cause, SL_CAUSE_WATCHDOG);
  rig_run(&r, 1000);
  CHECK_EQUAL(r.out.relay, 0);
  rig_reset(&r, SL_RESET_POWER);
  CHECK_EQUAL(r.core.mode, SL_MODE_TRIP);
  CHECK_EQUAL(r.core.cause, SL_CAUSE_WATCHDOG);
}

static void jumper(void) {
  rig r;
  programmed(&r);
  r.in.control |= SL_CONTROL_JUMPER;
  rig_run(&r, 300);
  send_hello(&r, 1, r.core.checksum);
  all_red(&r);
  r.host = 1;
  rig_run(&r, 3000);
  CHECK_EQUAL(r.core.hold, SL_HOLD_JUMPER);
  r.in.control = 0;
  rig_run(&r, 1010);
  CHECK_EQUAL(r.core.mode, SL_MODE_START_UP);
  r.in.control |= SL_CONTROL_JUMPER; /* does not end what runs */
  rig_run(&r, 8000);
  CHECK_EQUAL(r.core.mode, SL_MODE_CONTROLLED);
}

static void failure_displays(void) {
  rig r;
  uint8_t record[SL_RECORD_BYTES];
  const uint8_t codes[3] = {SL_FLASHING_DONT_WALK, SL_RED, SL_DARK};
  for (uint8_t display = 0; display < 3; display++) {
    rig_blank(&r);
    record_junction(record);
    record[3] = display;
    record[SL_RECORD_CHANNELS + 7 * SL_RECORD_CHANNEL_BYTES] = SL_KIND_VEHICLE; /* flash dark */
    record_finish(record);
    record_store(&r, record);
    rig_reset(&r, SL_RESET_POWER);
    rig_run(&r, 300);
    CHECK_EQUAL(r.core.record_valid, 1);
    CHECK_EQUAL(r.core.shown[3], codes[display]);
    CHECK_EQUAL(r.core.shown[7], display == 0 ? SL_DARK : codes[display]);
    CHECK_EQUAL(r.core.shown[0], SL_DARK);
    CHECK_EQUAL(r.core.shown[11], display == 1 ? SL_RED : SL_DARK);
  }
}

/* Damage in RAM: found by the scrub or the last look, always a trip. */
static void damaged_ram(void) {
  rig r;
  rig_controlled(&r);
  r.core.conflicts[3] = 0;
  rig_run(&r, 16);
  CHECK_EQUAL(r.core.latch.cause, SL_CAUSE_INTERNAL);
  CHECK_EQUAL(r.core.mode, SL_MODE_TRIP);
  rig_controlled(&r);
  r.core.record[40] ^= 1;
  rig_run(&r, 400);
  CHECK_EQUAL(r.core.latch.cause, SL_CAUSE_INTERNAL);
  rig_controlled(&r);
  memset(&r.watch, 0, sizeof(r.watch));
  r.core.shown[1] = SL_GREEN;
  r.core.shown[3] = SL_YELLOW;
  rig_run(&r, 1);
  CHECK_EQUAL(r.core.latch.cause, SL_CAUSE_INTERNAL);
  CHECK_EQUAL(r.core.output.green | r.core.output.yellow | r.core.output.red, 0);
  rig_controlled(&r);
  r.core.mode = 77;
  rig_run(&r, 1);
  CHECK_EQUAL(r.core.mode, SL_MODE_TRIP);
}

void test_modes(void) {
  power_up();
  early_green(5880, SL_CAUSE_NONE);
  early_green(5879, SL_CAUSE_ASKED_START_UP);
  waits_for_red();
  healthy_without_a_gap();
  welded_relay();
  relay_drops();
  taped_button();
  button_during_stop();
  manual_flash();
  manual_flash_in_trip();
  watchdog();
  jumper();
  failure_displays();
  damaged_ram();
}

/* The orderly stop: from every display, and what starts it. */
#include "rig.h"

static void lose_host(rig *r) {
  r->host = 0;
  send_lamp(r);
  rig_run(r, 299);
  CHECK_EQUAL(r->core.mode, SL_MODE_CONTROLLED);
  rig_run(r, 1);
  CHECK_EQUAL(r->core.mode, SL_MODE_ORDERLY_STOP);
}

static void from_green(void) {
  rig r;
  rig_controlled(&r);
  ask(&r, 1, SL_GREEN);
  rig_run(&r, 1000);
  lose_host(&r);
  CHECK_EQUAL(r.core.cause, SL_CAUSE_HEARTBEAT);
  CHECK_EQUAL(r.core.shown[1], SL_YELLOW);
  CHECK_EQUAL(r.core.output.green, 0);
  CHECK_EQUAL(r.core.counters[SL_COUNTER_STOPS], 1);
  rig_run(&r, 3999);
  CHECK_EQUAL(r.core.shown[1], SL_YELLOW);
  rig_run(&r, 1);
  CHECK_EQUAL(r.core.shown[1], SL_RED);
  rig_run(&r, 1500 + 1999);
  CHECK_EQUAL(r.core.mode, SL_MODE_ORDERLY_STOP);
  CHECK_EQUAL(r.core.hold, SL_HOLD_STOPPING);
  rig_run(&r, 1);
  CHECK_EQUAL(r.core.mode, SL_MODE_FAILURE_DISPLAY);
  CHECK_EQUAL(r.core.shown[1], SL_FLASHING_YELLOW);
  CHECK_EQUAL(r.core.shown[3], SL_FLASHING_DONT_WALK);
  CHECK_EQUAL(r.core.shown[11], SL_DARK);
  CHECK_EQUAL(r.out.relay, 1);
  CHECK_EQUAL(r.core.latch.cause, SL_CAUSE_NONE);
}

static void from_walk(void) {
  rig r;
  rig_controlled(&r);
  r.display[1] = SL_GREEN;
  r.display[5] = SL_GREEN;
  ask(&r, 11, SL_GREEN);
  rig_run(&r, 1000);
  lose_host(&r);
  CHECK_EQUAL(r.core.shown[11], SL_FLASHING_DONT_WALK);
  CHECK_EQUAL(r.core.shown[5], SL_GREEN);
  CHECK_EQUAL(r.core.shown[1], SL_YELLOW);
  rig_run(&r, 14999);
  CHECK_EQUAL(r.core.shown[11], SL_FLASHING_DONT_WALK);
  CHECK_EQUAL(r.core.shown[5], SL_GREEN);
  rig_run(&r, 2);
  CHECK_EQUAL(r.core.shown[11], SL_RED);
  CHECK_EQUAL(r.core.shown[5], SL_YELLOW);
  rig_run(&r, 4000 + 1500 + 2001);
  CHECK_EQUAL(r.core.mode, SL_MODE_FAILURE_DISPLAY);
}

/* Clearances under way are finished, not begun again. */
static void from_clearances(void) {
  rig r;
  rig_controlled(&r);
  ask(&r, 11, SL_GREEN);
  rig_run(&r, 7000);
  r.display[1] = SL_FLASHING_YELLOW;
  ask(&r, 11, SL_FLASHING_DONT_WALK);
  rig_run(&r, 5000);
  lose_host(&r);
  CHECK_EQUAL(r.core.shown[1], SL_YELLOW);
  rig_run(&r, 9690);
  CHECK_EQUAL(r.core.shown[11], SL_FLASHING_DONT_WALK);
  rig_run(&r, 10);
  CHECK_EQUAL(r.core.shown[11], SL_RED);
  rig_controlled(&r);
  ask(&r, 1, SL_GREEN);
  rig_run(&r, 3000);
  ask(&r, 1, SL_YELLOW);
  rig_run(&r, 1000);
  lose_host(&r);
  CHECK_EQUAL(r.core.shown[1], SL_YELLOW);
  rig_run(&r, 2690);
  CHECK_EQUAL(r.core.shown[1], SL_YELLOW);
  rig_run(&r, 10);
  CHECK_EQUAL(r.core.shown[1], SL_RED);
}

/* Frames keep coming during the stop: heard, never shown. */
static void frames_wait(void) {
  rig r;
  rig_controlled(&r);
  ask(&r, 1, SL_GREEN);
  rig_run(&r, 1000);
  lose_host(&r);
  r.host = 1;
  rig_run(&r, 1000);
  CHECK_EQUAL(r.core.shown[1], SL_YELLOW);
  CHECK_EQUAL(r.status[16] & SL_FLAG_DISPLAYED, 0);
  CHECK_EQUAL(r.status[17], SL_HOLD_STOPPING);
  all_red(&r);
  rig_run(&r, 6600);
  CHECK_EQUAL(r.core.mode, SL_MODE_FAILURE_DISPLAY);
}

static void asked(uint8_t byte, uint8_t cause, uint8_t latched) {
  rig r;
  rig_controlled(&r);
  ask(&r, 1, SL_GREEN);
  r.host = 0;
  r.stop = byte;
  r.host_ms = 0;
  rig_run(&r, 1);
  CHECK_EQUAL(r.core.mode, SL_MODE_ORDERLY_STOP);
  CHECK_EQUAL(r.core.cause, cause);
  CHECK_EQUAL(r.core.latch.cause, latched ? cause : SL_CAUSE_NONE);
  rig_run(&r, 20000);
  /* Held while repeated. */
  CHECK_EQUAL(r.core.mode, SL_MODE_FAILURE_DISPLAY);
  CHECK_EQUAL(r.core.hold, latched ? SL_HOLD_LATCHED : SL_HOLD_UNHEALTHY);
  r.stop = 0;
  r.host = 1;
  all_red(&r);
  rig_run(&r, 9900);
  CHECK_EQUAL(r.core.mode, SL_MODE_FAILURE_DISPLAY);
  rig_run(&r, 200);
  CHECK_EQUAL(r.core.mode, latched ? SL_MODE_FAILURE_DISPLAY : SL_MODE_START_UP);
}

static void stop_in_failure_display(void) {
  rig r;
  rig_controlled(&r);
  lose_host(&r);
  rig_run(&r, 5000);
  CHECK_EQUAL(r.core.mode, SL_MODE_FAILURE_DISPLAY);
  send_stop(&r, SL_STOP_OPERATOR);
  CHECK_EQUAL(r.core.cause, SL_CAUSE_OPERATOR);
  send_stop(&r, SL_STOP_INTERLOCK);
  CHECK_EQUAL(r.core.latch.cause, SL_CAUSE_INTERLOCK);
  CHECK_EQUAL(r.core.cause, SL_CAUSE_INTERLOCK);
  send_stop(&r, SL_STOP_SHUTDOWN);
  CHECK_EQUAL(r.core.cause, SL_CAUSE_INTERLOCK);
  rig_run(&r, 300);
  rig_reset(&r, SL_RESET_POWER);
  rig_run(&r, 300);
  /* Latched across power loss, and no trip: the relay stays in. */
  CHECK_EQUAL(r.core.mode, SL_MODE_FAILURE_DISPLAY);
  CHECK_EQUAL(r.core.latch.cause, SL_CAUSE_INTERLOCK);
  CHECK_EQUAL(r.core.hold, SL_HOLD_LATCHED);
}

static void back_in_control(rig *r) {
  all_red(r);
  r->host = 1;
  r->host_ms = 0;
  rig_run(r, 25000);
  CHECK_EQUAL(r->core.mode, SL_MODE_CONTROLLED);
}

static void third_loss(void) {
  rig r;
  rig_controlled(&r);
  for (int k = 0; k < 2; k++) {
    lose_host(&r);
    CHECK_EQUAL(r.core.cause, SL_CAUSE_HEARTBEAT);
    back_in_control(&r);
  }
  lose_host(&r);
  CHECK_EQUAL(r.core.cause, SL_CAUSE_THIRD_HEARTBEAT);
  CHECK_EQUAL(r.core.latch.cause, SL_CAUSE_THIRD_HEARTBEAT);
  rig_run(&r, 5000);
  CHECK_EQUAL(r.core.mode, SL_MODE_FAILURE_DISPLAY);
}

/* The first loss falls out of the hour, so the third is only the second. */
static void losses_expire(void) {
  rig r;
  rig_controlled(&r);
  lose_host(&r);
  back_in_control(&r);
  lose_host(&r);
  back_in_control(&r);
  r.core.lost_at[0] = r.core.now - SL_LOST_WINDOW_MS;
  rig_tick(&r);
  CHECK_EQUAL(r.core.lost_stops, 1);
  lose_host(&r);
  CHECK_EQUAL(r.core.cause, SL_CAUSE_HEARTBEAT);
  CHECK_EQUAL(r.core.lost_stops, 2);
  rig_tick(&r);
  CHECK_EQUAL(r.core.lost_stops, 2);
}

static void clean_stops_are_not_counted(void) {
  rig r;
  rig_controlled(&r);
  for (int k = 0; k < 4; k++) {
    r.host = 0;
    r.stop = SL_STOP_SHUTDOWN;
    rig_run(&r, 5000);
    r.stop = 0;
    CHECK_EQUAL(r.core.mode, SL_MODE_FAILURE_DISPLAY);
    back_in_control(&r);
  }
  CHECK_EQUAL(r.core.latch.cause, SL_CAUSE_NONE);
}

void test_stops(void) {
  from_green();
  from_walk();
  from_clearances();
  frames_wait();
  asked(SL_STOP_OPERATOR, SL_CAUSE_OPERATOR, 0);
  asked(SL_STOP_SHUTDOWN, SL_CAUSE_SHUTDOWN, 0);
  asked(SL_STOP_FEEDBACK, SL_CAUSE_FEEDBACK, 0);
  asked(99, SL_CAUSE_HOST, 0);
  asked(SL_STOP_INTERLOCK, SL_CAUSE_INTERLOCK, 1);
  stop_in_failure_display();
  third_loss();
  losses_expire();
  clean_stops_are_not_counted();
}

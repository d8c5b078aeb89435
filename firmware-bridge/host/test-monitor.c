/* The monitor's timed rules: each just below and just above what the table allows. */
#include "rig.h"

/* A junction under control with the codes that a case needs. */
static void showing(rig *r, uint8_t main_code, uint8_t walk_code) {
  rig_controlled(r);
  r->display[1] = main_code;
  if (walk_code != SL_RED) {
    r->display[5] = SL_GREEN;
    r->display[11] = SL_GREEN;
    send_lamp(r);
    rig_run(r, 2000);
    r->display[11] = walk_code;
  }
  send_lamp(r);
  rig_run(r, 2000);
  CHECK_EQUAL(r->core.mode, SL_MODE_CONTROLLED);
}

static uint16_t *lamp(sl_lamps *lamps, uint8_t code) {
  if (code == SL_RED) return &lamps->red;
  return code == SL_YELLOW ? &lamps->yellow : &lamps->green;
}

static void fault_for(rig *r, uint8_t code, uint16_t bits, uint32_t ms) {
  *lamp(&r->on, code) |= bits;
  rig_run(r, ms);
  *lamp(&r->on, code) &= (uint16_t)~bits;
  rig_run(r, 20);
}

static void trips(const rig *r, uint8_t cause, uint8_t channel) {
  CHECK_EQUAL(r->core.mode, SL_MODE_TRIP);
  CHECK_EQUAL(r->core.latch.cause, cause);
  CHECK_EQUAL(r->core.latch.channel, channel + 1);
  CHECK_EQUAL(r->out.relay, 0);
  CHECK_EQUAL(r->out.pump, 0);
}

/* Every pair of colours: 199 ms passes, 300 ms trips as a conflict. */
static void conflict(uint8_t main_code, uint8_t walk_code, uint8_t lit) {
  rig r;
  showing(&r, main_code, walk_code);
  fault_for(&r, lit, SL_BIT(3), 199);
  CHECK_EQUAL(r.core.mode, SL_MODE_CONTROLLED);
  for (uint32_t ms = 300; ms <= 450; ms += 150) {
    showing(&r, main_code, walk_code);
    fault_for(&r, lit, SL_BIT(3), ms);
    CHECK_EQUAL(r.core.mode, SL_MODE_TRIP);
    CHECK_EQUAL(r.core.latch.cause, SL_CAUSE_CONFLICT);
    CHECK_EQUAL(r.core.latch.measured, SL_CONFLICT_TRIP_MS);
    CHECK(r.core.latch.channel != 0 && r.core.latch.other != 0);
    CHECK(r.core.latch.sensed.green != 0 || r.core.latch.sensed.yellow != 0);
  }
}

static void conflicts(void) {
  const uint8_t mains[] = {SL_GREEN, SL_YELLOW, SL_FLASHING_YELLOW};
  for (int k = 0; k < 3; k++) {
    for (uint8_t lit = SL_YELLOW; lit <= SL_GREEN; lit++) {
      rig r;
      if (mains[k] != SL_YELLOW) {
        conflict(mains[k], SL_RED, lit);
        continue;
      }
      for (uint32_t ms = 199; ms <= 300; ms += 101) {
        showing(&r, SL_GREEN, SL_RED);
        ask(&r, 1, SL_YELLOW);
        rig_run(&r, 1000);
        fault_for(&r, lit, SL_BIT(3), ms);
        CHECK_EQUAL(r.core.latch.cause, ms < 200 ? SL_CAUSE_NONE : SL_CAUSE_CONFLICT);
      }
    }
  }
}

/* Walk, and flashing don't walk in both halves of its flash, against a green. */
static void walk_conflicts(void) {
  for (uint32_t wait = 0; wait < 1000; wait += 130) {
    for (uint32_t ms = 199; ms <= 300; ms += 101) {
      rig r;
      rig_controlled(&r);
      ask(&r, 11, SL_GREEN);
      rig_run(&r, 7000);
      if (wait > 0) ask(&r, 11, SL_FLASHING_DONT_WALK);
      rig_run(&r, 2000 + wait);
      fault_for(&r, SL_GREEN, SL_BIT(3), ms);
      CHECK_EQUAL(r.core.latch.cause, ms < 200 ? SL_CAUSE_NONE : SL_CAUSE_CONFLICT);
    }
  }
}

static void dual(void) {
  rig r;
  const uint8_t lit[] = {SL_YELLOW, SL_GREEN};
  for (int k = 0; k < 2; k++) {
    showing(&r, SL_RED, SL_RED);
    fault_for(&r, lit[k], SL_BIT(3), 249);
    CHECK_EQUAL(r.core.mode, SL_MODE_CONTROLLED);
    showing(&r, SL_RED, SL_RED);
    fault_for(&r, lit[k], SL_BIT(3), 450);
    trips(&r, SL_CAUSE_DUAL, 3);
  }
  showing(&r, SL_GREEN, SL_RED);
  fault_for(&r, SL_YELLOW, SL_BIT(1), 450);
  trips(&r, SL_CAUSE_DUAL, 1);
  showing(&r, SL_RED, SL_GREEN); /* walk with don't walk */
  fault_for(&r, SL_RED, SL_BIT(11), 249);
  CHECK_EQUAL(r.core.mode, SL_MODE_CONTROLLED);
  fault_for(&r, SL_RED, SL_BIT(11), 450);
  trips(&r, SL_CAUSE_DUAL, 11);
}

static void red_failure(void) {
  rig r;
  showing(&r, SL_RED, SL_RED);
  r.off.red = SL_BIT(7);
  rig_run(&r, 699);
  r.off.red = 0;
  rig_run(&r, 20);
  CHECK_EQUAL(r.core.mode, SL_MODE_CONTROLLED);
  r.off.red = SL_BIT(7);
  rig_run(&r, 800);
  trips(&r, SL_CAUSE_RED_FAILURE, 7);
  CHECK_EQUAL(r.core.latch.measured, SL_RED_FAILURE_TRIP_MS);
}

/* A dark don't-walk head beside a conflicting green is a red failure, not a conflict. */
static void dark_walk(void) {
  rig r;
  showing(&r, SL_RED, SL_RED);
  ask(&r, 3, SL_GREEN);
  rig_run(&r, 500);
  r.off.red = SL_BIT(11);
  rig_run(&r, 699);
  CHECK_EQUAL(r.core.mode, SL_MODE_CONTROLLED);
  rig_run(&r, 101);
  trips(&r, SL_CAUSE_RED_FAILURE, 11);
}

static void field(void) {
  rig r;
  showing(&r, SL_GREEN, SL_RED);
  r.loop = 0; /* frozen: 5 goes green, its terminal still reads red */
  ask(&r, 5, SL_GREEN);
  rig_run(&r, 699);
  CHECK_EQUAL(r.core.mode, SL_MODE_CONTROLLED);
  rig_run(&r, 101);
  trips(&r, SL_CAUSE_FIELD, 5);
  showing(&r, SL_GREEN, SL_RED);
  r.off.red = SL_BIT(1);
  rig_run(&r, 2000); /* red isn't driven: nothing differs */
  CHECK_EQUAL(r.core.mode, SL_MODE_CONTROLLED);
}

/* Counters are continuous and per channel. */
static void gaps(void) {
  rig r;
  showing(&r, SL_GREEN, SL_RED);
  for (int k = 0; k < 10; k++) {
    fault_for(&r, SL_GREEN, k % 2 ? SL_BIT(3) : SL_BIT(7), 199);
  }
  CHECK_EQUAL(r.core.mode, SL_MODE_CONTROLLED);
  /* A gap of a few samples is noise and doesn't restart the count. */
  r.on.green = SL_BIT(3);
  for (int k = 0; k < 6; k++) {
    rig_run(&r, 44);
    r.on.green = 0;
    rig_run(&r, 6);
    r.on.green = SL_BIT(3);
  }
  CHECK_EQUAL(r.core.mode, SL_MODE_TRIP);
}

static void unused(void) {
  rig r;
  for (uint8_t lit = SL_RED; lit <= SL_GREEN; lit++) {
    showing(&r, SL_RED, SL_RED);
    fault_for(&r, lit, SL_BIT(15), 199);
    CHECK_EQUAL(r.core.mode, SL_MODE_CONTROLLED);
    fault_for(&r, lit, SL_BIT(15), 300);
    trips(&r, SL_CAUSE_UNUSED, 15);
  }
}

static void failure_display_rests(void) {
  rig r;
  rig_controlled(&r);
  r.host = 0;
  rig_run(&r, 5000);
  CHECK_EQUAL(r.core.mode, SL_MODE_FAILURE_DISPLAY);
  r.off.red = 0xFFFF;
  r.on.yellow = SL_BIT(3);
  rig_run(&r, 240); /* against the flashing yellow of 1: a conflict, in the lit half only */
  r.on.yellow = 0;
  rig_run(&r, 5000);
  CHECK_EQUAL(r.core.mode, SL_MODE_FAILURE_DISPLAY);
  r.on.green = SL_BIT(3) | SL_BIT(1);
  rig_run(&r, 199);
  CHECK_EQUAL(r.core.mode, SL_MODE_FAILURE_DISPLAY);
  rig_run(&r, 101);
  trips(&r, SL_CAUSE_CONFLICT, 1);
  rig_controlled(&r);
  r.host = 0;
  rig_run(&r, 5000);
  fault_for(&r, SL_GREEN, SL_BIT(15), 300);
  trips(&r, SL_CAUSE_UNUSED, 15);
}

static void blank_conflict(void) {
  rig r;
  rig_blank(&r);
  rig_reset(&r, SL_RESET_POWER);
  rig_run(&r, 1000);
  CHECK_EQUAL(r.core.output.red == 0xFFFF || r.core.output.red == 0, 1);
  r.on.green = SL_BIT(0);
  rig_run(&r, 1000);
  CHECK_EQUAL(r.core.mode, SL_MODE_FAILURE_DISPLAY);
  r.on.green = SL_BIT(0) | SL_BIT(1);
  rig_run(&r, 300);
  trips(&r, SL_CAUSE_CONFLICT, 0);
}

/* A latched stop followed by a trip: the first cause stays, and it trips again after power-up. */
static void trip_after_stop(void) {
  rig r;
  showing(&r, SL_GREEN, SL_RED);
  ask(&r, 3, SL_GREEN);
  CHECK_EQUAL(r.core.latch.cause, SL_CAUSE_ASKED_CONFLICT);
  r.host = 0;
  rig_run(&r, 100);
  fault_for(&r, SL_GREEN, SL_BIT(3), 300);
  CHECK_EQUAL(r.core.mode, SL_MODE_TRIP);
  CHECK_EQUAL(r.core.latch.cause, SL_CAUSE_ASKED_CONFLICT);
  CHECK_EQUAL(r.core.cause, SL_CAUSE_CONFLICT);
  CHECK(r.core.latch.mode & SL_LATCH_TRIPPED);
  rig_run(&r, 1000);
  rig_reset(&r, SL_RESET_POWER);
  CHECK_EQUAL(r.core.mode, SL_MODE_TRIP);
}

void test_monitor(void) {
  conflicts();
  walk_conflicts();
  dual();
  red_failure();
  dark_walk();
  field();
  gaps();
  unused();
  failure_display_rests();
  blank_conflict();
  trip_after_stop();
}

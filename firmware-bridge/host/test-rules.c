/* What a lamp frame may change: each rule just right, just early, too early and wrong. */
#include "rig.h"

static void violates(rig *r, uint8_t cause, uint8_t channel, uint8_t other) {
  CHECK_EQUAL(r->core.mode, SL_MODE_ORDERLY_STOP);
  CHECK_EQUAL(r->core.cause, cause);
  CHECK_EQUAL(r->core.latch.cause, cause);
  CHECK_EQUAL(r->core.latch.channel, channel + 1);
  CHECK_EQUAL(r->core.latch.other, other == SL_NO_CHANNEL ? 0 : other + 1);
  CHECK_EQUAL(r->core.latch.mode & 0x7F, SL_MODE_CONTROLLED);
}

/* One forbidden change: `from` is reached in order, then `code` is asked for. */
static void refuse(uint8_t channel, const uint8_t *way, uint8_t code, uint8_t cause) {
  rig r;
  rig_controlled(&r);
  for (; *way != SL_DARK; way++) {
    ask(&r, channel, *way);
    rig_run(&r, 500);
  }
  ask(&r, channel, code);
  violates(&r, cause, channel, SL_NO_CHANNEL);
  /* Not shown: the orderly stop has taken its first step from the last display. */
  uint8_t expected = channel == 0 ? SL_DARK : way[-1];
  if (expected == SL_GREEN) expected = channel == 11 ? SL_FLASHING_DONT_WALK : SL_YELLOW;
  if (expected == SL_FLASHING_YELLOW) expected = SL_YELLOW;
  CHECK_EQUAL(r.core.shown[channel], expected);
}

static void sequences(void) {
  const uint8_t red[] = {SL_RED, SL_DARK};
  const uint8_t green[] = {SL_GREEN, SL_DARK};
  const uint8_t yellow[] = {SL_GREEN, SL_YELLOW, SL_DARK};
  const uint8_t flashing[] = {SL_FLASHING_YELLOW, SL_DARK};
  const uint8_t clearing[] = {SL_GREEN, SL_FLASHING_DONT_WALK, SL_DARK};
  refuse(1, red, SL_YELLOW, SL_CAUSE_ASKED_SEQUENCE);
  refuse(1, red, SL_DARK, SL_CAUSE_ASKED_CODE);
  refuse(1, red, SL_FLASHING_DONT_WALK, SL_CAUSE_ASKED_CODE);
  refuse(1, red, 6, SL_CAUSE_ASKED_CODE);
  refuse(1, green, SL_RED, SL_CAUSE_ASKED_YELLOW);
  refuse(1, green, SL_FLASHING_YELLOW, SL_CAUSE_ASKED_YELLOW);
  refuse(1, flashing, SL_RED, SL_CAUSE_ASKED_YELLOW);
  refuse(1, flashing, SL_GREEN, SL_CAUSE_ASKED_YELLOW);
  refuse(1, yellow, SL_GREEN, SL_CAUSE_ASKED_SEQUENCE);
  refuse(1, yellow, SL_FLASHING_YELLOW, SL_CAUSE_ASKED_SEQUENCE);
  refuse(1, yellow, SL_RED, SL_CAUSE_ASKED_YELLOW);
  refuse(11, red, SL_FLASHING_DONT_WALK, SL_CAUSE_ASKED_SEQUENCE);
  refuse(11, red, SL_YELLOW, SL_CAUSE_ASKED_CODE);
  refuse(11, red, SL_FLASHING_YELLOW, SL_CAUSE_ASKED_CODE);
  refuse(11, green, SL_RED, SL_CAUSE_ASKED_PED_CLEARANCE);
  refuse(11, clearing, SL_GREEN, SL_CAUSE_ASKED_SEQUENCE);
  refuse(11, clearing, SL_RED, SL_CAUSE_ASKED_PED_CLEARANCE);
  refuse(0, red + 1, SL_RED, SL_CAUSE_ASKED_CODE); /* unused: only dark */
}

static void conflict(void) {
  rig r;
  rig_controlled(&r);
  r.display[1] = SL_GREEN;
  r.display[5] = SL_GREEN;
  ask(&r, 11, SL_GREEN);
  CHECK_EQUAL(r.core.shown[1], SL_GREEN);
  CHECK_EQUAL(r.core.shown[11], SL_GREEN);
  rig_run(&r, 100);
  CHECK_EQUAL(r.core.mode, SL_MODE_CONTROLLED);
  ask(&r, 3, SL_GREEN);
  CHECK_EQUAL(r.core.shown[3], SL_RED);
  violates(&r, SL_CAUSE_ASKED_CONFLICT, 1, 3);
  /* A walk that clears is right of way as much as a walk. */
  rig_controlled(&r);
  ask(&r, 11, SL_GREEN);
  ask(&r, 11, SL_FLASHING_DONT_WALK);
  ask(&r, 3, SL_GREEN);
  violates(&r, SL_CAUSE_ASKED_CONFLICT, 3, 11);
}

/* Red clearance of 1 against the start of 3; `wait` ms of red have been shown. */
static void start_after(rig *r, uint32_t wait) {
  rig_controlled(r);
  ask(r, 1, SL_GREEN);
  rig_run(r, 5000);
  r->host = 0;
  ask(r, 1, SL_YELLOW);
  r->host = 1;
  r->host_ms = 1;
  rig_run(r, 3999);
  CHECK_EQUAL(r->core.shown[1], SL_YELLOW);
  ask(r, 1, SL_RED);
  CHECK_EQUAL(r->core.shown[1], SL_RED);
  rig_run(r, wait - 1);
  ask(r, 3, SL_GREEN);
}

static void red_clearance(void) {
  rig r;
  start_after(&r, 1500);
  CHECK_EQUAL(r.core.shown[3], SL_GREEN);
  CHECK_EQUAL(r.core.hold, SL_HOLD_NONE);
  start_after(&r, 1499);
  CHECK_EQUAL(r.core.shown[3], SL_RED);
  CHECK_EQUAL(r.core.hold, SL_HOLD_RED_CLEARANCE);
  CHECK_EQUAL(r.core.hold_channel, 4);
  CHECK_EQUAL(r.core.counters[SL_COUNTER_HOLDS], 1);
  CHECK_EQUAL(r.core.pending, 1);
  rig_tick(&r);
  CHECK_EQUAL(r.core.shown[3], SL_GREEN);
  CHECK_EQUAL(r.core.hold, SL_HOLD_NONE);
  CHECK_EQUAL(r.core.pending, 0);
  start_after(&r, 1400);
  CHECK_EQUAL(r.core.hold, SL_HOLD_RED_CLEARANCE);
  rig_run(&r, 99);
  CHECK_EQUAL(r.core.shown[3], SL_RED);
  rig_tick(&r);
  CHECK_EQUAL(r.core.shown[3], SL_GREEN);
  start_after(&r, 1399);
  violates(&r, SL_CAUSE_ASKED_RED_CLEARANCE, 3, 1);
  CHECK_EQUAL(r.core.latch.measured, 101);
  CHECK_EQUAL(r.core.shown[3], SL_RED);
}

static void yellow(uint32_t after, uint8_t expected) {
  rig r;
  rig_controlled(&r);
  ask(&r, 1, SL_GREEN);
  rig_run(&r, 5000);
  ask(&r, 1, SL_YELLOW);
  rig_run(&r, after - 1);
  r.display[5] = SL_GREEN; /* the rest of the frame does not wait */
  ask(&r, 1, SL_RED);
  if (expected == SL_HOLD_NONE) {
    CHECK_EQUAL(r.core.shown[1], SL_RED);
    CHECK_EQUAL(r.core.mode, SL_MODE_CONTROLLED);
  } else if (expected == SL_HOLD_YELLOW) {
    CHECK_EQUAL(r.core.hold, SL_HOLD_YELLOW);
    CHECK_EQUAL(r.core.hold_channel, 2);
    CHECK_EQUAL(r.core.shown[5], SL_GREEN);
    rig_run(&r, 4000 - after - 1);
    CHECK_EQUAL(r.core.shown[1], SL_YELLOW);
    rig_tick(&r);
    CHECK_EQUAL(r.core.shown[1], SL_RED);
  } else {
    violates(&r, SL_CAUSE_ASKED_YELLOW, 1, SL_NO_CHANNEL);
    CHECK_EQUAL(r.core.shown[5], SL_RED);
  }
}

static void walk(uint32_t after, uint8_t expected) {
  rig r;
  rig_controlled(&r);
  r.display[5] = SL_GREEN;
  ask(&r, 11, SL_GREEN);
  rig_run(&r, 7000);
  ask(&r, 11, SL_FLASHING_DONT_WALK);
  rig_run(&r, after - 1);
  r.display[5] = SL_YELLOW;
  ask(&r, 11, SL_RED);
  if (expected == SL_HOLD_NONE) {
    CHECK_EQUAL(r.core.shown[11], SL_RED);
    CHECK_EQUAL(r.core.shown[5], SL_YELLOW);
  } else if (expected == SL_HOLD_PED_CLEARANCE) {
    CHECK_EQUAL(r.core.hold, SL_HOLD_PED_CLEARANCE);
    CHECK_EQUAL(r.core.shown[5], SL_GREEN);
    rig_run(&r, 15000 - after - 1);
    CHECK_EQUAL(r.core.shown[11], SL_FLASHING_DONT_WALK);
    rig_tick(&r);
    CHECK_EQUAL(r.core.shown[11], SL_RED);
    CHECK_EQUAL(r.core.shown[5], SL_YELLOW);
  } else {
    violates(&r, SL_CAUSE_ASKED_PED_CLEARANCE, 5, 11);
    CHECK_EQUAL(r.core.shown[5], SL_GREEN);
  }
}

static void parallel(void) {
  rig r;
  rig_controlled(&r);
  r.display[5] = SL_GREEN;
  ask(&r, 11, SL_GREEN);
  ask(&r, 5, SL_YELLOW);
  violates(&r, SL_CAUSE_ASKED_PED_CLEARANCE, 5, 11);
  rig_controlled(&r);
  r.display[1] = SL_GREEN;
  r.display[5] = SL_GREEN;
  ask(&r, 11, SL_GREEN);
  ask(&r, 11, SL_FLASHING_DONT_WALK);
  ask(&r, 1, SL_YELLOW); /* not the parallel one */
  CHECK_EQUAL(r.core.shown[1], SL_YELLOW);
  ask(&r, 5, SL_YELLOW);
  violates(&r, SL_CAUSE_ASKED_PED_CLEARANCE, 5, 11);
}

/* A start against a yellow or a clearing walk that ends in the same frame skips its red. */
static void start_against_ending(void) {
  rig r;
  rig_controlled(&r);
  ask(&r, 1, SL_GREEN);
  rig_run(&r, 5000);
  ask(&r, 1, SL_YELLOW);
  rig_run(&r, 4000);
  r.display[3] = SL_GREEN;
  ask(&r, 1, SL_RED);
  violates(&r, SL_CAUSE_ASKED_RED_CLEARANCE, 3, 1);
  CHECK_EQUAL(r.core.latch.measured, 1500);
  rig_controlled(&r);
  ask(&r, 11, SL_GREEN);
  rig_run(&r, 7000);
  ask(&r, 11, SL_FLASHING_DONT_WALK);
  rig_run(&r, 15000);
  r.display[3] = SL_GREEN;
  ask(&r, 11, SL_RED);
  violates(&r, SL_CAUSE_ASKED_RED_CLEARANCE, 3, 11);
}

/* A hold delays the display; the host's next change, timed from its own frame, looks early by as
 * much and is forgiven. Without the hold it would be a violation. */
static void credit(void) {
  rig r;
  rig_controlled(&r);
  r.display[5] = SL_GREEN;
  ask(&r, 11, SL_GREEN);
  rig_run(&r, 7000);
  ask(&r, 11, SL_FLASHING_DONT_WALK);
  rig_run(&r, 14749);
  r.display[5] = SL_YELLOW;
  ask(&r, 11, SL_RED);
  CHECK_EQUAL(r.core.hold, SL_HOLD_PED_CLEARANCE);
  rig_run(&r, 3999);
  CHECK_EQUAL(r.core.shown[5], SL_YELLOW);
  ask(&r, 5, SL_RED);
  CHECK_EQUAL(r.core.mode, SL_MODE_CONTROLLED);
  CHECK_EQUAL(r.core.hold, SL_HOLD_YELLOW);
  rig_run(&r, 1499);
  ask(&r, 3, SL_GREEN);
  CHECK_EQUAL(r.core.hold, SL_HOLD_RED_CLEARANCE);
  rig_run(&r, 251);
  CHECK_EQUAL(r.core.shown[3], SL_GREEN);
  CHECK_EQUAL(r.core.latch.cause, SL_CAUSE_NONE);
}

static void withdrawn(void) {
  rig r;
  start_after(&r, 1410);
  CHECK_EQUAL(r.core.hold, SL_HOLD_RED_CLEARANCE);
  ask(&r, 3, SL_RED);
  CHECK_EQUAL(r.core.hold, SL_HOLD_NONE);
  CHECK_EQUAL(r.core.held_ms[3], 0);
  rig_run(&r, 200);
  CHECK_EQUAL(r.core.shown[3], SL_RED);
}

static void flashing_yellow(void) {
  rig r;
  rig_controlled(&r);
  ask(&r, 1, SL_FLASHING_YELLOW);
  CHECK_EQUAL(r.core.output.yellow, SL_BIT(1));
  rig_run(&r, 499);
  CHECK_EQUAL(r.core.output.yellow, SL_BIT(1));
  rig_run(&r, 1);
  CHECK_EQUAL(r.core.output.yellow, 0);
  rig_run(&r, 500);
  CHECK_EQUAL(r.core.output.yellow, SL_BIT(1));
  rig_run(&r, 5300);
  ask(&r, 1, SL_YELLOW);
  rig_run(&r, 4000);
  ask(&r, 1, SL_RED);
  rig_run(&r, 2000);
  CHECK_EQUAL(r.core.mode, SL_MODE_CONTROLLED);
  CHECK_EQUAL(r.core.shown[1], SL_RED);
}

void test_rules(void) {
  sequences();
  conflict();
  red_clearance();
  parallel();
  start_against_ending();
  credit();
  withdrawn();
  flashing_yellow();
}

void test_rule_margins(void) {
  yellow(4000, SL_HOLD_NONE);
  yellow(3999, SL_HOLD_YELLOW);
  yellow(3900, SL_HOLD_YELLOW);
  yellow(3899, 0xFF);
  walk(15000, SL_HOLD_NONE);
  walk(14999, SL_HOLD_PED_CLEARANCE);
  walk(14700, SL_HOLD_PED_CLEARANCE); /* 2 % of 15 s */
  walk(14699, 0xFF);
}

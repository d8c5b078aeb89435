/* The monitor's clearances, driven by sensed lamps alone: the core under it holds all red or the
 * last display, and the field terminals tell a story of their own. Field and dual rules would
 * speak after 350 to 750 ms, so every story is judged by its first cause. */
#include "rig.h"

typedef struct {
  uint32_t ms;
  uint8_t code[3]; /* channels 1, 3 and walk 11: red, yellow, green or dark */
} step;

static void lit(sl_lamps *lamps, uint8_t channel, uint8_t code) {
  if (code == SL_RED) lamps->red |= SL_BIT(channel);
  if (code == SL_YELLOW) lamps->yellow |= SL_BIT(channel);
  if (code == SL_GREEN) lamps->green |= SL_BIT(channel);
}

/* The field check is held off: what is commanded is made to agree with what is told. */
static void tell(rig *r, const step *steps, int count) {
  rig_controlled(r);
  r->loop = 0;
  for (int k = 0; k < count; k++) {
    sl_lamps lamps = {SL_BIT(5) | SL_BIT(7), 0, 0};
    lit(&lamps, 1, steps[k].code[0]);
    lit(&lamps, 3, steps[k].code[1]);
    lit(&lamps, 11, steps[k].code[2]);
    r->in.sensed = lamps;
    for (uint32_t ms = 0; ms < steps[k].ms; ms++) {
      memset(r->core.field_ms, 0, sizeof(r->core.field_ms));
      rig_run(r, 1);
    }
  }
}

#define STORY(name, cause_, channel_, ...)                          \
  do {                                                              \
    const step steps[] = {__VA_ARGS__};                             \
    rig r;                                                          \
    tell(&r, steps, (int)(sizeof(steps) / sizeof(steps[0])));       \
    if (r.core.latch.cause != (cause_)) printf("story %s\n", name); \
    CHECK_EQUAL(r.core.latch.cause, cause_);                        \
    CHECK_EQUAL(r.core.latch.channel, channel_);                    \
  } while (0)

#define R SL_RED
#define Y SL_YELLOW
#define G SL_GREEN
#define D SL_DARK

static void yellow(void) {
  STORY("complete", 0, 0, {700, {R, R, R}}, {500, {G, R, R}}, {4000, {Y, R, R}}, {2000, {R, R, R}});
  STORY("3.72 s of 4", 0, 0, {700, {R, R, R}}, {500, {G, R, R}}, {3720, {Y, R, R}},
        {2000, {R, R, R}});
  STORY("3.68 s of 4", SL_CAUSE_SHORT_YELLOW, 2, {700, {R, R, R}}, {500, {G, R, R}},
        {3680, {Y, R, R}}, {50, {R, R, R}});
  STORY("short into dark", SL_CAUSE_SHORT_YELLOW, 2, {700, {R, R, R}}, {500, {G, R, R}},
        {3000, {Y, R, R}}, {50, {D, R, R}});
  STORY("never below 2.7 s", SL_CAUSE_SHORT_YELLOW, 4, {700, {R, R, R}}, {500, {R, G, R}},
        {2690, {R, Y, R}}, {50, {R, R, R}});
  STORY("2.72 s of 3", 0, 0, {700, {R, R, R}}, {500, {R, G, R}}, {2720, {R, Y, R}},
        {50, {R, R, R}});
  STORY("skipped to red", SL_CAUSE_SKIPPED_YELLOW, 2, {700, {R, R, R}}, {500, {G, R, R}},
        {20, {R, R, R}});
  STORY("skipped to dark", SL_CAUSE_SKIPPED_YELLOW, 2, {700, {R, R, R}}, {500, {G, R, R}},
        {40, {D, R, R}});
  STORY("switching gap", 0, 0, {700, {R, R, R}}, {500, {G, R, R}}, {15, {D, R, R}},
        {4000, {Y, R, R}}, {15, {D, R, R}}, {500, {R, R, R}});
  STORY("back to green", 0, 0, {700, {R, R, R}}, {500, {G, R, R}}, {100, {Y, R, R}},
        {500, {G, R, R}}, {4000, {Y, R, R}}, {100, {R, R, R}});
}

static void flashing(void) {
  STORY("flashing yellow ends steady", 0, 0, {700, {R, R, R}}, {500, {Y, R, R}},
        {500, {D, R, R}}, {500, {Y, R, R}}, {500, {D, R, R}}, {4000, {Y, R, R}}, {100, {R, R, R}});
  STORY("flash to red", SL_CAUSE_SKIPPED_YELLOW, 2, {700, {R, R, R}}, {500, {Y, R, R}},
        {500, {D, R, R}}, {20, {R, R, R}});
  STORY("lit flash to red", SL_CAUSE_SHORT_YELLOW, 2, {700, {R, R, R}}, {500, {Y, R, R}},
        {20, {R, R, R}});
  STORY("flash to green", 0, 0, {700, {R, R, R}}, {500, {Y, R, R}}, {500, {D, R, R}},
        {500, {G, R, R}}, {4000, {Y, R, R}}, {100, {R, R, R}});
  STORY("lit flash to green", 0, 0, {700, {R, R, R}}, {500, {Y, R, R}}, {500, {G, R, R}},
        {4000, {Y, R, R}}, {100, {R, R, R}});
}

static void red_clearance(void) {
  STORY("complete", 0, 0, {700, {R, R, R}}, {500, {G, R, R}}, {4000, {Y, R, R}}, {1500, {R, R, R}},
        {500, {R, G, R}});
  STORY("1.22 s of 1.5", 0, 0, {700, {R, R, R}}, {500, {G, R, R}}, {4000, {Y, R, R}},
        {1220, {R, R, R}}, {500, {R, G, R}});
  STORY("1.18 s of 1.5", SL_CAUSE_SHORT_RED_CLEARANCE, 4, {700, {R, R, R}}, {500, {G, R, R}},
        {4000, {Y, R, R}}, {1180, {R, R, R}}, {20, {R, G, R}});
  STORY("by flashing yellow", SL_CAUSE_SHORT_RED_CLEARANCE, 4, {700, {R, R, R}},
        {500, {G, R, R}}, {4000, {Y, R, R}}, {1180, {R, R, R}}, {20, {R, Y, R}});
  STORY("by a walk", SL_CAUSE_SHORT_RED_CLEARANCE, 12, {700, {R, R, R}}, {500, {R, G, R}},
        {3000, {R, Y, R}}, {680, {R, R, R}}, {20, {R, R, G}});
  STORY("red flickers meanwhile", 0, 0, {700, {R, R, R}}, {500, {G, R, R}}, {4000, {Y, R, R}},
        {700, {R, R, R}}, {100, {D, R, R}}, {600, {R, R, R}}, {500, {R, G, R}});
  STORY("compatible", 0, 0, {700, {R, R, R}}, {500, {G, R, R}}, {4000, {Y, R, R}},
        {100, {R, R, R}}, {500, {R, R, G}});
}

static void walks(void) {
  step steps[64];
  rig r;
  /* Walk, 15 s of flashing, then green across after its red clearance of 1.5 s. */
  for (int early = 0; early < 4; early++) {
    int n = 0;
    const int flashes = early == 1 ? 12 : 15;
    const uint32_t red = early == 2 ? 1100 : early == 3 ? 400 : 1500;
    steps[n++] = (step){700, {R, R, R}};
    steps[n++] = (step){5000, {R, R, G}};
    for (int k = 0; k < flashes; k++) {
      steps[n++] = (step){500, {R, R, R}};
      steps[n++] = (step){500, {R, R, D}};
    }
    steps[n++] = (step){red, {R, R, R}};
    steps[n++] = (step){240, {R, G, R}};
    tell(&r, steps, n);
    const uint8_t expected[4] = {0, SL_CAUSE_SHORT_PED_CLEARANCE, SL_CAUSE_SHORT_RED_CLEARANCE,
                                 SL_CAUSE_SHORT_RED_CLEARANCE};
    CHECK_EQUAL(r.core.latch.cause, expected[early]);
  }
  STORY("walk to red", SL_CAUSE_SHORT_PED_CLEARANCE, 12, {700, {R, R, R}}, {3000, {R, R, G}},
        {640, {R, R, R}});
  STORY("walk again", 0, 0, {700, {R, R, R}}, {3000, {R, R, G}}, {300, {R, R, D}},
        {3000, {R, R, G}}, {300, {R, R, D}}, {400, {R, R, R}});
  STORY("walk flickers to red", 0, 0, {700, {R, R, R}}, {3000, {R, R, G}}, {500, {R, R, R}},
        {300, {R, R, D}}, {500, {R, R, R}}, {300, {R, R, D}}, {500, {R, R, R}});
}

/* A glitch on top of red is the dual rule's: no yellow is missed after it. */
static void on_top(void) {
  rig r;
  rig_controlled(&r);
  r.on.green = SL_BIT(3);
  rig_run(&r, 199);
  r.on.green = 0;
  rig_run(&r, 2000);
  CHECK_EQUAL(r.core.mode, SL_MODE_CONTROLLED);
  /* A green whose driver dies is a skipped yellow at once. */
  ask(&r, 1, SL_GREEN);
  rig_run(&r, 2000);
  r.off.green = SL_BIT(1);
  rig_run(&r, 40);
  CHECK_EQUAL(r.core.latch.cause, SL_CAUSE_SKIPPED_YELLOW);
  CHECK_EQUAL(r.core.mode, SL_MODE_TRIP);
}

/* A whole ordinary cycle, and an orderly stop out of a walk, raise nothing. */
static void ordinary(void) {
  rig r;
  rig_controlled(&r);
  r.display[1] = SL_GREEN;
  r.display[5] = SL_GREEN;
  ask(&r, 11, SL_GREEN);
  rig_run(&r, 7000);
  ask(&r, 11, SL_FLASHING_DONT_WALK);
  rig_run(&r, 15000);
  ask(&r, 11, SL_RED);
  rig_run(&r, 10);
  r.display[1] = SL_YELLOW;
  ask(&r, 5, SL_YELLOW);
  rig_run(&r, 4000);
  r.display[1] = SL_RED;
  ask(&r, 5, SL_RED);
  rig_run(&r, 1500);
  r.display[3] = SL_GREEN;
  ask(&r, 7, SL_GREEN);
  rig_run(&r, 5000);
  r.host = 0;
  rig_run(&r, 30000);
  CHECK_EQUAL(r.core.mode, SL_MODE_FAILURE_DISPLAY);
  CHECK_EQUAL(r.core.latch.cause, SL_CAUSE_NONE);
}

void test_clearances(void) {
  yellow();
  flashing();
  red_clearance();
  walks();
  on_top();
  ordinary();
}

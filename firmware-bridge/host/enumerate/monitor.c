/* The monitor, enumerated: two channels of every mix of kinds, conflicting or not, and at every
 * reachable state every combination of sensed lamps on both (64), while red or green is commanded.
 * Built with SL_SCALED. A second reading of the table keeps its own counts beside the core:
 * a rule broken for its time trips in that very tick; a trip names a rule that was broken. */
#include "../rig.h"

#define STATES_MAX 400000
#define TABLE_SIZE 1048576u
#define CAP 6 /* above every limit */

typedef struct {
  uint16_t conflict_ms[2], dual_ms[2], dark_ms[2], field_ms[2];
} counts;

/* What of the core the monitor reads and writes, and the counts beside it. */
typedef struct {
  uint8_t seen[2], gap_ms[2], armed;
  uint16_t conflict_ms[2], dual_ms[2], dark_ms[2], field_ms[2], seen_ms[2], clear_ms[2];
  uint16_t faulty[5];
  counts beside;
} state;

static state *states;
static uint32_t *table;
static uint32_t count;
static uint64_t steps;
static uint64_t trips;

static uint8_t blank_eeprom(uint16_t address) {
  (void)address;
  return 0xFF;
}

static void save(const sl_core *core, const counts *beside, state *s) {
  memset(s, 0, sizeof(*s));
  for (int c = 0; c < 2; c++) {
    s->seen[c] = core->seen[c];
    s->gap_ms[c] = core->gap_ms[c];
    s->conflict_ms[c] = core->conflict_ms[c];
    s->dual_ms[c] = core->dual_ms[c];
    s->dark_ms[c] = core->dark_ms[c];
    s->field_ms[c] = core->field_ms[c];
    s->seen_ms[c] = core->seen_ms[c] > CAP ? CAP : core->seen_ms[c];
    s->clear_ms[c] = core->clear_ms[c] > CAP ? CAP : core->clear_ms[c];
  }
  s->armed = (uint8_t)core->armed;
  memcpy(s->faulty, core->faulty, sizeof(s->faulty));
  s->beside = *beside;
}

static void load(sl_core *core, const state *s) {
  for (int c = 0; c < 2; c++) {
    core->seen[c] = s->seen[c];
    core->gap_ms[c] = s->gap_ms[c];
    core->conflict_ms[c] = s->conflict_ms[c];
    core->dual_ms[c] = s->dual_ms[c];
    core->dark_ms[c] = s->dark_ms[c];
    core->field_ms[c] = s->field_ms[c];
    core->seen_ms[c] = s->seen_ms[c];
    core->clear_ms[c] = s->clear_ms[c];
  }
  core->armed = s->armed;
  memcpy(core->faulty, s->faulty, sizeof(s->faulty));
}

static void remember(const state *s) {
  const uint8_t *bytes = (const uint8_t *)s;
  uint64_t hash = 1469598103934665603ull;
  for (size_t k = 0; k < sizeof(*s); k++) hash = (hash ^ bytes[k]) * 1099511628211ull;
  uint32_t at = (uint32_t)(hash >> 20) % TABLE_SIZE;
  while (table[at] != 0) {
    if (memcmp(&states[table[at] - 1], s, sizeof(*s)) == 0) return;
    at = (at + 1) % TABLE_SIZE;
  }
  CHECK(count < STATES_MAX);
  states[count++] = *s;
  table[at] = count;
}

static void bump(uint16_t *ms, int broken) {
  *ms = broken ? (uint16_t)(*ms + 1) : 0;
}

/* The table of the monitor's timed rules, read once more. */
static uint8_t judge(const sl_core *core, counts *b, int conflicting, uint16_t ending) {
  const sl_lamps *s = &core->sensed;
  uint8_t cause = 0;
  for (int c = 0; c < 2; c++) {
    const int red = s->red >> c & 1;
    const int yellow = s->yellow >> c & 1;
    const int green = s->green >> c & 1;
    const int go = green || yellow || (ending >> c & 1);
    const int o = 1 - c;
    const int other_go = (s->green >> o & 1) || (s->yellow >> o & 1) || (ending >> o & 1);
    const sl_lamps *out = &core->output;
    bump(&b->conflict_ms[c], conflicting && go && other_go);
    bump(&b->dual_ms[c], red + yellow + green > 1);
    bump(&b->dark_ms[c], red + yellow + green == 0);
    bump(&b->field_ms[c], red != (out->red >> c & 1) || yellow != (out->yellow >> c & 1) ||
                              green != (out->green >> c & 1));
  }
  /* The rules in the order of the table: the first one named is the first cause. */
  const int broken[4] = {
      b->conflict_ms[0] >= SL_CONFLICT_TRIP_MS || b->conflict_ms[1] >= SL_CONFLICT_TRIP_MS,
      b->dual_ms[0] >= SL_DUAL_TRIP_MS || b->dual_ms[1] >= SL_DUAL_TRIP_MS,
      b->dark_ms[0] >= SL_RED_FAILURE_TRIP_MS || b->dark_ms[1] >= SL_RED_FAILURE_TRIP_MS,
      b->field_ms[0] >= SL_FIELD_TRIP_MS || b->field_ms[1] >= SL_FIELD_TRIP_MS,
  };
  for (int k = 3; k >= 0; k--) {
    if (broken[k]) cause = (uint8_t)(SL_CAUSE_CONFLICT + k);
  }
  return cause;
}

/* Channels whose right of way is ending unlit, by what the core says it has seen. */
static uint16_t ending_of(const sl_core *core) {
  uint16_t ending = 0;
  for (int c = 0; c < 2; c++) {
    if (core->seen[c] == 4 || core->seen[c] == 6) ending |= SL_BIT(c);
  }
  return ending;
}

/* A clearance trip needs a channel that had right of way, and a lamp that has just ended it or
 * one that has just begun against it. */
static void clearance_had_reason(const state *before, const sl_core *core) {
  const int c = core->latch.channel - 1;
  const uint8_t seen = before->seen[c];
  CHECK(c == 0 || c == 1);
  /* Of two channels the one that has ended is armed. */
  const int ended = core->latch.other == 0 ? c : core->latch.other - 1;
  CHECK(before->armed & SL_BIT(ended));
  switch (core->latch.cause) {
    case SL_CAUSE_SKIPPED_YELLOW: CHECK(seen == 3 || seen == 6); break;
    case SL_CAUSE_SHORT_YELLOW:
      CHECK(seen == 2 || seen == 5);
      CHECK(core->latch.measured < 2);
      break;
    case SL_CAUSE_SHORT_PED_CLEARANCE: CHECK(seen == 4); break;
    case SL_CAUSE_SHORT_RED_CLEARANCE:
      CHECK(core->latch.other == 2 - c);
      CHECK(((core->sensed.green | core->sensed.yellow) >> c & 1) != 0);
      break;
    default: CHECK(!"a clearance");
  }
}

static void step(sl_core *core, const state *from, uint32_t lamps, int conflicting) {
  counts beside = from->beside;
  state next;
  load(core, from);
  core->mode = SL_MODE_CONTROLLED;
  core->latch.cause = 0;
  core->latch.mode = 0;
  core->sensed.red = (uint16_t)((lamps & 1) | (lamps >> 2 & 2));
  core->sensed.yellow = (uint16_t)((lamps >> 1 & 1) | (lamps >> 3 & 2));
  core->sensed.green = (uint16_t)((lamps >> 2 & 1) | (lamps >> 4 & 2));
  sl_monitor_tick(core);
  steps++;
  const uint8_t expected = judge(core, &beside, conflicting, ending_of(core));
  if (core->mode == SL_MODE_CONTROLLED) {
    CHECK_EQUAL(expected, 0);
    save(core, &beside, &next);
    remember(&next);
    return;
  }
  trips++;
  CHECK_EQUAL(core->mode, SL_MODE_TRIP);
  if (core->latch.cause >= SL_CAUSE_SHORT_YELLOW &&
      core->latch.cause <= SL_CAUSE_SHORT_PED_CLEARANCE) {
    clearance_had_reason(from, core);
  } else {
    CHECK_EQUAL(core->latch.cause, expected);
  }
}

static void run(int walks, int conflicting, int commanded) {
  sl_core core;
  state first;
  const counts none = {{0}, {0}, {0}, {0}};
  sl_init(&core, blank_eeprom, SL_RESET_POWER);
  record_begin(core.record);
  for (int c = walks; c < 2; c++) record_vehicle(core.record, (uint8_t)c, 2, 3);
  for (int c = 0; c < walks; c++) record_walk(core.record, (uint8_t)c, SL_NO_CHANNEL, 3, 3);
  if (!conflicting) record_allow(core.record, 0, 1);
  record_finish(core.record);
  sl_record_refresh(&core);
  CHECK_EQUAL(core.record_valid, 1);
  core.output = (sl_lamps){0, 0, 0};
  if (commanded == 0) core.output.red = 3;
  else core.output.green = 3;
  const sl_lamps output = core.output;
  memset(table, 0, TABLE_SIZE * sizeof(*table));
  count = 0;
  save(&core, &none, &first);
  remember(&first);
  for (uint32_t at = 0; at < count; at++) {
    const state from = states[at];
    for (uint32_t lamps = 0; lamps < 64; lamps++) {
      core.output = output;
      step(&core, &from, lamps, conflicting);
    }
  }
}

int main(void) {
  uint64_t total = 0;
  states = malloc(STATES_MAX * sizeof(*states));
  table = malloc(TABLE_SIZE * sizeof(*table));
  CHECK(states != NULL && table != NULL);
  for (int walks = 0; walks <= 2; walks++) {
    for (int conflicting = 0; conflicting <= 1; conflicting++) {
      for (int commanded = 0; commanded <= 1; commanded++) {
        run(walks, conflicting, commanded);
        total += count;
      }
    }
  }
  CHECK(trips > 1000);
  printf("ok %llu states, %llu steps, %llu trips\n", (unsigned long long)total,
         (unsigned long long)steps, (unsigned long long)trips);
  return 0;
}

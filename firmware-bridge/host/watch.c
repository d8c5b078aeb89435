/* The independent judge: looks only at the codes shown, tick by tick, and at the record. Written
 * pair by pair and from the traffic rules, not from core/rules.c. */
#include "rig.h"

void watch_reset(watcher *w) {
  memset(w, 0, sizeof(*w));
}

static int walks(const sl_core *core, int c) {
  return sl_record_kind(core->record, (uint8_t)c) == SL_KIND_PEDESTRIAN;
}

static int used(const sl_core *core, int c) {
  return core->record_valid && sl_record_kind(core->record, (uint8_t)c) != SL_KIND_UNUSED;
}

static int right_of_way(const sl_core *core, int c, uint8_t code) {
  if (walks(core, c)) return code == SL_GREEN || code == SL_FLASHING_DONT_WALK;
  return code == SL_GREEN || code == SL_YELLOW || code == SL_FLASHING_YELLOW;
}

static int compatible(const sl_core *core, int a, int b) {
  return (sl_record_compatible(core->record, (uint8_t)a) >> b) & 1;
}

/* Which code may follow which, and after how many ticks. */
static void judge_change(const watcher *w, const sl_core *core, int c, uint8_t next) {
  const uint8_t now = w->code[c];
  if (walks(core, c)) {
    if (now == SL_RED) CHECK(next == SL_GREEN);
    if (now == SL_GREEN) CHECK(next == SL_FLASHING_DONT_WALK);
    if (now == SL_FLASHING_DONT_WALK) {
      CHECK(next == SL_RED);
      CHECK(w->age[c] >= sl_record_ped_clearance(core->record, (uint8_t)c));
    }
    return;
  }
  if (now == SL_RED) CHECK(next == SL_GREEN || next == SL_FLASHING_YELLOW);
  if (now == SL_GREEN || now == SL_FLASHING_YELLOW) CHECK(next == SL_YELLOW);
  if (now == SL_YELLOW) {
    CHECK(next == SL_RED);
    CHECK(w->age[c] >= sl_record_yellow(core->record, (uint8_t)c));
  }
}

static void judge_start(const watcher *w, const sl_core *core, int c) {
  CHECK(w->start_up >= SL_START_UP_RED_MS);
  for (int other = 0; other < SL_CHANNELS; other++) {
    if (other == c || !used(core, other) || compatible(core, c, other)) continue;
    /* Without a red clearance (only in the enumeration) it may end in this very tick. */
    CHECK(!right_of_way(core, other, core->shown[other]));
    CHECK(w->red[other] >= sl_record_red_clearance(core->record, (uint8_t)other));
  }
}

/* A walk keeps its green until its clearance has run. */
static void judge_parallel(const sl_core *core, int c, uint8_t was, uint8_t next) {
  if (was != SL_GREEN || next == SL_GREEN) return;
  for (int walk = 0; walk < SL_CHANNELS; walk++) {
    if (!used(core, walk) || !walks(core, walk)) continue;
    if (sl_record_parallel(core->record, (uint8_t)walk) != c) continue;
    CHECK(!right_of_way(core, walk, core->shown[walk]));
  }
}

static void judge_channel(watcher *w, const sl_core *core, int c) {
  const uint8_t next = core->shown[c];
  if (!used(core, c)) {
    CHECK(next == SL_DARK);
    return;
  }
  if (next != w->code[c]) {
    judge_change(w, core, c, next);
    if (!walks(core, c)) judge_parallel(core, c, w->code[c], next);
    if (right_of_way(core, c, next) && !right_of_way(core, c, w->code[c])) {
      judge_start(w, core, c);
    }
  }
}

static void remember(watcher *w, const sl_core *core) {
  uint8_t any = 0;
  for (int c = 0; c < SL_CHANNELS; c++) {
    const uint8_t next = core->shown[c];
    w->age[c] = next == w->code[c] ? w->age[c] + 1 : 1;
    w->code[c] = next;
    w->red[c] = right_of_way(core, c, next) ? 0 : w->red[c] + 1;
    any |= (uint8_t)right_of_way(core, c, next);
  }
  if (any == 0 && w->start_up < 1000000u) w->start_up++;
}

/* Outside the host's control and the orderly stop nothing may show green or walk. */
static void judge_rest(watcher *w, const sl_core *core) {
  CHECK(core->output.green == 0);
  if (core->mode == SL_MODE_TRIP) CHECK((core->output.red | core->output.yellow) == 0);
  watch_reset(w);
}

void watch_tick(watcher *w, const sl_core *core) {
  const int watched = core->mode == SL_MODE_START_UP || core->mode == SL_MODE_CONTROLLED ||
                      core->mode == SL_MODE_ORDERLY_STOP;
  if (!watched) {
    judge_rest(w, core);
    return;
  }
  if (!w->running) {
    for (int c = 0; c < SL_CHANNELS; c++) {
      if (used(core, c)) CHECK(core->shown[c] == SL_RED);
      w->code[c] = core->shown[c];
    }
    w->running = 1;
  }
  for (int c = 0; c < SL_CHANNELS; c++) judge_channel(w, core, c);
  for (int a = 0; a < SL_CHANNELS; a++) {
    for (int b = 0; b < a; b++) {
      if (!right_of_way(core, a, core->shown[a]) || compatible(core, a, b)) continue;
      CHECK(!right_of_way(core, b, core->shown[b]));
    }
  }
  remember(w, core);
}

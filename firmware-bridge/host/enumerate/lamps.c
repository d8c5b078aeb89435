/* Every lamp rule, enumerated: all tables of 2, 3 and 4 channels, timers of 0 to 3 ticks, and at
 * every reachable state every frame, no frame, and the loss of the host. Built with SL_SCALED.
 *
 * What is visited. Two channels: every pair of kinds, both tables, all 16 timings of each, all six
 * codes on each. Three: every mix of kinds and table, six timings, the four codes that a channel
 * of each kind can be sent in some state. Four: every mix of kinds and table, one tick each, the
 * three ordinary codes. Of tables that differ only in the names of channels one is visited. What is
 * checked: the watcher (host/watch.c) on every tick; a frame that is lawful by this file's own
 * reading is shown at once and whole; one that is not is never shown before its time; a stop from
 * every state ends, through the clearances, in the failure display.
 *
 * Why this carries to sixteen. core/rules.c judges a channel by (a) its own code and time, (b) for
 * a start, each single conflicting channel's code and time, (c) for the end of a green, each single
 * walk beside it, and takes the worst of these verdicts. No rule reads two other channels at once,
 * and showing a channel writes only that channel. So if a display of sixteen channels could break
 * a rule, the two channels that break it, with the same codes and times and the same frames
 * restricted to them, would break it alone: the other fourteen can only hold or refuse more.
 * Three and four channels are there to catch what that argument overlooks: order of judging and
 * showing, masks, the worst of several verdicts. The watcher at sixteen (host/random.c) tries the
 * real widths. */
#include "../rig.h"

#define STATES_MAX 60000
#define TABLE_SIZE 131072u
#define CAP 4 /* above every timer */

typedef struct {
  sl_core core;
  watcher watch;
} node;

static node *nodes;
static uint64_t *keys;
static uint32_t *table;
static uint32_t node_count;
static uint64_t steps;
static uint64_t configurations;
static uint64_t states;

static uint8_t blank_eeprom(uint16_t address) {
  (void)address;
  return 0xFF;
}

static uint16_t cap(uint16_t ms, uint16_t top) {
  return ms > top ? top : ms;
}

/* Times beyond every timer are one state; what no rule reads is set to one value. */
static uint64_t canonical(node *n, int channels) {
  uint64_t key = n->core.pending;
  sl_core *core = &n->core;
  for (int c = 0; c < channels; c++) {
    core->shown_ms[c] = cap(core->shown_ms[c], CAP);
    core->held_ms[c] = cap(core->held_ms[c], 2);
    core->credit[c] = cap(core->credit[c], 1);
    if (n->watch.age[c] > CAP) n->watch.age[c] = CAP;
    if (n->watch.red[c] > CAP) n->watch.red[c] = CAP;
    /* 3 + 3 + 2 + 1 + 3 bits; what is wanted matters only while it waits. */
    key = key << 3 | core->shown[c];
    key = key << 3 | core->shown_ms[c];
    key = key << 2 | core->held_ms[c];
    key = key << 1 | core->credit[c];
    key = key << 3 | (core->pending ? core->wanted[c] : 7u);
  }
  if (n->watch.start_up > CAP) n->watch.start_up = CAP;
  core->now = 0;
  core->flash_ms = 0;
  return key + 1;
}

static void remember(node *n, int channels) {
  const uint64_t key = canonical(n, channels);
  uint32_t at = (uint32_t)((key * 0x9E3779B97F4A7C15ull) >> 47) % TABLE_SIZE;
  while (table[at] != 0) {
    if (keys[table[at] - 1] == key) return;
    at = (at + 1) % TABLE_SIZE;
  }
  CHECK(node_count < STATES_MAX);
  nodes[node_count] = *n;
  keys[node_count] = key;
  node_count++;
  table[at] = node_count;
}

/* One tick of the rules and modes, without the line and the monitor. */
static void tick(node *n) {
  sl_core *core = &n->core;
  core->now++;
  for (int c = 0; c < SL_CHANNELS; c++) core->shown_ms[c] = sl_count(core->shown_ms[c]);
  core->relay_ms = 0;
  sl_mode_tick(core);
  sl_make_output(core);
  watch_tick(&n->watch, core);
  steps++;
}

static int go(const sl_core *core, int c, uint8_t code) {
  const int walk = sl_record_kind(core->record, (uint8_t)c) == SL_KIND_PEDESTRIAN;
  if (code == SL_GREEN) return 1;
  return walk ? code == SL_FLASHING_DONT_WALK : code == SL_YELLOW || code == SL_FLASHING_YELLOW;
}

static int follows(const sl_core *core, int c, uint8_t now, uint8_t next, uint32_t age) {
  if (now == next) return 1;
  if (sl_record_kind(core->record, (uint8_t)c) == SL_KIND_PEDESTRIAN) {
    return (now == SL_RED && next == SL_GREEN) ||
           (now == SL_GREEN && next == SL_FLASHING_DONT_WALK) ||
           (now == SL_FLASHING_DONT_WALK && next == SL_RED &&
            age >= sl_record_ped_clearance(core->record, (uint8_t)c));
  }
  return (now == SL_RED && (next == SL_GREEN || next == SL_FLASHING_YELLOW)) ||
         ((now == SL_GREEN || now == SL_FLASHING_YELLOW) && next == SL_YELLOW) ||
         (now == SL_YELLOW && next == SL_RED &&
          age >= sl_record_yellow(core->record, (uint8_t)c));
}

static int lawful_pair(const node *n, const uint8_t *want, int c, int other) {
  const sl_core *core = &n->core;
  const int together = (sl_record_compatible(core->record, (uint8_t)c) >> other) & 1;
  const int walk = sl_record_kind(core->record, (uint8_t)other) == SL_KIND_PEDESTRIAN;
  if (!together && go(core, c, want[c])) {
    if (go(core, other, want[other])) return 0;
    if (!go(core, c, core->shown[c])) {
      if (go(core, other, core->shown[other])) {
        if (sl_record_red_clearance(core->record, (uint8_t)other) > 0) return 0;
      } else if (n->watch.red[other] < sl_record_red_clearance(core->record, (uint8_t)other)) {
        return 0;
      }
    }
  }
  if (walk && sl_record_parallel(core->record, (uint8_t)other) == c && want[c] == SL_YELLOW &&
      core->shown[c] != SL_YELLOW && go(core, other, want[other])) {
    return 0;
  }
  return 1;
}

/* Whether the whole frame may be shown in the next tick, pair by pair. */
static int lawful(const node *n, const uint8_t *want, int channels) {
  for (int c = 0; c < channels; c++) {
    if (!follows(&n->core, c, n->core.shown[c], want[c], n->watch.age[c])) return 0;
    for (int other = 0; other < channels; other++) {
      if (other != c && !lawful_pair(n, want, c, other)) return 0;
    }
  }
  return 1;
}

static void stop_runs_out(node n) {
  for (int k = 0; k < 20; k++) {
    tick(&n);
    if (n.core.mode == SL_MODE_FAILURE_DISPLAY) return;
    CHECK_EQUAL(n.core.mode, SL_MODE_ORDERLY_STOP);
  }
  CHECK(!"the stop ends");
}

static void frame(const node *from, const uint8_t *want, int channels) {
  node n = *from;
  const int may = lawful(from, want, channels);
  for (int c = 0; c < channels; c++) n.core.wanted[c] = want[c];
  n.core.pending = 1;
  n.core.heartbeat_ms = 0;
  tick(&n);
  if (may) {
    CHECK_EQUAL(n.core.mode, SL_MODE_CONTROLLED);
    CHECK_EQUAL(n.core.pending, 0);
    for (int c = 0; c < channels; c++) CHECK_EQUAL(n.core.shown[c], want[c]);
  }
  if (n.core.mode == SL_MODE_CONTROLLED) {
    remember(&n, channels);
  } else {
    CHECK_EQUAL(n.core.mode, SL_MODE_ORDERLY_STOP);
    CHECK(n.core.latch.cause >= SL_CAUSE_ASKED_CONFLICT);
    stop_runs_out(n);
  }
}

static void explore(const node *from, int channels, const uint8_t (*codes)[6], int code_count) {
  uint8_t want[4] = {0, 0, 0, 0};
  uint32_t frames = 1;
  for (int c = 0; c < channels; c++) frames *= (uint32_t)code_count;
  for (uint32_t f = 0; f < frames; f++) {
    uint32_t rest = f;
    for (int c = 0; c < channels; c++) {
      want[c] = codes[c][rest % (uint32_t)code_count];
      rest /= (uint32_t)code_count;
    }
    frame(from, want, channels);
  }
  node quiet = *from;
  quiet.core.heartbeat_ms = 0;
  tick(&quiet);
  CHECK_EQUAL(quiet.core.mode, SL_MODE_CONTROLLED);
  remember(&quiet, channels);
  node lost = *from;
  lost.core.heartbeat_ms = SL_HEARTBEAT_MS;
  tick(&lost);
  CHECK_EQUAL(lost.core.mode, SL_MODE_ORDERLY_STOP);
  stop_runs_out(lost);
}

static void run(const uint8_t *record, int channels, int code_count) {
  static const uint8_t VEHICLE[6] = {SL_RED, SL_GREEN, SL_YELLOW, SL_FLASHING_YELLOW, SL_DARK,
                                     SL_FLASHING_DONT_WALK};
  static const uint8_t WALK[6] = {SL_RED, SL_GREEN, SL_FLASHING_DONT_WALK, SL_YELLOW, SL_DARK,
                                  SL_FLASHING_YELLOW};
  uint8_t codes[4][6];
  node n;
  memset(&n, 0, sizeof(n));
  sl_init(&n.core, blank_eeprom, SL_RESET_POWER);
  memcpy(n.core.record, record, SL_RECORD_BYTES);
  sl_record_refresh(&n.core);
  CHECK_EQUAL(n.core.record_valid, 1);
  n.core.mode = SL_MODE_CONTROLLED;
  n.core.relay = 1;
  n.core.mode_ms = CAP;
  for (int c = 0; c < SL_CHANNELS; c++) {
    n.core.shown[c] = c < channels ? SL_RED : SL_DARK;
    n.core.wanted[c] = n.core.shown[c];
    n.core.shown_ms[c] = CAP;
    n.watch.code[c] = n.core.shown[c];
    n.watch.red[c] = CAP;
    n.watch.age[c] = CAP;
    if (c < channels) {
      memcpy(codes[c], sl_record_kind(record, (uint8_t)c) == SL_KIND_VEHICLE ? VEHICLE : WALK, 6);
    }
  }
  n.watch.running = 1;
  n.watch.start_up = CAP;
  n.core.session_open = 1;
  memset(table, 0, TABLE_SIZE * sizeof(*table));
  node_count = 0;
  remember(&n, channels);
  for (uint32_t at = 0; at < node_count; at++) {
    const node from = nodes[at];
    explore(&from, channels, (const uint8_t(*)[6])codes, code_count);
  }
  configurations++;
  states += node_count;
}

/* Channels 0 to `walks`-1 walk, the others are vehicles; walk c goes beside the last channel when
 * the table allows it. Bit k of `together` is the k-th pair. */
static void build(uint8_t *record, int channels, int walks, uint32_t together,
                  const uint16_t (*times)[2]) {
  int pair = 0;
  record_begin(record);
  for (int c = walks; c < channels; c++) {
    record_vehicle(record, (uint8_t)c, times[c][0], times[c][1]);
  }
  for (int a = 0; a < channels; a++) {
    for (int b = 0; b < a; b++) {
      if ((together >> pair & 1u) != 0) record_allow(record, (uint8_t)a, (uint8_t)b);
      pair++;
    }
  }
  for (int c = 0; c < walks; c++) {
    const uint8_t last = (uint8_t)(channels - 1);
    const int beside = walks < channels && ((sl_record_compatible(record, (uint8_t)c) >> last) & 1);
    record_walk(record, (uint8_t)c, beside ? last : SL_NO_CHANNEL, times[c][1], times[c][0]);
  }
  record_finish(record);
}

static void two(void) {
  uint8_t record[SL_RECORD_BYTES];
  for (int walks = 0; walks <= 2; walks++) {
    for (uint32_t together = 0; together < 2; together++) {
      for (uint16_t t = 0; t < 256; t++) {
        const uint16_t times[2][2] = {{t & 3, t >> 2 & 3}, {t >> 4 & 3, t >> 6}};
        if (walks != 1 && (t & 15) > (t >> 4)) continue; /* the same pair, exchanged */
        build(record, 2, walks, together, times);
        run(record, 2, 6);
      }
    }
  }
}

/* Tables whose channels of one kind are exchanged are the same table: only the one with the
 * lowest number is visited. */
static int lowest_of_its_kind(int channels, int walks, uint32_t together) {
  for (int one = 0; one < channels; one++) {
    for (int other = one + 1; other < channels; other++) {
      if ((one < walks) != (other < walks)) continue;
      uint32_t swapped = 0;
      int pair = 0;
      for (int a = 0; a < channels; a++) {
        for (int b = 0; b < a; b++) {
          const int x = a == one ? other : a == other ? one : a;
          const int y = b == one ? other : b == other ? one : b;
          const int high = x > y ? x : y;
          const int low = x > y ? y : x;
          if ((together >> pair & 1u) != 0) swapped |= 1u << (high * (high - 1) / 2 + low);
          pair++;
        }
      }
      if (swapped < together) return 0;
    }
  }
  return 1;
}

static void many(int channels, const uint16_t (*timings)[2], int count, int code_count) {
  uint8_t record[SL_RECORD_BYTES];
  const int pairs = channels * (channels - 1) / 2;
  for (int walks = 0; walks <= channels; walks++) {
    for (uint32_t together = 0; together < 1u << pairs; together++) {
      if (!lowest_of_its_kind(channels, walks, together)) continue;
      for (int t = 0; t < count; t++) {
        uint16_t times[4][2];
        for (int c = 0; c < 4; c++) memcpy(times[c], timings[t], sizeof(times[c]));
        build(record, channels, walks, together, (const uint16_t(*)[2])times);
        run(record, channels, code_count);
      }
    }
  }
}

static const uint16_t THREE[6][2] = {{0, 0}, {1, 0}, {0, 1}, {1, 1}, {2, 1}, {1, 3}};
static const uint16_t FOUR[1][2] = {{1, 1}};

int main(int argc, char **argv) {
  const char *which = argc > 1 ? argv[1] : "234";
  nodes = malloc(STATES_MAX * sizeof(*nodes));
  keys = malloc(STATES_MAX * sizeof(*keys));
  table = malloc(TABLE_SIZE * sizeof(*table));
  CHECK(nodes != NULL && keys != NULL && table != NULL);
  if (strchr(which, '2') != NULL) two();
  if (strchr(which, '3') != NULL) many(3, THREE, 6, 4);
  if (strchr(which, '4') != NULL) many(4, FOUR, 1, 3);
  printf("ok %llu tables, %llu states, %llu steps\n", (unsigned long long)configurations,
         (unsigned long long)states, (unsigned long long)steps);
  return 0;
}

/* The monitor's clearances, again on what is sensed: yellow too short or skipped, red clearance
 * too short, pedestrian clearance too short. A channel is judged while exactly one of its colours
 * is lit, or none for 20 ms (switching takes less); two at once are the dual rule's.
 *
 * What a channel is seen to show:
 *
 *   vehicle     RED -> GREEN -> YELLOW -> RED            from RED also FLASH_LIT <-> FLASH_DARK,
 *                                                       ending FLASH_LIT (for its yellow) -> RED
 *   pedestrian  RED -> GREEN (walk) -> CLEARING -> RED   CLEARING ends when red has been lit
 *                                                       without a gap for 600 ms
 *
 * A channel is armed once it has been seen red for 600 ms; before that, and while the clearance
 * rules rest, it is only followed. */
#include "internal.h"

#define SEEN_NONE 0u
#define SEEN_RED 1u
#define SEEN_YELLOW 2u
#define SEEN_GREEN 3u
#define SEEN_CLEARING 4u
#define SEEN_FLASH_LIT 5u
#define SEEN_FLASH_DARK 6u
#define UNCLEAR 0xFFu /* several colours, or dark for a moment: nothing changes */

/* The one colour lit on the channel, SEEN_NONE or UNCLEAR. */
static uint8_t look(sl_core *core, uint8_t channel, uint16_t bit) {
  const uint8_t red = (uint8_t)((core->sensed.red & bit) != 0u);
  const uint8_t yellow = (uint8_t)((core->sensed.yellow & bit) != 0u);
  const uint8_t green = (uint8_t)((core->sensed.green & bit) != 0u);
  const uint8_t lit = (uint8_t)(red + yellow + green);
  if (lit == 0u) {
    if (core->gap_ms[channel] < SL_GAP_MS) core->gap_ms[channel]++;
    return core->gap_ms[channel] < SL_GAP_MS ? UNCLEAR : SEEN_NONE;
  }
  core->gap_ms[channel] = 0;
  if (lit > 1u) return UNCLEAR;
  if (red != 0u) return SEEN_RED;
  return yellow != 0u ? SEEN_YELLOW : SEEN_GREEN;
}

static uint8_t is_clear(uint8_t seen) {
  return (uint8_t)(seen == SEEN_NONE || seen == SEEN_RED);
}

static void become(sl_core *core, uint8_t channel, uint8_t seen) {
  core->seen[channel] = seen;
  core->seen_ms[channel] = 0;
}

static uint16_t less(uint16_t value, uint16_t margin) {
  return value > margin ? (uint16_t)(value - margin) : 0u;
}

/* A channel gets right of way: those against it have been clear for their red clearance. One
 * still lit is the conflict rule's; a clearing walk is judged when it turns out to have ended. */
static void check_start(sl_core *core, uint8_t channel) {
  const uint16_t against = core->conflicts[channel] & core->armed;
  for (uint8_t other = 0; other < SL_CHANNELS; other++) {
    if ((against & SL_BIT(other)) == 0u || is_clear(core->seen[other]) == 0u) continue;
    const uint16_t clearance = sl_record_red_clearance(core->record, other);
    if (core->clear_ms[other] < less(clearance, SL_MONITOR_MARGIN_MS)) {
      sl_trip(core, SL_CAUSE_SHORT_RED_CLEARANCE, (uint8_t)(channel + 1u), (uint8_t)(other + 1u),
              core->clear_ms[other]);
    }
  }
}

/* Yellow, or the steady end of a flashing yellow, has gone to red or dark. */
static void check_yellow(sl_core *core, uint8_t channel) {
  const uint16_t value = less(sl_record_yellow(core->record, channel), SL_MONITOR_MARGIN_MS);
  const uint16_t least = value > SL_MONITOR_YELLOW_MIN_MS ? value : SL_MONITOR_YELLOW_MIN_MS;
  if (core->seen_ms[channel] < least) {
    sl_trip(core, SL_CAUSE_SHORT_YELLOW, (uint8_t)(channel + 1u), 0, core->seen_ms[channel]);
  }
}

static void skipped_yellow(sl_core *core, uint8_t channel) {
  sl_trip(core, SL_CAUSE_SKIPPED_YELLOW, (uint8_t)(channel + 1u), 0, core->seen_ms[channel]);
}

/* From red or dark. Yellow without a green before it is the lit half of a flash. */
static void vehicle_starts(sl_core *core, uint8_t channel, uint8_t now) {
  if (is_clear(now) != 0u) {
    become(core, channel, now);
    return;
  }
  check_start(core, channel);
  become(core, channel, now == SEEN_YELLOW ? SEEN_FLASH_LIT : SEEN_GREEN);
}

static void vehicle_changes(sl_core *core, uint8_t channel, uint8_t now) {
  const uint8_t seen = core->seen[channel];
  switch (seen) {
    case SEEN_GREEN:
      if (is_clear(now) != 0u) skipped_yellow(core, channel);
      become(core, channel, now);
      break;
    case SEEN_YELLOW:
      if (is_clear(now) != 0u) check_yellow(core, channel);
      become(core, channel, now);
      break;
    case SEEN_FLASH_LIT:
      if (now == SEEN_YELLOW) break;
      if (now == SEEN_RED) check_yellow(core, channel);
      become(core, channel, now == SEEN_NONE ? SEEN_FLASH_DARK : now);
      break;
    case SEEN_FLASH_DARK:
      if (now == SEEN_NONE) break;
      if (now == SEEN_RED) skipped_yellow(core, channel);
      become(core, channel, now == SEEN_YELLOW ? SEEN_FLASH_LIT : now);
      break;
    default: vehicle_starts(core, channel, now); break;
  }
}

/* A walk turns out to have ended 600 ms ago. The last lit half of the flash cannot be told from
 * steady red, so the clearance may look that much shorter. */
static void clearing_ends(sl_core *core, uint8_t channel) {
  const uint16_t clearance = sl_record_ped_clearance(core->record, channel);
  const uint16_t cleared = less(core->seen_ms[channel], SL_STEADY_MS);
  const uint16_t go = core->sensed.green | core->sensed.yellow;
  if (cleared < less(clearance, SL_MONITOR_MARGIN_MS + SL_FLASH_HALF_MS)) {
    sl_trip(core, SL_CAUSE_SHORT_PED_CLEARANCE, (uint8_t)(channel + 1u), 0, cleared);
  }
  for (uint8_t other = 0; other < SL_CHANNELS; other++) {
    if ((core->conflicts[channel] & go & SL_BIT(other)) != 0u) {
      sl_trip(core, SL_CAUSE_SHORT_RED_CLEARANCE, (uint8_t)(other + 1u), (uint8_t)(channel + 1u),
              core->clear_ms[channel]);
    }
  }
  become(core, channel, SEEN_RED);
}

static void pedestrian_changes(sl_core *core, uint8_t channel, uint8_t now) {
  if (core->seen[channel] == SEEN_CLEARING) {
    if (now == SEEN_GREEN) {
      become(core, channel, SEEN_GREEN);
    } else if (now != SEEN_RED) {
      core->clear_ms[channel] = 0;
    } else if (core->clear_ms[channel] >= SL_STEADY_MS) {
      clearing_ends(core, channel);
    }
    return;
  }
  if (core->seen[channel] == SEEN_GREEN) {
    if (now != SEEN_GREEN) become(core, channel, SEEN_CLEARING);
    return;
  }
  if (now == SEEN_GREEN) check_start(core, channel);
  become(core, channel, now);
}

static void follow(sl_core *core, uint8_t channel, uint8_t now) {
  const uint8_t seen = core->seen[channel];
  const uint8_t walk = (uint8_t)((core->pedestrian & SL_BIT(channel)) != 0u);
  if (seen == SEEN_CLEARING && now != SEEN_RED) core->clear_ms[channel] = 0;
  if (now == seen || now == UNCLEAR) {
    /* Red that stays red, a gap in it, two colours: nothing has changed. */
  } else if (walk != 0u) {
    pedestrian_changes(core, channel, now);
  } else {
    vehicle_changes(core, channel, now);
  }
}

/* While the rules rest a channel starts afresh: seen as it is, not clear, not armed. */
static void rest(sl_core *core, uint8_t channel, uint8_t now) {
  if (now != UNCLEAR && now != core->seen[channel]) become(core, channel, now);
  core->clear_ms[channel] = 0;
}

static void advance(sl_core *core, uint8_t channel) {
  const uint8_t seen = core->seen[channel];
  core->seen_ms[channel] = sl_count(core->seen_ms[channel]);
  if (is_clear(seen) != 0u || seen == SEEN_CLEARING) {
    core->clear_ms[channel] = sl_count(core->clear_ms[channel]);
  } else {
    core->clear_ms[channel] = 0;
  }
}

/* Returns the channels whose right of way is ending without a lit green or yellow: flashing
 * don't walk, and the dark half of a flashing yellow. */
uint16_t sl_clearance_tick(sl_core *core, uint8_t watching) {
  uint16_t ending = 0;
  uint16_t bit = 1;
  if (watching == 0u) core->armed = 0;
  for (uint8_t channel = 0; channel < SL_CHANNELS; channel++) {
    if ((core->used & bit) != 0u) {
      const uint8_t now = look(core, channel, bit);
      advance(core, channel);
      if (watching == 0u) {
        rest(core, channel, now);
      } else if ((core->armed & bit) != 0u) {
        follow(core, channel, now);
      } else {
        if (now != UNCLEAR && now != core->seen[channel]) become(core, channel, now);
        if (now == SEEN_RED && core->seen_ms[channel] >= SL_STEADY_MS) core->armed |= bit;
      }
      const uint8_t seen = core->seen[channel];
      if (seen == SEEN_CLEARING || seen == SEEN_FLASH_DARK) ending |= bit;
    }
    bit = (uint16_t)(bit << 1);
  }
  return ending;
}

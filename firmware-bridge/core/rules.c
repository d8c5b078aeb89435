/* What a lamp frame may change. Each channel is judged against what is shown now and for how
 * long: shown, held until its own time has run (early by no more than max(100 ms, 2 %)), or a
 * violation, which shows nothing and starts the orderly stop. All rules speak of one channel or
 * of one pair (host/enumerate/lamps.c argues why that carries to 16). */
#include "internal.h"

typedef struct {
  uint8_t hold;      /* SL_HOLD_*, SL_HOLD_NONE: may be shown now */
  uint8_t violation; /* SL_CAUSE_*, SL_CAUSE_NONE: none */
  uint8_t other;     /* 1 to 16, the channel that stands against it */
  uint16_t early;    /* ms */
} verdict;

static const verdict FINE = {SL_HOLD_NONE, SL_CAUSE_NONE, 0, 0};

uint8_t sl_is_go(const sl_core *core, uint8_t channel, uint8_t code) {
  if (code == SL_GREEN) return 1;
  if ((core->pedestrian & SL_BIT(channel)) != 0u) {
    return (uint8_t)(code == SL_FLASHING_DONT_WALK);
  }
  return (uint8_t)(code == SL_YELLOW || code == SL_FLASHING_YELLOW);
}

static verdict violation(uint8_t cause, uint8_t other, uint16_t early) {
  const verdict result = {SL_HOLD_NONE, cause, other, early};
  return result;
}

/* A time that has `left` ms to run of `whole`: fine, held, or a violation. The time by which the
 * other channel's last change was held makes its next change look early: it is forgiven. */
static verdict judge_time(uint16_t left, uint16_t whole, uint16_t credit, verdict worst) {
  const uint16_t part = (uint16_t)(whole / SL_HOLD_DIVISOR);
  const uint16_t least = part > SL_HOLD_MS ? part : SL_HOLD_MS;
  const uint16_t forgiven = credit < SL_CREDIT_MAX_MS ? credit : SL_CREDIT_MAX_MS;
  if (left == 0u) return FINE;
  verdict result = worst;
  result.early = left;
  if (left > (uint16_t)(least + forgiven)) {
    result.hold = SL_HOLD_NONE;
  } else {
    result.violation = SL_CAUSE_NONE;
  }
  return result;
}

static uint16_t left_of(uint16_t whole, uint16_t elapsed) {
  return elapsed >= whole ? 0u : (uint16_t)(whole - elapsed);
}

static uint16_t yellow_left(const sl_core *core, uint8_t channel) {
  return left_of(sl_record_yellow(core->record, channel), core->shown_ms[channel]);
}

static uint16_t walk_left(const sl_core *core, uint8_t channel) {
  return left_of(sl_record_ped_clearance(core->record, channel), core->shown_ms[channel]);
}

/* What is left until `other`, which may not be lit with a channel that wants to start, has ended
 * its right of way and been red for its red clearance. A green or walk that still stands has no
 * end in sight. */
static uint16_t clearance_left(const sl_core *core, uint8_t other) {
  const uint16_t clearance = sl_record_red_clearance(core->record, other);
  switch (core->shown[other]) {
    case SL_RED: return left_of(clearance, core->shown_ms[other]);
    case SL_YELLOW: return (uint16_t)(clearance + yellow_left(core, other));
    case SL_FLASHING_DONT_WALK: return (uint16_t)(clearance + walk_left(core, other));
    default: return SL_SATURATED;
  }
}

static verdict worse(verdict one, verdict other) {
  if (one.violation != SL_CAUSE_NONE) return one;
  if (other.violation != SL_CAUSE_NONE) return other;
  return other.early > one.early ? other : one;
}

/* Red to green, walk or flashing yellow. */
static verdict judge_start(const sl_core *core, uint8_t channel) {
  const uint16_t against = core->conflicts[channel] & core->used;
  verdict result = FINE;
  if (core->mode == SL_MODE_START_UP) {
    const verdict worst = {SL_HOLD_START_UP, SL_CAUSE_ASKED_START_UP, 0, 0};
    result = judge_time(left_of(SL_START_UP_RED_MS, core->mode_ms), SL_START_UP_RED_MS, 0, worst);
  }
  uint16_t bit = 1;
  for (uint8_t other = 0; other < SL_CHANNELS; other++) {
    if ((against & bit) != 0u) {
      const verdict worst = {SL_HOLD_RED_CLEARANCE, SL_CAUSE_ASKED_RED_CLEARANCE,
                             (uint8_t)(other + 1u), 0};
      const uint16_t whole = sl_record_red_clearance(core->record, other);
      result = worse(result, judge_time(clearance_left(core, other), whole, core->credit[other],
                                        worst));
    }
    bit = (uint16_t)(bit << 1);
  }
  return result;
}

/* Green to yellow: no pedestrian who walks beside it may be left without it. */
static verdict judge_green_end(const sl_core *core, uint8_t channel) {
  verdict result = FINE;
  for (uint8_t walk = 0; walk < SL_CHANNELS; walk++) {
    if ((core->pedestrian & SL_BIT(walk)) == 0u) continue;
    if (sl_record_parallel(core->record, walk) != channel) continue;
    if (sl_is_go(core, walk, core->wanted[walk]) != 0u) {
      return violation(SL_CAUSE_ASKED_PED_CLEARANCE, (uint8_t)(walk + 1u), 0);
    }
    if (core->shown[walk] != SL_FLASHING_DONT_WALK) continue;
    const verdict worst = {SL_HOLD_PED_CLEARANCE, SL_CAUSE_ASKED_PED_CLEARANCE,
                           (uint8_t)(walk + 1u), 0};
    result = worse(result, judge_time(walk_left(core, walk),
                                      sl_record_ped_clearance(core->record, walk),
                                      core->credit[walk], worst));
  }
  return result;
}

static verdict judge_vehicle(const sl_core *core, uint8_t channel, uint8_t wanted) {
  const uint8_t shown = core->shown[channel];
  if (shown == SL_RED) {
    if (wanted == SL_YELLOW) return violation(SL_CAUSE_ASKED_SEQUENCE, 0, 0);
    return judge_start(core, channel);
  }
  if (shown == SL_YELLOW) {
    const verdict worst = {SL_HOLD_YELLOW, SL_CAUSE_ASKED_YELLOW, 0, 0};
    if (wanted != SL_RED) return violation(SL_CAUSE_ASKED_SEQUENCE, 0, 0);
    return judge_time(yellow_left(core, channel), sl_record_yellow(core->record, channel),
                      core->credit[channel], worst);
  }
  if (wanted != SL_YELLOW) return violation(SL_CAUSE_ASKED_YELLOW, 0, 0);
  return judge_green_end(core, channel);
}

static verdict judge_pedestrian(const sl_core *core, uint8_t channel, uint8_t wanted) {
  const uint8_t shown = core->shown[channel];
  if (shown == SL_RED) {
    if (wanted != SL_GREEN) return violation(SL_CAUSE_ASKED_SEQUENCE, 0, 0);
    return judge_start(core, channel);
  }
  if (shown == SL_GREEN) {
    if (wanted != SL_RED) return FINE;
    return violation(SL_CAUSE_ASKED_PED_CLEARANCE, 0, 0);
  }
  const verdict worst = {SL_HOLD_PED_CLEARANCE, SL_CAUSE_ASKED_PED_CLEARANCE, 0, 0};
  if (wanted != SL_RED) return violation(SL_CAUSE_ASKED_SEQUENCE, 0, 0);
  return judge_time(walk_left(core, channel), sl_record_ped_clearance(core->record, channel),
                    core->credit[channel], worst);
}

/* A code that this kind of channel can show: unused ones only dark, used ones never. */
static uint8_t code_fits(const sl_core *core, uint8_t channel, uint8_t code) {
  if ((core->used & SL_BIT(channel)) == 0u) return (uint8_t)(code == SL_DARK);
  if (code == SL_RED || code == SL_GREEN) return 1;
  if ((core->pedestrian & SL_BIT(channel)) != 0u) {
    return (uint8_t)(code == SL_FLASHING_DONT_WALK);
  }
  return (uint8_t)(code == SL_YELLOW || code == SL_FLASHING_YELLOW);
}

static uint16_t wanted_go(const sl_core *core) {
  uint16_t go = 0;
  for (uint8_t channel = 0; channel < SL_CHANNELS; channel++) {
    if (sl_is_go(core, channel, core->wanted[channel]) != 0u) go |= SL_BIT(channel);
  }
  return go;
}

/* The lowest channel of `mask`, 1 to 16, or 0. */
static uint8_t lowest(uint16_t mask) {
  for (uint8_t channel = 0; channel < SL_CHANNELS; channel++) {
    if ((mask & SL_BIT(channel)) != 0u) return (uint8_t)(channel + 1u);
  }
  return 0;
}

static verdict judge(const sl_core *core, uint8_t channel, uint16_t go) {
  const uint8_t wanted = core->wanted[channel];
  if (code_fits(core, channel, wanted) == 0u) return violation(SL_CAUSE_ASKED_CODE, 0, 0);
  if ((go & SL_BIT(channel)) != 0u && (go & core->conflicts[channel]) != 0u) {
    return violation(SL_CAUSE_ASKED_CONFLICT, lowest(go & core->conflicts[channel]), 0);
  }
  if (wanted == core->shown[channel]) return FINE;
  if ((core->pedestrian & SL_BIT(channel)) != 0u) return judge_pedestrian(core, channel, wanted);
  return judge_vehicle(core, channel, wanted);
}

void sl_show(sl_core *core, uint8_t channel, uint8_t code) {
  if (core->shown[channel] == code) return;
  core->shown[channel] = code;
  core->shown_ms[channel] = 0;
  core->tx_wanted |= SL_TX_STATUS;
}

static void note_hold(sl_core *core, uint8_t hold, uint8_t channel) {
  if (core->hold == SL_HOLD_NONE && hold != SL_HOLD_NONE) core->counters[SL_COUNTER_HOLDS]++;
  if (core->hold != hold) core->tx_wanted |= SL_TX_STATUS;
  core->hold = hold;
  core->hold_channel = channel;
}

/* Judges the whole frame first; only then is anything shown. A held channel keeps its display
 * while the others change: a change towards more restrictive never waits for another channel. */
void sl_apply_wanted(sl_core *core) {
  const uint16_t go = wanted_go(core);
  uint8_t hold = SL_HOLD_NONE;
  uint8_t hold_channel = 0;
  uint16_t held = 0;
  for (uint8_t channel = 0; channel < SL_CHANNELS; channel++) {
    const verdict result = judge(core, channel, go);
    if (result.violation != SL_CAUSE_NONE) {
      sl_violate(core, result.violation, (uint8_t)(channel + 1u), result.other, result.early);
      return;
    }
    if (result.hold == SL_HOLD_NONE) continue;
    held |= SL_BIT(channel);
    hold = result.hold;
    hold_channel = (uint8_t)(channel + 1u);
  }
  for (uint8_t channel = 0; channel < SL_CHANNELS; channel++) {
    if ((held & SL_BIT(channel)) != 0u) {
      core->held_ms[channel] = sl_count(core->held_ms[channel]);
    } else {
      if (core->wanted[channel] != core->shown[channel]) {
        core->credit[channel] = core->held_ms[channel];
      }
      core->held_ms[channel] = 0;
      sl_show(core, channel, core->wanted[channel]);
    }
  }
  core->pending = (uint8_t)(held != 0u);
  note_hold(core, hold, hold_channel);
}

/* The last look before the outputs: 1 to 16 when two channels shown may not be lit together. */
uint8_t sl_shown_conflict(const sl_core *core) {
  uint16_t go = 0;
  for (uint8_t channel = 0; channel < SL_CHANNELS; channel++) {
    if (sl_is_go(core, channel, core->shown[channel]) != 0u) go |= SL_BIT(channel);
  }
  if (go == 0u) return 0;
  for (uint8_t channel = 0; channel < SL_CHANNELS; channel++) {
    if ((go & SL_BIT(channel)) != 0u && (go & core->conflicts[channel]) != 0u) {
      return (uint8_t)(channel + 1u);
    }
  }
  return 0;
}

/* Who is in control: the host, an orderly stop, the failure display, a trip, or the person at the
 * cabinet. Ways between them: docs/protocol.md, "Modes of the cabinet". */
#include "internal.h"

uint8_t sl_in_control(const sl_core *core) {
  return (uint8_t)(core->mode == SL_MODE_START_UP || core->mode == SL_MODE_CONTROLLED);
}

static void set_mode(sl_core *core, uint8_t mode) {
  core->mode = mode;
  core->mode_ms = 0;
  core->healthy_ms = 0;
  core->pending = 0;
  core->hold = SL_HOLD_NONE;
  core->hold_channel = 0;
  core->relay = (uint8_t)(sl_in_control(core) != 0u || mode == SL_MODE_ORDERLY_STOP ||
                          mode == SL_MODE_FAILURE_DISPLAY);
  core->tx_wanted |= SL_TX_STATUS;
}

/* Into a mode that shows the failure display (or, in a trip, nothing). */
void sl_enter_failure_display(sl_core *core, uint8_t mode) {
  set_mode(core, mode);
  sl_show_failure_display(core);
}

/* The third stop for a lost host within an hour is latched. */
static uint8_t third_lost(sl_core *core) {
  if (core->lost_stops >= 2u) return 1;
  core->lost_at[core->lost_stops] = core->now;
  core->lost_stops++;
  return 0;
}

static void forget_lost(sl_core *core) {
  if (core->lost_stops == 0u || core->now - core->lost_at[0] <= SL_LOST_WINDOW_MS) return;
  core->lost_at[0] = core->lost_at[1];
  core->lost_stops--;
}

void sl_begin_stop(sl_core *core, uint8_t cause) {
  core->cause = cause;
  core->counters[SL_COUNTER_STOPS]++;
  if ((cause == SL_CAUSE_HEARTBEAT || cause == SL_CAUSE_NEW_SESSION) && third_lost(core) != 0u) {
    core->cause = SL_CAUSE_THIRD_HEARTBEAT;
    sl_latch_set(core, SL_CAUSE_THIRD_HEARTBEAT, 0, 0, core->heartbeat_ms);
  }
  set_mode(core, SL_MODE_ORDERLY_STOP);
  core->returned = 1;
}

void sl_violate(sl_core *core, uint8_t cause, uint8_t channel, uint8_t other, uint16_t measured) {
  if (core->mode == SL_MODE_TRIP) return;
  sl_latch_set(core, cause, channel, other, measured);
  if (sl_in_control(core) != 0u) {
    sl_begin_stop(core, cause);
  } else {
    core->cause = core->latch.cause;
  }
}

void sl_trip(sl_core *core, uint8_t cause, uint8_t channel, uint8_t other, uint16_t measured) {
  if (core->mode == SL_MODE_TRIP) return;
  sl_latch_set(core, cause, channel, other, measured);
  core->cause = cause;
  core->returned = 1;
  sl_enter_failure_display(core, SL_MODE_TRIP);
}

/* Pressed for a second after having been up for a while: a welded or taped button, also one held
 * through a reset, clears nothing. `button_ms` counts up, then pressed. */
static uint8_t button_fires(sl_core *core) {
  const uint8_t pressed = (uint8_t)((core->control & SL_CONTROL_BUTTON) != 0u);
  if (pressed != core->button_ready) {
    core->button_ms = 0;
    return 0;
  }
  core->button_ms++;
  if (pressed == 0u) {
    core->button_ready = (uint8_t)(core->button_ms >= SL_BUTTON_UP_MS);
    return 0;
  }
  if (core->button_ms < SL_BUTTON_MS) return 0;
  core->button_ready = 0;
  return 1;
}

static void button(sl_core *core) {
  if (core->mode == SL_MODE_ORDERLY_STOP || button_fires(core) == 0u) return;
  if (core->latch.cause == SL_CAUSE_NONE) return;
  sl_latch_clear(core);
  core->lost_stops = 0;
  core->relay_ms = 0;
  core->cause = SL_CAUSE_BUTTON;
  core->healthy_ms = 0;
  if (core->mode == SL_MODE_TRIP) sl_enter_failure_display(core, SL_MODE_SELF_TEST);
}

static void manual_switch(sl_core *core) {
  const uint8_t on = (uint8_t)((core->control & SL_CONTROL_MANUAL_FLASH) != 0u);
  if (core->mode == SL_MODE_TRIP) return;
  if (on != 0u && core->mode != SL_MODE_MANUAL_FLASH) {
    core->cause = SL_CAUSE_MANUAL_FLASH;
    core->returned = 1;
    sl_enter_failure_display(core, SL_MODE_MANUAL_FLASH);
  } else if (on == 0u && core->mode == SL_MODE_MANUAL_FLASH) {
    sl_enter_failure_display(core, SL_MODE_SELF_TEST);
  }
}

/* The contact has to follow the coil. In a trip nothing more can be done about a welded one than
 * to say so: the outputs are off by their other way. */
static void relay(sl_core *core) {
  const uint8_t contact = (uint8_t)((core->control & SL_CONTROL_RELAY) != 0u);
  if (contact == core->relay) {
    core->relay_ms = 0;
    core->relay_welded = 0;
    return;
  }
  core->relay_ms = sl_count(core->relay_ms);
  if (core->relay_ms < SL_RELAY_TRIP_MS) return;
  core->relay_welded = contact;
  sl_trip(core, SL_CAUSE_RELAY, 0, 0, core->relay_ms);
}

/* The relay is energised only after its contact was seen released: a welded one is found at
 * every power-up, not on the day it is needed. */
static void self_test(sl_core *core) {
  core->hold = SL_HOLD_SELF_TEST;
  core->mode_ms = (core->control & SL_CONTROL_RELAY) == 0u ? sl_count(core->mode_ms) : 0u;
  if (core->mode_ms >= SL_RELAY_TEST_MS) sl_enter_failure_display(core, SL_MODE_FAILURE_DISPLAY);
}

/* What keeps the cabinet in its failure display, or SL_HOLD_NONE. */
static uint8_t obstacle(const sl_core *core) {
  if (core->latch.cause != SL_CAUSE_NONE) return SL_HOLD_LATCHED;
  if (core->record_valid == 0u) return SL_HOLD_RECORD_BLANK;
  if ((core->control & SL_CONTROL_JUMPER) != 0u) return SL_HOLD_JUMPER;
  if (core->session_open == 0u) return SL_HOLD_NO_SESSION;
  if (sl_record_matches(core) == 0u) return SL_HOLD_RECORD_DIFFERS;
  if (core->heartbeat_ms >= SL_HEARTBEAT_MS || core->stop_held != 0u) return SL_HOLD_UNHEALTHY;
  return SL_HOLD_NONE;
}

static uint8_t wants_all_red(const sl_core *core) {
  for (uint8_t channel = 0; channel < SL_CHANNELS; channel++) {
    const uint8_t idle = (core->used & SL_BIT(channel)) != 0u ? SL_RED : SL_DARK;
    if (core->wanted[channel] != idle) return 0;
  }
  return 1;
}

static void start_up(sl_core *core) {
  set_mode(core, SL_MODE_START_UP);
  core->returned = 1;
  for (uint8_t channel = 0; channel < SL_CHANNELS; channel++) {
    sl_show(core, channel, core->wanted[channel]);
    core->credit[channel] = 0;
    core->held_ms[channel] = 0;
  }
}

static void failure_display(sl_core *core) {
  const uint16_t needed = core->returned != 0u ? SL_RETURN_HEALTHY_MS : SL_POWER_UP_HEALTHY_MS;
  core->hold = obstacle(core);
  if (core->hold != SL_HOLD_NONE) {
    core->healthy_ms = 0;
    return;
  }
  core->healthy_ms = sl_count(core->healthy_ms);
  if (core->healthy_ms < needed) {
    core->hold = SL_HOLD_RETURNING;
  } else if (wants_all_red(core) == 0u) {
    core->hold = SL_HOLD_NOT_RED;
  } else {
    start_up(core);
  }
}

static void in_control(sl_core *core) {
  if (core->heartbeat_ms >= SL_HEARTBEAT_MS) {
    sl_begin_stop(core, SL_CAUSE_HEARTBEAT);
    return;
  }
  if (core->mode == SL_MODE_START_UP) {
    core->mode_ms = sl_count(core->mode_ms);
    if (core->mode_ms >= SL_START_UP_RED_MS) {
      core->mode = SL_MODE_CONTROLLED;
      core->tx_wanted |= SL_TX_STATUS;
    }
  }
  if (core->pending != 0u) sl_apply_wanted(core);
}

static uint8_t walks_beside(const sl_core *core, uint8_t channel) {
  for (uint8_t walk = 0; walk < SL_CHANNELS; walk++) {
    if ((core->pedestrian & SL_BIT(walk)) != 0u && core->shown[walk] != SL_RED &&
        sl_record_parallel(core->record, walk) == channel) {
      return 1;
    }
  }
  return 0;
}

/* One step of the orderly stop on one channel: walk to its full clearance while the green beside
 * it stays, other greens to yellow, yellow to red. It may cut a minimum green and a walk. */
static void stop_channel(sl_core *core, uint8_t channel) {
  const uint8_t walk = (uint8_t)((core->pedestrian & SL_BIT(channel)) != 0u);
  const uint16_t shown_ms = core->shown_ms[channel];
  switch (core->shown[channel]) {
    case SL_GREEN:
      if (walk != 0u) {
        sl_show(core, channel, SL_FLASHING_DONT_WALK);
      } else if (walks_beside(core, channel) == 0u) {
        sl_show(core, channel, SL_YELLOW);
      }
      break;
    case SL_FLASHING_YELLOW: sl_show(core, channel, SL_YELLOW); break;
    case SL_YELLOW:
      if (shown_ms >= sl_record_yellow(core->record, channel)) sl_show(core, channel, SL_RED);
      break;
    case SL_FLASHING_DONT_WALK:
      if (shown_ms >= sl_record_ped_clearance(core->record, channel)) {
        sl_show(core, channel, SL_RED);
      }
      break;
    default: break;
  }
}

static void orderly_stop(sl_core *core) {
  uint8_t cleared = 1;
  core->hold = SL_HOLD_STOPPING;
  for (uint8_t channel = 0; channel < SL_CHANNELS; channel++) {
    if ((core->used & SL_BIT(channel)) == 0u) continue;
    stop_channel(core, channel);
    if (core->shown[channel] != SL_RED ||
        core->shown_ms[channel] < sl_record_red_clearance(core->record, channel)) {
      cleared = 0;
    }
  }
  core->mode_ms = cleared != 0u ? sl_count(core->mode_ms) : 0u;
  if (core->mode_ms > SL_STOP_ALL_RED_MS) {
    sl_enter_failure_display(core, SL_MODE_FAILURE_DISPLAY);
  }
}

void sl_mode_tick(sl_core *core) {
  const uint8_t hold = core->hold;
  forget_lost(core);
  relay(core);
  button(core);
  manual_switch(core);
  switch (core->mode) {
    case SL_MODE_SELF_TEST: self_test(core); break;
    case SL_MODE_FAILURE_DISPLAY: failure_display(core); break;
    case SL_MODE_START_UP:
    case SL_MODE_CONTROLLED: in_control(core); break;
    case SL_MODE_TRIP: core->hold = SL_HOLD_LATCHED; break;
    case SL_MODE_MANUAL_FLASH: core->hold = SL_HOLD_MANUAL_FLASH; break;
    default: break;
  }
  if (core->mode == SL_MODE_ORDERLY_STOP) orderly_stop(core);
  if (core->mode > SL_MODE_MANUAL_FLASH) sl_trip(core, SL_CAUSE_INTERNAL, 0, 0, core->mode);
  if (core->hold != hold) core->tx_wanted |= SL_TX_STATUS;
}

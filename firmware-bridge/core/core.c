/* The core's two entries that tie the rest together: start, and one millisecond. */
#include "internal.h"

void sl_init(sl_core *core, uint8_t (*read_eeprom)(uint16_t address), uint8_t reset_cause) {
  uint8_t *bytes = (uint8_t *)core;
  for (uint16_t at = 0; at < sizeof(*core); at++) bytes[at] = 0;
  core->read_eeprom = read_eeprom;
  core->reset_cause = reset_cause;
  core->cause = SL_CAUSE_POWER_UP;
  core->heartbeat_ms = SL_HEARTBEAT_MS;
  sl_store_load(core);
  if ((reset_cause & SL_RESET_WATCHDOG) != 0u) {
    sl_trip(core, SL_CAUSE_WATCHDOG, 0, 0, 0);
  } else if ((core->latch.mode & SL_LATCH_TRIPPED) != 0u) {
    sl_enter_failure_display(core, SL_MODE_TRIP);
  }
  if (core->latch.cause != SL_CAUSE_NONE) {
    core->cause = core->latch.cause;
    core->returned = 1;
  }
}

static void advance_times(sl_core *core) {
  core->now++;
  core->heartbeat_ms = sl_count(core->heartbeat_ms);
  for (uint8_t channel = 0; channel < SL_CHANNELS; channel++) {
    core->shown_ms[channel] = sl_count(core->shown_ms[channel]);
  }
}

void sl_tick(sl_core *core, const sl_inputs *in, sl_outputs *out) {
  advance_times(core);
  if (sl_filter(core, in) != 0u) core->tx_wanted |= SL_TX_STATUS;
  sl_monitor_tick(core);
  sl_scrub(core);
  sl_programming_tick(core);
  sl_mode_tick(core);
  sl_make_output(core);
  sl_make_frame(core);
  out->lamps = core->output;
  out->relay = core->relay;
  out->pump = (uint8_t)(core->mode != SL_MODE_TRIP);
}

void sl_note_overrun(sl_core *core, uint16_t ticks) {
  core->counters[SL_COUNTER_OVERRUNS] = (uint16_t)(core->counters[SL_COUNTER_OVERRUNS] + ticks);
}

void sl_note_rx_lost(sl_core *core, uint16_t bytes) {
  core->counters[SL_COUNTER_RX_LOST] = (uint16_t)(core->counters[SL_COUNTER_RX_LOST] + bytes);
}

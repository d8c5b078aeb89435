/* Codes into lamps. All flashing is done here, on one clock that starts lit with the first
 * channel that flashes: 0.5 s on, 0.5 s off. */
#include "internal.h"

static uint8_t failure_code(const sl_core *core, uint8_t channel) {
  if (core->mode == SL_MODE_TRIP) return SL_DARK;
  /* A blank record doesn't say what is wired: every red flashes. */
  if (core->record_valid == 0u) return SL_FLASHING_DONT_WALK;
  if ((core->used & SL_BIT(channel)) == 0u) return SL_DARK;
  if (core->record[3] == SL_FAILURE_DARK) return SL_DARK;
  if (core->record[3] == SL_FAILURE_ALL_RED) return SL_RED;
  switch (sl_record_flash(core->record, channel)) {
    case SL_FLASH_RED: return SL_FLASHING_DONT_WALK;
    case SL_FLASH_YELLOW: return SL_FLASHING_YELLOW;
    default: return SL_DARK;
  }
}

void sl_show_failure_display(sl_core *core) {
  for (uint8_t channel = 0; channel < SL_CHANNELS; channel++) {
    sl_show(core, channel, failure_code(core, channel));
  }
}

static void advance_flash(sl_core *core) {
  core->flash_ms++;
  if (core->flashing == 0u || core->flash_ms >= 2u * SL_FLASH_HALF_MS) core->flash_ms = 0;
}

static void light(sl_core *core, uint8_t code, uint16_t bit) {
  const uint8_t lit = (uint8_t)(core->flash_ms < SL_FLASH_HALF_MS);
  switch (code) {
    case SL_RED: core->output.red |= bit; break;
    case SL_YELLOW: core->output.yellow |= bit; break;
    case SL_GREEN: core->output.green |= bit; break;
    case SL_FLASHING_DONT_WALK:
      core->flashing = 1;
      if (lit != 0u) core->output.red |= bit;
      break;
    case SL_FLASHING_YELLOW:
      core->flashing = 1;
      if (lit != 0u) core->output.yellow |= bit;
      break;
    default: break;
  }
}

void sl_make_output(sl_core *core) {
  const uint8_t conflict = sl_shown_conflict(core);
  const sl_lamps dark = {0, 0, 0};
  if (conflict != 0u) sl_trip(core, SL_CAUSE_INTERNAL, conflict, 0, 0);
  advance_flash(core);
  core->flashing = 0;
  core->output = dark;
  uint16_t bit = 1;
  for (uint8_t channel = 0; channel < SL_CHANNELS; channel++) {
    light(core, core->shown[channel], bit);
    bit = (uint16_t)(bit << 1);
  }
}

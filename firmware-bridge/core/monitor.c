/* The conflict monitor: judges every millisecond what is sensed at the field terminals, never what
 * was meant. Each rule counts per channel how long it has been broken without a gap; the filter of
 * 8 ms before it swallows noise. Thresholds: limits.h. */
#include "internal.h"

/* Rules, as indices of `faulty`. */
#define RULE_CONFLICT 0u
#define RULE_DUAL 1u
#define RULE_DARK 2u
#define RULE_UNUSED 3u
#define RULE_FIELD 4u

/* Counts `mask`, the channels that break a rule now, in `ms`; the return is the first channel
 * at the limit, 1 to 16, or 0. */
static uint8_t count(uint16_t *ms, uint16_t *running, uint16_t mask, uint16_t limit) {
  uint8_t reached = 0;
  if ((mask | *running) == 0u) return 0;
  *running = mask;
  for (uint8_t channel = 0; channel < SL_CHANNELS; channel++) {
    if ((mask & SL_BIT(channel)) == 0u) {
      ms[channel] = 0;
    } else {
      ms[channel] = sl_count(ms[channel]);
      if (reached == 0u && ms[channel] >= limit) reached = (uint8_t)(channel + 1u);
    }
  }
  return reached;
}

static uint8_t first_of(uint16_t mask) {
  uint8_t channel = 0;
  while (channel < SL_CHANNELS && (mask & SL_BIT(channel)) == 0u) channel++;
  return (uint8_t)(channel + 1u);
}

static void conflicts(sl_core *core, uint16_t go) {
  uint16_t mask = 0;
  if (go != 0u) {
    uint16_t bit = 1;
    for (uint8_t channel = 0; channel < SL_CHANNELS; channel++) {
      if ((go & bit) != 0u && (go & core->conflicts[channel]) != 0u) mask |= bit;
      bit = (uint16_t)(bit << 1);
    }
  }
  const uint8_t channel =
      count(core->conflict_ms, &core->faulty[RULE_CONFLICT], mask, SL_CONFLICT_TRIP_MS);
  if (channel == 0u) return;
  sl_trip(core, SL_CAUSE_CONFLICT, channel, first_of(go & core->conflicts[channel - 1u]),
          SL_CONFLICT_TRIP_MS);
}

static void duals(sl_core *core, uint8_t watching) {
  const sl_lamps *s = &core->sensed;
  const uint16_t two = (s->red & s->yellow) | (s->red & s->green) | (s->yellow & s->green);
  const uint16_t mask = watching != 0u ? (uint16_t)(two & core->used) : 0u;
  const uint8_t channel = count(core->dual_ms, &core->faulty[RULE_DUAL], mask, SL_DUAL_TRIP_MS);
  if (channel != 0u) sl_trip(core, SL_CAUSE_DUAL, channel, 0, SL_DUAL_TRIP_MS);
}

static void darkness(sl_core *core, uint8_t watching) {
  const sl_lamps *s = &core->sensed;
  const uint16_t lit = s->red | s->yellow | s->green;
  const uint16_t mask = watching != 0u ? (uint16_t)(core->used & (uint16_t)~lit) : 0u;
  const uint8_t channel =
      count(core->dark_ms, &core->faulty[RULE_DARK], mask, SL_RED_FAILURE_TRIP_MS);
  if (channel != 0u) sl_trip(core, SL_CAUSE_RED_FAILURE, channel, 0, SL_RED_FAILURE_TRIP_MS);
}

/* Also in the failure display, where the relay is in and an unused channel has no flasher. */
static void unused(sl_core *core, uint8_t watching) {
  const sl_lamps *s = &core->sensed;
  const uint16_t lit = s->red | s->yellow | s->green;
  const uint8_t relay_in = (uint8_t)(watching != 0u || core->mode == SL_MODE_FAILURE_DISPLAY);
  const uint8_t judged = (uint8_t)(relay_in != 0u && core->record_valid != 0u);
  const uint16_t mask = judged != 0u ? (uint16_t)(lit & (uint16_t)~core->used) : 0u;
  const uint8_t channel =
      count(core->unused_ms, &core->faulty[RULE_UNUSED], mask, SL_UNUSED_TRIP_MS);
  if (channel != 0u) sl_trip(core, SL_CAUSE_UNUSED, channel, 0, SL_UNUSED_TRIP_MS);
}

static void fields(sl_core *core, uint8_t watching) {
  const sl_lamps *s = &core->sensed;
  const sl_lamps *out = &core->output;
  const uint16_t differ =
      (s->red ^ out->red) | (s->yellow ^ out->yellow) | (s->green ^ out->green);
  const uint16_t mask = watching != 0u ? differ : 0u;
  const uint8_t channel = count(core->field_ms, &core->faulty[RULE_FIELD], mask, SL_FIELD_TRIP_MS);
  if (channel != 0u) sl_trip(core, SL_CAUSE_FIELD, channel, 0, SL_FIELD_TRIP_MS);
}

void sl_monitor_tick(sl_core *core) {
  const uint8_t watching =
      (uint8_t)(sl_in_control(core) != 0u || core->mode == SL_MODE_ORDERLY_STOP);
  if (core->mode == SL_MODE_TRIP) return;
  const uint16_t ending = sl_clearance_tick(core, watching);
  conflicts(core, core->sensed.green | core->sensed.yellow | ending);
  duals(core, watching);
  darkness(core, watching);
  unused(core, watching);
  fields(core, watching);
}

/* Filters for everything that comes in over wires. A bit changes after it has read the other way
 * for 8 samples in a row (sensed lamps) or 4 (inputs, control inputs); all bits of a word are
 * counted at once, one word per binary digit of the count. */
#include "internal.h"

/* Bits of `state` that have now differed from `raw` eight times in a row. */
static uint16_t settle8(uint16_t differs, uint16_t count[3]) {
  const uint16_t carry0 = count[0] & differs;
  const uint16_t carry1 = count[1] & carry0;
  const uint16_t full = count[2] & carry1;
  count[0] = (count[0] ^ differs) & differs;
  count[1] = (count[1] ^ carry0) & differs;
  count[2] = (count[2] ^ carry1) & differs;
  return full;
}

static uint32_t settle4(uint32_t differs, uint32_t count[2]) {
  const uint32_t carry = count[0] & differs;
  const uint32_t full = count[1] & carry;
  count[0] = (count[0] ^ differs) & differs;
  count[1] = (count[1] ^ carry) & differs;
  return full;
}

static uint8_t filter_control(sl_core *core, uint8_t raw) {
  uint32_t count[2] = {core->control_count[0], core->control_count[1]};
  const uint8_t full = (uint8_t)settle4((uint32_t)(uint8_t)(core->control ^ raw), count);
  core->control_count[0] = (uint8_t)count[0];
  core->control_count[1] = (uint8_t)count[1];
  core->control ^= full;
  return (uint8_t)(full != 0u);
}

uint8_t sl_filter(sl_core *core, const sl_inputs *in) {
  sl_lamps *sensed = &core->sensed;
  const uint16_t red = settle8(sensed->red ^ in->sensed.red, core->sense_count[0]);
  const uint16_t yellow = settle8(sensed->yellow ^ in->sensed.yellow, core->sense_count[1]);
  const uint16_t green = settle8(sensed->green ^ in->sensed.green, core->sense_count[2]);
  const uint32_t inputs = settle4(core->inputs ^ in->inputs, core->input_count);
  sensed->red ^= red;
  sensed->yellow ^= yellow;
  sensed->green ^= green;
  core->inputs ^= inputs;
  const uint8_t control = filter_control(core, in->control);
  return (uint8_t)((red | yellow | green) != 0u || inputs != 0u || control != 0u);
}

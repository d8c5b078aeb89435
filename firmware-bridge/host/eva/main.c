/* Entry for Frama-C's Eva: any EEPROM, any reset cause, then for ever any bytes, inputs and lamps.
 * Eva walks all of it at once and reports every operation that could go wrong at run time: an
 * index outside its array, an invalid pointer, a signed overflow, a shift too wide, a value never
 * written. */
#include "../../core/stopline_core.h"

extern int Frama_C_interval(int low, int high);

static sl_core core;

static uint8_t any_byte(void) {
  return (uint8_t)Frama_C_interval(0, 255);
}

static uint16_t any_word(void) {
  return (uint16_t)(any_byte() | ((uint16_t)any_byte() << 8));
}

static uint8_t read_eeprom(uint16_t address) {
  /*@ assert address < SL_EEPROM_SIZE; */
  return address < SL_EEPROM_SIZE ? any_byte() : 0u;
}

static sl_lamps any_lamps(void) {
  const sl_lamps lamps = {any_word(), any_word(), any_word()};
  return lamps;
}

int main(void) {
  sl_init(&core, read_eeprom, any_byte());
  while (Frama_C_interval(0, 1) != 0) {
    sl_inputs in;
    sl_outputs out;
    uint16_t address = 0;
    uint8_t value = 0;
    in.sensed = any_lamps();
    in.inputs = (uint32_t)any_word() | ((uint32_t)any_word() << 16);
    in.control = any_byte();
    while (Frama_C_interval(0, 1) != 0) sl_rx_byte(&core, any_byte());
    sl_tick(&core, &in, &out);
    while (Frama_C_interval(0, 1) != 0) (void)sl_tx_byte(&core);
    if (sl_eeprom_next(&core, &address, &value) != 0u) {
      /*@ assert address < SL_EEPROM_SIZE; */
      sl_eeprom_written(&core);
    }
    sl_note_overrun(&core, any_word());
    sl_note_rx_lost(&core, any_word());
  }
  return 0;
}

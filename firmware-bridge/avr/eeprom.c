/* EEPROM: a byte takes 3.4 ms to write and the loop does not wait for it. Each byte goes through
 * this one place; bytes that already hold their value are not worn. */
#include <avr/eeprom.h>
#include <avr/interrupt.h>
#include <avr/io.h>

#include "board.h"

/* Waits while a byte is being written: at start, and when a record write is refused. */
uint8_t eeprom_read(uint16_t address) {
  return eeprom_read_byte((const uint8_t *)address);
}

static void start_write(uint16_t address, uint8_t value) {
  EEAR = address;
  EEDR = value;
  cli(); /* four cycles may lie between the two */
  EECR = _BV(EEMPE);
  EECR |= _BV(EEPE);
  sei();
}

void eeprom_step(sl_core *core) {
  uint16_t address;
  uint8_t value;
  if ((EECR & _BV(EEPE)) != 0u) return;
  if (sl_eeprom_next(core, &address, &value) == 0u) return;
  if (eeprom_read(address) != value) start_write(address, value);
  sl_eeprom_written(core);
}

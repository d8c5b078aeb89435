/* One SPI transfer a millisecond: eleven bytes come in from the 165 chain while six go out to the
 * 595 chain behind five that fall off its end. The 595s are therefore written anew every
 * millisecond, whether anything changed or not: a register that noise has hit is right again
 * within two. 2 MHz: 11 bytes in 60 us, slow enough for a board's length of ribbon cable. */
#include <avr/io.h>

#include "board.h"
#include "pins.h"

/* Order on the wire. 165: the first byte in is the chip whose output is on PIN_INPUT_DATA.
 * 595: the last byte out stays in the chip whose input is on PIN_LAMP_DATA. */
#define IN_RED 0u
#define IN_YELLOW 2u
#define IN_GREEN 4u
#define IN_INPUTS 6u
#define IN_CONTROL 10u
#define OUT_BYTES 6u

void shift_start(void) {
  SPCR = _BV(SPE) | _BV(MSTR) | _BV(SPR0); /* with SPI2X: a clock of 16 MHz / 8 */
  SPSR = _BV(SPI2X);
}

static uint8_t exchange(uint8_t out) {
  SPDR = out;
  while ((SPSR & _BV(SPIF)) == 0u) {
  }
  return SPDR;
}

static uint16_t lit(const uint8_t *bytes) {
  return (uint16_t)~(bytes[0] | ((uint16_t)bytes[1] << 8));
}

void shift_exchange(const sl_lamps *lamps, sl_inputs *in) {
  uint8_t bytes[SHIFT_IN_BYTES];
  const uint8_t out[OUT_BYTES] = {
      (uint8_t)(lamps->green >> 8),  (uint8_t)lamps->green, (uint8_t)(lamps->yellow >> 8),
      (uint8_t)lamps->yellow,        (uint8_t)(lamps->red >> 8), (uint8_t)lamps->red,
  };
  PORTB &= (uint8_t)~_BV(PIN_INPUT_LOAD);
  PORTB |= _BV(PIN_INPUT_LOAD);
  for (uint8_t at = 0; at < SHIFT_IN_BYTES - OUT_BYTES; at++) bytes[at] = exchange(0);
  for (uint8_t at = 0; at < OUT_BYTES; at++) {
    bytes[SHIFT_IN_BYTES - OUT_BYTES + at] = exchange(out[at]);
  }
  PORTB |= _BV(PIN_LAMP_LATCH);
  PORTB &= (uint8_t)~_BV(PIN_LAMP_LATCH);
  in->sensed.red = lit(bytes + IN_RED);
  in->sensed.yellow = lit(bytes + IN_YELLOW);
  in->sensed.green = lit(bytes + IN_GREEN);
  in->inputs = lit(bytes + IN_INPUTS) | ((uint32_t)lit(bytes + IN_INPUTS + 2u) << 16);
  in->control = (uint8_t)((bytes[IN_CONTROL] ^ CONTROL_ACTIVE_LOW) & 0x0Fu);
}

/* Every pin of the board, once. docs/wiring.md has the same names in its pin table, and a test
 * compares the two. ATmega328P at 16 MHz: Arduino Nano or Uno, number on the board in brackets. */
#ifndef STOPLINE_PINS_H
#define STOPLINE_PINS_H

#include <avr/io.h>

/* Host, 500,000 baud: the UART's own pins, used by uart.c. */
#define PIN_HOST_RX PD0 /* (0) in */
#define PIN_HOST_TX PD1 /* (1) out */

/* Switching off. Both are held off by resistors on the board while the chip is in reset. */
#define PIN_CHARGE_PUMP PD2 /* (2) out, toggled by the main loop: output enable, and coil supply */
#define PIN_RELAY PD3       /* (3) out, high = flash-transfer relay energised */

/* Shift registers: six 74HC595 and eleven 74HC165 on one SPI, mode 0. The 165s get the clock
 * inverted, so that they shift on its falling edge and are read on its rising one. */
#define PIN_INPUT_LOAD PB1 /* (9) out, low = the 165s take their inputs */
#define PIN_LAMP_LATCH PB2 /* (10) out, rising = the 595s show what was shifted */
#define PIN_LAMP_DATA PB3  /* (11) out, MOSI */
#define PIN_INPUT_DATA PB4 /* (12) in, MISO, pulled up */
#define PIN_CLOCK PB5      /* (13) out, SCK */

#define HOST_LINES _BV(PIN_HOST_TX)
#define OFF_LINES (_BV(PIN_CHARGE_PUMP) | _BV(PIN_RELAY))
#define SHIFT_LINES \
  (_BV(PIN_INPUT_LOAD) | _BV(PIN_LAMP_LATCH) | _BV(PIN_LAMP_DATA) | _BV(PIN_CLOCK))

/* Bits of the eleventh 165. Sensed lamps and inputs come from opto-couplers and read low when lit
 * or active; so do jumper and button, which close to ground. Manual flash and the relay's mirror
 * contact are closed (low) in the safe reading's opposite: a broken wire reads manual flash, and
 * reads a relay that doesn't release. Bits 4 to 7 are spare, tied high. */
#define CONTROL_JUMPER_BIT 0
#define CONTROL_BUTTON_BIT 1
#define CONTROL_MANUAL_FLASH_BIT 2
#define CONTROL_RELAY_BIT 3
#define CONTROL_ACTIVE_LOW (_BV(CONTROL_JUMPER_BIT) | _BV(CONTROL_BUTTON_BIT))

#endif

/* Adapter for the ATmega328P: the main loop around the safety core.
 *
 * The loop alone toggles the charge pump and feeds the watchdog, once a millisecond, and only
 * after a tick of the core has run to its end: when the loop or the timer stops, the outputs are
 * disabled and the relay falls at most 120 ms later by the pump's own decay, and the watchdog
 * resets the chip after 60 ms, whose pins then let go of both. */
#include <avr/interrupt.h>
#include <avr/io.h>
#include <avr/wdt.h>

#include "board.h"
#include "pins.h"

/* Ticks made up for at once; the rest is counted and lost (stopline_core.h). */
#define TICKS_AT_ONCE 8u

/* 16 MHz crystal, full swing (noise), 65 ms after power; no bootloader; watchdog always on;
 * EEPROM kept when the chip is erased; brown-out reset at 4.3 V. */
FUSES = {
    .low = 0xF7,
    .high = (uint8_t)(FUSE_SPIEN & FUSE_WDTON & FUSE_EESAVE),
    .extended = (uint8_t)(FUSE_BODLEVEL0 & FUSE_BODLEVEL1),
};

static sl_core core;
static sl_inputs in;
static sl_outputs out;

/* Before any other code: with the fuse, or after a watchdog reset, it runs with 16 ms. */
static uint8_t start_watchdog(void) {
  const uint8_t cause = MCUSR;
  MCUSR = 0;
  wdt_enable(WDTO_60MS);
  return cause;
}

static void start_pins(void) {
  PORTB = _BV(PIN_INPUT_LOAD) | _BV(PIN_INPUT_DATA);
  DDRB = SHIFT_LINES;
  PORTD = _BV(PIN_HOST_RX) | HOST_LINES;
  DDRD = OFF_LINES | HOST_LINES;
}

/* A tick that is due goes first: noise at line rate costs bytes, never the clock. */
static void take_bytes(void) {
  while (clock_is_due() == 0u) {
    const int16_t byte = uart_take();
    if (byte < 0) break;
    sl_rx_byte(&core, (uint8_t)byte);
  }
  const uint8_t lost = uart_lost();
  if (lost != 0u) sl_note_rx_lost(&core, lost);
}

static void set_relay(uint8_t energised) {
  if (energised != 0u) {
    PORTD |= _BV(PIN_RELAY);
  } else {
    PORTD &= (uint8_t)~_BV(PIN_RELAY);
  }
}

/* The exchange before the first tick writes all lamps dark: the pump starts after it. */
static void tick(uint8_t due) {
  const uint8_t late = (uint8_t)(due - 1u);
  if (late != 0u) sl_note_overrun(&core, late);
  if (due > TICKS_AT_ONCE) due = TICKS_AT_ONCE;
  shift_exchange(&out.lamps, &in);
  for (; due > 0u; due--) sl_tick(&core, &in, &out);
  set_relay(out.relay);
  if (out.pump != 0u) PIND = _BV(PIN_CHARGE_PUMP);
  wdt_reset();
}

static void send_bytes(void) {
  while (uart_has_room() != 0u) {
    const int16_t byte = sl_tx_byte(&core);
    if (byte < 0) return;
    uart_send((uint8_t)byte);
  }
}

int main(void) {
  const uint8_t cause = start_watchdog();
  start_pins();
  shift_start();
  sl_init(&core, eeprom_read, cause);
  uart_start();
  clock_start();
  sei();
  for (;;) {
    const uint8_t due = clock_take();
    if (due != 0u) tick(due);
    take_bytes();
    send_bytes();
    eeprom_step(&core);
    clock_wait();
  }
}

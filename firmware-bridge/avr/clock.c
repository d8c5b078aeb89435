/* The millisecond: timer 0 counts 250 steps of 4 us. The interrupt only counts; all work, and the
 * charge pump, belong to the main loop. */
#include <avr/interrupt.h>
#include <avr/io.h>
#include <avr/sleep.h>

#include "board.h"

static volatile uint8_t due;

ISR(TIMER0_COMPA_vect) {
  if (due < 0xFFu) due++;
}

void clock_start(void) {
  OCR0A = (uint8_t)(F_CPU / 64u / 1000u - 1u);
  TCCR0A = _BV(WGM01);
  TIMSK0 = _BV(OCIE0A);
  TCCR0B = _BV(CS01) | _BV(CS00);
  set_sleep_mode(SLEEP_MODE_IDLE);
}

uint8_t clock_is_due(void) {
  return due;
}

uint8_t clock_take(void) {
  cli();
  const uint8_t taken = due;
  due = 0;
  sei();
  return taken;
}

void clock_wait(void) {
  sleep_enable();
  cli();
  if (due == 0u) {
    /* Interrupts are taken after the instruction that follows sei, so none is slept through. */
    sei();
    sleep_cpu();
  }
  sei();
  sleep_disable();
}

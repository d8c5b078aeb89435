/* The adapter's parts. Only main.c calls the safety core; nothing here decides anything. */
#ifndef STOPLINE_BOARD_H
#define STOPLINE_BOARD_H

#include <stdint.h>

#include "../core/stopline_core.h"

/* uart.c: two rings between the interrupts and the main loop. */
#define UART_RX_BYTES 128u /* 2.5 ms at line rate: more than the longest ordinary loop */
#define UART_TX_BYTES 64u  /* one status frame is 46 bytes */
void uart_start(void);
int16_t uart_take(void); /* the next byte received, or -1 */
uint8_t uart_lost(void); /* bytes lost since the last call */
uint8_t uart_has_room(void);
void uart_send(uint8_t byte);

/* shift.c: lamps out and inputs in, in one transfer. */
#define SHIFT_IN_BYTES 11u
void shift_start(void);
void shift_exchange(const sl_lamps *lamps, sl_inputs *in);

/* clock.c: the millisecond. */
void clock_start(void);
uint8_t clock_is_due(void); /* a millisecond has passed that was not taken */
uint8_t clock_take(void);   /* milliseconds since the last call, saturating */
void clock_wait(void);      /* sleep until an interrupt, unless a millisecond is already due */

/* eeprom.c */
uint8_t eeprom_read(uint16_t address);
void eeprom_step(sl_core *core); /* starts at most one byte, never waits */

#endif

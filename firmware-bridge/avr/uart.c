/* Host line: 500,000 baud, 8 data bits, no parity, one stop bit. One byte takes 20 us, so the
 * receive interrupt must never be held off for more than the hardware's two bytes; every other
 * interrupt here is a few microseconds long, and the main loop never masks interrupts for more
 * than a handful of cycles. */
#include <avr/interrupt.h>
#include <avr/io.h>

#include "board.h"
#include "pins.h"

#define RX_MASK (UART_RX_BYTES - 1u)
#define TX_MASK (UART_TX_BYTES - 1u)
_Static_assert((UART_RX_BYTES & RX_MASK) == 0u, "the receive ring is a power of two");
_Static_assert((UART_TX_BYTES & TX_MASK) == 0u, "the transmit ring is a power of two");

static volatile uint8_t rx_ring[UART_RX_BYTES];
static volatile uint8_t rx_head;
static uint8_t rx_tail;
static volatile uint8_t rx_lost;
static volatile uint8_t tx_ring[UART_TX_BYTES];
static uint8_t tx_head;
static volatile uint8_t tx_tail;

ISR(USART_RX_vect) {
  const uint8_t overrun = UCSR0A & _BV(DOR0);
  const uint8_t byte = UDR0;
  const uint8_t at = rx_head;
  const uint8_t next = (uint8_t)(at + 1u) & RX_MASK;
  if (overrun != 0u || next == rx_tail) {
    if (rx_lost < 0xFFu) rx_lost++;
  }
  if (next == rx_tail) return;
  rx_ring[at] = byte;
  rx_head = next;
}

ISR(USART_UDRE_vect) {
  const uint8_t at = tx_tail;
  if (at == tx_head) {
    UCSR0B &= (uint8_t)~_BV(UDRIE0);
    return;
  }
  UDR0 = tx_ring[at];
  tx_tail = (uint8_t)(at + 1u) & TX_MASK;
}

void uart_start(void) {
  UBRR0 = 1; /* 16 MHz / 16 / (1 + 1) = 500,000, exactly */
  UCSR0A = 0;
  UCSR0C = _BV(UCSZ01) | _BV(UCSZ00);
  UCSR0B = _BV(RXCIE0) | _BV(RXEN0) | _BV(TXEN0);
}

int16_t uart_take(void) {
  const uint8_t at = rx_tail;
  if (at == rx_head) return -1;
  const uint8_t byte = rx_ring[at];
  rx_tail = (uint8_t)(at + 1u) & RX_MASK;
  return byte;
}

uint8_t uart_lost(void) {
  if (rx_lost == 0u) return 0;
  cli();
  const uint8_t lost = rx_lost;
  rx_lost = 0;
  sei();
  return lost;
}

uint8_t uart_has_room(void) {
  return (uint8_t)(((uint8_t)(tx_head + 1u) & TX_MASK) != tx_tail);
}

void uart_send(uint8_t byte) {
  tx_ring[tx_head] = byte;
  tx_head = (uint8_t)(tx_head + 1u) & TX_MASK;
  UCSR0B |= _BV(UDRIE0);
}

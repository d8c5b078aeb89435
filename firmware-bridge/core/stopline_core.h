/* The safety core (L0) and its monitor: the rules that run in the microcontroller at the cabinet
 * and, compiled to WebAssembly, in the virtual cabinet. No I/O, no heap, no floating point, no
 * clock: an adapter gives it bytes and one call per millisecond, and does what it says.
 *
 * An adapter's main loop:
 *
 *   sl_init(&core, read_eeprom, MCUSR);
 *   for (;;) {
 *     while (a received byte waits) sl_rx_byte(&core, byte);
 *     if (a millisecond has passed) {
 *       sample 74HC165 chain and control inputs into `in`;
 *       sl_tick(&core, &in, &out);
 *       write out.lamps to the 74HC595s; set the relay pin to out.relay;
 *     }
 *     if (out.pump && first complete write is done) toggle the charge pump pin;
 *     while (UART takes a byte && (byte = sl_tx_byte(&core)) >= 0) send it;
 *     if (EEPROM idle && sl_eeprom_next(&core, &address, &value)) {
 *       write it if it differs from what is there; sl_eeprom_written(&core);
 *     }
 *   }
 *
 * - All functions are called from the main loop only; interrupts fill and empty the adapter's own
 *   byte rings. The charge pump is toggled by the loop itself, only while `out.pump` is 1, so it
 *   falls off when the loop stops or the core trips.
 * - Late ticks: call sl_tick once per millisecond missed, at most 8 at once, and count the others
 *   by sl_note_overrun. The stamp (milliseconds since reset) is the number of ticks.
 * - A lamp mask holds channel 1 in bit 0, channel 16 in bit 15. For a pedestrian channel red is
 *   don't walk and green is walk. `inputs` holds input 1 in bit 0. 1 = lit, 1 = input active.
 * - `sensed` is what is measured at the field terminals, raw; the core filters it (8 samples) and
 *   debounces the inputs (4 samples).
 * - `out.relay` 1 = energised = controller. The relay's coil must also fall when the pump does.
 * - Before the first sl_tick all outputs are off, relay released, pump off. */
#ifndef STOPLINE_CORE_H
#define STOPLINE_CORE_H

#include <stdint.h>

#include "codes.h"
#include "limits.h"
#include "record.h"

typedef struct {
  uint16_t red;
  uint16_t yellow;
  uint16_t green;
} sl_lamps;

typedef struct {
  sl_lamps sensed;
  uint32_t inputs;
  uint8_t control; /* SL_CONTROL_* */
} sl_inputs;

typedef struct {
  sl_lamps lamps;
  uint8_t relay; /* 1 = energise */
  uint8_t pump;  /* 1 = the main loop may toggle the charge pump */
} sl_outputs;

/* First cause and readings, stored twice in the EEPROM with a CRC-16. */
typedef struct {
  uint8_t cause;     /* SL_CAUSE_*, 0 = nothing latched */
  uint8_t channel;   /* 1 to 16, 0 = none */
  uint8_t other;     /* the other channel of a conflict or clearance, 0 = none */
  uint8_t mode;      /* mode when it happened; bit 7: a trip came after a latched stop */
  uint16_t measured; /* ms: how long the fault stood, or the short time that was measured */
  uint32_t stamp;    /* ms since reset */
  uint16_t boot;     /* low half of the boot counter */
  sl_lamps sensed;
  sl_lamps commanded;
  uint8_t control;
} sl_latch;

#define SL_LATCH_BYTES 25 /* serialised, without CRC */

typedef struct {
  /* Receiver: COBS is undone as bytes come in. */
  uint8_t rx[SL_FRAME_MAX];
  uint8_t rx_length;
  uint8_t rx_left;  /* bytes left of the COBS block, 0 = a code byte is due */
  uint8_t rx_state; /* see frames.c */

  /* Sender: one frame at a time, encoded; the next is made when this one has gone. */
  uint8_t tx[SL_FRAME_MAX + 2];
  uint8_t tx_length;
  uint8_t tx_sent;
  uint8_t tx_wanted; /* answers waiting, see frames.c */
  uint8_t tx_status_ms;
  uint8_t tx_counter; /* which counter the next status frame carries */
  uint32_t hello_nonce;
  uint16_t part_offset;
  uint8_t part_length;
  uint8_t result;
  uint16_t result_offset;

  /* Session. */
  uint32_t now; /* ms since reset */
  uint32_t boot;
  uint32_t session;
  uint32_t sequence;
  uint32_t host_checksum;
  uint16_t hellos;
  uint16_t heartbeat_ms; /* since the last good lamp or STOP frame */
  uint8_t session_open;
  uint8_t refusal;
  uint16_t counters[SL_COUNTERS];

  /* Mode. */
  uint8_t mode;
  uint8_t cause;
  uint8_t reset_cause;
  uint8_t returned;  /* a return takes the long time: not the first one since power-up */
  uint8_t stop_held; /* the newest good frame was a STOP */
  uint8_t button_ready;
  uint16_t healthy_ms;
  uint16_t mode_ms; /* in start-up: red shown; in an orderly stop: all red and cleared */
  uint16_t relay_ms;
  uint16_t button_ms;
  uint8_t relay; /* energised by the core */
  uint8_t relay_welded;
  uint8_t lost_stops;
  uint32_t lost_at[2];

  /* Lamps. */
  uint8_t shown[SL_CHANNELS];  /* code on each channel */
  uint8_t wanted[SL_CHANNELS]; /* newest accepted lamp frame */
  uint8_t pending;             /* `wanted` is not wholly shown */
  uint8_t hold;
  uint8_t hold_channel;
  uint8_t flashing;               /* some code shown flashes */
  uint16_t shown_ms[SL_CHANNELS]; /* since the code changed, saturating */
  uint16_t held_ms[SL_CHANNELS];  /* the change under way is held since */
  uint16_t credit[SL_CHANNELS];   /* the last change was held for */
  uint16_t flash_ms;
  sl_lamps output;

  /* Record. */
  uint8_t (*read_eeprom)(uint16_t address);
  uint8_t record[SL_RECORD_BYTES];
  uint8_t programming;     /* see session.c */
  uint8_t record_valid;
  uint16_t program_length; /* bytes taken */
  uint32_t checksum;
  uint16_t used;
  uint16_t pedestrian;
  uint16_t conflicts[SL_CHANNELS]; /* channels that may not be lit with this one */
  uint8_t scrub_at;                /* the record in RAM is checked a byte a tick */
  uint32_t scrub_crc;

  /* Inputs and sensed lamps, filtered by bit-sliced counters. */
  uint32_t inputs;
  uint32_t input_count[2];
  uint8_t control;
  uint8_t control_count[2];
  sl_lamps sensed;
  uint16_t sense_count[3][3];

  /* Monitor. */
  uint16_t conflict_ms[SL_CHANNELS];
  uint16_t dual_ms[SL_CHANNELS];
  uint16_t dark_ms[SL_CHANNELS];
  uint16_t unused_ms[SL_CHANNELS];
  uint16_t field_ms[SL_CHANNELS];
  uint16_t faulty[5];             /* channels with a running counter, per rule above */
  uint8_t seen[SL_CHANNELS];      /* what the channel is seen to show, see clearance.c */
  uint8_t gap_ms[SL_CHANNELS];    /* nothing lit, saturating */
  uint16_t seen_ms[SL_CHANNELS];  /* since then, saturating */
  uint16_t clear_ms[SL_CHANNELS]; /* since right of way ended, saturating */
  uint16_t armed;                 /* channels whose clearances are watched */

  /* Latch and EEPROM. */
  sl_latch latch;
  uint8_t jobs; /* what is to be written, see store.c */
  uint8_t job;
  uint16_t job_at;
} sl_core;

_Static_assert(sizeof(sl_core) <= SL_CORE_BYTES_MAX, "the core outgrows its RAM");


/* Start after a reset. `read_eeprom` is called here and when a record write was refused, then from
 * sl_rx_byte and never while a byte is being written. `reset_cause` is SL_RESET_*, several bits
 * allowed; a watchdog bit trips. */
void sl_init(sl_core *core, uint8_t (*read_eeprom)(uint16_t address), uint8_t reset_cause);

/* One byte from the host; a frame is judged at its delimiter and shown by the next sl_tick. */
void sl_rx_byte(sl_core *core, uint8_t byte);

/* The next byte for the host, or -1. New frames are made by sl_tick, when the last has gone. */
int16_t sl_tx_byte(sl_core *core);

/* One millisecond: `in` is what was sampled now, `out` what the lamps get now. */
void sl_tick(sl_core *core, const sl_inputs *in, sl_outputs *out);

/* A byte that is to be written to the EEPROM: 1 and its address and value, or 0. Asking twice
 * gives the same byte until sl_eeprom_written. */
uint8_t sl_eeprom_next(const sl_core *core, uint16_t *address, uint8_t *value);
void sl_eeprom_written(sl_core *core);

/* The adapter lost ticks, or received bytes before the core saw them: counted only. */
void sl_note_overrun(sl_core *core, uint16_t ticks);
void sl_note_rx_lost(sl_core *core, uint16_t bytes);

#endif

/* What the files of the core ask of each other. */
#ifndef STOPLINE_INTERNAL_H
#define STOPLINE_INTERNAL_H

#include "stopline_core.h"

#ifdef __AVR__
/* The chip shifts by one bit an instruction: a table (avr/bits.c) is four times as fast. */
extern const uint16_t sl_bits[SL_CHANNELS];
#define SL_BIT(channel) (sl_bits[(channel)])
#else
#define SL_BIT(channel) ((uint16_t)(1u << (channel)))
#endif
#define SL_SATURATED 0xFFFFu
#define SL_NO_CHANNEL 0xFFu

/* tx_wanted */
#define SL_TX_HELLO 0x01u
#define SL_TX_PART 0x02u
#define SL_TX_RESULT 0x04u
#define SL_TX_STATUS 0x08u

/* programming */
#define SL_PROGRAM_NONE 0u
#define SL_PROGRAM_PARTS 1u   /* parts come in: the record in RAM counts as blank */
#define SL_PROGRAM_STORING 2u /* in force, still on its way to the EEPROM */

/* jobs, rising priority */
#define SL_JOB_RECORD 0x01u
#define SL_JOB_BOOT 0x02u
#define SL_JOB_LATCH 0x04u

#define SL_LATCH_TRIPPED 0x80u

/* crc.c */
uint16_t sl_crc16(const uint8_t *bytes, uint8_t length);
uint32_t sl_crc32_step(uint32_t crc, uint8_t byte);
uint16_t sl_get16(const uint8_t *bytes);
uint32_t sl_get32(const uint8_t *bytes);

/* A counter of milliseconds that stays at its top. */
static inline uint16_t sl_count(uint16_t ms) {
  return ms == SL_SATURATED ? ms : (uint16_t)(ms + 1u);
}

/* filter.c: sensed lamps, inputs and control inputs. 1 when something changed. */
uint8_t sl_filter(sl_core *core, const sl_inputs *in);

/* session.c: one frame whose CRC, version and length hold; and the refusals. */
void sl_refuse(sl_core *core, uint8_t reason);
void sl_take_frame(sl_core *core, const uint8_t *frame);
uint8_t sl_record_matches(const sl_core *core);

/* programming.c: record read and write. */
void sl_on_record_read(sl_core *core, const uint8_t *frame);
void sl_on_record_write(sl_core *core, const uint8_t *frame);
void sl_on_record_commit(sl_core *core, const uint8_t *frame);
void sl_programming_tick(sl_core *core);

/* status.c */
uint8_t sl_flags(const sl_core *core);
void sl_make_frame(sl_core *core);

/* rules.c */
uint8_t sl_is_go(const sl_core *core, uint8_t channel, uint8_t code);
void sl_show(sl_core *core, uint8_t channel, uint8_t code);
void sl_apply_wanted(sl_core *core);
uint8_t sl_shown_conflict(const sl_core *core);

/* mode.c */
void sl_begin_stop(sl_core *core, uint8_t cause);
void sl_violate(sl_core *core, uint8_t cause, uint8_t channel, uint8_t other, uint16_t measured);
void sl_trip(sl_core *core, uint8_t cause, uint8_t channel, uint8_t other, uint16_t measured);
void sl_enter_failure_display(sl_core *core, uint8_t mode);
void sl_mode_tick(sl_core *core);
uint8_t sl_in_control(const sl_core *core);

/* output.c */
void sl_show_failure_display(sl_core *core);
void sl_make_output(sl_core *core);

/* monitor.c, clearance.c */
void sl_monitor_tick(sl_core *core);
uint16_t sl_clearance_tick(sl_core *core, uint8_t watching);

/* store.c */
void sl_latch_set(sl_core *core, uint8_t cause, uint8_t channel, uint8_t other, uint16_t ms);
void sl_latch_clear(sl_core *core);
void sl_latch_bytes(const sl_latch *latch, uint8_t *bytes);
void sl_store_load(sl_core *core);
void sl_record_load(sl_core *core);
void sl_record_refresh(sl_core *core);
void sl_scrub(sl_core *core);

#endif

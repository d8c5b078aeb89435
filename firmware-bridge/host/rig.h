/* The bench for the host tests: a core with its EEPROM, a host that sends frames, lamps that are
 * sensed as they are driven (or as a test says), and a watcher that judges every millisecond what
 * is shown by rules of its own. */
#ifndef STOPLINE_RIG_H
#define STOPLINE_RIG_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../core/internal.h"

/* The seed of the random run under way, 0 outside; printed with a failed check. */
extern uint32_t running_seed;

/* A failed check names its place and ends the run. */
#define CHECK(condition) \
  do { if (!(condition)) failed(__FILE__, __LINE__, #condition, 0, 1); } while (0)
#define CHECK_EQUAL(got, want)                                                      \
  do {                                                                              \
    if ((long)(got) != (long)(want)) {                                              \
      failed(__FILE__, __LINE__, #got, (long)(got), (long)(want));                  \
    }                                                                               \
  } while (0)
_Noreturn void failed(const char *file, int line, const char *what, long got, long want);

typedef struct {
  uint8_t code[SL_CHANNELS];
  uint32_t age[SL_CHANNELS]; /* ticks in this code */
  uint32_t red[SL_CHANNELS]; /* ticks since right of way ended */
  uint32_t start_up;         /* ticks of steady red since the failure display */
  uint8_t running;           /* the last tick was watched */
} watcher;

typedef struct {
  sl_core core;
  uint8_t eeprom[SL_EEPROM_SIZE];
  sl_inputs in;
  sl_outputs out;
  watcher watch;
  uint8_t loop;     /* sensed follows what is driven */
  sl_lamps on, off; /* sensed lamps forced on or off */
  uint8_t contact;  /* relay contact */
  uint8_t contact_fault; /* 1 welded, 2 stuck released */
  uint8_t contact_ms;
  uint8_t host;     /* sends `display` every 50 ms */
  uint8_t stop;     /* sends STOP with this cause instead, 0 = none */
  uint8_t host_ms;
  uint8_t mute;     /* bytes to the host are left in the core */
  uint8_t power_fails; /* EEPROM writes stop */
  uint32_t session, sequence;
  uint8_t display[SL_CHANNELS];
  uint8_t frame[SL_FRAME_MAX + 2]; /* newest frame from the core, decoded */
  uint8_t frame_length;
  uint8_t coming[SL_FRAME_MAX + 2];
  uint8_t coming_length;
  uint8_t status[SL_FRAME_MAX];    /* newest status frame */
  uint32_t frames[256];            /* count by type */
  uint32_t last_status;            /* stamp of the newest status frame */
} rig;

/* Records. */
void record_begin(uint8_t *record);
void record_vehicle(uint8_t *record, uint8_t channel, uint16_t yellow, uint16_t clearance);
void record_walk(uint8_t *record, uint8_t channel, uint8_t parallel, uint16_t clearance,
                 uint16_t walk_clearance);
void record_allow(uint8_t *record, uint8_t one, uint8_t other);
void record_finish(uint8_t *record);
/* Channels (from 0): 1 and 5 main street, 3 and 7 cross street, walk 11 beside 5. */
void record_junction(uint8_t *record);
void record_store(rig *r, const uint8_t *record);

/* Power and time. */
void rig_blank(rig *r);
void rig_reset(rig *r, uint8_t cause);
void rig_tick(rig *r);
void rig_run(rig *r, uint32_t ms);

/* The host. */
void send_bytes(rig *r, const uint8_t *bytes, uint8_t length); /* frame without CRC */
void send_raw(rig *r, const uint8_t *bytes, uint8_t length);   /* stuffed as it is */
void send_hello(rig *r, uint32_t nonce, uint32_t checksum);
void send_lamp(rig *r);
void send_stop(rig *r, uint8_t cause);
void put16(uint8_t *bytes, uint16_t value);
void put32(uint8_t *bytes, uint32_t value);
uint8_t stuff(const uint8_t *frame, uint8_t length, uint8_t *out);

/* Power-up with the junction's record until the host's frames are shown. */
void rig_controlled(rig *r);
/* Sets one channel and shows it. */
void ask(rig *r, uint8_t channel, uint8_t code);
void all_red(rig *r);

/* watch.c */
void watch_reset(watcher *w);
void watch_tick(watcher *w, const sl_core *core);

/* Tests, by file. */
void test_frames(void);
void test_session(void);
void test_rules(void);
void test_rule_margins(void);
void test_stops(void);
void test_modes(void);
void test_monitor(void);
void test_clearances(void);
void test_record(void);
void test_store(void);
void test_random(uint32_t seed, uint32_t runs);

#endif

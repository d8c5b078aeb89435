/* Every number the core works with, in one place, each with its reason. Times are milliseconds,
 * which are ticks. src/cabinet/limits.ts repeats those the host needs; a test compares the two. */
#ifndef STOPLINE_LIMITS_H
#define STOPLINE_LIMITS_H

/* The enumeration in host/ compiles the core with tiny times: SL_SCALED replaces the times below
 * by host/scaled-limits.h and leaves everything else as it is. */
#ifdef SL_SCALED
#include "scaled-limits.h"
#else

/* No good frame for this long: the host is gone (CABINET: 300 ms, six lost frames). */
#define SL_HEARTBEAT_MS 300
/* A lamp frame made from an older status than this is too late to light anything. */
#define SL_STAMP_AGE_MAX_MS 200
/* A change that comes early by no more than max(this, 2 %) is held; earlier is a violation. */
#define SL_HOLD_MS 100
#define SL_HOLD_DIVISOR 50 /* 2 % of the time */
/* A hold makes the host's next change look early as well: it is forgiven up to this. */
#define SL_CREDIT_MAX_MS 1000
/* After the last red clearance of an orderly stop everything stays red this long. */
#define SL_STOP_ALL_RED_MS 2000
/* Host healthy this long before the cabinet returns; shorter after power-up. */
#define SL_RETURN_HEALTHY_MS 10000
#define SL_POWER_UP_HEALTHY_MS 1000
/* Steady red before the first green. */
#define SL_START_UP_RED_MS 6000
/* Three stops for a lost heartbeat within this time are latched. */
#define SL_LOST_WINDOW_MS 3600000
/* Flash: half a second on, half a second off. */
#define SL_FLASH_HALF_MS 500

/* Monitor. Each lies between "must not trip" and "must trip" of its rule. */
#define SL_CONFLICT_TRIP_MS 250      /* not < 200, must at 300 */
#define SL_DUAL_TRIP_MS 350          /* not < 250, must at 450 */
#define SL_RED_FAILURE_TRIP_MS 750   /* not < 700, must at 800 */
#define SL_FIELD_TRIP_MS 750         /* not < 700, must at 800 */
#define SL_UNUSED_TRIP_MS 250        /* not < 200, must at 300 */
#define SL_RELAY_TRIP_MS 250         /* a contact needs 20 ms; as patient as for a conflict */
#define SL_MONITOR_MARGIN_MS 300     /* clearances: value - 0.3 s */
#define SL_MONITOR_YELLOW_MIN_MS 2700
/* Red lit this long without a gap is steady, not the lit half of a flash. */
#define SL_STEADY_MS 600
/* A channel dark for less than this is switching, not skipping its yellow. */
#define SL_GAP_MS 20
/* Before the relay is energised its contact must have been seen released this long. */
#define SL_RELAY_TEST_MS 200

/* The button clears a latch when it has been up, then held this long. */
#define SL_BUTTON_MS 1000
#define SL_BUTTON_UP_MS 50
/* A status frame at least this often. */
#define SL_STATUS_MS 20

/* Floors of the record; the site file's own are at least as strict (CABINET section 1). */
#define SL_YELLOW_MIN_MS 3000
#define SL_YELLOW_MAX_MS 6000
#define SL_RED_CLEARANCE_MIN_MS 1000
#define SL_RED_CLEARANCE_MAX_MS 6000
/* 3 s: a crossing of 3.2 m at 1.07 m/s; no shorter one has a signal of its own. */
#define SL_PED_CLEARANCE_MIN_MS 3000
/* With a red clearance it still fits 16 bits. */
#define SL_PED_CLEARANCE_MAX_MS 50000

#endif /* SL_SCALED */

#define SL_CHANNELS 16
#define SL_INPUTS 32

/* Frames: decoded length with version, type and CRC; a COBS code never exceeds it. */
#define SL_FRAME_MAX 64
#define SL_RECORD_PART_MAX 32

/* EEPROM of the ATmega328P. */
#define SL_EEPROM_SIZE 1024
#define SL_EEPROM_BOOT_A 0
#define SL_EEPROM_BOOT_B 8
#define SL_EEPROM_LATCH_A 32
#define SL_EEPROM_LATCH_B 64
#define SL_EEPROM_RECORD_A 128
#define SL_EEPROM_RECORD_B 384

/* RAM of one core; the chip has 2,048 bytes for everything. */
#define SL_CORE_BYTES_MAX 1000

#define SL_PROTOCOL_VERSION 1
#define SL_RECORD_FORMAT 1
#define SL_VERSION_MAJOR 0
#define SL_VERSION_MINOR 1
#define SL_VERSION_PATCH 0

#endif

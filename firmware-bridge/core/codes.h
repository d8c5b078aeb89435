/* The numbers that stand in frames, in the latch and in the record. src/wire/codes.ts repeats
 * them by name; a test compares the two files. */
#ifndef STOPLINE_CODES_H
#define STOPLINE_CODES_H

/* What one channel is told to show; for a pedestrian channel red is don't walk, green is walk. */
#define SL_DARK 0
#define SL_RED 1
#define SL_YELLOW 2
#define SL_GREEN 3
#define SL_FLASHING_DONT_WALK 4
#define SL_FLASHING_YELLOW 5

/* Frame types: the host's, then the cabinet's. */
#define SL_TYPE_HELLO 0x01
#define SL_TYPE_LAMP 0x02
#define SL_TYPE_STOP 0x03
#define SL_TYPE_RECORD_READ 0x04
#define SL_TYPE_RECORD_WRITE 0x05
#define SL_TYPE_RECORD_COMMIT 0x06
#define SL_TYPE_HELLO_ANSWER 0x81
#define SL_TYPE_STATUS 0x82
#define SL_TYPE_RECORD_PART 0x84
#define SL_TYPE_RECORD_RESULT 0x85

/* Modes. */
#define SL_MODE_SELF_TEST 0       /* after reset: relay contact watched, failure display shown */
#define SL_MODE_FAILURE_DISPLAY 1 /* the record's failure display, relay energised */
#define SL_MODE_START_UP 2        /* steady all red before the first green */
#define SL_MODE_CONTROLLED 3      /* the host's frames are shown */
#define SL_MODE_ORDERLY_STOP 4    /* through the clearances into the failure display */
#define SL_MODE_TRIP 5            /* relay released, outputs off, latched */
#define SL_MODE_MANUAL_FLASH 6    /* the switch at the cabinet has released the relay */

/* Causes of the present mode and of a latch. Below 0x20: returns by itself. From 0x20: an
 * orderly stop that is latched. From 0x40: a trip. */
#define SL_CAUSE_NONE 0x00
#define SL_CAUSE_POWER_UP 0x01
#define SL_CAUSE_HEARTBEAT 0x02
#define SL_CAUSE_OPERATOR 0x03
#define SL_CAUSE_SHUTDOWN 0x04
#define SL_CAUSE_FEEDBACK 0x05
#define SL_CAUSE_NEW_SESSION 0x06
#define SL_CAUSE_MANUAL_FLASH 0x07
#define SL_CAUSE_RECORD_WRITTEN 0x08
#define SL_CAUSE_BUTTON 0x09
#define SL_CAUSE_HOST 0x0A
#define SL_CAUSE_LATCHED_STOP 0x20
#define SL_CAUSE_ASKED_CONFLICT 0x20
#define SL_CAUSE_ASKED_YELLOW 0x21
#define SL_CAUSE_ASKED_RED_CLEARANCE 0x22
#define SL_CAUSE_ASKED_PED_CLEARANCE 0x23
#define SL_CAUSE_ASKED_SEQUENCE 0x24
#define SL_CAUSE_ASKED_CODE 0x25
#define SL_CAUSE_ASKED_START_UP 0x26
#define SL_CAUSE_INTERLOCK 0x27
#define SL_CAUSE_THIRD_HEARTBEAT 0x28
#define SL_CAUSE_TRIP 0x40
#define SL_CAUSE_CONFLICT 0x40
#define SL_CAUSE_DUAL 0x41
#define SL_CAUSE_RED_FAILURE 0x42
#define SL_CAUSE_FIELD 0x43
#define SL_CAUSE_SHORT_YELLOW 0x44
#define SL_CAUSE_SKIPPED_YELLOW 0x45
#define SL_CAUSE_SHORT_RED_CLEARANCE 0x46
#define SL_CAUSE_SHORT_PED_CLEARANCE 0x47
#define SL_CAUSE_UNUSED 0x48
#define SL_CAUSE_WATCHDOG 0x49
#define SL_CAUSE_RELAY 0x4A
#define SL_CAUSE_INTERNAL 0x4B
#define SL_CAUSE_TORN_LATCH 0x4C

/* Cause byte of a STOP frame; the core turns it into a cause above. */
#define SL_STOP_OPERATOR 1
#define SL_STOP_SHUTDOWN 2
#define SL_STOP_FEEDBACK 3
#define SL_STOP_INTERLOCK 4 /* latched */

/* Why the newest accepted lamp frame is not wholly displayed. */
#define SL_HOLD_NONE 0
#define SL_HOLD_YELLOW 1
#define SL_HOLD_RED_CLEARANCE 2
#define SL_HOLD_PED_CLEARANCE 3
#define SL_HOLD_START_UP 4      /* early green at the end of the start-up's red */
#define SL_HOLD_STOPPING 5      /* an orderly stop runs */
#define SL_HOLD_LATCHED 6       /* a person has to press the button at the cabinet */
#define SL_HOLD_MANUAL_FLASH 7
#define SL_HOLD_RECORD_BLANK 8
#define SL_HOLD_RECORD_DIFFERS 9
#define SL_HOLD_JUMPER 10       /* program jumper set: no return */
#define SL_HOLD_NO_SESSION 11
#define SL_HOLD_UNHEALTHY 12    /* no lamp frames, or STOP frames */
#define SL_HOLD_NOT_RED 13      /* waits for the host to ask for all red */
#define SL_HOLD_RETURNING 14    /* counting 10 s (1 s after power-up) of a healthy host */
#define SL_HOLD_SELF_TEST 15

/* Why a frame was refused; also the numbers of the counters from 1. */
#define SL_REFUSED_NONE 0
#define SL_REFUSED_CRC 1
#define SL_REFUSED_FRAMING 2    /* COBS broken, or too long for the buffer */
#define SL_REFUSED_LENGTH 3
#define SL_REFUSED_VERSION 4
#define SL_REFUSED_TYPE 5
#define SL_REFUSED_SESSION 6
#define SL_REFUSED_STAMP 7
#define SL_REFUSED_SEQUENCE 8
#define SL_REFUSED_RECORD 9     /* answered with a record result */
/* Further counters; one of all of them travels in each status frame, in turn. */
#define SL_COUNTER_ACCEPTED 0
#define SL_COUNTER_HOLDS 10
#define SL_COUNTER_STOPS 11
#define SL_COUNTER_OVERRUNS 12  /* ticks that came late, counted by the adapter */
#define SL_COUNTER_RX_LOST 13   /* bytes lost before the core saw them, counted by the adapter */
#define SL_COUNTERS 14

/* Flags of a status frame. */
#define SL_FLAG_DISPLAYED 0x01      /* the newest accepted lamp frame is wholly displayed */
#define SL_FLAG_SESSION 0x02        /* a session is open */
#define SL_FLAG_RECORD_VALID 0x04
#define SL_FLAG_RECORD_MATCHES 0x08 /* its checksum equals the host's */
#define SL_FLAG_LATCHED 0x10
#define SL_FLAG_RELAY 0x20          /* relay energised by the core */
#define SL_FLAG_PUMP 0x40           /* outputs enabled by the core */
#define SL_FLAG_RELAY_WELDED 0x80   /* released, and the contact still reads energised */

/* Control inputs. */
#define SL_CONTROL_JUMPER 0x01       /* program jumper set */
#define SL_CONTROL_BUTTON 0x02       /* reset button pressed */
#define SL_CONTROL_MANUAL_FLASH 0x04 /* manual flash switch on */
#define SL_CONTROL_RELAY 0x08        /* relay contact reads energised */

/* Reset causes as the ATmega328P's MCUSR gives them. */
#define SL_RESET_POWER 0x01
#define SL_RESET_EXTERNAL 0x02
#define SL_RESET_BROWN_OUT 0x04
#define SL_RESET_WATCHDOG 0x08

/* Results of a record write or commit. */
#define SL_RESULT_OK 0          /* part taken */
#define SL_RESULT_STORED 1      /* both copies are in the EEPROM */
#define SL_RESULT_NO_JUMPER 2
#define SL_RESULT_IN_CONTROL 3  /* only in the failure display, a trip or manual flash */
#define SL_RESULT_ORDER 4       /* offset is not the next one, or the length is wrong */
#define SL_RESULT_CHECKSUM 5
#define SL_RESULT_FLOOR 6       /* below a compiled-in floor, or contradicts itself */
#define SL_RESULT_BUSY 7        /* the previous record is still being written */

/* Record. */
#define SL_KIND_UNUSED 0
#define SL_KIND_VEHICLE 1
#define SL_KIND_PEDESTRIAN 2
#define SL_FLASH_DARK 0
#define SL_FLASH_RED 1
#define SL_FLASH_YELLOW 2
#define SL_FAILURE_FLASH 0
#define SL_FAILURE_ALL_RED 1
#define SL_FAILURE_DARK 2

#endif

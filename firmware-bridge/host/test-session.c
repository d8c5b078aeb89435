/* Who may be listened to: sessions, sequence, stamps, heartbeat. */
#include "rig.h"

static void lamp_with(rig *r, uint32_t session, uint32_t sequence, uint32_t stamp) {
  uint8_t frame[22] = {SL_PROTOCOL_VERSION, SL_TYPE_LAMP};
  put32(frame + 2, session);
  put32(frame + 6, sequence);
  put32(frame + 10, stamp);
  for (int k = 0; k < 8; k++) {
    frame[14 + k] = (uint8_t)(r->display[2 * k] | r->display[2 * k + 1] << 4);
  }
  send_bytes(r, frame, sizeof(frame));
}

static void refusals(void) {
  rig r;
  rig_controlled(&r);
  r.host = 0;
  const uint32_t now = r.core.now;
  const uint16_t accepted = r.core.counters[SL_COUNTER_ACCEPTED];
  const uint32_t next = r.sequence + 1;
  lamp_with(&r, r.session + 1, next, now);
  CHECK_EQUAL(r.core.counters[SL_REFUSED_SESSION], 1);
  CHECK_EQUAL(r.core.refusal, SL_REFUSED_SESSION);
  lamp_with(&r, r.session, r.sequence, now);
  lamp_with(&r, r.session, r.sequence - 1, now);
  CHECK_EQUAL(r.core.counters[SL_REFUSED_SEQUENCE], 2);
  lamp_with(&r, r.session, next, now + 1);
  lamp_with(&r, r.session, next, now - 201);
  CHECK_EQUAL(r.core.counters[SL_REFUSED_STAMP], 2);
  CHECK_EQUAL(r.core.counters[SL_COUNTER_ACCEPTED], accepted);
  CHECK(r.core.heartbeat_ms > 0);
  lamp_with(&r, r.session, next, now - 200);
  CHECK_EQUAL(r.core.counters[SL_COUNTER_ACCEPTED], accepted + 1);
  CHECK_EQUAL(r.core.heartbeat_ms, 0);
  CHECK_EQUAL(r.core.refusal, SL_REFUSED_NONE);
  CHECK_EQUAL(r.core.sequence, next);
}

static void refused_is_no_heartbeat(void) {
  rig r;
  rig_controlled(&r);
  r.host = 0;
  send_lamp(&r);
  for (int k = 0; k < 30; k++) {
    rig_run(&r, 10);
    lamp_with(&r, r.session, r.sequence, r.core.now);
  }
  CHECK_EQUAL(r.core.mode, SL_MODE_ORDERLY_STOP);
  CHECK_EQUAL(r.core.cause, SL_CAUSE_HEARTBEAT);
}

static void hello(void) {
  rig r;
  rig_controlled(&r);
  const uint32_t first = r.core.session;
  CHECK_EQUAL(first, (r.core.boot << 16) + 1);
  r.host = 0;
  send_hello(&r, 0x01020304, r.core.checksum);
  rig_tick(&r);
  CHECK_EQUAL(r.frame[1], SL_TYPE_HELLO_ANSWER);
  CHECK_EQUAL(sl_get32(r.frame + 2), 0x01020304);
  CHECK_EQUAL(sl_get32(r.frame + 6), first + 1);
  CHECK_EQUAL(sl_get32(r.frame + 10), r.core.boot);
  CHECK_EQUAL(r.frame[14], SL_VERSION_MAJOR);
  CHECK_EQUAL(r.frame[17], SL_RESET_POWER);
  CHECK_EQUAL(r.frame[19], SL_RECORD_BYTES);
  CHECK_EQUAL(sl_get32(r.frame + 20), r.core.checksum);
  CHECK_EQUAL(r.frame_length, 52);
  /* A new host: the old one's control ends in order. */
  CHECK_EQUAL(r.core.mode, SL_MODE_ORDERLY_STOP);
  CHECK_EQUAL(r.core.cause, SL_CAUSE_NEW_SESSION);
  lamp_with(&r, first, 1000, r.core.now);
  CHECK_EQUAL(r.core.refusal, SL_REFUSED_SESSION);
  r.core.hellos = 0xFFFF;
  send_hello(&r, 1, r.core.checksum);
  CHECK_EQUAL(r.core.hellos, 1);
}

static void no_session(void) {
  rig r;
  uint8_t record[SL_RECORD_BYTES];
  rig_blank(&r);
  record_junction(record);
  record_store(&r, record);
  rig_reset(&r, SL_RESET_POWER);
  rig_run(&r, 300);
  lamp_with(&r, 0, 1, r.core.now);
  CHECK_EQUAL(r.core.counters[SL_REFUSED_SESSION], 1);
  send_stop(&r, SL_STOP_OPERATOR);
  CHECK_EQUAL(r.core.counters[SL_REFUSED_SESSION], 2);
  rig_run(&r, 30);
  CHECK_EQUAL(r.core.hold, SL_HOLD_NO_SESSION);
  CHECK_EQUAL(r.status[17], SL_HOLD_NO_SESSION);
}

static void mismatch(void) {
  rig r;
  uint8_t record[SL_RECORD_BYTES];
  rig_blank(&r);
  record_junction(record);
  record_store(&r, record);
  rig_reset(&r, SL_RESET_POWER);
  rig_run(&r, 300);
  send_hello(&r, 1, r.core.checksum ^ 0x80000000u);
  all_red(&r);
  r.host = 1;
  rig_run(&r, 20000);
  CHECK_EQUAL(r.core.mode, SL_MODE_FAILURE_DISPLAY);
  CHECK_EQUAL(r.core.hold, SL_HOLD_RECORD_DIFFERS);
  CHECK_EQUAL(r.status[16] & SL_FLAG_RECORD_MATCHES, 0);
  CHECK(r.status[16] & SL_FLAG_RECORD_VALID);
  send_hello(&r, 1, r.core.checksum);
  rig_run(&r, 1100);
  CHECK_EQUAL(r.core.mode, SL_MODE_START_UP);
}

static void stop_sequence(void) {
  rig r;
  rig_controlled(&r);
  r.host = 0;
  r.sequence -= 2;
  send_stop(&r, SL_STOP_OPERATOR);
  CHECK_EQUAL(r.core.refusal, SL_REFUSED_SEQUENCE);
  CHECK_EQUAL(r.core.mode, SL_MODE_CONTROLLED);
  rig_tick(&r);
  CHECK_EQUAL(r.status[19], SL_REFUSED_NONE);
  rig_run(&r, 20);
  CHECK_EQUAL(r.status[19], SL_REFUSED_SEQUENCE);
}

void test_session(void) {
  refusals();
  refused_is_no_heartbeat();
  hello();
  no_session();
  mismatch();
  stop_sequence();
}

/* Bytes in: a check list for a serial parser, and the refusals of every frame. */
#include "rig.h"

static uint16_t counter(const rig *r, uint8_t which) {
  return r->core.counters[which];
}

static void lamp_bytes(rig *r, uint8_t *frame) {
  memset(frame, 0, 22);
  frame[0] = SL_PROTOCOL_VERSION;
  frame[1] = SL_TYPE_LAMP;
  put32(frame + 2, r->session);
  put32(frame + 6, ++r->sequence);
  put32(frame + 10, r->core.now);
  for (int k = 0; k < 8; k++) {
    frame[14 + k] = (uint8_t)(r->display[2 * k] | r->display[2 * k + 1] << 4);
  }
}

static uint8_t lamp_wire(rig *r, uint8_t *wire) {
  uint8_t frame[24];
  lamp_bytes(r, frame);
  put16(frame + 22, sl_crc16(frame, 22));
  return stuff(frame, 24, wire);
}

static void crc_values(void) {
  const uint8_t digits[] = "123456789";
  uint32_t crc = 0xFFFFFFFFu;
  for (int k = 0; k < 9; k++) crc = sl_crc32_step(crc, digits[k]);
  CHECK_EQUAL(sl_crc16(digits, 9), 0xEA82);
  CHECK_EQUAL(~crc, 0xCBF43926u);
}

static void pieces(void) {
  rig r;
  uint8_t wire[128];
  rig_controlled(&r);
  r.host = 0;
  uint16_t accepted = counter(&r, SL_COUNTER_ACCEPTED);
  /* Two frames in one run; one frame in single bytes; noise before; two delimiters. */
  uint8_t n = lamp_wire(&r, wire);
  n = (uint8_t)(n + lamp_wire(&r, wire + n));
  send_raw(&r, wire, n);
  CHECK_EQUAL(counter(&r, SL_COUNTER_ACCEPTED), accepted + 2);
  const uint8_t zeros[3] = {0, 0, 0};
  send_raw(&r, zeros, 3);
  n = lamp_wire(&r, wire);
  for (uint8_t k = 0; k < n; k++) {
    send_raw(&r, wire + k, 1);
    rig_tick(&r);
  }
  CHECK_EQUAL(counter(&r, SL_COUNTER_ACCEPTED), accepted + 3);
  const uint8_t noise[5] = {3, 9, 200, 7, 0};
  const uint16_t before = counter(&r, SL_REFUSED_FRAMING);
  send_raw(&r, noise, 5);
  CHECK_EQUAL(counter(&r, SL_REFUSED_FRAMING), before + 1);
  n = lamp_wire(&r, wire);
  send_raw(&r, wire, n);
  CHECK_EQUAL(counter(&r, SL_COUNTER_ACCEPTED), accepted + 4);
}

static void damage(void) {
  rig r;
  uint8_t wire[128];
  rig_controlled(&r);
  r.host = 0;
  const uint16_t accepted = counter(&r, SL_COUNTER_ACCEPTED);
  const uint8_t n = lamp_wire(&r, wire);
  /* Every single bit of a frame flipped: never accepted, always counted. */
  for (int bit = 0; bit < (n - 1) * 8; bit++) {
    uint16_t refused = 0;
    for (int k = 1; k < 10; k++) refused = (uint16_t)(refused + counter(&r, (uint8_t)k));
    wire[bit / 8] ^= (uint8_t)(1 << bit % 8);
    send_raw(&r, wire, n);
    wire[bit / 8] ^= (uint8_t)(1 << bit % 8);
    uint16_t after = 0;
    for (int k = 1; k < 10; k++) after = (uint16_t)(after + counter(&r, (uint8_t)k));
    CHECK(after > refused);
    CHECK_EQUAL(counter(&r, SL_COUNTER_ACCEPTED), accepted);
  }
  send_raw(&r, wire, n);
  CHECK_EQUAL(counter(&r, SL_COUNTER_ACCEPTED), accepted + 1);
}

static void overlong(void) {
  rig r;
  rig_controlled(&r);
  r.host = 0;
  const uint16_t before = counter(&r, SL_REFUSED_FRAMING);
  const uint8_t x = 0xFF;
  for (int k = 0; k < 300; k++) send_raw(&r, &x, 1);
  CHECK_EQUAL(counter(&r, SL_REFUSED_FRAMING), before + 1);
  CHECK_EQUAL(r.core.rx_length, SL_FRAME_MAX);
  const uint8_t zero = 0;
  send_raw(&r, &zero, 1);
  /* Code bytes alone overflow as well. */
  const uint8_t one = 1;
  for (int k = 0; k < 100; k++) send_raw(&r, &one, 1);
  send_raw(&r, &zero, 1);
  CHECK_EQUAL(counter(&r, SL_REFUSED_FRAMING), before + 2);
  uint8_t wire[128];
  const uint8_t n = lamp_wire(&r, wire);
  const uint16_t accepted = counter(&r, SL_COUNTER_ACCEPTED);
  send_raw(&r, wire, n);
  CHECK_EQUAL(counter(&r, SL_COUNTER_ACCEPTED), accepted + 1);
  /* 64 bytes fit, 65 do not. */
  uint8_t long_frame[64];
  memset(long_frame, 5, sizeof(long_frame));
  const uint16_t crc = counter(&r, SL_REFUSED_CRC);
  uint8_t long_wire[80];
  send_raw(&r, long_wire, stuff(long_frame, 64, long_wire));
  CHECK_EQUAL(counter(&r, SL_REFUSED_CRC), crc + 1);
}

static void envelope(void) {
  rig r;
  uint8_t frame[40];
  rig_controlled(&r);
  r.host = 0;
  lamp_bytes(&r, frame);
  frame[0] = 2;
  send_bytes(&r, frame, 22);
  CHECK_EQUAL(counter(&r, SL_REFUSED_VERSION), 1);
  frame[0] = SL_PROTOCOL_VERSION;
  frame[1] = 0x7F;
  send_bytes(&r, frame, 22);
  CHECK_EQUAL(counter(&r, SL_REFUSED_TYPE), 1);
  frame[1] = SL_TYPE_LAMP;
  send_bytes(&r, frame, 21);
  CHECK_EQUAL(counter(&r, SL_REFUSED_LENGTH), 1);
  const uint8_t tiny[3] = {2, 1, 0};
  send_raw(&r, tiny, 3);
  CHECK_EQUAL(counter(&r, SL_REFUSED_LENGTH), 2);
  /* A write whose own length disagrees, is 0, or is above 32. */
  uint8_t write[60] = {SL_PROTOCOL_VERSION, SL_TYPE_RECORD_WRITE};
  put32(write + 2, r.session);
  write[8] = 5;
  send_bytes(&r, write, 9 + 4);
  write[8] = 0;
  send_bytes(&r, write, 9);
  write[8] = 33;
  send_bytes(&r, write, 9 + 33);
  CHECK_EQUAL(counter(&r, SL_REFUSED_LENGTH), 5);
  for (uint8_t type = SL_TYPE_HELLO; type <= SL_TYPE_RECORD_COMMIT; type++) {
    const uint16_t before = counter(&r, SL_REFUSED_LENGTH);
    frame[1] = type;
    send_bytes(&r, frame, 38);
    CHECK_EQUAL(counter(&r, SL_REFUSED_LENGTH), before + 1);
  }
}

static void sending(void) {
  rig r;
  rig_blank(&r);
  rig_reset(&r, SL_RESET_POWER);
  CHECK_EQUAL(sl_tx_byte(&r.core), -1);
  rig_run(&r, 1000);
  /* Every 20 ms, and the two changes of mode and hold at the start. */
  CHECK(r.frames[SL_TYPE_STATUS] >= 50 && r.frames[SL_TYPE_STATUS] <= 53);
  const uint32_t frames = r.frames[SL_TYPE_STATUS];
  r.in.inputs = 1u << 31;
  rig_run(&r, 3);
  CHECK_EQUAL(r.core.inputs, 0);
  rig_run(&r, 1);
  CHECK_EQUAL(r.core.inputs, 1u << 31);
  CHECK_EQUAL(r.last_status, r.core.now);
  CHECK(r.frames[SL_TYPE_STATUS] > frames);
  CHECK_EQUAL(sl_get32(r.status + 34), 1u << 31);
  /* A host that doesn't read: one frame waits, nothing else is lost. */
  r.mute = 1;
  rig_run(&r, 500);
  r.mute = 0;
  rig_run(&r, 2);
  CHECK(r.core.now - r.last_status <= 1);
  /* All counters come round. */
  uint32_t seen = 0;
  for (int k = 0; k < 400; k++) {
    rig_tick(&r);
    seen |= 1u << r.status[39];
  }
  CHECK_EQUAL(seen, (1u << SL_COUNTERS) - 1);
  sl_note_overrun(&r.core, 7);
  sl_note_rx_lost(&r.core, 9);
  CHECK_EQUAL(counter(&r, SL_COUNTER_OVERRUNS), 7);
  CHECK_EQUAL(counter(&r, SL_COUNTER_RX_LOST), 9);
}

static void input_noise(void) {
  rig r;
  rig_controlled(&r);
  for (int k = 0; k < 50; k++) {
    r.in.inputs = (uint32_t)(k % 4 != 3);
    rig_run(&r, 1);
    CHECK_EQUAL(r.core.inputs, 0);
  }
}

void test_frames(void) {
  crc_values();
  pieces();
  damage();
  overlong();
  envelope();
  sending();
  input_noise();
}

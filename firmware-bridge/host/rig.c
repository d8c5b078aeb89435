#include "rig.h"

uint32_t running_seed;

_Noreturn void failed(const char *file, int line, const char *what, long got, long want) {
  printf("not ok %s:%d: %s is %ld, not %ld (seed %lu)\n", file, line, what, got, want,
         (unsigned long)running_seed);
  fflush(stdout);
  exit(1);
}

static rig *current; /* the rig whose EEPROM is read */

static uint8_t read_eeprom(uint16_t address) {
  CHECK(address < SL_EEPROM_SIZE);
  return current->eeprom[address];
}

void put16(uint8_t *bytes, uint16_t value) {
  bytes[0] = (uint8_t)value;
  bytes[1] = (uint8_t)(value >> 8);
}

void put32(uint8_t *bytes, uint32_t value) {
  put16(bytes, (uint16_t)value);
  put16(bytes + 2, (uint16_t)(value >> 16));
}

void record_begin(uint8_t *record) {
  memset(record, 0, SL_RECORD_BYTES);
  record[0] = 'S';
  record[1] = 'L';
  record[2] = SL_RECORD_FORMAT;
  memcpy(record + SL_RECORD_SITE, "bench", 5);
}

static uint8_t *channel_bytes(uint8_t *record, uint8_t channel) {
  return record + SL_RECORD_CHANNELS + channel * SL_RECORD_CHANNEL_BYTES;
}

void record_vehicle(uint8_t *record, uint8_t channel, uint16_t yellow, uint16_t clearance) {
  uint8_t *bytes = channel_bytes(record, channel);
  bytes[0] = SL_KIND_VEHICLE | SL_FLASH_RED << 4;
  put16(bytes + 2, yellow);
  put16(bytes + 4, clearance);
}

void record_walk(uint8_t *record, uint8_t channel, uint8_t parallel, uint16_t clearance,
                 uint16_t walk_clearance) {
  uint8_t *bytes = channel_bytes(record, channel);
  bytes[0] = SL_KIND_PEDESTRIAN;
  bytes[1] = parallel == SL_NO_CHANNEL ? 0 : (uint8_t)(parallel + 1);
  put16(bytes + 4, clearance);
  put16(bytes + 6, walk_clearance);
}

static void allow_one(uint8_t *record, uint8_t one, uint8_t other) {
  uint8_t *bytes = record + SL_RECORD_COMPATIBLE + 2 * one;
  put16(bytes, (uint16_t)(sl_get16(bytes) | SL_BIT(other)));
}

void record_allow(uint8_t *record, uint8_t one, uint8_t other) {
  allow_one(record, one, other);
  allow_one(record, other, one);
}

void record_finish(uint8_t *record) {
  put32(record + SL_RECORD_CHECKSUM, sl_record_checksum(record));
}

void record_junction(uint8_t *record) {
  record_begin(record);
  record_vehicle(record, 1, 4000, 1500);
  record_vehicle(record, 5, 4000, 1500);
  record_vehicle(record, 3, 3000, 1000);
  record_vehicle(record, 7, 3000, 1000);
  record_walk(record, 11, 5, 1500, 15000);
  record_allow(record, 1, 5);
  record_allow(record, 3, 7);
  record_allow(record, 1, 11);
  record_allow(record, 5, 11);
  channel_bytes(record, 1)[0] = SL_KIND_VEHICLE | SL_FLASH_YELLOW << 4;
  channel_bytes(record, 5)[0] = SL_KIND_VEHICLE | SL_FLASH_YELLOW << 4;
  record_finish(record);
}

void record_store(rig *r, const uint8_t *record) {
  memcpy(r->eeprom + SL_EEPROM_RECORD_A, record, SL_RECORD_BYTES);
  memcpy(r->eeprom + SL_EEPROM_RECORD_B, record, SL_RECORD_BYTES);
}

void rig_blank(rig *r) {
  memset(r, 0, sizeof(*r));
  memset(r->eeprom, 0xFF, sizeof(r->eeprom));
  r->loop = 1;
}

void rig_reset(rig *r, uint8_t cause) {
  current = r;
  sl_init(&r->core, read_eeprom, cause);
  memset(&r->out, 0, sizeof(r->out));
  watch_reset(&r->watch);
  r->coming_length = 0;
  r->session = 0;
}

static void move_contact(rig *r) {
  uint8_t coil = (uint8_t)(r->out.relay && !(r->in.control & SL_CONTROL_MANUAL_FLASH));
  if (r->contact_fault == 1) coil = 1;
  if (r->contact_fault == 2) coil = 0;
  r->contact_ms = coil == r->contact ? 0 : (uint8_t)(r->contact_ms + 1);
  if (r->contact_ms >= 10) r->contact = coil;
}

/* A frame from the core: stuffing undone, type counted, status kept. */
static void take(rig *r, uint8_t byte) {
  if (byte != 0) {
    CHECK(r->coming_length < sizeof(r->coming));
    r->coming[r->coming_length++] = byte;
    return;
  }
  uint8_t at = 0;
  r->frame_length = 0;
  while (at < r->coming_length) {
    const uint8_t code = r->coming[at];
    CHECK(at + code <= r->coming_length);
    for (uint8_t k = 1; k < code; k++) r->frame[r->frame_length++] = r->coming[at + k];
    at = (uint8_t)(at + code);
    if (at < r->coming_length) r->frame[r->frame_length++] = 0;
  }
  CHECK(r->frame_length >= 4 && r->frame_length <= SL_FRAME_MAX);
  CHECK_EQUAL(sl_crc16(r->frame, (uint8_t)(r->frame_length - 2)),
              sl_get16(r->frame + r->frame_length - 2));
  CHECK_EQUAL(r->frame[0], SL_PROTOCOL_VERSION);
  r->frames[r->frame[1]]++;
  if (r->frame[1] == SL_TYPE_STATUS) {
    memcpy(r->status, r->frame, r->frame_length);
    r->last_status = r->core.now;
  }
  r->coming_length = 0;
}

static void write_eeprom(rig *r) {
  uint16_t address;
  uint8_t value;
  if (r->power_fails || r->core.now % 4 != 0) return;
  if (!sl_eeprom_next(&r->core, &address, &value)) return;
  CHECK(address < SL_EEPROM_SIZE);
  r->eeprom[address] = value;
  sl_eeprom_written(&r->core);
}

void rig_tick(rig *r) {
  if (r->loop) {
    const sl_lamps *lamps = &r->core.output;
    const uint16_t in = r->contact && r->out.pump ? 0xFFFF : 0;
    r->in.sensed.red = (uint16_t)(((lamps->red & in) | r->on.red) & ~r->off.red);
    r->in.sensed.yellow = (uint16_t)(((lamps->yellow & in) | r->on.yellow) & ~r->off.yellow);
    r->in.sensed.green = (uint16_t)(((lamps->green & in) | r->on.green) & ~r->off.green);
  }
  move_contact(r);
  r->in.control = (uint8_t)(r->in.control & ~SL_CONTROL_RELAY);
  if (r->contact) r->in.control |= SL_CONTROL_RELAY;
  sl_tick(&r->core, &r->in, &r->out);
  watch_tick(&r->watch, &r->core);
  write_eeprom(r);
  int16_t byte;
  while (!r->mute && (byte = sl_tx_byte(&r->core)) >= 0) take(r, (uint8_t)byte);
}

void rig_run(rig *r, uint32_t ms) {
  while (ms-- > 0) {
    if (r->host && r->host_ms == 0) send_lamp(r);
    if (r->stop && r->host_ms == 0) send_stop(r, r->stop);
    if (r->host || r->stop) r->host_ms = (uint8_t)((r->host_ms + 1) % 50);
    rig_tick(r);
  }
}

uint8_t stuff(const uint8_t *frame, uint8_t length, uint8_t *out) {
  uint8_t code_at = 0;
  uint8_t at = 1;
  for (uint8_t k = 0; k < length; k++) {
    if (frame[k] == 0) {
      out[code_at] = (uint8_t)(at - code_at);
      code_at = at;
    } else {
      out[at] = frame[k];
    }
    at++;
  }
  out[code_at] = (uint8_t)(at - code_at);
  out[at++] = 0;
  return at;
}

void send_raw(rig *r, const uint8_t *bytes, uint8_t length) {
  for (uint8_t k = 0; k < length; k++) sl_rx_byte(&r->core, bytes[k]);
}

void send_bytes(rig *r, const uint8_t *bytes, uint8_t length) {
  uint8_t frame[100];
  uint8_t wire[110];
  memcpy(frame, bytes, length);
  put16(frame + length, sl_crc16(frame, length));
  send_raw(r, wire, stuff(frame, (uint8_t)(length + 2), wire));
}

void send_hello(rig *r, uint32_t nonce, uint32_t checksum) {
  uint8_t frame[10] = {SL_PROTOCOL_VERSION, SL_TYPE_HELLO};
  put32(frame + 2, nonce);
  put32(frame + 6, checksum);
  send_bytes(r, frame, sizeof(frame));
  r->session = r->core.session;
  r->sequence = 0;
}

void send_lamp(rig *r) {
  uint8_t frame[22] = {SL_PROTOCOL_VERSION, SL_TYPE_LAMP};
  put32(frame + 2, r->session);
  put32(frame + 6, ++r->sequence);
  put32(frame + 10, r->core.now);
  for (int k = 0; k < 8; k++) {
    frame[14 + k] = (uint8_t)(r->display[2 * k] | r->display[2 * k + 1] << 4);
  }
  send_bytes(r, frame, sizeof(frame));
}

void send_stop(rig *r, uint8_t cause) {
  uint8_t frame[11] = {SL_PROTOCOL_VERSION, SL_TYPE_STOP};
  put32(frame + 2, r->session);
  put32(frame + 6, ++r->sequence);
  frame[10] = cause;
  send_bytes(r, frame, sizeof(frame));
}

void all_red(rig *r) {
  for (int c = 0; c < SL_CHANNELS; c++) {
    r->display[c] = (r->core.used & SL_BIT(c)) ? SL_RED : SL_DARK;
  }
}

void rig_controlled(rig *r) {
  uint8_t record[SL_RECORD_BYTES];
  rig_blank(r);
  record_junction(record);
  record_store(r, record);
  rig_reset(r, SL_RESET_POWER);
  rig_run(r, 300);
  send_hello(r, 1, r->core.checksum);
  all_red(r);
  r->host = 1;
  rig_run(r, 1010);
  CHECK_EQUAL(r->core.mode, SL_MODE_START_UP);
  rig_run(r, 6000);
  CHECK_EQUAL(r->core.mode, SL_MODE_CONTROLLED);
}

void ask(rig *r, uint8_t channel, uint8_t code) {
  r->display[channel] = code;
  send_lamp(r);
  rig_tick(r);
}

/* Frames to the host: one at a time, made when the one before has gone, so that a status frame is
 * never older than the line. Layout: docs/protocol.md, "Frames". */
#include "internal.h"

/* The frame grows in tx from its second byte; the first becomes the COBS code. */
static void put8(sl_core *core, uint8_t value) {
  if (core->tx_length < SL_FRAME_MAX) {
    core->tx_length++;
    core->tx[core->tx_length] = value;
  }
}

static void put16(sl_core *core, uint16_t value) {
  put8(core, (uint8_t)(value & 0xFFu));
  put8(core, (uint8_t)(value >> 8));
}

static void put32(sl_core *core, uint32_t value) {
  put16(core, (uint16_t)(value & 0xFFFFu));
  put16(core, (uint16_t)(value >> 16));
}

static void put_lamps(sl_core *core, const sl_lamps *lamps) {
  put16(core, lamps->red);
  put16(core, lamps->yellow);
  put16(core, lamps->green);
}

static void begin(sl_core *core, uint8_t type) {
  core->tx_length = 0;
  put8(core, SL_PROTOCOL_VERSION);
  put8(core, type);
}

static void finish(sl_core *core) {
  put16(core, sl_crc16(core->tx + 1, core->tx_length));
  const uint8_t length = core->tx_length < SL_FRAME_MAX ? core->tx_length : SL_FRAME_MAX;
  uint8_t code_at = 0;
  for (uint8_t at = 1; at <= length; at++) {
    if (core->tx[at] == 0u) {
      core->tx[code_at] = (uint8_t)(at - code_at);
      code_at = at;
    }
  }
  core->tx[code_at] = (uint8_t)(length + 1u - code_at);
  core->tx[length + 1u] = 0;
  core->tx_length = (uint8_t)(length + 2u);
  core->tx_sent = 0;
}

uint8_t sl_flags(const sl_core *core) {
  uint8_t flags = 0;
  if (sl_in_control(core) != 0u && core->pending == 0u) flags |= SL_FLAG_DISPLAYED;
  if (core->session_open != 0u) flags |= SL_FLAG_SESSION;
  if (core->record_valid != 0u) flags |= SL_FLAG_RECORD_VALID;
  if (sl_record_matches(core) != 0u) flags |= SL_FLAG_RECORD_MATCHES;
  if (core->latch.cause != SL_CAUSE_NONE) flags |= SL_FLAG_LATCHED;
  if (core->relay != 0u) flags |= SL_FLAG_RELAY;
  if (core->mode != SL_MODE_TRIP) flags |= SL_FLAG_PUMP;
  if (core->relay_welded != 0u) flags |= SL_FLAG_RELAY_WELDED;
  return flags;
}

static void make_hello_answer(sl_core *core) {
  uint8_t latch[SL_LATCH_BYTES];
  sl_latch_bytes(&core->latch, latch);
  begin(core, SL_TYPE_HELLO_ANSWER);
  put32(core, core->hello_nonce);
  put32(core, core->session);
  put32(core, core->boot);
  put8(core, SL_VERSION_MAJOR);
  put8(core, SL_VERSION_MINOR);
  put8(core, SL_VERSION_PATCH);
  put8(core, core->reset_cause);
  put8(core, (uint8_t)(sl_flags(core) & (uint8_t)~SL_FLAG_DISPLAYED));
  put8(core, SL_RECORD_BYTES);
  put32(core, core->record_valid != 0u ? core->checksum : 0u);
  put8(core, core->mode);
  for (uint8_t at = 0; at < SL_LATCH_BYTES; at++) put8(core, latch[at]);
  finish(core);
}

static void make_status(sl_core *core) {
  begin(core, SL_TYPE_STATUS);
  put32(core, core->session);
  put32(core, core->now);
  put8(core, core->mode);
  put8(core, core->cause);
  put32(core, core->sequence);
  put8(core, sl_flags(core));
  put8(core, core->hold);
  put8(core, core->hold_channel);
  put8(core, core->refusal);
  for (uint8_t channel = 0; channel < SL_CHANNELS; channel = (uint8_t)(channel + 2u)) {
    put8(core, (uint8_t)(core->shown[channel] | (uint8_t)(core->shown[channel + 1u] << 4)));
  }
  put_lamps(core, &core->sensed);
  put32(core, core->inputs);
  put8(core, core->control);
  const uint8_t counter = core->tx_counter < SL_COUNTERS ? core->tx_counter : 0u;
  put8(core, counter);
  put16(core, core->counters[counter]);
  core->tx_counter = (uint8_t)(counter + 1u);
  core->tx_status_ms = 0;
  finish(core);
}

static void make_part(sl_core *core) {
  begin(core, SL_TYPE_RECORD_PART);
  put32(core, core->session);
  put16(core, core->part_offset);
  put16(core, SL_RECORD_BYTES);
  put8(core, core->part_length);
  for (uint8_t at = 0; at < core->part_length; at++) {
    const uint16_t place = (uint16_t)(core->part_offset + at);
    if (place < SL_RECORD_BYTES) put8(core, core->record[place]);
  }
  finish(core);
}

static void make_result(sl_core *core) {
  begin(core, SL_TYPE_RECORD_RESULT);
  put32(core, core->session);
  put8(core, core->result);
  put16(core, core->program_length);
  put32(core, core->record_valid != 0u ? core->checksum : 0u);
  finish(core);
}

void sl_make_frame(sl_core *core) {
  if (core->tx_status_ms < SL_STATUS_MS) core->tx_status_ms++;
  if (core->tx_status_ms >= SL_STATUS_MS) core->tx_wanted |= SL_TX_STATUS;
  if (core->tx_sent < core->tx_length) return;
  if ((core->tx_wanted & SL_TX_HELLO) != 0u) {
    core->tx_wanted &= (uint8_t)~SL_TX_HELLO;
    make_hello_answer(core);
  } else if ((core->tx_wanted & SL_TX_PART) != 0u) {
    core->tx_wanted &= (uint8_t)~SL_TX_PART;
    make_part(core);
  } else if ((core->tx_wanted & SL_TX_RESULT) != 0u) {
    core->tx_wanted &= (uint8_t)~SL_TX_RESULT;
    make_result(core);
  } else if ((core->tx_wanted & SL_TX_STATUS) != 0u) {
    core->tx_wanted &= (uint8_t)~SL_TX_STATUS;
    make_status(core);
  }
}

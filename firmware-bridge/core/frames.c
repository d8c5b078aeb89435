/* Bytes in: COBS undone as they come, the envelope checked at the delimiter. Noise costs a counted
 * refusal; the buffer is bounded, and the next delimiter starts afresh. */
#include "internal.h"

/* rx_state */
#define RX_START 0u /* nothing since the delimiter */
#define RX_FRAME 1u
#define RX_SKIP 2u /* broken: wait for the delimiter; already counted */

/* Length of a whole frame by type; 0 = not ours. A record write says its own, at least 12. */
static uint8_t frame_length(uint8_t type) {
  switch (type) {
    case SL_TYPE_HELLO: return 12;
    case SL_TYPE_LAMP: return 24;
    case SL_TYPE_STOP: return 13;
    case SL_TYPE_RECORD_READ: return 11;
    case SL_TYPE_RECORD_WRITE: return 12;
    case SL_TYPE_RECORD_COMMIT: return 14;
    default: return 0;
  }
}

static uint8_t length_fits(const uint8_t *frame, uint8_t length) {
  const uint8_t expected = frame_length(frame[1]);
  if (frame[1] != SL_TYPE_RECORD_WRITE) return (uint8_t)(length == expected);
  return (uint8_t)(length >= expected && frame[8] <= SL_RECORD_PART_MAX &&
                   length == (uint8_t)(11u + frame[8]));
}

static void end_of_frame(sl_core *core) {
  const uint8_t *frame = core->rx;
  const uint8_t length = core->rx_length;
  if (length < 4u) {
    sl_refuse(core, SL_REFUSED_LENGTH);
  } else if (sl_crc16(frame, (uint8_t)(length - 2u)) != sl_get16(frame + length - 2u)) {
    sl_refuse(core, SL_REFUSED_CRC);
  } else if (frame[0] != SL_PROTOCOL_VERSION) {
    sl_refuse(core, SL_REFUSED_VERSION);
  } else if (frame_length(frame[1]) == 0u) {
    sl_refuse(core, SL_REFUSED_TYPE);
  } else if (length_fits(frame, length) == 0u) {
    sl_refuse(core, SL_REFUSED_LENGTH);
  } else {
    sl_take_frame(core, frame);
  }
}

static void delimiter(sl_core *core) {
  if (core->rx_state == RX_FRAME) {
    if (core->rx_left == 0u) {
      end_of_frame(core);
    } else {
      sl_refuse(core, SL_REFUSED_FRAMING);
    }
  }
  core->rx_state = RX_START;
  core->rx_length = 0;
  core->rx_left = 0;
}

static void append(sl_core *core, uint8_t byte) {
  if (core->rx_length < SL_FRAME_MAX) {
    core->rx[core->rx_length] = byte;
    core->rx_length++;
  } else {
    core->rx_state = RX_SKIP;
    sl_refuse(core, SL_REFUSED_FRAMING);
  }
}

void sl_rx_byte(sl_core *core, uint8_t byte) {
  if (byte == 0u) {
    delimiter(core);
  } else if (core->rx_state == RX_SKIP) {
    return;
  } else if (core->rx_left > 0u) {
    core->rx_left--;
    append(core, byte);
  } else {
    /* A code byte: how far the next zero is. Between blocks stands the zero it replaced. */
    const uint8_t first = (uint8_t)(core->rx_state == RX_START);
    core->rx_state = RX_FRAME;
    core->rx_left = (uint8_t)(byte - 1u);
    if (first == 0u) append(core, 0);
  }
}

int16_t sl_tx_byte(sl_core *core) {
  if (core->tx_sent >= core->tx_length) return -1;
  const uint8_t byte = core->tx[core->tx_sent];
  core->tx_sent++;
  return byte;
}

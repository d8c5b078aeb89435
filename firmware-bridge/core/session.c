/* Frames from the host: who may be listened to. Each handler refuses what a late, repeated or
 * foreign frame could bring, then acts. A refused frame is counted and is no heartbeat. */
#include "internal.h"

void sl_refuse(sl_core *core, uint8_t reason) {
  core->refusal = reason;
  core->counters[reason]++;
}

uint8_t sl_record_matches(const sl_core *core) {
  return (uint8_t)(core->session_open != 0u && core->record_valid != 0u &&
                   core->host_checksum == core->checksum);
}

/* A new host knows nothing of the clearances under way, so a HELLO ends the control of the old
 * one in order. Session numbers never repeat within 65,536 resets of 65,535 HELLOs each. */
static void on_hello(sl_core *core, const uint8_t *frame) {
  core->hellos = core->hellos == SL_SATURATED ? 1u : (uint16_t)(core->hellos + 1u);
  core->session = (core->boot << 16) | core->hellos;
  core->session_open = 1;
  core->hello_nonce = sl_get32(frame + 2);
  core->host_checksum = sl_get32(frame + 6);
  core->sequence = 0;
  core->healthy_ms = 0;
  core->heartbeat_ms = SL_HEARTBEAT_MS;
  core->stop_held = 0;
  core->refusal = SL_REFUSED_NONE;
  core->tx_wanted |= SL_TX_HELLO;
  if (sl_in_control(core) != 0u) sl_begin_stop(core, SL_CAUSE_NEW_SESSION);
}

static uint8_t session_holds(sl_core *core, const uint8_t *frame) {
  if (core->session_open != 0u && sl_get32(frame + 2) == core->session) return 1;
  sl_refuse(core, SL_REFUSED_SESSION);
  return 0;
}

static uint8_t sequence_rises(sl_core *core, uint32_t sequence) {
  if (sequence > core->sequence) return 1;
  sl_refuse(core, SL_REFUSED_SEQUENCE);
  return 0;
}

static void accept(sl_core *core, uint32_t sequence) {
  core->sequence = sequence;
  core->heartbeat_ms = 0;
  core->refusal = SL_REFUSED_NONE;
  core->counters[SL_COUNTER_ACCEPTED]++;
}

/* A stamp from the future is a huge age. */
static void on_lamp(sl_core *core, const uint8_t *frame) {
  const uint32_t sequence = sl_get32(frame + 6);
  const uint32_t age = core->now - sl_get32(frame + 10);
  if (session_holds(core, frame) == 0u) return;
  if (sequence_rises(core, sequence) == 0u) return;
  if (age > SL_STAMP_AGE_MAX_MS) {
    sl_refuse(core, SL_REFUSED_STAMP);
    return;
  }
  accept(core, sequence);
  core->stop_held = 0;
  core->pending = 1;
  for (uint8_t pair = 0; pair < SL_CHANNELS / 2u; pair++) {
    core->wanted[2u * pair] = frame[14u + pair] & 0x0Fu;
    core->wanted[2u * pair + 1u] = frame[14u + pair] >> 4;
  }
}

static uint8_t stop_cause(uint8_t asked) {
  switch (asked) {
    case SL_STOP_OPERATOR: return SL_CAUSE_OPERATOR;
    case SL_STOP_SHUTDOWN: return SL_CAUSE_SHUTDOWN;
    case SL_STOP_FEEDBACK: return SL_CAUSE_FEEDBACK;
    case SL_STOP_INTERLOCK: return SL_CAUSE_INTERLOCK;
    default: return SL_CAUSE_HOST;
  }
}

static void on_stop(sl_core *core, const uint8_t *frame) {
  const uint32_t sequence = sl_get32(frame + 6);
  if (session_holds(core, frame) == 0u) return;
  if (sequence_rises(core, sequence) == 0u) return;
  accept(core, sequence);
  core->stop_held = 1;
  const uint8_t cause = stop_cause(frame[10]);
  if (cause >= SL_CAUSE_LATCHED_STOP) {
    sl_violate(core, cause, 0, 0, 0);
  } else if (sl_in_control(core) != 0u) {
    sl_begin_stop(core, cause);
  } else if (core->mode == SL_MODE_FAILURE_DISPLAY && core->latch.cause == SL_CAUSE_NONE) {
    core->cause = cause;
  }
}

void sl_take_frame(sl_core *core, const uint8_t *frame) {
  switch (frame[1]) {
    case SL_TYPE_HELLO: on_hello(core, frame); break;
    case SL_TYPE_LAMP: on_lamp(core, frame); break;
    case SL_TYPE_STOP: on_stop(core, frame); break;
    default:
      if (session_holds(core, frame) == 0u) return;
      if (frame[1] == SL_TYPE_RECORD_READ) {
        sl_on_record_read(core, frame);
      } else if (frame[1] == SL_TYPE_RECORD_WRITE) {
        sl_on_record_write(core, frame);
      } else {
        sl_on_record_commit(core, frame);
      }
      break;
  }
}

/* Random runs at sixteen channels: random records, a host that mostly behaves and sometimes does
 * anything, noise on the line, faults at the lamps, power cuts. The watcher judges every
 * millisecond; a failure prints the seed. */
#include "rig.h"

static uint32_t state;

static uint32_t draw(uint32_t below) {
  state ^= state << 13;
  state ^= state >> 17;
  state ^= state << 5;
  return state % below;
}

static void random_record(uint8_t *record) {
  record_begin(record);
  record[3] = (uint8_t)draw(3);
  uint16_t vehicles = 0;
  for (uint8_t c = 0; c < SL_CHANNELS; c++) {
    if (draw(8) == 0) continue;
    if (draw(3) > 0 || vehicles == 0) {
      record_vehicle(record, c, (uint16_t)(3000 + draw(31) * 100),
                     (uint16_t)(1000 + draw(20) * 100));
      vehicles |= SL_BIT(c);
    } else {
      uint8_t beside = (uint8_t)draw(SL_CHANNELS);
      if ((vehicles & SL_BIT(beside)) == 0) beside = SL_NO_CHANNEL;
      record_walk(record, c, beside, (uint16_t)(1000 + draw(10) * 100),
                  (uint16_t)(3000 + draw(5) * 1000));
      if (beside != SL_NO_CHANNEL) record_allow(record, c, beside);
    }
  }
  for (uint8_t a = 0; a < SL_CHANNELS; a++) {
    for (uint8_t b = 0; b < a; b++) {
      if (sl_record_kind(record, a) == 0 || sl_record_kind(record, b) == 0) continue;
      if (draw(2)) record_allow(record, a, b);
    }
  }
  record_finish(record);
  CHECK_EQUAL(sl_record_valid(record), 1);
}

static uint16_t random_lamps(void) {
  return draw(4) ? 0 : (uint16_t)(SL_BIT(draw(SL_CHANNELS)));
}

/* A step that a correct host may take on one channel, now or a little early; or, rarely, any. */
static void random_change(rig *r, uint32_t calm) {
  const uint8_t c = (uint8_t)draw(SL_CHANNELS);
  sl_core *core = &r->core;
  if ((core->used & SL_BIT(c)) == 0) return;
  if (!calm && draw(400) == 0) {
    r->display[c] = (uint8_t)draw(7);
    return;
  }
  const uint8_t walk = (core->pedestrian & SL_BIT(c)) != 0;
  const uint16_t margin = (uint16_t)(draw(10) ? 0 : 60);
  const uint16_t ms = (uint16_t)(core->shown_ms[c] + margin);
  if (r->display[c] != core->shown[c]) return;
  switch (core->shown[c]) {
    case SL_RED:
      for (uint8_t o = 0; o < SL_CHANNELS; o++) {
        if ((core->conflicts[c] & core->used & SL_BIT(o)) == 0) continue;
        if (r->display[o] != SL_RED || core->shown[o] != SL_RED) return;
        if (core->shown_ms[o] + margin < sl_record_red_clearance(core->record, o)) return;
      }
      /* No walk begins beside a green that ends. */
      if (walk && sl_record_parallel(core->record, c) != SL_NO_CHANNEL &&
          r->display[sl_record_parallel(core->record, c)] == SL_YELLOW) {
        return;
      }
      r->display[c] = walk || draw(5) ? SL_GREEN : SL_FLASHING_YELLOW;
      break;
    case SL_GREEN:
    case SL_FLASHING_YELLOW:
      if (walk) {
        r->display[c] = SL_FLASHING_DONT_WALK;
      } else {
        for (uint8_t o = 0; o < SL_CHANNELS; o++) {
          if ((core->pedestrian & SL_BIT(o)) == 0) continue;
          if (sl_record_parallel(core->record, o) == c && r->display[o] != SL_RED) return;
        }
        r->display[c] = SL_YELLOW;
      }
      break;
    case SL_YELLOW:
      if (ms >= sl_record_yellow(core->record, c)) r->display[c] = SL_RED;
      break;
    case SL_FLASHING_DONT_WALK:
      if (ms >= sl_record_ped_clearance(core->record, c)) r->display[c] = SL_RED;
      break;
    default: break;
  }
}

static void random_noise(rig *r) {
  uint8_t bytes[40];
  const uint8_t length = (uint8_t)(1 + draw(40));
  for (uint8_t k = 0; k < length; k++) bytes[k] = (uint8_t)draw(256);
  send_raw(r, bytes, length);
  const uint8_t zero = 0;
  send_raw(r, &zero, 1);
}

static void random_event(rig *r) {
  switch (draw(60)) {
    case 0: random_noise(r); break;
    case 1: r->host = (uint8_t)draw(2); break;
    case 2: send_hello(r, 1, r->core.checksum); all_red(r); break;
    case 3: r->on.green = random_lamps(); break;
    case 4: r->off.red = random_lamps(); break;
    case 5: r->in.control ^= (uint8_t)(1u << draw(3)); break;
    case 6:
      if (draw(20) == 0) rig_reset(r, draw(2) ? SL_RESET_POWER : SL_RESET_WATCHDOG);
      break;
    case 7: if (draw(4) == 0) send_stop(r, (uint8_t)draw(6)); break;
    case 8: r->in.inputs ^= 1u << draw(32); break;
    case 9: r->contact_fault = (uint8_t)(draw(10) == 0 ? draw(3) : 0); break;
    default:
      r->on = r->off = (sl_lamps){0, 0, 0};
      r->in.control &= SL_CONTROL_RELAY;
      if (!r->host && draw(3) == 0) r->host = 1;
      break;
  }
}

/* Back to power-up without faults, so that most of the run is under control. */
static void start(rig *r, const uint8_t *record) {
  rig_blank(r);
  record_store(r, record);
  rig_reset(r, SL_RESET_POWER);
  rig_run(r, 300);
  send_hello(r, 1, r->core.checksum);
  all_red(r);
  r->host = 1;
  rig_run(r, 7300);
  CHECK_EQUAL(r->core.mode, SL_MODE_CONTROLLED);
}

void test_random(uint32_t seed, uint32_t runs) {
  for (uint32_t run = 0; run < runs; run++) {
    uint8_t record[SL_RECORD_BYTES];
    rig r;
    state = (seed + run) * 2654435761u + 1u;
    if (state == 0) state = 1;
    running_seed = seed + run;
    random_record(record);
    start(&r, record);
    const uint32_t calm = draw(2);
    uint32_t greens = 0;
    for (uint32_t ms = 0; ms < 60000; ms += 10) {
      rig_run(&r, 10);
      random_change(&r, calm);
      if (!calm && draw(100) == 0) random_event(&r);
      if (r.core.output.green) greens++;
      if (r.core.mode == SL_MODE_FAILURE_DISPLAY || r.core.mode == SL_MODE_TRIP) {
        if (r.core.latch.cause != 0 && draw(100) == 0) start(&r, record);
        all_red(&r);
      }
    }
    /* A host that keeps the rules is never stopped. */
    if (calm) {
      CHECK_EQUAL(r.core.latch.cause, SL_CAUSE_NONE);
      CHECK_EQUAL(r.core.mode, SL_MODE_CONTROLLED);
      CHECK(greens > 20);
    }
  }
}

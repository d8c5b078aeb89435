/* Golden vectors of the line: prints what the core sends in a fixed story, as one line of hex for
 * each frame, "< " before it; and, after "> ", reads frames of the host in hex from stdin and says
 * what the core made of them: the refusal, and the fields of an accepted lamp frame. */
#include "../rig.h"

static void print_wire(rig *r, const char *name) {
  int16_t byte;
  printf("%s ", name);
  while ((byte = sl_tx_byte(&r->core)) >= 0) printf("%02x", (unsigned)byte);
  printf("\n");
}

/* Ticks until a frame of that type waits; earlier ones are dropped. */
static void next_frame(rig *r, uint8_t type, const char *name) {
  for (int k = 0; k < 200; k++) {
    while (sl_tx_byte(&r->core) >= 0) continue;
    rig_tick(r);
    /* Version 1 and no zero before the type: it is the third byte on the wire. */
    if (r->core.tx_sent < r->core.tx_length && r->core.tx[2] == type) {
      print_wire(r, name);
      return;
    }
  }
  CHECK(!"the frame comes");
}

static void story(void) {
  rig r;
  rig_controlled(&r);
  r.mute = 1;
  next_frame(&r, SL_TYPE_STATUS, "status-red");
  ask(&r, 1, SL_GREEN);
  r.in.inputs = 0x80000001u;
  for (int k = 0; k < 30; k++) {
    while (sl_tx_byte(&r.core) >= 0) continue;
    rig_run(&r, 1);
  }
  next_frame(&r, SL_TYPE_STATUS, "status-green");
  sl_trip(&r.core, SL_CAUSE_CONFLICT, 4, 2, 250);
  r.host = 0;
  send_hello(&r, 0xDEADBEEF, r.core.checksum);
  next_frame(&r, SL_TYPE_HELLO_ANSWER, "hello-answer");
  uint8_t read[9] = {SL_PROTOCOL_VERSION, SL_TYPE_RECORD_READ};
  put32(read + 2, r.session);
  put16(read + 6, 4);
  read[8] = 32;
  send_bytes(&r, read, sizeof(read));
  next_frame(&r, SL_TYPE_RECORD_PART, "record-part");
  uint8_t commit[12] = {SL_PROTOCOL_VERSION, SL_TYPE_RECORD_COMMIT};
  put32(commit + 2, r.session);
  send_bytes(&r, commit, sizeof(commit));
  next_frame(&r, SL_TYPE_RECORD_RESULT, "record-result");
}

/* Host frames: session 0x00010001 is open, stamp 8000, sequence 0. */
static void hear(const char *hex) {
  rig r;
  rig_controlled(&r);
  r.core.sequence = 0;
  r.core.now = 8000;
  for (; hex[0] != '\0' && hex[0] != '\n'; hex += 2) {
    unsigned value = 0;
    CHECK(sscanf(hex, "%2x", &value) == 1);
    sl_rx_byte(&r.core, (uint8_t)value);
  }
  printf("refusal %u sequence %lu session %lu wanted ", r.core.refusal,
         (unsigned long)r.core.sequence, (unsigned long)r.core.session);
  for (int c = 0; c < SL_CHANNELS; c++) printf("%u", r.core.wanted[c]);
  printf(" host %08lx mode %u cause %u result %u part %u+%u\n", (unsigned long)r.core.host_checksum,
         r.core.mode, r.core.cause, r.core.result, r.core.part_offset, r.core.part_length);
}

int main(void) {
  char line[512];
  story();
  while (fgets(line, sizeof(line), stdin) != NULL) hear(line);
  return 0;
}

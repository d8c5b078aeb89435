/* The safety core for the virtual cabinet: one core, its EEPROM, and a small electrical model of
 * what hangs on its pins (drivers, flash-transfer relay with flasher, field terminals), so that
 * many milliseconds run in one call. The host pokes `cabinet` and the buffers in linear memory;
 * src/cabinet/safety-core.ts is its only caller and knows the layout below. */
#include "../core/stopline_core.h"

#define EXPORT(name) __attribute__((export_name(#name))) name

#define BUFFER_BYTES 1024
#define RELAY_DELAY_MS 12 /* pull-in and drop-out of a small power relay */
#define PUMP_DELAY_MS 60  /* the charge pump holds this long; 120 at most */
#define EEPROM_WRITE_MS 4 /* 3.4 by the data sheet */

/* Offsets in bytes are part of the contract with safety-core.ts. */
typedef struct {
  uint32_t inputs;       /*  0 from the host */
  uint8_t control;       /*  4 jumper, button, manual flash */
  uint8_t relay_fault;   /*  5 0 none, 1 contact welded, 2 does not pull in */
  uint8_t model;         /*  6 1 = sensed and relay contact follow the model; 0 = the host has its
                               own: `forced` is sensed, `control` has the contact */
  uint8_t halted;        /*  7 main loop stands: no ticks reach the core, the pump falls */
  sl_lamps driver_on;    /*  8 outputs stuck on, stuck off (before the relay) */
  sl_lamps driver_off;   /* 14 */
  sl_lamps sense_on;     /* 20 field terminals that read lit, or dark, whatever they are */
  sl_lamps sense_off;    /* 26 */
  sl_lamps forced;       /* 32 */
  uint16_t flasher;      /* 38 channels whose red hangs on the flasher when the relay is out */
  sl_lamps field;        /* 40 to the host: lit at the field terminals */
  sl_lamps outputs;      /* 46 */
  uint8_t relay;         /* 52 energised by the core */
  uint8_t pump;          /* 53 permitted by the core */
  uint8_t contact;       /* 54 relay contact */
  uint8_t enabled;       /* 55 outputs enabled by the pump */
  uint32_t now;          /* 56 the core's stamp */
  uint16_t tx_length;    /* 60 bytes waiting in the transmit buffer */
  uint8_t mode;          /* 62 */
  uint8_t eeprom_dirty;  /* 63 set when a byte was written; the host clears it */
} virtual_cabinet;

_Static_assert(sizeof(virtual_cabinet) == 64, "safety-core.ts knows this layout");

static sl_core core;
static virtual_cabinet cabinet;
static uint8_t eeprom[SL_EEPROM_SIZE];
static uint8_t rx[BUFFER_BYTES];
static uint8_t tx[BUFFER_BYTES];
static uint8_t relay_ms;
static uint8_t pump_ms;
static uint8_t eeprom_ms;
static uint16_t flasher_ms;

static uint8_t read_eeprom(uint16_t address) {
  return eeprom[address % SL_EEPROM_SIZE];
}

uint8_t *EXPORT(eepromAddress)(void) { return eeprom; }
uint8_t *EXPORT(rxAddress)(void) { return rx; }
uint8_t *EXPORT(txAddress)(void) { return tx; }
virtual_cabinet *EXPORT(cabinetAddress)(void) { return &cabinet; }
uint32_t EXPORT(bufferBytes)(void) { return BUFFER_BYTES; }
uint32_t EXPORT(coreBytes)(void) { return sizeof(sl_core); }

/* A reset: the EEPROM and what the host set up stay, everything else starts afresh. */
void EXPORT(init)(uint32_t reset_cause) {
  const sl_lamps dark = {0, 0, 0};
  sl_init(&core, read_eeprom, (uint8_t)reset_cause);
  cabinet.outputs = dark;
  cabinet.relay = 0;
  cabinet.pump = 0;
  cabinet.enabled = 0;
  cabinet.now = 0;
  cabinet.tx_length = 0;
  cabinet.mode = core.mode;
  cabinet.halted = 0;
  pump_ms = 0;
  eeprom_ms = 0;
}

void EXPORT(receive)(uint32_t length) {
  for (uint32_t at = 0; at < length && at < BUFFER_BYTES; at++) sl_rx_byte(&core, rx[at]);
}

void EXPORT(clearTx)(void) { cabinet.tx_length = 0; }

static sl_lamps with(sl_lamps lamps, const sl_lamps *on, const sl_lamps *off) {
  lamps.red = (uint16_t)((lamps.red | on->red) & ~off->red);
  lamps.yellow = (uint16_t)((lamps.yellow | on->yellow) & ~off->yellow);
  lamps.green = (uint16_t)((lamps.green | on->green) & ~off->green);
  return lamps;
}

static void move_relay(void) {
  const uint8_t manual = (uint8_t)((cabinet.control & SL_CONTROL_MANUAL_FLASH) != 0);
  uint8_t coil = (uint8_t)(cabinet.relay != 0 && cabinet.enabled != 0 && manual == 0);
  if (cabinet.relay_fault == 1) coil = 1;
  if (cabinet.relay_fault == 2) coil = 0;
  relay_ms = coil == cabinet.contact ? 0 : (uint8_t)(relay_ms + 1);
  if (relay_ms < RELAY_DELAY_MS) return;
  cabinet.contact = coil;
  relay_ms = 0;
}

/* Outputs, relay and flasher into what is lit at the field; 1 when that changed. */
static uint32_t move_field(void) {
  const sl_lamps dark = {0, 0, 0};
  const sl_lamps before = cabinet.field;
  if (cabinet.pump != 0 && cabinet.halted == 0) pump_ms = PUMP_DELAY_MS;
  else if (pump_ms > 0) pump_ms--;
  cabinet.enabled = (uint8_t)(pump_ms > 0);
  move_relay();
  flasher_ms = (uint16_t)((flasher_ms + 1) % (2 * SL_FLASH_HALF_MS));
  if (cabinet.contact != 0) {
    const sl_lamps driven = cabinet.enabled != 0 ? cabinet.outputs : dark;
    cabinet.field = with(driven, &cabinet.driver_on, &cabinet.driver_off);
  } else {
    cabinet.field = dark;
    if (flasher_ms < SL_FLASH_HALF_MS) cabinet.field.red = cabinet.flasher;
  }
  return before.red != cabinet.field.red || before.yellow != cabinet.field.yellow ||
         before.green != cabinet.field.green;
}

static void write_eeprom(void) {
  uint16_t address;
  uint8_t value;
  if (eeprom_ms > 0) {
    eeprom_ms--;
  } else if (sl_eeprom_next(&core, &address, &value) != 0) {
    if (eeprom[address % SL_EEPROM_SIZE] != value) {
      eeprom[address % SL_EEPROM_SIZE] = value;
      cabinet.eeprom_dirty = 1;
      eeprom_ms = EEPROM_WRITE_MS - 1;
    }
    sl_eeprom_written(&core);
  }
}

static void drain(void) {
  int16_t byte = 0;
  while (cabinet.tx_length < BUFFER_BYTES && (byte = sl_tx_byte(&core)) >= 0) {
    tx[cabinet.tx_length] = (uint8_t)byte;
    cabinet.tx_length++;
  }
}

static void tick_core(void) {
  sl_inputs in;
  sl_outputs out;
  in.sensed = cabinet.forced;
  if (cabinet.model != 0) in.sensed = with(cabinet.field, &cabinet.sense_on, &cabinet.sense_off);
  in.inputs = cabinet.inputs;
  in.control = cabinet.control;
  if (cabinet.model != 0) {
    in.control &= (uint8_t)~SL_CONTROL_RELAY;
    if (cabinet.contact != 0) in.control |= SL_CONTROL_RELAY;
  }
  sl_tick(&core, &in, &out);
  cabinet.outputs = out.lamps;
  cabinet.relay = out.relay;
  cabinet.pump = out.pump;
  cabinet.now = core.now;
  cabinet.mode = core.mode;
  write_eeprom();
  drain();
}

static uint32_t outputs_differ(const sl_lamps *before) {
  const sl_lamps *now = &cabinet.outputs;
  return before->red != now->red || before->yellow != now->yellow || before->green != now->green;
}

/* Up to `ticks` milliseconds; ends early after one in which bytes came out or the lamps changed:
 * at the field, or, when the host models that itself, at the outputs. Returns how many ran. */
uint32_t EXPORT(run)(uint32_t ticks) {
  uint32_t ran = 0;
  while (ran < ticks) {
    const sl_lamps before = cabinet.outputs;
    ran++;
    if (cabinet.halted == 0) tick_core();
    const uint32_t changed = cabinet.model != 0 ? move_field() : outputs_differ(&before);
    if (changed != 0 || cabinet.tx_length > 0) break;
  }
  return ran;
}

// Faults put into the rules of core/, one at a time: what stands in the file, what replaces it.
// Each text stands exactly once in its file.

export interface Mutant {
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

function mutant(file: string, from: string, to: string): Mutant {
  return { file, from, to };
}

export const MUTANTS: readonly Mutant[] = [
  // The lamp rules.
  mutant("rules.c", "if (left > (uint16_t)(least + forgiven)) {", "if (left > 60000u) {"),
  mutant(
    "rules.c",
    "if (left > (uint16_t)(least + forgiven)) {",
    "if (left >= (uint16_t)(least + forgiven)) {",
  ),
  mutant("rules.c", "if (left == 0u) return FINE;", "if (left <= 50u) return FINE;"),
  mutant(
    "rules.c",
    "return elapsed >= whole ? 0u : (uint16_t)(whole - elapsed);",
    "return elapsed > whole ? 0u : (uint16_t)(whole + 1u - elapsed);",
  ),
  mutant(
    "rules.c",
    "case SL_YELLOW: return (uint16_t)(clearance + yellow_left(core, other));",
    "case SL_YELLOW: return yellow_left(core, other);",
  ),
  mutant(
    "rules.c",
    "case SL_FLASHING_DONT_WALK: return (uint16_t)(clearance + walk_left(core, other));",
    "case SL_FLASHING_DONT_WALK: return walk_left(core, other);",
  ),
  mutant("rules.c", "return other.early > one.early ? other : one;", "return one;"),
  mutant(
    "rules.c",
    "const uint16_t against = core->conflicts[channel] & core->used;",
    "const uint16_t against = core->conflicts[channel] & core->pedestrian;",
  ),
  mutant(
    "rules.c",
    "if (sl_is_go(core, walk, core->wanted[walk]) != 0u) {",
    "if (core->wanted[walk] == SL_GREEN && core->shown[walk] == SL_RED) {",
  ),
  mutant(
    "rules.c",
    "if (wanted != SL_YELLOW) return violation(SL_CAUSE_ASKED_YELLOW, 0, 0);",
    "if (wanted == SL_GREEN) return violation(SL_CAUSE_ASKED_YELLOW, 0, 0);",
  ),
  mutant(
    "rules.c",
    "if ((go & SL_BIT(channel)) != 0u && (go & core->conflicts[channel]) != 0u) {\n    return violation",
    "if (core->shown[channel] == 9u) {\n    return violation",
  ),
  mutant(
    "rules.c",
    "core->credit[channel] = core->held_ms[channel];",
    "core->credit[channel] = 0;",
  ),
  mutant(
    "rules.c",
    "return (uint8_t)(code == SL_FLASHING_DONT_WALK);\n  }\n  return (uint8_t)(code == SL_YELLOW || code == SL_FLASHING_YELLOW);\n}\n\nstatic verdict violation",
    "return 0;\n  }\n  return (uint8_t)(code == SL_YELLOW || code == SL_FLASHING_YELLOW);\n}\n\nstatic verdict violation",
  ),
  mutant("rules.c", "core->shown_ms[channel] = 0;", "core->shown_ms[channel] = 1;"),
  // Modes and the orderly stop.
  mutant(
    "mode.c",
    "if (core->heartbeat_ms >= SL_HEARTBEAT_MS) {",
    "if (core->heartbeat_ms > SL_HEARTBEAT_MS) {",
  ),
  mutant("mode.c", "} else if (walks_beside(core, channel) == 0u) {", "} else {"),
  mutant(
    "mode.c",
    "if (shown_ms >= sl_record_yellow(core->record, channel)) sl_show(core, channel, SL_RED);",
    "if (shown_ms + 1u >= sl_record_yellow(core->record, channel)) sl_show(core, channel, SL_RED);",
  ),
  mutant("mode.c", "if (core->mode_ms > SL_STOP_ALL_RED_MS) {", "if (core->mode_ms > 0u) {"),
  mutant(
    "mode.c",
    "if (core->lost_stops >= 2u) return 1;",
    "if (core->lost_stops >= 3u) return 1;",
  ),
  mutant(
    "mode.c",
    "if (core->latch.cause != SL_CAUSE_NONE) return SL_HOLD_LATCHED;",
    "if (core->latch.cause == 0xFFu) return SL_HOLD_LATCHED;",
  ),
  mutant(
    "mode.c",
    "if (sl_record_matches(core) == 0u) return SL_HOLD_RECORD_DIFFERS;",
    "if (core->record_valid == 0u) return SL_HOLD_RECORD_DIFFERS;",
  ),
  mutant(
    "mode.c",
    "if (core->mode_ms >= SL_RELAY_TEST_MS) sl_enter",
    "if (core->now >= SL_RELAY_TEST_MS) sl_enter",
  ),
  mutant("mode.c", "if (pressed != core->button_ready) {", "if (pressed == 0u) {"),
  mutant(
    "mode.c",
    "core->returned = 1;\n  sl_enter_failure_display(core, SL_MODE_TRIP);",
    "core->returned = 1;\n  sl_begin_stop(core, cause);",
  ),
  // The session.
  mutant("session.c", "if (age > SL_STAMP_AGE_MAX_MS) {", "if (age == 0x80000000u) {"),
  mutant(
    "session.c",
    "if (sequence > core->sequence) return 1;",
    "if (sequence >= core->sequence) return 1;",
  ),
  mutant(
    "session.c",
    "if (sl_in_control(core) != 0u) sl_begin_stop(core, SL_CAUSE_NEW_SESSION);",
    "",
  ),
  mutant("session.c", "core->stop_held = 1;", "core->stop_held = 0;"),
  // The monitor.
  mutant("monitor.c", "mask, SL_CONFLICT_TRIP_MS);", "mask, SL_DUAL_TRIP_MS);"),
  mutant(
    "monitor.c",
    "conflicts(core, core->sensed.green | core->sensed.yellow | ending);",
    "conflicts(core, core->sensed.green | core->sensed.yellow);",
  ),
  mutant("monitor.c", "*running = mask;", "*running |= mask;\n  if (mask == 0u) return 0;"),
  mutant("monitor.c", "(s->red & s->green)", "(s->red & s->yellow)"),
  mutant(
    "clearance.c",
    "if (is_clear(now) != 0u) skipped_yellow(core, channel);\n      become(core, channel, now);\n      break;\n    case SEEN_YELLOW:",
    "become(core, channel, now);\n      break;\n    case SEEN_YELLOW:",
  ),
  mutant(
    "clearance.c",
    "if (core->seen_ms[channel] < least) {",
    "if (core->seen_ms[channel] < least / 2u) {",
  ),
  mutant(
    "clearance.c",
    "if (core->clear_ms[other] < less(clearance, SL_MONITOR_MARGIN_MS)) {",
    "if (core->seen_ms[other] < less(clearance, SL_MONITOR_MARGIN_MS)) {",
  ),
  // Latch, record, output.
  mutant(
    "store.c",
    "} else if (one[0] != 0u && one[0] != ERASED) {",
    "} else if (one[0] == 0xFEu) {",
  ),
  mutant(
    "store.c",
    "if (cause < SL_CAUSE_TRIP || (latch->mode & SL_LATCH_TRIPPED) != 0u) return;",
    "if (cause < SL_CAUSE_TRIP) return;\n    latch->cause = cause;",
  ),
  mutant("record.c", "if (together != back) return 0;", ""),
  mutant(
    "programming.c",
    "if ((core->control & SL_CONTROL_JUMPER) == 0u) return SL_RESULT_NO_JUMPER;",
    "",
  ),
  mutant("output.c", "if (conflict != 0u) sl_trip(core, SL_CAUSE_INTERNAL, conflict, 0, 0);", ""),
  mutant("filter.c", "const uint32_t full = count[1] & carry;", "const uint32_t full = differs;"),
];
